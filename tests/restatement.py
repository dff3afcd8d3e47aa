"""The ladder's cost restated from the paper's equations in HIPS autograd: an independent witness.

Nothing of `ladder_np` is used. There are no lanes and no hand-written gradients: the corrupted labeled, corrupted
unlabeled and clean unlabeled rows go through the encoder one after the other, and autograd differentiates.
Arrays and names are those of the test-vector format. Every intermediate goes through `at(key, value)`, which may note
it, or add to it, so that the cost can be differentiated with respect to any of them.
"""

import autograd.numpy as np
from autograd import grad, value_and_grad
from autograd.tracer import getval

ACTIVATIONS = {
    "relu": lambda b: np.where(b > 0, b, 0.0),
    "leaky_relu": lambda b: np.where(b > 0, b, 0.1 * b),
    "sigmoid": lambda b: 1 / (1 + np.exp(-b)),
    "tanh": np.tanh,
    "softplus": lambda b: np.log(1 + np.exp(b)),
    "linear": lambda b: b,
}


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(b):
    e = np.exp(b)
    return e / np.sum(e, axis=1, keepdims=True)


BORDERS = {  # zeros before and behind an image, and the mirror's borders
    "valid": (lambda k: (0, 0), "full"),
    "full": (lambda k: (k - 1, k - 1), "valid"),
    "same": (lambda k: ((k - 1) // 2, k // 2), "same"),
}


def convolve(h, W, border, stride=1):
    """Return the sum over the places (i, j) of a window: the images moved by (i, j), times W[i, j]."""
    k, zeros = len(W), BORDERS[border][0](len(W))
    h = np.pad(h, ((0, 0), zeros, zeros, (0, 0)), "constant")
    height, width = h.shape[1] - k + 1, h.shape[2] - k + 1
    places = [(i, j) for i in range(k) for j in range(k)]
    return sum(np.dot(h[:, i : i + height : stride, j : j + width : stride], W[i, j]) for i, j in places)


def apart(z, stride):
    """Return images with stride − 1 zeros between the values: every value with zeros behind, less the last zeros."""
    n, height, width, channels = z.shape
    z = z.reshape(n, height, 1, width, 1, channels)
    z = np.pad(z, ((0, 0), (0, 0), (0, stride - 1), (0, 0), (0, stride - 1), (0, 0)), "constant")
    z = z.reshape(n, height * stride, width * stride, channels)
    return z[:, : (height - 1) * stride + 1, : (width - 1) * stride + 1]


def conv(h, W, channels, k, border="valid", stride="1"):
    return convolve(h, W, border, int(stride))


def conv_mirror(z_hat, V, shape, channels, k, border="valid", stride="1"):
    return convolve(apart(z_hat, int(stride)), V, BORDERS[border][1])


def max_pool(h, W, k):
    """Return the largest value of every window: those behind the image's end are smaller than any."""
    k = int(k)
    height, width = -(-h.shape[1] // k), -(-h.shape[2] // k)
    behind = (0, height * k - h.shape[1]), (0, width * k - h.shape[2])
    h = np.pad(h, ((0, 0), *behind, (0, 0)), "constant", constant_values=-1e300)
    windows = h.reshape(len(h), height, k, width, k, h.shape[3])
    return np.max(np.max(windows, axis=4), axis=2)


def repeat(z_hat, V, shape, k):
    return np.repeat(np.repeat(z_hat, int(k), axis=1), int(k), axis=2)[:, : shape[0], : shape[1]]


# Kinds of layers: up in the encoder, of (h, W), and down into samples of a shape, of (ẑ, V, shape); then what stands
# behind the colons of the layer's text.
MAPS = {
    "dense": (
        lambda h, W: np.dot(h.reshape(len(h), -1), W),
        lambda z_hat, V, shape: np.dot(z_hat.reshape(len(z_hat), -1), V).reshape(-1, *shape),
    ),
    "conv": (conv, conv_mirror),
    "max_pool": (max_pool, repeat),
    "mean_pool": (
        lambda h, W: np.mean(np.mean(h, axis=2), axis=1),
        lambda z_hat, V, shape: z_hat.reshape(len(z_hat), 1, 1, -1) + np.zeros(shape),
    ),
    "diagonal": (lambda h, W: h * W, lambda z_hat, V, shape: z_hat * V),
    "halves": (
        lambda h, W: (h[:, ::2] + h[:, 1::2]) / 2,
        lambda z_hat, V, shape: np.repeat(z_hat, 2, axis=1),
    ),
}


def batch_norm(a, eps):
    axes = tuple(range(a.ndim - 1))
    mean = np.mean(a, axis=axes)
    std = np.sqrt(np.mean((a - mean) ** 2, axis=axes) + eps)
    return (a - mean) / std, mean, std


def per_layer(meta):
    """Return kind and arguments, activation, has_beta and has_gamma of layers 1..L; in version 1 all are the same."""
    top = len(meta["sizes"]) - 1
    if meta["version"] == 1:
        hidden = [(["dense"], meta["activation"], True, False)] * (top - 1)
        return [*hidden, (["dense"], "linear", True, True)]
    kinds = [["dense"] if text.isdecimal() else text.split(":") for text in meta["layers"]]
    return list(zip(kinds, meta["activation"], meta["has_beta"], meta["has_gamma"], strict=True))


def gaussian(name, z_tilde, u, a, layer, at):
    mu = at(f"decoder/mu_of_u.{layer}", a["a1"] * sigmoid(a["a2"] * u + a["a3"]) + a["a4"] * u + a["a5"])
    v = at(f"decoder/v_of_u.{layer}", a["a6"] * sigmoid(a["a7"] * u + a["a8"]) + a["a9"] * u + a["a10"])
    if name == "gated_gaussian":
        v = sigmoid(v)
    return (z_tilde - mu) * v + mu


# What stands besides b0 in each variant of vanilla, and besides b1 in its sigmoid; None: without it.
VANILLA = {
    "vanilla": (("z", "u", "zu"), ("z", "u", "zu")),
    "rand_init": (("z", "u", "zu"), ("z", "u", "zu")),
    "rev_init": (("z", "u", "zu"), ("z", "u", "zu")),
    "no_mult": (("z", "u"), ("z", "u")),
    "no_sig": (("z", "u", "zu"), None),
    "linear": (("z", "u"), None),
    "no_lateral": (("u",), ("u",)),
    "no_vertical": (("z",), None),
}


def vanilla(name, z_tilde, u, a):
    inputs = {"z": z_tilde, "u": u, "zu": z_tilde * u}
    outside, inside = VANILLA[name]
    z_hat = a["b0"] + sum(a[f"w0{term}"] * inputs[term] for term in outside) + 0 * u
    if inside is None:
        return z_hat
    return z_hat + a["ws"] * sigmoid(a["b1"] + sum(a[f"w1{term}"] * inputs[term] for term in inside))


def perceptron(name, z_tilde, u, a):
    """Return ẑ, with all inputs in one array (inputs, …, units)."""
    inputs = [z_tilde, u, z_tilde * u] if "amlp" in name else [z_tilde, u]
    h, last = np.array(inputs), len(name[name.index("[") : -1].split(",")) + 1
    for k in range(1, last + 1):
        of_each_unit = np.ones(u.shape[-1])
        b = np.reshape(a[f"b{k}"], (-1, *(1,) * (u.ndim - 1), a[f"b{k}"].shape[-1]))
        h = np.einsum("i...u,iju->j...u", h, a[f"w{k}"] * of_each_unit) + b
        h = h if k == last else ACTIVATIONS["leaky_relu"](h)
    return h[0]


def combinator(name, z_tilde, u, a, layer, at):
    if "gaussian" in name:
        return gaussian(name, z_tilde, u, a, layer, at)
    return vanilla(name, z_tilde, u, a) if name in VANILLA else perceptron(name, z_tilde, u, a)


def as_it_is(key, value):
    return value


def encode(param, meta, x, noise, lane, at, given=None):
    """Return z, h, mean, std by layer; `noise` None is the clean pass; `given` are mean, std to normalize with."""
    top = len(meta["sizes"]) - 1
    noisy = lambda layer, z: z if noise is None else z + meta["noise_std"][layer] * noise[layer]  # noqa: E731
    z, mean, std = [at(f"{lane}/z.0", noisy(0, x))], [None], [None]
    h = [z[0]]
    for layer, ((kind, *texts), activation, has_beta, has_gamma) in enumerate(per_layer(meta), start=1):
        a = at(f"{lane}/a.{layer}", MAPS[kind][0](h[-1], param.get(f"encoder.{layer}.weight"), *texts))
        normalized, mu, sigma = batch_norm(a, meta["batch_norm_eps"])
        if given:
            mu, sigma = given[0][layer], given[1][layer]
            normalized = (a - mu) / sigma
        normalized = at(f"{lane}/bn_a.{layer}", normalized)
        z.append(at(f"{lane}/z.{layer}", noisy(layer, normalized)))
        mean.append(at(f"{lane}/mu.{layer}", mu))
        std.append(at(f"{lane}/sigma.{layer}", sigma))
        b = z[-1] + param[f"encoder.{layer}.beta"] if has_beta else z[-1]
        b = b * param[f"encoder.{layer}.gamma"] if has_gamma else b
        b = ACTIVATIONS[activation](at(f"{lane}/b.{layer}", b))
        h.append(at(f"{lane}/h.{layer}", softmax(b) if layer == top else b))
    return z, h, mean, std


def step(param, meta, inputs, at=as_it_is):
    """Return every intermediate and loss by its key in the format; `inputs`: x_labeled, y, x_unlabeled, noise."""
    top = len(meta["sizes"]) - 1
    n = len(inputs["x_labeled"])
    noise_l, noise_u = [draws[:n] for draws in inputs["noise"]], [draws[n:] for draws in inputs["noise"]]
    z_u, h_u, *statistics = encode(param, meta, inputs["x_unlabeled"], noise_u, "unlabeled", at)
    shared = meta.get("labeled_statistics") == "unlabeled" and any(meta["denoising_weights"])
    given = statistics if shared else None
    z_l, h_l, _, _ = encode(param, meta, inputs["x_labeled"], noise_l, "labeled", at, given)
    z, _, mean, std = encode(param, meta, inputs["x_unlabeled"], None, "clean", at)
    if meta["stop_gradient_targets"]:
        z, mean, std = (list(map(getval, values)) for values in (z, mean, std))
    out = {}
    for layer in range(top + 1):
        out[f"clean/z.{layer}"] = z[layer]
        out[f"corrupted/z.{layer}"] = np.concatenate([z_l[layer], z_u[layer]])
        out[f"corrupted/h.{layer}"] = np.concatenate([h_l[layer], h_u[layer]])
        if layer:
            out[f"clean/mean.{layer}"], out[f"clean/std.{layer}"] = mean[layer], std[layer]
    chosen = h_l[top][np.arange(n), inputs["y"]]
    out["loss/supervised"] = -np.mean(np.log(chosen))
    costs, vertical = [], h_u[top]
    for layer in range(top, -1, -1):
        u = at(f"decoder/u.{layer}", batch_norm(vertical, meta["batch_norm_eps"])[0])
        own = f"combinator.{layer}."
        a = {name.removeprefix(own): value for name, value in param.items() if name.startswith(own)}
        z_hat = at(f"decoder/z_hat.{layer}", combinator(meta["combinator"], z_u[layer], u, a, layer, at))
        z_hat_bn = at(f"decoder/z_hat_bn.{layer}", (z_hat - mean[layer]) / std[layer]) if layer else z_hat
        costs.insert(0, np.mean((z_hat_bn - z[layer]) ** 2))
        out[f"decoder/u.{layer}"], out[f"decoder/z_hat.{layer}"] = u, z_hat
        out[f"decoder/z_hat_bn.{layer}"] = z_hat_bn
        if layer:
            V, shape = param.get(f"decoder.{layer - 1}.weight"), z[layer - 1].shape[1:]
            kind, *texts = per_layer(meta)[layer - 1][0]
            vertical = at(f"decoder/vertical.{layer - 1}", MAPS[kind][1](z_hat, V, shape, *texts))
    out["loss/denoising"] = np.array(costs)
    weighted = sum(weight * cost for weight, cost in zip(meta["denoising_weights"], costs, strict=True))
    out["loss/total"] = out["loss/supervised"] + weighted
    return out


def total_and_gradients(param, meta, inputs):
    """Return the total cost and its gradient by parameter name."""
    return value_and_grad(lambda p: step(p, meta, inputs)["loss/total"])(dict(param))


def given(arrays, meta):
    """Return parameters and inputs from a test-vector file's param/, input/ and noise/ entries."""
    param = {key.removeprefix("param/"): value for key, value in arrays.items() if key.startswith("param/")}
    inputs = {name: arrays[f"input/{name}"] for name in ("x_labeled", "y", "x_unlabeled")}
    inputs["noise"] = [arrays[f"noise/{layer}"] for layer in range(len(meta["sizes"]))]
    return param, inputs


def intermediates(arrays, meta):
    """Return every intermediate of a test-vector file's step, and the total cost's gradient with each, by key."""
    param, inputs = given(arrays, meta)
    values = {}
    step(param, meta, inputs, lambda key, value: values.setdefault(key, value))
    shifts = {key: np.zeros_like(value) for key, value in values.items()}
    cost = lambda shifts: step(param, meta, inputs, lambda key, value: value + shifts[key])["loss/total"]  # noqa: E731
    return values, grad(cost)(shifts)


def recompute(arrays, meta):
    """Return every computed key of a test-vector file from its param/, input/ and noise/ entries."""
    param, inputs = given(arrays, meta)
    computed = step(param, meta, inputs)
    total, gradients = total_and_gradients(param, meta, inputs)
    assert abs(total - computed["loss/total"]) <= 1e-12 * abs(total)
    return computed | {f"grad/{name}": gradient for name, gradient in gradients.items()}
