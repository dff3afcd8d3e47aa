"""Mistakes planted in the restatement of the ladder, by what the hint says of them: changes of its source.

Where a mistake shows only with certain settings, `SETTINGS` has them. `d` in a source stands for the deviation that a
mistake divides by, of the variance, ε and the number of rows.
"""

from pathlib import Path
from types import SimpleNamespace

import autograd.numpy as np
import restatement

SOURCE = Path(restatement.__file__).read_text(encoding="utf-8")
SIZES = (4, 4, 4, 3)  # square weights, so that a transposed one can be used
TOP = len(SIZES) - 1
LAMBDAS = (3.0, 2.0, 1.5, 0.5)

DEVIATIONS = {
    "σ² (the variance)": lambda var, eps, n: var + eps,
    "the deviation with divisor n − 1 (the unbiased variance)": lambda var, eps, n: np.sqrt(var * n / (n - 1) + eps),
    "sqrt(var) + ε, ε outside the root": lambda var, eps, n: np.sqrt(var) + eps,
    "sqrt(var), without ε": lambda var, eps, n: np.sqrt(var),
}

EPS = 'meta["batch_norm_eps"]'
STD = "    std = np.sqrt(np.mean((a - mean) ** 2, axis=axes) + eps)"
OTHER_STD = "d(np.mean((a - mean) ** 2, axis=axes), eps, len(a))"
QUOTIENT = "    return (a - mean) / std, mean, std"
ENCODED = f"        normalized, mu, sigma = batch_norm(a, {EPS})"
U = f"batch_norm(vertical, {EPS})[0]"
Z_HAT_BN = "(z_hat - mean[layer]) / std[layer]"
KEPT = 'out[f"clean/mean.{layer}"], out[f"clean/std.{layer}"] = mean[layer], std[layer]'
OTHER_CLEAN = f"d(std[layer] ** 2 - {EPS}, {EPS}, len(z[layer]))"
OTHER_A = f"d(sigma**2 - {EPS}, {EPS}, len(a))"
OTHER_U = f"((lambda v: (v - np.mean(v, 0)) / d(np.var(v, axis=0), {EPS}, len(v)))(vertical))"

UNLABELED = '    z_u, h_u, *statistics = encode(param, meta, inputs["x_unlabeled"], noise_u, "unlabeled", at)\n'
LABELED = '    z_l, h_l, _, _ = encode(param, meta, inputs["x_labeled"], noise_l, "labeled", at, given)\n'
CLEAN = '    z, _, mean, std = encode(param, meta, inputs["x_unlabeled"], None, "clean", at)\n'
X = 'np.concatenate([inputs["x_labeled"], inputs["x_unlabeled"]])'
SPLIT = (
    "    z_l, h_l, z_u, h_u = ([v[part] for v in both[k]] for part in (slice(n), slice(n, None)) for k in (0, 1))\n"
)
NOISY = 'noisy = lambda layer, z: z if noise is None else z + meta["noise_std"][layer] * noise[layer]'
DRAWS = 'noise_l, noise_u = [draws[:n] for draws in inputs["noise"]], [draws[n:] for draws in inputs["noise"]]'
SHIFT = 'b = z[-1] + param[f"encoder.{layer}.beta"] if has_beta else z[-1]'
SCALE = 'b = b * param[f"encoder.{layer}.gamma"] if has_gamma else b'
W, V = 'param.get(f"encoder.{layer}.weight")', 'param.get(f"decoder.{layer - 1}.weight")'
SOFTMAX = "softmax(b) if layer == top"
CHOSEN = 'h_l[top][np.arange(n), inputs["y"]]'
TOP_P = "costs, vertical = [], h_u[top]"
COST = "np.mean((z_hat_bn - z[layer]) ** 2)"
SQUARES = "((z_hat_bn - z[layer]) ** 2)"
WEIGHTED = "weight * cost for weight, cost in zip(meta"
WEIGHTED_WITH = 'weight * cost * {} for weight, cost, size in zip(meta["denoising_weights"], costs, meta["sizes"])'
REST = '["denoising_weights"], costs, strict=True)'
MEAN = "    mean = np.mean(a, axis=axes)"
EVERYWHERE = "every batch norm divides by {}"
RIGHT = "; the clean σ that normalizes ẑ is right"

# Where the deviation is wrong -> changes.
PLACES = {
    "every batch norm divides by {}, and so is ẑ": [(STD, f"    std = {OTHER_STD}")],
    "every batch norm divides by {}; the clean σ that normalizes ẑ is right": [
        (QUOTIENT, f"    return (a - mean) / {OTHER_STD}, mean, std")
    ],
    "the encoder's batch norm divides by {}, and so is ẑ": [
        (ENCODED, f"{ENCODED}\n        normalized, sigma = (a - mu) / {OTHER_A}, {OTHER_A}")
    ],
    "the encoder's batch norm divides by {}; the clean σ that normalizes ẑ is right": [
        (ENCODED, f"{ENCODED}\n        normalized = (a - mu) / {OTHER_A}")
    ],
    "the decoder's batch norm, which makes u, divides by {}": [(U, OTHER_U)],
    "the clean σ that is kept, and that divides ẑ, is {}; z itself is right": [
        (ENCODED, f"{ENCODED}\n        sigma = {OTHER_A}")
    ],
    "ẑ is divided by {}": [(Z_HAT_BN, f"(z_hat - mean[layer]) / {OTHER_CLEAN}")],
    "the clean σ that is kept is {}; z and ẑ_BN are right": [(KEPT, KEPT.replace("std[layer]", OTHER_CLEAN))],
}
DEVIATING = {
    where.format(f"{what} instead of σ = sqrt(var + ε)"): (changes, deviation)
    for where, changes in PLACES.items()
    for what, deviation in DEVIATIONS.items()
}


def silent(lanes, layers):
    """The changes by which these lanes have no noise in these layers."""
    return [(NOISY, NOISY.replace("noise is None", f"(noise is None or lane in {lanes} and layer in {layers})"))]


LANES = {
    "all corrupted rows": ("labeled", "unlabeled"),
    "the labeled rows": ("labeled",),
    "the unlabeled rows": ("unlabeled",),
}
NOISES = {
    f"{name} have no noise{where}": silent(lanes, layers)
    for name, lanes in LANES.items()
    for where, layers in {"": range(TOP + 1), **{f" in layer {k}": [k] for k in range(TOP + 1)}}.items()
}
TRANSPOSED = "is used transposed: its rows are inputs, its columns outputs (h W)"

PLANTED = {
    "the corrupted labeled and unlabeled rows are normalized together, with joint statistics": [
        (
            UNLABELED,
            f'    both = encode(param, meta, {X}, inputs["noise"], "both", at)\n{SPLIT}    statistics = None\n',
        ),
        (LABELED, ""),
    ],
    "corrupted and clean rows are normalized together, all in one batch": [
        (
            UNLABELED,
            f'    three = np.concatenate([{X}, inputs["x_unlabeled"]])\n'
            "    padded = [np.concatenate([draws, 0 * draws[n:]]) for draws in inputs['noise']]\n"
            "    *both, mean, std = encode(param, meta, three, padded, 'both', at)\n"
            "    m = len(inputs['x_unlabeled'])\n"
            "    z = [v[n + m :] for v in both[0]]\n"
            f"    both = [[v[: n + m] for v in vs] for vs in both]\n{SPLIT}    statistics = None\n",
        ),
        (LABELED, ""),
        (CLEAN, ""),
    ],
    "the clean statistics are those of labeled and unlabeled rows together": [
        (CLEAN, f'    z, _, mean, std = encode(param, meta, {X}, None, "clean", at)\n    z = [v[n:] for v in z]\n')
    ],
    "labeled rows are normalized with the unlabeled rows' statistics; the file's labeled_statistics is own": [
        ('meta.get("labeled_statistics") == "unlabeled"', "True")
    ],
    "labeled rows are normalized with their own statistics; the file's labeled_statistics is unlabeled": [
        ('meta.get("labeled_statistics") == "unlabeled"', "False")
    ],
    **{
        f"ε is {eps:g}{whose} instead of the file's batch_norm_eps": [(STD, STD.replace("eps)", f"{eps})"))]
        for eps, whose in ((1e-5, ", PyTorch's default,"), (1e-3, ", Keras's default,"), (1e-6, ""), (1e-8, ""))
    },
    **NOISES,
    "the noise is not multiplied by its standard deviation s (noise_std)": [
        (NOISY, NOISY.replace('meta["noise_std"][layer] * ', ""))
    ],
    "the noise is multiplied by s² instead of s (noise_std)": [(NOISY, NOISY.replace("[layer] *", "[layer] ** 2 *"))],
    "the noise is multiplied by sqrt(s), s taken as its variance": [
        (NOISY, NOISY.replace("[layer] *", "[layer] ** 0.5 *"))
    ],
    "the noise's rows are in another order: unlabeled rows first": [
        (
            DRAWS,
            'm = len(inputs["x_unlabeled"])\n    noise_u, noise_l = [draws[:m] for draws in inputs["noise"]], '
            '[draws[m:] for draws in inputs["noise"]]',
        )
    ],
    **{
        f"encoder.{k}.weight {TRANSPOSED}": [(W, f"({W}.T if layer == {k} else {W})")]
        for k, size in enumerate(SIZES)
        if k and size == SIZES[k - 1]
    },
    **{
        f"decoder.{k}.weight {TRANSPOSED}": [(V, f"({V}.T if layer - 1 == {k} else {V})")]
        for k in range(TOP)
        if SIZES[k] == SIZES[k + 1]
    },
    f"every square weight {TRANSPOSED}": [
        (W, f"(lambda x: x.T if x.shape[0] == x.shape[1] else x)({W})"),
        (V, f"(lambda x: x.T if x.shape[0] == x.shape[1] else x)({V})"),
    ],
    "the top layer has no γ": [(SCALE, "b = b")],
    "the top layer's γ is applied twice": [(SCALE, SCALE.replace('gamma"]', 'gamma"] ** 2'))],
    "the top layer computes γ z̃ + β instead of γ (z̃ + β)": [
        (SCALE, 'b = b + z[-1] * (param[f"encoder.{layer}.gamma"] - 1) if has_gamma else b')
    ],
    **{
        f"β of layer {k} is missing": [(SHIFT, SHIFT.replace("has_beta", f"has_beta and layer != {k}"))]
        for k in range(1, TOP + 1)
    },
    "no layer has a β": [(SHIFT, "b = z[-1]")],
    **{
        f"φ of the hidden layers is {name} instead of the file's relu": [
            ('hidden = [(["dense"], meta["activation"]', f'hidden = [(["dense"], "{name}"')
        ]
        for name in restatement.ACTIVATIONS
        if name != "relu"
    },
    "the combinator is gated_gaussian instead of the file's gaussian": [('if name == "gated_gaussian"', "if True")],
    "the softmax is taken twice: P is the softmax of a softmax": [(SOFTMAX, SOFTMAX.replace("(b)", "(softmax(b))"))],
    "the softmax is taken twice in the cost, whose function expects the values before the softmax": [
        (CHOSEN, CHOSEN.replace("h_l[top]", "softmax(h_l[top])"))
    ],
    "the top u is made of softmax(P) instead of P: the softmax is taken twice": [
        (TOP_P, TOP_P.replace("h_u[top]", "softmax(h_u[top])"))
    ],
    "the top u is made of the values before the softmax instead of P": [
        (TOP_P, 'costs, vertical = [], (z_u[top] + param[f"encoder.{top}.beta"]) * param[f"encoder.{top}.gamma"]')
    ],
    "the top u is not normalized": [(U, f"(vertical if layer == top else {U})")],
    "no u is normalized": [(U, "vertical")],
    "no u but the topmost is normalized": [(U, f"(vertical if layer < top else {U})")],
    "ẑ is normalized with its own mean and deviation instead of the clean ones": [
        (Z_HAT_BN, f"batch_norm(z_hat, {EPS})[0]")
    ],
    "ẑ is normalized with the corrupted mean and deviation instead of the clean ones": [
        (Z_HAT_BN, "(z_hat - statistics[0][layer]) / statistics[1][layer]")
    ],
    "ẑ is not normalized before it is compared": [(Z_HAT_BN, "z_hat")],
    "ẑ⁰ is normalized: layer 0 is compared as it is": [
        ("if layer else z_hat", f"if layer else (lambda x, m, s: (z_hat - m) / s)(*batch_norm(z[0], {EPS}))")
    ],
    "ẑ is compared with the noisy z̃, and normalized with its statistics": [
        (Z_HAT_BN, "(z_hat - statistics[0][layer]) / statistics[1][layer]"),
        (COST, COST.replace("z[layer]", "z_u[layer]")),
    ],
    "a layer's denoising cost is the sum over rows and units instead of the mean": [(COST, f"np.sum({SQUARES})")],
    "a layer's denoising cost is the sum over the units, mean over the rows, instead of the mean over both": [
        (COST, f"np.mean(np.sum({SQUARES}, axis=1))")
    ],
    "a layer's denoising cost is the sum over the rows, mean over the units, instead of the mean over both": [
        (COST, f"np.mean(np.sum({SQUARES}, axis=0))")
    ],
    "a layer's denoising cost is half the mean": [(COST, f"{COST} / 2")],
    **{
        f"in the total cost a layer's denoising cost is {what}": [(WEIGHTED + REST, WEIGHTED_WITH.format(factor))]
        for what, factor in {
            "the sum over rows and units instead of the mean": "len(z[0]) * size",
            "the sum over the units, mean over the rows, instead of the mean over both": "size",
            "the sum over the rows, mean over the units, instead of the mean over both": "len(z[0])",
            "half the mean": "0.5",
        }.items()
    },
    "the supervised cost is the sum over the labeled rows instead of their mean": [
        ("-np.mean(np.log(chosen))", "-np.sum(np.log(chosen))")
    ],
    "the supervised cost is divided by the number of all rows instead of the labeled ones": [
        ("-np.mean(np.log(chosen))", "-np.sum(np.log(chosen)) / (n + len(inputs['x_unlabeled']))")
    ],
    "λ is forgotten: the denoising costs are added as they are": [
        (WEIGHTED, WEIGHTED.replace("weight * cost", "cost"))
    ],
    "λ is applied twice": [(WEIGHTED, WEIGHTED.replace("weight *", "weight**2 *"))],
    "the λs are in reverse order: the first is the input's": [
        (WEIGHTED + REST, WEIGHTED + REST.replace("costs", "costs[::-1]"))
    ],
    "the denoising costs do not reach the total cost, or their gradients the parameters": [("] + weighted", "]")],
    **{
        f"the denoising cost of layer {k} is left out": [
            ("] + weighted", f"] + weighted - {LAMBDAS[k]} * costs[{k}]")
        ]
        for k in range(TOP + 1)
    },
    "the supervised cost's gradient does not reach the parameters": [
        (CHOSEN, CHOSEN.replace("h_l[top]", "getval(h_l[top])"))
    ],
    "the clean targets z, μ, σ are constants: no gradient flows through them (detached)": [
        ('if meta["stop_gradient_targets"]', "if True")
    ],
    "the clean z is a constant: no gradient flows through the target (detached)": [
        (COST, COST.replace("z[layer]", "getval(z[layer])"))
    ],
    "the clean μ and σ that normalize ẑ are constants: no gradient flows through them (detached)": [
        (Z_HAT_BN, "(z_hat - getval(mean[layer])) / getval(std[layer])")
    ],
    "the clean σ that normalizes ẑ is a constant (detached)": [
        (Z_HAT_BN, "(z_hat - mean[layer]) / getval(std[layer])")
    ],
    "the clean μ that normalizes ẑ is a constant (detached)": [
        (Z_HAT_BN, "(z_hat - getval(mean[layer])) / std[layer]")
    ],
    "the gradient through the lateral connection z̃ is missing (detached)": [
        ('meta["combinator"], z_u[layer]', 'meta["combinator"], getval(z_u[layer])')
    ],
    "the gradient from the decoder to the softmax output is missing (detached)": [
        (TOP_P, TOP_P.replace("h_u[top]", "getval(h_u[top])"))
    ],
    "the gradients from the decoder to the corrupted encoder are missing (detached)": [
        (TOP_P, TOP_P.replace("h_u[top]", "getval(h_u[top])")),
        ('meta["combinator"], z_u[layer]', 'meta["combinator"], getval(z_u[layer])'),
    ],
    "the statistics of the batch norms are constants: no gradient flows through mean and deviation": [
        (MEAN, MEAN.replace("np.mean(a, axis=axes)", "getval(np.mean(a, axis=axes))")),
        (STD, "    std = getval(np.sqrt(np.mean((a - mean) ** 2, axis=axes) + eps))"),
    ],
    "the gradient flows through the clean targets; the file's stop_gradient_targets makes them constants": [
        ('if meta["stop_gradient_targets"]', "if False")
    ],
}

# Settings of the reference in which a mistake shows, where those of all others do not do.
SETTINGS = {
    "labeled rows are normalized with their own statistics; the file's labeled_statistics is unlabeled": {
        "labeled_statistics": "unlabeled"
    },
    "the gradient flows through the clean targets; the file's stop_gradient_targets makes them constants": {
        "stop_gradient_targets": True
    },
}


def plant(changes, deviation=None):
    """The restatement with these changes of its source."""
    source = SOURCE
    for old, new in changes:
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    names = {"d": deviation, "__name__": "planted"}
    exec(compile(source, "planted", "exec"), names)
    return SimpleNamespace(**names)
