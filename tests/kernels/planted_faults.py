"""Faults to plant into the text of `passes.cu`, one per row: each must be found by the comparison of one kernel."""

import functools
import re
from dataclasses import dataclass

from ladder_np.kernels import kernel_text


@dataclass(frozen=True)
class Fault:
    """In this function `right` stands exactly once; with `wrong` in its place, this kernel must be found wrong.

    The function is the kernel itself, or one that it calls. `edge`: only hard values show it.
    """

    kernel: str
    right: str
    wrong: str
    function: str = ""
    activation: str = "tanh"
    combinator: str = "gated_gaussian"
    edge: bool = False

    def plant_in(self, text: str) -> str:
        """Return the text with the fault in it."""
        function = self.function or self.kernel
        body = re.search(rf"^(KERNEL|__device__ \w+) {function}\(.*?^}}$", text, re.MULTILINE | re.DOTALL)
        assert body is not None, function
        assert body[0].count(self.right) == 1, f"{function}: {self.right}"
        return text.replace(body[0], body[0].replace(self.right, self.wrong))

    def text(self) -> str:
        """Return the whole text with the fault in it.

        Compiling takes longer than finding the fault, so the first faults of all kernels share a text, and so on: no
        kernel has more than one, and kernels do not call each other. A fault in a function has a text of its own.
        """
        together = [self] if self.function else [fault for fault in FAULTS if fault._rank() == self._rank()]
        return functools.reduce(lambda text, fault: fault.plant_in(text), together, kernel_text())

    def _rank(self) -> int | None:
        mine = [fault for fault in FAULTS if fault.kernel == self.kernel and not fault.function]
        return None if self.function else mine.index(self)


FAULTS = [
    Fault("corrupt_input", "x + (real)std", "x - (real)std"),
    Fault("corrupt_input", "k - labeled : k - corrupted", "k - labeled : k - labeled"),
    Fault("corrupt_input", "if (k >= rows * units)\n        return;", ""),
    Fault("encode", "(a[k] - mean)", "(a[k] + mean)"),
    Fault("encode", "0, 2 * lane) / n", "0, 2 * lane) / (n - 1)"),
    Fault("encode", "/ n + (real)eps", "/ n", edge=True),
    Fault("encode", "sqrt(sum_over_parts(squares", "sqrt(1.0000000001 * sum_over_parts(squares"),
    Fault("encode", "launch, 1, 2 * lane + 1", "launch, 1, 2 * lane"),
    Fault("encode", "part = part_of(rows_of(lane, n_labeled, n_unlabeled));", ""),
    Fault("encode", "runs(launch, 1) && inside", "runs(launch, 0) && inside"),
    Fault("encode", "lane < 2", "lane < 3"),
    Fault("encode", "beta ? value + beta[unit]", "beta ? value - beta[unit]"),
    Fault("encode", "value + beta[unit] : value", "value + beta[unit] : 0"),
    Fault("encode", "gamma ? gamma[unit] * b : b", "b"),
    Fault("encode", "activate(gamma ? gamma[unit] * b : b)", "gamma ? gamma[unit] * b : activate(b)"),
    Fault("encode", "first + i < rows_on", "true"),
    Fault("encode", "bool inside = unit < units;", "bool inside = unit < units;\n    if (!inside)\n        return;"),
    Fault("encode", "stage == 1 || !inside", "stage == 1"),
    Fault("encode", "lane == 0 && shared ? 1", "lane == 0 && shared ? 0"),
    Fault("encode", "first = first_row(lane, n_labeled, n_unlabeled);", ""),
    Fault("encode_backward", "up[k] * activation_slope(h[k])", "up[k]"),
    Fault("encode_backward", "d *= gamma[unit];", ""),
    Fault("encode_backward", "z_tilde[k] + beta[unit]", "z_tilde[k] - beta[unit]"),
    Fault("encode_backward", "beta[unit] : z_tilde[k]", "beta[unit] : (real)0"),
    Fault("encode_backward", "beta_sum += d;", "beta_sum -= d;"),
    Fault("encode_backward", "+= d * z[k]", "+= 1.0000000001 * d * z[k]"),
    Fault("encode_backward", "row < rows_up", "row <= rows_up"),
    Fault("encode_backward", "d += lateral", "d -= lateral"),
    Fault("encode_backward", "d += clean_dz", "d -= clean_dz"),
    Fault("encode_backward", "m -= deviation", "m += deviation"),
    Fault("encode_backward", "s -= deviation", "s += deviation"),
    Fault("encode_backward", "- m - z[k] * s", "- m + z[k] * s"),
    Fault("encode_backward", "standardized ? d / deviation", "standardized ? d"),
    Fault("encode_backward", "dmu = -total,", "dmu = total,"),
    Fault("encode_backward", "dsigma = -total_z", "dsigma = total_z"),
    Fault("encode_backward", "lane == 1 && shared", "false"),
    Fault("encode_backward", "launch, 0, 2 * lane + 1", "launch, 0, 2 * lane"),
    Fault("encode_backward", "launch, 0, 6", "launch, 0, 7"),
    Fault("encode_backward", "if (stage == 0)\n            continue;", ""),
    Fault("encode_backward", "integer i = part.start + threadIdx.y; i <", "integer i = threadIdx.y; i <"),
    Fault("softmax", "units + unit] - largest", "units + unit] + largest"),
    Fault("softmax", "inside && unit < units", "unit < units"),
    Fault("cross_entropy", "log(sum) - (b", "log(sum) + (b"),
    Fault("cross_entropy", "threadIdx.x == 0 && row < rows", "threadIdx.x == 0"),
    Fault("cross_entropy", "weights[row] * cost", "cost"),
    Fault("classify_backward", "unit == y[row] ? 1 : 0", "unit == y[row] ? -1 : 0"),
    Fault("classify_backward", ": weight * (", ": (real)1 * ("),
    Fault("classify_backward", "sum += dp_row", "sum += 1.0000000001 * dp_row"),
    Fault("classify_backward", "(dp_row[unit] - sum)", "(dp_row[unit] + sum)"),
    Fault("classify_backward", "row >= n_labeled", "row > n_labeled"),
    Fault("decode", "(vertical[k] - mean)", "(vertical[k] + mean)"),
    Fault("decode", "rebuilt - clean_mu[unit]", "rebuilt + clean_mu[unit]"),
    Fault("decode", "rebuilt - clean_z[k]", "rebuilt + clean_z[k]"),
    Fault("decode", "cost += error * error", "cost -= error * error"),
    Fault("decode", "launch, 1, 1)", "launch, 0, 1)"),
    Fault("decode", "unit_costs[blockIdx.y * units + unit]", "unit_costs[unit]"),
    Fault("decode", "part.start + threadIdx.y; inside", "threadIdx.y; inside"),
    Fault("decode_backward", "clean_dz[k] = -dz_hat_bn", "clean_dz[k] = dz_hat_bn"),
    Fault("decode_backward", "dmu_sum -= own", "dmu_sum += own"),
    Fault("decode_backward", "dsigma_sum -= own", "dsigma_sum += own"),
    Fault("decode_backward", "dz_hat += own", "dz_hat -= own"),
    Fault("decode_backward", "du_sum += d.du;", "du_sum += 1.0000000001 * d.du;"),
    Fault("decode_backward", "dz_tilde[k] = d.dz_tilde", "dz_tilde[k] = d.du"),
    Fault("decode_backward", "- m - u[k] * s", "- m + u[k] * s"),
    Fault("decode_backward", "launch, 0, PARAMETERS + 1", "launch, 0, PARAMETERS"),
    Fault("decode_backward", "launch, 0, PARAMETERS + 3", "launch, 0, PARAMETERS + 2"),
    Fault("decode_backward", "runs(launch, 1) && inside && i < part.end", "inside && i < part.end"),
    Fault("total", "sum_over_rows(sum)) / n_labeled", "sum_over_rows(sum)) / layers"),
    Fault("total", "/ counts[layer]", "/ counts[0]"),
    Fault("total", "sizes + layers", "sizes"),
    Fault("total", "cost += (real)lambdas", "cost -= (real)lambdas"),
    Fault("total", "layer ? ends[layer - 1] : 0", "0"),
    Fault("total", "computed ? sum :", "true ? sum :"),
    Fault("adam", "theta[k] -=", "theta[k] +="),
    Fault("adam", "m[k] + gradient[k]", "m[k] - gradient[k]"),
    Fault("adam", "if (k >= size)\n        return;", ""),
    # Functions that kernels call.
    Fault("encode", "part < gridDim.y", "part < gridDim.y - 1", "sum_over_parts"),
    Fault("decode_backward", "sums[blockIdx.y * launch.units] = value", "sums[0] = value", "sum_over_parts"),
    Fault("encode_backward", "number * gridDim.y *", "number *", "sum_over_parts"),
    Fault("decode", "inside && threadIdx.y == 0", "threadIdx.y == 0", "sum_over_parts"),
    Fault("decode", "(blockIdx.y + 1) / gridDim.y", "(blockIdx.y + 1) / gridDim.y - 1", "part_of"),
    Fault("encode_backward", "{n * blockIdx.y / gridDim.y,", "{n / gridDim.y * blockIdx.y,", "part_of"),
    Fault("encode_backward", "launch.stage == stage || launch", "launch", "runs"),
    Fault("encode_backward", "|| launch.stage == ALL_STAGES", "", "runs"),
    Fault("encode", "__syncthreads(); // the values of an earlier call have been read", "", "sum_over_rows"),
    Fault("encode", "__syncthreads();\n    real sum", "real sum", "sum_over_rows"),
    Fault("cross_entropy", "sum += values", "sum -= values", "sum_over_units"),
    Fault("cross_entropy", "__syncthreads();\n    real sum", "real sum", "sum_over_units"),
    Fault("softmax", "> largest ?", "< largest ?", "largest_of_units", edge=True),
    Fault("softmax", "> largest ?", "< largest ?", "largest_of_row", edge=True),
    Fault("softmax", "sum += exp", "sum -= exp", "sum_of_exponentials"),
    Fault("encode", "exp(-b)", "exp(b)", "sigmoid", "sigmoid"),
    Fault("encode", "b > 0 ? b : b != b", "b < 0 ? b : b != b", "activate", "relu"),
    Fault("encode", "b != b ? b : (real)0", "(real)0", "activate", "relu", edge=True),
    Fault("encode", "(real)0.1 * b", "(real)-0.1 * b", "activate", "leaky_relu"),
    Fault("encode", "tanh(b)", "tanh(-b)", "activate", "tanh"),
    Fault("encode", "exp(b > 0 ? -b : b)", "exp(b > 0 ? b : -b)", "activate", "softplus"),
    Fault("encode", "return b;", "return -b;", "activate", "linear"),
    Fault("encode_backward", "h > 0 ? 1 : 0", "h >= 0 ? 1 : 0", "activation_slope", "relu"),
    Fault("encode_backward", "(real)0.1", "(real)-0.1", "activation_slope", "leaky_relu"),
    Fault("encode_backward", "h * (1 - h)", "h * (1 + h)", "activation_slope", "sigmoid"),
    Fault("encode_backward", "1 - h * h", "1 + h * h", "activation_slope", "tanh"),
    Fault("encode_backward", "-expm1", "expm1", "activation_slope", "softplus"),
    Fault("encode_backward", "return 1;", "return -1;", "activation_slope", "linear"),
    Fault("encode", "(lane - 1) * n_unlabeled", "(lane - 1) * n_unlabeled + 1", "first_row"),
    Fault("encode", "n_labeled : n_unlabeled", "n_labeled : n_unlabeled - 1", "rows_of"),
    Fault("decode", "* c.v + c.mu", "* c.v - c.mu", "combine"),
    Fault("decode", "u + a[4 * units", "u - a[4 * units", "combine"),
    Fault("decode", "c.v = sigmoid(c.v)", "c.v = sigmoid(-c.v)", "combine"),
    Fault("decode", "a[8 * units + unit] * z", "a[8 * units + unit] * u", "combine", combinator="vanilla"),
    Fault("decode", "+ a[2 * units + unit] * u", "- a[2 * units + unit] * u", "combine", combinator="vanilla"),
    Fault("decode", "a[4 * units + unit] * c.s", "c.s", "combine", combinator="vanilla"),
    Fault("decode_backward", "dz_hat - d.dz_tilde", "dz_hat + d.dz_tilde", "combine_backward"),
    Fault("decode_backward", "z - c.mu", "z + c.mu", "combine_backward"),
    Fault("decode_backward", "c.v * (1 - c.v)", "c.v * (1 + c.v)", "combine_backward"),
    Fault("decode_backward", "sums[1] += p", "sums[1] -= p", "combine_backward"),
    Fault("decode_backward", "sums[7] += q", "sums[7] += p", "combine_backward"),
    Fault("decode_backward", "sums[9] += dv", "sums[9] -= dv", "combine_backward"),
    Fault("decode_backward", "+ dmu * a[3 * units", "- dmu * a[3 * units", "combine_backward"),
    Fault("decode_backward", "parameter < 5 ? 0 : 5", "parameter < 5 ? 5 : 0", "combined_gradient"),
    *(
        Fault("decode_backward", right, wrong, "combine_backward", combinator="vanilla")
        for right, wrong in (
            ("* c.s * (1 - c.s);\n    sums", "* (1 - c.s);\n    sums"),
            ("sums[4] += dz_hat * c.s;\n    real", "sums[4] += dz_hat;\n    real"),
            ("+ 3] += by_u * z", "+ 3] += by_u"),
            ("w[3 * units] * by_u", "w[3 * units] * by_z"),
            ("w[2 * units] * by_one", "w[1 * units] * by_one"),
        )
    ),
]
