// The passes of a layer, each as one kernel: what stands in ladder_np/operations and ladder_np/network as plain
// formulas, without their intermediate arrays. The plain formulas are the reference; tests compare.
//
// Compiled with -DREAL=float or double, and what the tables in ladder_np/operations name: -DACTIVATION=RELU (or
// another name of the first list below) and -DCOMBINATOR=GAUSSIAN (or another of the second).
//
// All matrices are (rows, units), row by row. A block of threads is SLOTS by TILE: threadIdx.x is one of TILE
// neighboring units, threadIdx.y one of SLOTS rows that are worked on side by side. So neighboring threads read
// neighboring memory. Sums over rows stay within a block, or go over a fixed number of blocks, in an order that never
// changes. Pointers that may be null are said so; whole numbers arrive as long long and scalars as double, as
// Python's do.

#define TILE 32
#define SLOTS 16

// A name that is not in these lists counts as 0.
#define RELU 1
#define LEAKY_RELU 2
#define SIGMOID 3
#define TANH 4
#define SOFTPLUS 5
#define LINEAR 6

#define GAUSSIAN 1
#define GATED_GAUSSIAN 2
#define VANILLA 3

#ifndef ACTIVATION // for kernels that have none
#define ACTIVATION LINEAR
#endif
#ifndef COMBINATOR
#define COMBINATOR GAUSSIAN
#endif

#if COMBINATOR == VANILLA
#define PARAMETERS 9 // of a combinator, for each unit: b0, w0z, w0u, w0zu, ws, b1, w1z, w1u, w1zu
#else
#define PARAMETERS 10 // a1 .. a10
#endif

typedef REAL real;
typedef long long integer;

// The bound keeps the registers of a thread few enough for a block of this size.
#define KERNEL extern "C" __global__ void __launch_bounds__(TILE *SLOTS)

// ---- Sums within a block. Every thread of it must call them.

// The sum of `value` over the rows (threadIdx.y) of each unit; all of the unit's threads get it.
__device__ real sum_over_rows(real value)
{
    __shared__ real values[SLOTS][TILE];
    __syncthreads(); // the values of an earlier call have been read
    values[threadIdx.y][threadIdx.x] = value;
    __syncthreads();
    real sum = 0;
    for (int slot = 0; slot < SLOTS; ++slot)
        sum += values[slot][threadIdx.x];
    return sum;
}

// The sum of `value` over the units (threadIdx.x) of each row; all of the row's threads get it.
__device__ real sum_over_units(real value)
{
    __shared__ real values[SLOTS][TILE + 1]; // one more, so that rows lie in different banks
    __syncthreads();
    values[threadIdx.y][threadIdx.x] = value;
    __syncthreads();
    real sum = 0;
    for (int unit = 0; unit < TILE; ++unit)
        sum += values[threadIdx.y][unit];
    return sum;
}

// The largest `value` over the units (threadIdx.x) of each row; all of the row's threads get it.
__device__ real largest_of_units(real value)
{
    __shared__ real values[SLOTS][TILE + 1];
    __syncthreads();
    values[threadIdx.y][threadIdx.x] = value;
    __syncthreads();
    real largest = values[threadIdx.y][0];
    for (int unit = 1; unit < TILE; ++unit)
        largest = values[threadIdx.y][unit] > largest ? values[threadIdx.y][unit] : largest;
    return largest;
}

// ---- Sums over rows that blocks share.
//
// Many rows are cut into gridDim.y parts, and a block works on those of one part, blockIdx.y. The kernel is then launched
// once for each of its stages: a stage leaves the sums over each part's rows in `partial` (sums, parts, units), and in
// later ones every block adds up those of all parts, in the same order. Few rows are one part, and one launch, with
// ALL_STAGES as its stage and null for `partial`, runs through all of them.

#define ALL_STAGES -1

struct Part {
    integer start, end;
};

// The rows of this block's part, of n.
__device__ Part part_of(integer n)
{
    if (gridDim.y == 1)
        return {0, n}; // without a division, which takes long
    return {n * blockIdx.y / gridDim.y, n * (blockIdx.y + 1) / gridDim.y};
}

// A launch, as far as sums over rows go.
struct Launch {
    real *partial;
    integer units, stage;
};

__device__ bool runs(Launch launch, integer stage)
{
    return launch.stage == stage || launch.stage == ALL_STAGES;
}

// The sum of `value` over all rows of each unit; all of the unit's threads get it. Where there are parts, the launch of
// the stage `made` leaves this part's sum as one of that number (what it returns is of no use), and later ones add up.
__device__ real sum_over_parts(real value, Launch launch, integer made, integer number)
{
    if (launch.stage == ALL_STAGES)
        return sum_over_rows(value);
    integer unit = (integer)blockIdx.x * TILE + threadIdx.x;
    bool inside = unit < launch.units;
    real *sums = launch.partial + number * gridDim.y * launch.units + unit;
    if (launch.stage == made) {
        value = sum_over_rows(value);
        if (inside && threadIdx.y == 0)
            sums[blockIdx.y * launch.units] = value;
        return value;
    }
    value = 0;
    for (integer part = threadIdx.y; inside && part < gridDim.y; part += SLOTS)
        value += sums[part * launch.units];
    return sum_over_rows(value);
}

// ---- Activations (operations/activations.py).

__device__ real sigmoid(real b)
{
    return 1 / (1 + exp(-b));
}

__device__ real activate(real b)
{
#if ACTIVATION == RELU
    return b > 0 ? b : b != b ? b : (real)0; // NaN stays NaN
#elif ACTIVATION == LEAKY_RELU
    return b > 0 ? b : (real)0.1 * b;
#elif ACTIVATION == SIGMOID
    return sigmoid(b);
#elif ACTIVATION == TANH
    return tanh(b);
#elif ACTIVATION == SOFTPLUS
    return (b > 0 ? b : 0) + log1p(exp(b > 0 ? -b : b)); // log(1 + exp(b)) without overflow
#elif ACTIVATION == LINEAR
    return b;
#else
#error "an ACTIVATION that has no text here"
#endif
}

// dh/db as a function of h.
__device__ real activation_slope(real h)
{
#if ACTIVATION == RELU
    return h > 0 ? 1 : 0;
#elif ACTIVATION == LEAKY_RELU
    return h > 0 ? 1 : (real)0.1;
#elif ACTIVATION == SIGMOID
    return h * (1 - h);
#elif ACTIVATION == TANH
    return 1 - h * h;
#elif ACTIVATION == SOFTPLUS
    return -expm1(-h);
#elif ACTIVATION == LINEAR
    return 1;
#endif
}

// ---- Lanes (network/layers.py): labeled, corrupted unlabeled, clean unlabeled rows.

__device__ integer first_row(integer lane, integer n_labeled, integer n_unlabeled)
{
    return lane == 0 ? 0 : n_labeled + (lane - 1) * n_unlabeled;
}

__device__ integer rows_of(integer lane, integer n_labeled, integer n_unlabeled)
{
    return lane == 0 ? n_labeled : n_unlabeled;
}

// ---- The encoder (network/passes.py).

// z0~ = x + s n, all lanes one below the other; a thread for every number.
//
// x_labeled (N, units), x_unlabeled (M, units; null if M is 0), noise (N + M, units; null without noise)
// -> z_tilde (rows, units), rows being N, N + M or N + 2 M
KERNEL corrupt_input(const real *x_labeled, const real *x_unlabeled, const real *noise,
                     real *z_tilde, integer n_labeled, integer n_unlabeled, integer rows,
                     integer units, double std)
{
    integer k = (integer)blockIdx.x * blockDim.x + threadIdx.x;
    if (k >= rows * units)
        return;
    integer labeled = n_labeled * units, corrupted = labeled + n_unlabeled * units;
    real x = k < labeled ? x_labeled[k] : x_unlabeled[k < corrupted ? k - labeled : k - corrupted];
    z_tilde[k] = noise && k < corrupted ? x + (real)std * noise[k] : x;
}

// z = BN(a) lane by lane, z~ = z + s n on the corrupted rows, h = phi(gamma (z~ + beta)). Each lane has its own
// statistics, but if `shared`, the labeled rows (lane 0) have those of the corrupted unlabeled ones (lane 1).
//
// a (rows, units), noise (N + M, units; null without noise), beta, gamma (units; null where the layer has none)
// -> z (rows, units), z_tilde (rows, units; z itself without noise), h (rows_on, units), mu, sigma (lanes, units)
// A block for each tile of units, part of the rows and, as blockIdx.z, lane. In stages: mean, deviation, the rest.
KERNEL encode(const real *a, const real *noise, const real *beta, const real *gamma, real *z,
              real *z_tilde, real *h, real *mu, real *sigma, integer n_labeled,
              integer n_unlabeled, integer rows_on, integer units, integer shared, double std,
              double eps, real *partial, integer stage)
{
    integer unit = (integer)blockIdx.x * TILE + threadIdx.x, lane = blockIdx.z;
    integer source = lane == 0 && shared ? 1 : lane;
    integer first = first_row(source, n_labeled, n_unlabeled), n = rows_of(source, n_labeled, n_unlabeled);
    bool inside = unit < units;
    Part part = part_of(n);
    Launch launch = {partial, units, stage};

    real sum = 0;
    for (integer i = part.start + threadIdx.y; runs(launch, 0) && inside && i < part.end; i += SLOTS)
        sum += a[(first + i) * units + unit];
    real mean = sum_over_parts(sum, launch, 0, 2 * lane) / n;
    if (stage == 0)
        return; // all threads together
    real squares = 0;
    for (integer i = part.start + threadIdx.y; runs(launch, 1) && inside && i < part.end; i += SLOTS) {
        real difference = a[(first + i) * units + unit] - mean;
        squares += difference * difference;
    }
    real deviation = sqrt(sum_over_parts(squares, launch, 1, 2 * lane + 1) / n + (real)eps);
    if (stage == 1 || !inside)
        return;
    if (blockIdx.y == 0 && threadIdx.y == 0) {
        mu[lane * units + unit] = mean;
        sigma[lane * units + unit] = deviation;
    }
    first = first_row(lane, n_labeled, n_unlabeled);
    part = part_of(rows_of(lane, n_labeled, n_unlabeled));
    for (integer i = part.start + threadIdx.y; i < part.end; i += SLOTS) {
        integer k = (first + i) * units + unit;
        real value = (a[k] - mean) / deviation;
        z[k] = value;
        if (noise && lane < 2)
            value += (real)std * noise[k];
        z_tilde[k] = value;
        if (first + i < rows_on) {
            real b = beta ? value + beta[unit] : value;
            h[k] = activate(gamma ? gamma[unit] * b : b);
        }
    }
}

// From the gradient of h to that of a, with those of beta and gamma.
//
// up (rows_up, units), h, z_tilde (rows_up or more, units), beta, gamma (units; null where the layer has none),
// lateral (M, units; null if nothing comes), clean_dz (M, units), clean_dmu, clean_dsigma (units; null together),
// z (rows, units), sigma (lanes, units)
// -> da (rows_down, units), dbeta, dgamma (units; null where the layer has none)
// A block for each tile of units and part of every lane's rows works through the lanes, because all share beta and
// gamma. If `shared`, what the labeled rows add to the gradients of mean and deviation goes to the lane after them,
// whose statistics they had. In stages: da but for the paths through mean and deviation, and all sums; the rest.
KERNEL encode_backward(const real *up, const real *h, const real *z_tilde, const real *beta,
                       const real *gamma, const real *lateral, const real *clean_dz,
                       const real *clean_dmu, const real *clean_dsigma, const real *z,
                       const real *sigma, real *da, real *dbeta, real *dgamma,
                       integer n_labeled, integer n_unlabeled, integer rows_up,
                       integer rows_down, integer units, integer shared, real *partial,
                       integer stage)
{
    integer unit = (integer)blockIdx.x * TILE + threadIdx.x;
    bool inside = unit < units;
    Launch launch = {partial, units, stage};
    real beta_sum = 0, gamma_sum = 0, dmu = 0, dsigma = 0;
    for (integer lane = 0; lane < 3 && first_row(lane, n_labeled, n_unlabeled) < rows_down; ++lane) {
        integer first = first_row(lane, n_labeled, n_unlabeled), n = rows_of(lane, n_labeled, n_unlabeled);
        Part part = part_of(n);
        bool standardized = lane == 0 && shared;
        real deviation = inside ? sigma[lane * units + unit] : 1, sum = 0, sum_z = 0;
        for (integer i = part.start + threadIdx.y; runs(launch, 0) && inside && i < part.end; i += SLOTS) {
            integer row = first + i, k = row * units + unit;
            real d = 0;
            if (row < rows_up) {
                d = up[k] * activation_slope(h[k]);
                if (gamma) {
                    gamma_sum += d * (beta ? z_tilde[k] + beta[unit] : z_tilde[k]);
                    d *= gamma[unit];
                }
                beta_sum += d;
            }
            if (lane == 1 && lateral)
                d += lateral[i * units + unit];
            if (lane == 2 && clean_dz)
                d += clean_dz[i * units + unit];
            d = standardized ? d / deviation : d;
            da[k] = d;
            sum += d;
            sum_z += d * z[k];
        }
        real total = sum_over_parts(sum, launch, 0, 2 * lane);
        real total_z = sum_over_parts(sum_z, launch, 0, 2 * lane + 1);
        if (stage == 0)
            continue; // all threads together, here and below
        if (standardized) {
            dmu = -total, dsigma = -total_z;
            continue;
        }
        if (!inside)
            continue;
        real m = total / n, s = total_z / n;
        if (lane == 2 && clean_dmu)
            dmu = clean_dmu[unit], dsigma = clean_dsigma[unit];
        if (lane == 2 ? clean_dmu != 0 : lane == 1 && shared) {
            m -= deviation * dmu / n;
            s -= deviation * dsigma / n;
        }
        for (integer i = part.start + threadIdx.y; i < part.end; i += SLOTS) {
            integer k = (first + i) * units + unit;
            da[k] = (da[k] - m - z[k] * s) / deviation;
        }
    }
    if (stage == 1 && blockIdx.y > 0)
        return; // one block adds up what no other needs
    beta_sum = sum_over_parts(beta_sum, launch, 0, 6);
    gamma_sum = sum_over_parts(gamma_sum, launch, 0, 7);
    if (runs(launch, 1) && inside && threadIdx.y == 0) {
        if (beta)
            dbeta[unit] = beta_sum;
        if (gamma)
            dgamma[unit] = gamma_sum;
    }
}

// ---- The softmax layer and the cross-entropy (operations/losses.py); a block for SLOTS rows.

__device__ real largest_of_row(const real *b, integer row, integer rows, integer units)
{
    real largest = row < rows ? b[row * units] : 0;
    for (integer unit = threadIdx.x; row < rows && unit < units; unit += TILE)
        largest = b[row * units + unit] > largest ? b[row * units + unit] : largest;
    return largest_of_units(largest);
}

__device__ real sum_of_exponentials(const real *b, real largest, integer row, integer rows, integer units)
{
    real sum = 0;
    for (integer unit = threadIdx.x; row < rows && unit < units; unit += TILE)
        sum += exp(b[row * units + unit] - largest);
    return sum_over_units(sum);
}

// p = softmax(b): b (rows, units) -> p (rows, units)
KERNEL softmax(const real *b, real *p, integer rows, integer units)
{
    integer row = (integer)blockIdx.x * SLOTS + threadIdx.y;
    bool inside = row < rows;
    real largest = largest_of_row(b, row, rows, units);
    real sum = sum_of_exponentials(b, largest, row, rows, units);
    for (integer unit = threadIdx.x; inside && unit < units; unit += TILE)
        p[row * units + unit] = exp(b[row * units + unit] - largest) / sum;
}

// The cross-entropy of each labeled row, times its weight:
// b (rows, units), y (rows), weights (rows; null: 1 each) -> row_costs (rows)
KERNEL cross_entropy(const real *b, const integer *y, const real *weights, real *row_costs,
                     integer rows, integer units)
{
    integer row = (integer)blockIdx.x * SLOTS + threadIdx.y;
    real largest = largest_of_row(b, row, rows, units);
    real sum = sum_of_exponentials(b, largest, row, rows, units);
    if (threadIdx.x == 0 && row < rows) {
        real cost = log(sum) - (b[row * units + y[row]] - largest);
        row_costs[row] = weights ? weights[row] * cost : cost;
    }
}

// The gradient of b: w (p - onehot(y))/N on the labeled rows, p (dp - sum dp p) on the unlabeled ones.
//
// p (rows, units), y (N), weights (N; null: 1 each), dp (M, units; null if there are none) -> db (rows, units)
KERNEL classify_backward(const real *p, const integer *y, const real *weights, const real *dp,
                         real *db, integer n_labeled, integer rows, integer units)
{
    integer row = (integer)blockIdx.x * SLOTS + threadIdx.y;
    bool unlabeled = row >= n_labeled && row < rows;
    const real *p_row = p + row * units, *dp_row = dp + (row - n_labeled) * units;
    real sum = 0;
    for (integer unit = threadIdx.x; unlabeled && unit < units; unit += TILE)
        sum += dp_row[unit] * p_row[unit];
    sum = sum_over_units(sum);
    real weight = weights && row < n_labeled ? weights[row] : 1;
    for (integer unit = threadIdx.x; row < rows && unit < units; unit += TILE)
        db[row * units + unit] = unlabeled
                                     ? p_row[unit] * (dp_row[unit] - sum)
                                     : weight * ((p_row[unit] - (unit == y[row] ? 1 : 0)) / n_labeled);
}

// ---- The decoder (network/passes.py, operations/combinators).

// The combinator at one place: z^, and what its slopes need.
struct Combined {
    real z_hat;
    real s, t, mu, v; // gaussian.py; vanilla has s alone
};

// a (PARAMETERS, units): the parameters of every unit.
__device__ Combined combine(real z, real u, const real *a, integer unit, integer units)
{
    Combined c;
#if COMBINATOR == VANILLA
    c.s = sigmoid(a[5 * units + unit] + a[6 * units + unit] * z + a[7 * units + unit] * u
                  + a[8 * units + unit] * z * u);
    c.z_hat = a[0 * units + unit] + a[1 * units + unit] * z + a[2 * units + unit] * u + a[3 * units + unit] * z * u
              + a[4 * units + unit] * c.s;
#elif COMBINATOR == GAUSSIAN || COMBINATOR == GATED_GAUSSIAN
    c.s = sigmoid(a[1 * units + unit] * u + a[2 * units + unit]);
    c.mu = a[3 * units + unit] * u + a[4 * units + unit] + a[0 * units + unit] * c.s;
    c.t = sigmoid(a[6 * units + unit] * u + a[7 * units + unit]);
    c.v = a[8 * units + unit] * u + a[9 * units + unit] + a[5 * units + unit] * c.t;
#if COMBINATOR == GATED_GAUSSIAN
    c.v = sigmoid(c.v);
#endif
    c.z_hat = (z - c.mu) * c.v + c.mu;
#else
#error "a COMBINATOR that has no text here"
#endif
    return c;
}

// From the gradient of z^ to those of z~ and u; what it adds to the parameters' gradients goes to `sums`.
struct CombinedGradient {
    real dz_tilde, du;
};

__device__ CombinedGradient combine_backward(real dz_hat, real z, real u, Combined c, const real *a,
                                             integer unit, integer units, real *sums)
{
    CombinedGradient d;
#if COMBINATOR == VANILLA
    real db = a[4 * units + unit] * dz_hat * c.s * (1 - c.s);
    sums[4] += dz_hat * c.s;
    real daffine[2] = {dz_hat, db}; // of the sum outside of the sigmoid, of the one inside
    d.dz_tilde = d.du = 0;
    for (int which = 0; which < 2; ++which) {
        const real *w = a + 5 * which * units + unit; // b, wz, wu, wzu
        real by_one = daffine[which], by_u = by_one * u, by_z = by_one * z;
        sums[5 * which + 0] += by_one;
        sums[5 * which + 1] += by_z;
        sums[5 * which + 2] += by_u;
        sums[5 * which + 3] += by_u * z;
        d.dz_tilde += w[1 * units] * by_one + w[3 * units] * by_u;
        d.du += w[2 * units] * by_one + w[3 * units] * by_z;
    }
#else
    d.dz_tilde = dz_hat * c.v;
    real dmu = dz_hat - d.dz_tilde;
    real dv = dz_hat * (z - c.mu);
#if COMBINATOR == GATED_GAUSSIAN
    dv *= c.v * (1 - c.v);
#endif
    real p = dmu * c.s * (1 - c.s), q = dv * c.t * (1 - c.t); // without their factors a1 and a6
    sums[0] += dmu * c.s;
    sums[1] += p * u;
    sums[2] += p;
    sums[3] += dmu * u;
    sums[4] += dmu;
    sums[5] += dv * c.t;
    sums[6] += q * u;
    sums[7] += q;
    sums[8] += dv * u;
    sums[9] += dv;
    d.du = p * (a[0 * units + unit] * a[1 * units + unit]) + dmu * a[3 * units + unit]
           + q * (a[5 * units + unit] * a[6 * units + unit]) + dv * a[8 * units + unit];
#endif
    return d;
}

// The gradient of a parameter from what `combine_backward` has added up for it.
__device__ real combined_gradient(real sum, int parameter, const real *a, integer unit, integer units)
{
#if COMBINATOR != VANILLA
    if (parameter % 5 == 1 || parameter % 5 == 2) // a2, a3; a7, a8: their factors a1 and a6
        sum *= a[(parameter < 5 ? 0 : 5) * units + unit];
#endif
    return sum;
}

// u = BN(vertical), z^ = g(z~, u), and where the layer has a cost z^_BN = (z^ - mu)/sigma and its squared error.
//
// vertical, z_tilde (M, units), a (PARAMETERS, units),
// clean_z (M, units; null without a cost), clean_mu, clean_sigma (units; null at layer 0, which is not normalized)
// -> u (M, units), u_sigma (units), z_hat (M, units),
//    z_hat_bn, difference (M, units), unit_costs (parts, units): sums of squares over the rows; these only with clean_z
// A block for each tile of units and part of the rows. In stages: mean, deviation, the rest.
KERNEL decode(const real *vertical, const real *z_tilde, const real *a, const real *clean_z,
              const real *clean_mu, const real *clean_sigma, real *u, real *u_sigma,
              real *z_hat, real *z_hat_bn, real *difference, real *unit_costs, integer rows,
              integer units, double eps, real *partial, integer stage)
{
    integer unit = (integer)blockIdx.x * TILE + threadIdx.x;
    bool inside = unit < units;
    Part part = part_of(rows);
    Launch launch = {partial, units, stage};
    real sum = 0;
    for (integer i = part.start + threadIdx.y; runs(launch, 0) && inside && i < part.end; i += SLOTS)
        sum += vertical[i * units + unit];
    real mean = sum_over_parts(sum, launch, 0, 0) / rows;
    if (stage == 0)
        return; // all threads together
    real squares = 0;
    for (integer i = part.start + threadIdx.y; runs(launch, 1) && inside && i < part.end; i += SLOTS) {
        real centered = vertical[i * units + unit] - mean;
        squares += centered * centered;
    }
    real deviation = sqrt(sum_over_parts(squares, launch, 1, 1) / rows + (real)eps);
    if (stage == 1)
        return; // all threads together
    real cost = 0;
    for (integer i = part.start + threadIdx.y; inside && i < part.end; i += SLOTS) {
        integer k = i * units + unit;
        real here = (vertical[k] - mean) / deviation;
        real rebuilt = combine(z_tilde[k], here, a, unit, units).z_hat;
        u[k] = here;
        z_hat[k] = rebuilt;
        if (clean_z) {
            if (clean_mu)
                rebuilt = (rebuilt - clean_mu[unit]) / clean_sigma[unit];
            real error = rebuilt - clean_z[k];
            z_hat_bn[k] = rebuilt;
            difference[k] = error;
            cost += error * error;
        }
    }
    cost = sum_over_rows(cost);
    if (!inside || threadIdx.y > 0)
        return;
    if (clean_z)
        unit_costs[blockIdx.y * units + unit] = cost;
    if (blockIdx.y == 0)
        u_sigma[unit] = deviation;
}

// From the gradient of z^ and the layer's own cost to those of z~, of what u was made of, of the combinator's
// parameters and of the clean lane.
//
// below (M, units): the gradient of z^ from the layer below; null at the lowest,
// difference (M, units), scale = 2 lambda/(M units): the layer's own cost; null without one,
// z_hat_bn (M, units), clean_sigma (units): null at layer 0 and without a cost,
// u, z_tilde (M, units), u_sigma (units), a (PARAMETERS, units)
// -> dvertical, dz_tilde (M, units), da (PARAMETERS, units),
//    clean_dz (M, units), clean_dmu, clean_dsigma (units): null where the clean lane takes no gradient
// A block for each tile of units and part of the rows. In stages: all but dvertical's paths through mean and deviation,
// and all sums; the rest.
KERNEL decode_backward(const real *below, const real *difference, const real *z_hat_bn,
                       const real *clean_sigma, const real *u, const real *z_tilde,
                       const real *u_sigma, const real *a, real *dvertical, real *dz_tilde,
                       real *da, real *clean_dz, real *clean_dmu, real *clean_dsigma,
                       integer rows, integer units, double scale, real *partial,
                       integer stage)
{
    integer unit = (integer)blockIdx.x * TILE + threadIdx.x;
    bool inside = unit < units;
    Part part = part_of(rows);
    Launch launch = {partial, units, stage};
    real sums[PARAMETERS] = {0};
    real du_sum = 0, du_u_sum = 0, dmu_sum = 0, dsigma_sum = 0;
    for (integer i = part.start + threadIdx.y; runs(launch, 0) && inside && i < part.end; i += SLOTS) {
        integer k = i * units + unit;
        real dz_hat = below ? below[k] : 0;
        if (difference) {
            real dz_hat_bn = (real)scale * difference[k];
            real own = clean_sigma ? dz_hat_bn / clean_sigma[unit] : dz_hat_bn;
            if (clean_dz) {
                clean_dz[k] = -dz_hat_bn;
                dmu_sum -= own;
                dsigma_sum -= own * z_hat_bn[k];
            }
            dz_hat += own;
        }
        Combined c = combine(z_tilde[k], u[k], a, unit, units);
        CombinedGradient d = combine_backward(dz_hat, z_tilde[k], u[k], c, a, unit, units, sums);
        dz_tilde[k] = d.dz_tilde;
        dvertical[k] = d.du;
        du_sum += d.du;
        du_u_sum += d.du * u[k];
    }
    real m = sum_over_parts(du_sum, launch, 0, PARAMETERS) / rows;
    real s = sum_over_parts(du_u_sum, launch, 0, PARAMETERS + 1) / rows;
    for (integer i = part.start + threadIdx.y; runs(launch, 1) && inside && i < part.end; i += SLOTS) {
        integer k = i * units + unit;
        dvertical[k] = (dvertical[k] - m - u[k] * s) / u_sigma[unit];
    }
    if (stage == 1 && blockIdx.y > 0)
        return; // one block adds up what no other needs
    bool writes = runs(launch, 1) && inside && threadIdx.y == 0;
    for (int parameter = 0; parameter < PARAMETERS; ++parameter) {
        real sum = sum_over_parts(sums[parameter], launch, 0, parameter);
        if (writes)
            da[parameter * units + unit] = combined_gradient(sum, parameter, a, unit, units);
    }
    if (!clean_dz)
        return; // all threads together
    dmu_sum = sum_over_parts(dmu_sum, launch, 0, PARAMETERS + 2);
    dsigma_sum = sum_over_parts(dsigma_sum, launch, 0, PARAMETERS + 3);
    if (writes) {
        clean_dmu[unit] = dmu_sum;
        clean_dsigma[unit] = dsigma_sum;
    }
}

// ---- The cost, Adam.

// C = supervised + sum of lambda cost; one block.
//
// row_costs (N), unit_costs (ends[layers - 1]): as `cross_entropy` and `decode` left them, layer after layer,
// sizes (2, layers): where each layer's end, and of how many numbers its cost is the mean,
// lambdas (layers): NaN where no cost was computed
// -> costs (2 + layers): C, the supervised cost, each layer's own (NaN where none was computed)
KERNEL total(const real *row_costs, const real *unit_costs, const integer *sizes,
             const double *lambdas, real *costs, integer n_labeled, integer layers)
{
    const integer *ends = sizes, *counts = sizes + layers;
    integer slot = threadIdx.y * TILE + threadIdx.x, slots = SLOTS * TILE;
    real sum = 0;
    for (integer i = slot; i < n_labeled; i += slots)
        sum += row_costs[i];
    real supervised = sum_over_units(sum_over_rows(sum)) / n_labeled;
    real cost = supervised;
    for (integer layer = 0; layer < layers; ++layer) {
        integer start = layer ? ends[layer - 1] : 0, end = ends[layer];
        bool computed = lambdas[layer] == lambdas[layer];
        sum = 0;
        for (integer i = start + slot; computed && i < end; i += slots)
            sum += unit_costs[i];
        sum = sum_over_units(sum_over_rows(sum)) / counts[layer];
        if (computed)
            cost += (real)lambdas[layer] * sum;
        if (slot == 0)
            costs[2 + layer] = computed ? sum : (real)lambdas[layer];
    }
    if (slot == 0) {
        costs[0] = cost;
        costs[1] = supervised;
    }
}

// One step of Adam (training/adam.py) with its scaled moments; a thread for every parameter.
//
// factors (2): the step's eta' and epsilon'
KERNEL adam(const real *gradient, const double *factors, real *theta, real *m, real *v,
            integer size, double beta1, double beta2)
{
    integer k = (integer)blockIdx.x * blockDim.x + threadIdx.x;
    if (k >= size)
        return;
    m[k] = (real)beta1 * m[k] + gradient[k];
    v[k] = (real)beta2 * v[k] + gradient[k] * gradient[k];
    theta[k] -= (real)factors[0] * m[k] / (sqrt(v[k]) + (real)factors[1]);
}
