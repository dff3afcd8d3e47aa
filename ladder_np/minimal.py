"""The whole ladder on one page, to read beside Algorithm 1 of [R] (Rasmus et al. 2015, arXiv:1507.02672v2).

    python -m ladder_np.minimal [--epochs N] [--seed S]

trains on handwritten digits with 50 labels, without and with the other 1148 rows. It uses nothing of the package, but
has the same values and gradients up to rounding (tests/test_minimal.py). Layers are l = 0..L, from the input to the
softmax. z̃ and h̃ are noisy, z and h clean, ẑ is rebuilt. Samples are rows, so the paper's W h is `h @ W` here.

`p` holds the parameters: p["W", l] and p["beta", l] of l = 1..L, p["gamma", L] (redundant before a ReLU), and of the
decoder p["V", l] of l = 0..L−1 and p["a", l] of l = 0..L, ten rows each; `d` their gradients, under the same keys.
Each function is followed by its backward, whose comments are the chain rule; dx stands for dC/dx.
"""

# ruff: noqa: E741 (l is the paper's layer)
import argparse
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

Array = np.ndarray
Layers = dict[int, Any]  # an array of each layer l
Parameters = dict[tuple[str, int], Array]


def normalize(a: Array) -> tuple[Array, Array, Array]:
    """N_B, batch normalization of every unit."""
    mu = a.mean(axis=0)  # μ = batchmean(a)
    sigma = np.sqrt(a.var(axis=0) + 1e-10)  # σ = batchstd(a)
    return (a - mu) / sigma, mu, sigma  # z = (a − μ)/σ


def normalize_backward(dz: Array, z: Array, sigma: Array, dmu: Any = 0.0, dsigma: Any = 0.0) -> Array:
    """Also through μ and σ, where the decoder uses them: ∂μ/∂aᵢ = 1/n, ∂σ/∂aᵢ = zᵢ/n."""
    da = (dz - dz.mean(axis=0) - z * (dz * z).mean(axis=0)) / sigma  # (dz − mean dz − z mean(z dz))/σ
    return da + (dmu + z * dsigma) / len(z)  # + (dμ + z dσ)/n


def softmax(b: Array) -> Array:
    e = np.exp(b - b.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)  # Pᵢ = exp bᵢ / Σⱼ exp bⱼ


def softmax_backward(dP: Array, P: Array) -> Array:
    return P * (dP - (P * dP).sum(axis=1, keepdims=True))  # ∂Pᵢ/∂bⱼ = Pᵢ (δᵢⱼ − Pⱼ)


def sigmoid(x: Array) -> Array:
    return 0.5 + 0.5 * np.tanh(0.5 * x)  # 1/(1 + exp −x)


def g(z_tilde: Array, u: Array, a: Array) -> Array:
    """[R] section 2.3, the combinator: u, from above, says which mean to expect and how far to trust z̃."""
    mu = a[0] * sigmoid(a[1] * u + a[2]) + a[3] * u + a[4]  # μ(u) = a₁ sigmoid(a₂ u + a₃) + a₄ u + a₅
    v = a[5] * sigmoid(a[6] * u + a[7]) + a[8] * u + a[9]  # v(u) = a₆ sigmoid(a₇ u + a₈) + a₉ u + a₁₀
    return (z_tilde - mu) * v + mu  # g(z̃, u) = (z̃ − μ(u)) v(u) + μ(u)


def g_backward(dz_hat: Array, z_tilde: Array, u: Array, a: Array) -> tuple[Array, Array, Array]:
    s, t = sigmoid(a[1] * u + a[2]), sigmoid(a[6] * u + a[7])
    mu, v = a[0] * s + a[3] * u + a[4], a[5] * t + a[8] * u + a[9]
    dz_tilde, dmu, dv = dz_hat * v, dz_hat * (1 - v), dz_hat * (z_tilde - mu)
    ds, dt = dmu * a[0] * s * (1 - s), dv * a[5] * t * (1 - t)  # of a₂ u + a₃, a₇ u + a₈: sigmoid′ = s (1 − s)
    du = ds * a[1] + dmu * a[3] + dt * a[6] + dv * a[8]
    da = [dmu * s, ds * u, ds, dmu * u, dmu, dv * t, dt * u, dt, dv * u, dv]  # da₁ … da₁₀ of every row
    return dz_tilde, du, np.array([rows.sum(axis=0) for rows in da])


def encode(p: Parameters, L: int, x: Array, n: list[Any]) -> SimpleNamespace:
    """[R] Algorithm 1, "Corrupted encoder" with noise n; "Clean encoder" with n = 0. Layer 0 is not normalized."""
    e = SimpleNamespace(bn={}, mu={0: 0.0}, sigma={0: 1.0}, z={0: x + n[0]}, h={0: x + n[0]})  # h̃⁰ = z̃⁰ = x + n
    for l in range(1, L + 1):
        e.bn[l], e.mu[l], e.sigma[l] = normalize(e.h[l - 1] @ p["W", l])
        e.z[l] = e.bn[l] + n[l]  # z̃ˡ = N_B(Wˡ h̃ˡ⁻¹) + n
        b = (e.z[l] + p["beta", l]) * p.get(("gamma", l), 1.0)  # bˡ = γˡ (z̃ˡ + βˡ)
        e.h[l] = softmax(b) if l == L else np.maximum(b, 0)  # h̃ˡ = φ(bˡ); h̃ᴸ = P(ỹ | x)
    return e


def encode_backward(p: Parameters, d: Parameters, e: Any, dh: Any, dz: Layers, dmu: Layers, dsigma: Layers) -> None:
    """Add what one pass gives to `d`, from dhᴸ and from what the decoder sends to z, μ and σ of the layers."""
    for l in reversed(e.bn):
        db = softmax_backward(dh, e.h[l]) if l == max(e.bn) else dh * (e.h[l] > 0)  # db = φ′(b) dh
        if ("gamma", l) in p:
            d["gamma", l] += (db * (e.z[l] + p["beta", l])).sum(axis=0)  # dγ = Σ (z + β) db
        db = db * p.get(("gamma", l), 1.0)
        d["beta", l] += db.sum(axis=0)  # dβ = Σ γ db
        da = normalize_backward(db + dz.get(l, 0.0), e.bn[l], e.sigma[l], dmu.get(l, 0.0), dsigma.get(l, 0.0))
        d["W", l] += e.h[l - 1].T @ da  # dW = hᵀ da
        dh = da @ p["W", l].T  # dhˡ⁻¹ = da Wᵀ


def decode(p: Parameters, L: int, noisy: SimpleNamespace, clean: SimpleNamespace) -> SimpleNamespace:
    """[R] Algorithm 1, "Decoder and denoising"."""
    e = SimpleNamespace(u={}, sigma_u={}, z_hat={}, z_hat_bn={})
    for l in range(L, -1, -1):
        above = noisy.h[L] if l == L else e.z_hat[l + 1] @ p["V", l]
        e.u[l], _, e.sigma_u[l] = normalize(above)  # uᴸ = N_B(h̃ᴸ); uˡ = N_B(Vˡ ẑˡ⁺¹)
        e.z_hat[l] = g(noisy.z[l], e.u[l], p["a", l])  # ẑˡ = g(z̃ˡ, uˡ)
        e.z_hat_bn[l] = (e.z_hat[l] - clean.mu[l]) / clean.sigma[l]  # ẑˡ_BN = (ẑˡ − μˡ)/σˡ, the clean pass's
    return e


def decode_backward(p: Parameters, d: Parameters, noisy: Any, clean: Any, e: Any, lambdas: Any) -> Any:
    """Return dh̃ᴸ, dz̃, and dz, dμ, dσ of the clean pass: no gradient is stopped."""
    dz_tilde, dz, dmu, dsigma = Layers(), Layers(), Layers(), Layers()
    dz_hat = 0.0 * e.z_hat[0]  # nothing is below the input
    for l in range(len(lambdas)):
        dz_hat_bn = 2 * lambdas[l] * (e.z_hat_bn[l] - clean.z[l]) / clean.z[l].size  # of λₗ mean (zˡ − ẑˡ_BN)²
        dz[l], own = -dz_hat_bn, dz_hat_bn / clean.sigma[l]  # own: dẑˡ from the cost of its layer
        dmu[l], dsigma[l] = -own.sum(axis=0), -(own * e.z_hat_bn[l]).sum(axis=0)  # ẑ_BN = (ẑ − μ)/σ
        dz_tilde[l], du, d["a", l] = g_backward(own + dz_hat, noisy.z[l], e.u[l], p["a", l])
        dabove = normalize_backward(du, e.u[l], e.sigma_u[l])
        if l < len(lambdas) - 1:
            d["V", l] = e.z_hat[l + 1].T @ dabove  # dVˡ = ẑˡ⁺¹ᵀ d(ẑˡ⁺¹ V)
            dz_hat = dabove @ p["V", l].T  # dẑˡ⁺¹ = d(ẑˡ⁺¹ V) Vᵀ + own
    return dabove, dz_tilde, dz, dmu, dsigma


def loss_and_gradients(p: Parameters, x: Array, y: Array, x_unlabeled: Array, n: list[Array], lambdas: Any) -> Any:
    """Return C and d, for labeled rows x, y, unlabeled rows, and the noise of both (of each layer, labeled first)."""
    N, L = len(x), len(lambdas) - 1
    labeled = encode(p, L, x, [rows[:N] for rows in n])  # normalized by itself, as each half of a batch
    noisy = encode(p, L, x_unlabeled, [rows[N:] for rows in n])
    clean = encode(p, L, x_unlabeled, [0.0] * (L + 1))
    rebuilt = decode(p, L, noisy, clean)
    P_y = labeled.h[L][range(N), y]
    C = -np.log(P_y).mean()  # −mean log P(ỹ = y | x)
    for l in range(L + 1):
        C += lambdas[l] * ((clean.z[l] - rebuilt.z_hat_bn[l]) ** 2).mean()  # + λₗ mean (zˡ − ẑˡ_BN)²
    d = {key: np.zeros_like(value) for key, value in p.items()}
    dh_tilde, dz_tilde, dz, dmu, dsigma = decode_backward(p, d, noisy, clean, rebuilt, lambdas)
    encode_backward(p, d, clean, 0.0 * dh_tilde, dz, dmu, dsigma)
    encode_backward(p, d, noisy, dh_tilde, dz_tilde, {}, {})
    dP = -np.eye(len(p["gamma", L]))[y] / (N * P_y[:, None])  # −1/(N P_y) at y, else 0
    encode_backward(p, d, labeled, dP, {}, {}, {})
    return C, d


def adam(p: Parameters, d: Parameters, m: Parameters, v: Parameters, t: int, rate: float) -> None:
    """Step t = 1, 2, … of Adam (Kingma and Ba 2015, algorithm 1)."""
    for key in p:
        m[key] = 0.9 * m[key] + 0.1 * d[key]  # m ← β₁ m + (1 − β₁) dp
        v[key] = 0.999 * v[key] + 0.001 * d[key] ** 2  # v ← β₂ v + (1 − β₂) dp²
        p[key] = p[key] - rate * (m[key] / (1 - 0.9**t)) / (np.sqrt(v[key] / (1 - 0.999**t)) + 1e-8)


def predict(p: Parameters, L: int, x: Array, x_train: Array) -> Array:
    """P(y | x) by the clean encoder, with μ and σ of all training rows: no row's result depends on its batch."""
    h, h_train = x, x_train
    for l in range(1, L + 1):
        a, a_train = h @ p["W", l], h_train @ p["W", l]
        mu, sigma = a_train.mean(axis=0), np.sqrt(a_train.var(axis=0, ddof=1) + 1e-10)
        b, b_train = (((each - mu) / sigma + p["beta", l]) * p.get(("gamma", l), 1.0) for each in (a, a_train))
        h, h_train = np.maximum(b, 0), np.maximum(b_train, 0)
    return softmax(b)


def train(x: Array, y: Array, x_unlabeled: Array, lambdas: Any, epochs: int, rng: np.random.Generator) -> Parameters:
    """Return the parameters after so many passes over the unlabeled rows, started as in [R]."""
    sizes, L, t = (x.shape[1], 200, 100, 10), 3, 0
    p: Parameters = {("gamma", L): np.ones(sizes[L])}
    for l in range(1, L + 1):
        p["W", l] = rng.normal(size=(sizes[l - 1], sizes[l])) / np.sqrt(sizes[l - 1])
        p["V", l - 1] = rng.normal(size=(sizes[l], sizes[l - 1])) / np.sqrt(sizes[l])
        p["beta", l] = np.zeros(sizes[l])
    for l in range(L + 1):
        p["a", l] = np.outer([0, 1, 0, 0, 0, 0, 1, 0, 0, 0], np.ones(sizes[l]))  # a₂ = a₇ = 1
    m, v = ({key: np.zeros_like(value) for key, value in p.items()} for _ in range(2))
    for epoch in range(epochs):
        rate = 0.002 * min(1, 3 * (1 - epoch / epochs))  # constant, then down to 0 in the last third
        for rows in np.array_split(rng.permutation(len(x_unlabeled)), len(x_unlabeled) // 100):
            n = [0.3 * rng.normal(size=(len(x) + len(rows), size)) for size in sizes]
            C, d = loss_and_gradients(p, x, y, x_unlabeled[rows], n, lambdas)
            adam(p, d, m, v, t := t + 1, rate)
        if (epochs - 1 - epoch) % 20 == 0:  # the last one, too
            print(f"epoch {epoch + 1} of {epochs}: C = {C:.4f}", file=sys.stderr)
    return p


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m ladder_np.minimal", description="Train a ladder on the digits.")
    parser.add_argument("--epochs", type=int, default=100, help="passes over the training rows (default: 100)")
    parser.add_argument("--seed", type=int, default=0, help="of rows, weights, noise and order (default: 0)")
    given = parser.parse_args()
    if given.epochs < 1 or given.seed < 0:
        parser.error(f"--epochs {given.epochs} --seed {given.seed}: expected --epochs 1 or more, --seed 0 or more")
    with np.load(Path(__file__).parent / "data" / "digits.npz", allow_pickle=False) as file:
        X, y = file["X"] / 16, file["y"]  # pixels 0..1
    train_rows, test = np.split(np.random.default_rng(given.seed).permutation(len(X)), [1198])
    labeled = np.concatenate([train_rows[y[train_rows] == digit][:5] for digit in range(10)])
    print(f"digits: {len(train_rows)} training rows, {len(labeled)} of them labeled; {len(test)} for test")
    for name, lambdas in {"supervised only": (0, 0, 0, 0), "ladder": (1000, 10, 0.1, 0.1)}.items():
        p = train(X[labeled], y[labeled], X[train_rows], lambdas, given.epochs, np.random.default_rng(given.seed))
        wrong = predict(p, 3, X[test], X[train_rows]).argmax(axis=1) != y[test]
        print(f"{name}: test error {100 * wrong.mean():.2f} % ({wrong.sum()} of {len(test)})", flush=True)
