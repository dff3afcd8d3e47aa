"""A user's own code: a two-layer network with batch normalization, its gradients by hand, and mistakes in them."""

import numpy as np

ROWS, EPS = 17, 1e-8
Arrays = dict[str, np.ndarray]


def parameters(seed: int = 0) -> Arrays:
    """Return random inputs and parameters; W2 is square, so that a transposed gradient fits its shape."""
    generator = np.random.default_rng(seed)
    shapes = {"x": (ROWS, 4), "W1": (4, 6), "b1": (6,), "gamma": (6,), "beta": (6,), "W2": (6, 6), "b2": (6,)}
    return {name: 0.1 + generator.standard_normal(shape) for name, shape in shapes.items()}


def target(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(1000 + seed).standard_normal((ROWS, 6))


def forward(p: Arrays) -> tuple[np.ndarray, tuple]:
    a = p["x"] @ p["W1"] + p["b1"]
    sigma = np.sqrt(a.var(axis=0) + EPS)
    z = (a - a.mean(axis=0)) / sigma
    b = p["gamma"] * z + p["beta"]
    h = np.maximum(b, 0)
    return h @ p["W2"] + p["b2"], (sigma, z, b, h)


def cost(p: Arrays, t: np.ndarray) -> float:
    """Return the mean over rows of the squared error."""
    return ((forward(p)[0] - t) ** 2).sum() / ROWS


def backward(p: Arrays, dy: np.ndarray, fault: str = "") -> Arrays:
    """Return all gradients, with one fault, named in `FAULTS`."""
    _, (sigma, z, b, h) = forward(p)
    db = dy @ (p["W2"] if fault == "W2 for its transpose" else p["W2"].T) * (b > 0)
    dz = p["gamma"] * db
    mean, variance = dz.mean(axis=0), z * (dz * z).mean(axis=0)
    da = (dz - mean - variance) / sigma
    da = {
        "no term through the mean": (dz - variance) / sigma,
        "no term through the variance": (dz - mean) / sigma,
        "n − 1 in the term through the variance": (dz - mean - variance * ROWS / (ROWS - 1)) / sigma,
        "no term through mean and variance": dz / sigma,
        "n − 1 in σ": da * np.sqrt((ROWS - 1) / ROWS),
        "σ² for σ": da / sigma,
        "no gamma": (db - db.mean(axis=0) - z * (db * z).mean(axis=0)) / sigma,
        "stopped before the batch norm": np.zeros_like(da),
    }.get(fault, da)
    x = p["x"]
    gradients = {"x": da @ p["W1"].T, "W1": x.T @ da, "b1": da.sum(axis=0)}
    gradients |= {"gamma": (db * z).sum(axis=0), "beta": db.sum(axis=0), "W2": h.T @ dy, "b2": dy.sum(axis=0)}
    return gradients | spoiled(p, gradients, fault)


def spoiled(p: Arrays, right: Arrays, fault: str) -> Arrays:
    """Return the gradients that a fault of single tensors changes."""
    one, row, entry = right["W2"].copy(), right["W2"].copy(), np.zeros((6, 6), bool)
    one[2, 3] += 0.01
    row[3] *= 1.5
    entry[[0, 2, 3], [1, 5, 0]] = True
    return {
        "transposed": {"W2": right["W2"].T},
        "names mixed up": {"gamma": right["beta"], "beta": right["gamma"]},
        "one entry": {"W2": one},
        "one row": {"W2": row},
        "some entries left out": {"W2": np.where(entry, 0, right["W2"])},
        "reversed": {"b2": right["b2"][::-1]},
        "summed over everything": {"b2": np.full(6, right["b2"].sum())},
        "mean of everything": {"b2": np.full(6, right["b2"].mean())},
        "weight decay": {"W1": right["W1"] + 0.01 * p["W1"]},
        "no weight decay": {"W1": right["W1"] - 0.01 * p["W1"]},
        "NaN": {"W1": np.where(np.arange(6) == 3, np.nan, right["W1"])},
        "in float32": {name: gradient.astype(np.float32).astype(float) for name, gradient in right.items()},
        "gamma twice": {"W1": right["W1"] * p["gamma"]},
    }.get(fault, {})


def gradients(p: Arrays, t: np.ndarray, fault: str = "") -> Arrays:
    """Return the gradients of `cost`."""
    dy = 2 * (forward(p)[0] - t) / ROWS
    factors = {"a 2 is lost": 0.5, "a 2 too many": 2, "no 1/N": ROWS, "1/N twice": 1 / ROWS, "sign": -1}
    factors |= {"n − 1 for n": ROWS / (ROWS - 1), "3.7": 3.7, "−1/N": -1 / ROWS}
    return backward(p, dy * factors.get(fault, 1), fault)


# The fault: the tensors that it makes fail, and what their hints must say, a regular expression.
EVERYTHING = {"x", "W1", "gamma", "beta", "W2", "b2"}  # the gradient of b1 is zero: batch normalization cancels it
FAULTS: dict[str, tuple[set[str], str]] = {
    "a 2 is lost": (EVERYTHING, "^half the numerical gradient throughout: a factor 2 is missing"),
    "a 2 too many": (EVERYTHING, "^twice the numerical gradient throughout: a factor 1/2 is missing"),
    "no 1/N": (EVERYTHING, r"^17 times .*: a factor 1/17 is missing, that of a mean \(17: rows of x\)"),
    "1/N twice": (EVERYTHING, r"^1/17 of .* divided by 17 once too often.*rows of x"),
    "−1/N": (EVERYTHING, "^1/17 of .*; and the sign is wrong$"),
    "sign": (EVERYTHING, "^the sign is wrong$"),
    "n − 1 for n": (EVERYTHING, r"^1\.0625 times .* n/\(n − 1\) with n = 17 \(17: rows of x\): a variance's divisor"),
    "3.7": (EVERYTHING, "^3.7 times the numerical gradient throughout$"),
    "n − 1 in σ": ({"x", "W1"}, r"square root of \(n − 1\)/n with n = 17 \(17: rows of x\): a variance's divisor"),
    "no term through the variance": ({"W1"}, "scaling a column changes nothing.*term through the variance"),
    "n − 1 in the term through the variance": ({"W1"}, r"term through the variance .* wrong divisor \(n, n − 1\)"),
    "no term through mean and variance": ({"W1"}, "scaling a column changes nothing"),
    "no term through the mean": ({"x"}, "adding a number to a column changes nothing.*term through the mean"),
    "stopped before the batch norm": ({"x", "W1"}, "^no gradient arrives here: stopped"),
    "σ² for σ": ({"W1"}, r"^a factor for each index along axis 1 .*: a scale .*\(no γ, σ² for σ\)"),
    "no gamma": ({"W1"}, "^the factor gamma is missing along axis 1$"),
    "gamma twice": ({"W1"}, "^the factor gamma is applied once too often along axis 1$"),
    "transposed": ({"W2"}, "^it is the numerical gradient transposed$"),
    "names mixed up": ({"gamma", "beta"}, "^it is the gradient of (beta|gamma): names mixed up"),
    "one entry": ({"W2"}, r"^wrong at \[2, 3\] only, of 36 places"),
    "one row": ({"W2"}, "^wrong only in row 3:"),
    "some entries left out": ({"W2"}, r"^zero at \d of 36 places where the function does react"),
    "reversed": ({"b2"}, "^the right values at wrong places"),
    "summed over everything": ({"b2"}, "^every entry is the sum of the numerical gradient along axis 0"),
    "mean of everything": ({"b2"}, "^every entry is the mean of the numerical gradient along axis 0"),
    "weight decay": ({"W1"}, "^0.01 times the parameter itself is too much: the gradient of a weight decay"),
    "no weight decay": ({"W1"}, "^0.01 times the parameter itself is missing"),
    "W2 for its transpose": ({"x", "W1", "gamma", "beta"}, "^no simple pattern"),
    "NaN": ({"W1"}, r"^the gradient is NaN or infinite at \[0, 3\]$"),
}
