"""`ladder-np vectors` and `compare-vectors`: the published file format, and the comparison of two such files."""

import json

import numpy as np
import pytest
from command_files import assert_refused, change, load, quiet

NAMES = [f"a{k}" for k in range(1, 11)]


def documented(sizes, n, m):
    """Every key and shape that the description of the format (version 1) promises, written out from its table."""
    top = len(sizes) - 1
    parameters = {f"encoder.{top}.gamma": (sizes[top],)}
    for k in range(1, top + 1):
        parameters |= {f"encoder.{k}.weight": (sizes[k - 1], sizes[k]), f"encoder.{k}.beta": (sizes[k],)}
    for k in range(top):
        parameters[f"decoder.{k}.weight"] = (sizes[k + 1], sizes[k])
    for k in range(top + 1):
        parameters |= {f"combinator.{k}.{name}": (sizes[k],) for name in NAMES}
    keys = {f"{group}/{name}": shape for group in ("param", "grad") for name, shape in parameters.items()}
    keys |= {"input/x_labeled": (n, sizes[0]), "input/y": (n,), "input/x_unlabeled": (m, sizes[0])}
    for k, size in enumerate(sizes):
        keys |= {f"noise/{k}": (n + m, size), f"clean/z.{k}": (m, size)}
        keys |= {f"corrupted/z.{k}": (n + m, size), f"corrupted/h.{k}": (n + m, size)}
        keys |= {f"decoder/{name}.{k}": (m, size) for name in ("u", "z_hat", "z_hat_bn")}
    for k in range(1, top + 1):
        keys |= {f"clean/mean.{k}": (sizes[k],), f"clean/std.{k}": (sizes[k],)}
    return keys | {"meta": (), "loss/supervised": (), "loss/total": (), "loss/denoising": (top + 1,)}


@pytest.fixture(scope="session")
def reference(tmp_path_factory):
    """A file of test vectors of a 5-4-3 network; not to be changed."""
    path = tmp_path_factory.mktemp("vectors") / "reference.npz"
    quiet("vectors", path, "--sizes 5-4-3")
    return path


# ---- the file


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    ("sizes", "n", "m"), [((5, 4, 3), 6, 9), ((3, 7, 5, 2), 11, 4), ((1, 2), 2, 3), ((7, 1, 2), 3, 2)]
)
def test_the_file_holds_exactly_the_documented_entries(command, tmp_path, sizes, n, m, dtype):
    out = tmp_path / "v.npz"
    outcome = command(
        "vectors", out, "--sizes", "-".join(map(str, sizes)), f"--labeled {n} --unlabeled {m} --dtype {dtype}"
    )
    assert (outcome.status, outcome.err) == (0, "")
    arrays = load(out)
    assert {key: array.shape for key, array in arrays.items()} == documented(sizes, n, m)
    kinds = {key: array.dtype for key, array in arrays.items() if key not in ("meta", "input/y")}
    assert set(kinds.values()) == {np.dtype(dtype)}
    assert arrays["input/y"].dtype == np.int64
    assert arrays["meta"].dtype.kind == "U"


def test_the_file_of_a_network_with_images_holds_exactly_the_documented_entries(command, tmp_path):
    """Version 2, written out from its description: layers of every kind, strides, windows cut off, borders."""
    layers = ["conv:3:3:full:2", "max_pool:3", "conv:4:2:same", "mean_pool", "5", "3"]
    shapes = [(7, 5, 2), (5, 4, 3), (2, 2, 3), (2, 2, 4), (4,), (5,), (3,)]
    weights = {"encoder.1": (3, 3, 2, 3), "encoder.3": (2, 2, 3, 4), "encoder.5": (4, 5), "encoder.6": (5, 3)}
    weights |= {"decoder.0": (3, 3, 3, 2), "decoder.2": (2, 2, 4, 3), "decoder.4": (5, 4), "decoder.5": (3, 5)}
    parameters = {f"{name}.weight": shape for name, shape in weights.items()}
    parameters |= {f"encoder.{k}.beta": shapes[k][-1:] for k in (1, 3, 5, 6)} | {"encoder.6.gamma": (3,)}
    parameters |= {f"combinator.{k}.{name}": shape[-1:] for k, shape in enumerate(shapes) for name in NAMES}
    expected = {f"{group}/{name}": shape for group in ("param", "grad") for name, shape in parameters.items()}
    expected |= {"input/x_labeled": (6, *shapes[0]), "input/y": (6,), "input/x_unlabeled": (9, *shapes[0])}
    for k, shape in enumerate(shapes):
        expected |= {f"noise/{k}": (15, *shape), f"clean/z.{k}": (9, *shape)}
        expected |= {f"corrupted/z.{k}": (15, *shape), f"corrupted/h.{k}": (15, *shape)}
        expected |= {f"decoder/{name}.{k}": (9, *shape) for name in ("u", "z_hat", "z_hat_bn")}
        expected |= {f"clean/{name}.{k}": shape[-1:] for name in ("mean", "std") if k}
    expected |= {"meta": (), "loss/supervised": (), "loss/total": (), "loss/denoising": (7,)}

    assert command("vectors", tmp_path / "v.npz", "--sizes", "-".join(["7x5x2", *layers])).status == 0
    arrays = load(tmp_path / "v.npz")
    assert {key: array.shape for key, array in arrays.items()} == expected
    meta = json.loads(str(arrays["meta"]))
    given = {"version": 2, "input_shape": [7, 5, 2], "layers": layers, "combinator": "gaussian"}
    given |= {
        "activation": ["relu", "linear", "relu", "linear", "relu", "linear"],
        "sizes": [70, 60, 12, 16, 4, 5, 3],
    }
    given |= {"has_beta": [True, False, True, False, True, True], "has_gamma": [False] * 5 + [True]}
    assert {key: meta[key] for key in given} == given
    for key, array in arrays.items():  # of channels, over rows and positions
        if key.startswith("clean/z.") and not key.endswith(".0"):
            np.testing.assert_allclose(array.mean(axis=tuple(range(array.ndim - 1))), 0, atol=1e-12)
    assert command("compare-vectors", tmp_path / "v.npz", tmp_path / "v.npz").status == 0


@pytest.mark.parametrize(
    ("key", "change", "said"),
    [
        ("clean/z.1", lambda x: x.transpose(0, 3, 1, 2), "channels first? here they are last"),
        ("grad/encoder.1.weight", lambda x: x.transpose(3, 2, 0, 1), "(channels, channels below, k, k)?"),
        ("clean/z.1", lambda x: x.reshape(len(x), -1), "reshape it"),
        ("corrupted/z.2", lambda x: x * 1.001, "first wrong: corrupted/z.2: z̃² = BN(ã²) + s₂ n, in network"),
        ("grad/encoder.1.weight", lambda x: -x, "dW¹ = h̃⁰ * dã¹ + h⁰ * da¹, in operations/convolution.py"),
    ],
)
def test_what_differs_in_a_network_with_images_has_its_equation(command, tmp_path, key, change, said):
    command("vectors", tmp_path / "v.npz", "--sizes 5x4x2-conv:3:3-max_pool:2-3")
    arrays = load(tmp_path / "v.npz")
    np.savez(tmp_path / "c.npz", **(arrays | {key: change(arrays[key])}))
    outcome = command("compare-vectors", tmp_path / "v.npz", tmp_path / "c.npz")
    assert outcome.status == 1
    assert said in " ".join(outcome.out.split())
    assert outcome.out.splitlines()[-1].endswith(f"the first is {key}")


def test_it_says_how_many_entries_and_the_cost(command, tmp_path):
    out = command("vectors", tmp_path / "v.npz", "--sizes 5-4-3").out
    arrays = load(tmp_path / "v.npz")
    assert out == f"{len(arrays)} entries written to {tmp_path / 'v.npz'}; loss/total {arrays['loss/total']:.6g}\n"


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_layer_that_costs_nothing_is_in_the_file_all_the_same(command, tmp_path, dtype):
    """λ = 0 spares work in training; an implementation that computes everything can still be compared."""
    command("vectors", tmp_path / "v.npz", "--sizes 5-4-3 --denoising-weights 0,0,1 --dtype", dtype)
    arrays = load(tmp_path / "v.npz")
    assert {key: array.shape for key, array in arrays.items()} == documented((5, 4, 3), 6, 9)
    assert all(np.isfinite(array).all() for key, array in arrays.items() if key != "meta")


def test_meta_says_everything_that_the_step_depends_on(command, tmp_path):
    command(
        "vectors",
        tmp_path / "v.npz",
        "--sizes 5-4-3 --activation tanh --combinator gated_gaussian --noise-std 0.1,0.2,0.3 "
        "--denoising-weights 3,2,1 --dtype float32 --seed 17",
    )
    meta = json.loads(str(load(tmp_path / "v.npz")["meta"]))
    expected = {
        "version": 1,
        "sizes": [5, 4, 3],
        "activation": "tanh",
        "combinator": "gated_gaussian",
        "noise_std": [0.1, 0.2, 0.3],
        "denoising_weights": [3, 2, 1],
        "batch_norm_eps": 1e-10,
        "stop_gradient_targets": False,
        "dtype": "float32",
        "seed": 17,
    }
    assert {key: meta[key] for key in expected} == expected
    assert meta["ladder_np"]


def test_statistics_that_version_1_does_not_know_make_it_version_2(command, tmp_path):
    metas = []
    for whose in ("own", "unlabeled"):
        assert command("vectors", tmp_path / "v.npz", "--sizes 5-4-3 --labeled-statistics", whose).status == 0
        metas.append(json.loads(str(load(tmp_path / "v.npz")["meta"])))
    assert metas[0]["version"] == 1
    assert "labeled_statistics" not in metas[0]
    assert (metas[1]["version"], metas[1]["labeled_statistics"]) == (2, "unlabeled")
    assert command("compare-vectors", tmp_path / "v.npz", tmp_path / "v.npz").status == 0


def test_meta_gives_one_number_a_layer_where_one_was_given(command, tmp_path):
    command("vectors", tmp_path / "v.npz", "--sizes 5-4-3 --noise-std 0.5 --denoising-weights 2")
    meta = json.loads(str(load(tmp_path / "v.npz")["meta"]))
    assert (meta["noise_std"], meta["denoising_weights"]) == ([0.5] * 3, [2] * 3)


def test_the_entries_fit_together_as_the_format_says(reference):
    v = load(reference)
    meta = json.loads(str(v["meta"]))
    x = np.concatenate([v["input/x_labeled"], v["input/x_unlabeled"]])
    np.testing.assert_allclose(v["corrupted/z.0"], x + meta["noise_std"][0] * v["noise/0"])
    np.testing.assert_array_equal(v["corrupted/h.0"], v["corrupted/z.0"])
    np.testing.assert_array_equal(v["clean/z.0"], v["input/x_unlabeled"])
    a = v["input/x_unlabeled"] @ v["param/encoder.1.weight"]
    np.testing.assert_allclose(v["clean/mean.1"], a.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(v["clean/std.1"], np.sqrt(a.var(axis=0) + meta["batch_norm_eps"]))
    np.testing.assert_array_equal(v["decoder/z_hat_bn.0"], v["decoder/z_hat.0"])
    for k in (1, 2):
        normalized = (v[f"decoder/z_hat.{k}"] - v[f"clean/mean.{k}"]) / v[f"clean/std.{k}"]
        np.testing.assert_allclose(v[f"decoder/z_hat_bn.{k}"], normalized, atol=1e-12)
    costs = [((v[f"clean/z.{k}"] - v[f"decoder/z_hat_bn.{k}"]) ** 2).mean() for k in range(3)]
    np.testing.assert_allclose(v["loss/denoising"], costs)
    picked = v["corrupted/h.2"][np.arange(6), v["input/y"]]
    np.testing.assert_allclose(v["loss/supervised"], -np.log(picked).mean())
    np.testing.assert_allclose(v["loss/total"], v["loss/supervised"] + np.dot(meta["denoising_weights"], costs))


def test_the_same_seed_writes_the_same_numbers_and_another_does_not(command, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        command("vectors", tmp_path / name, f"--sizes 5-4-3 --seed {seed}")
    a, b, c = (load(tmp_path / name) for name in "abc")
    assert all(np.array_equal(a[key], b[key]) for key in a)
    assert not np.array_equal(a["param/encoder.1.weight"], c["param/encoder.1.weight"])


# ---- the comparison


def wrong_lines(out):
    """The keys of the lines that say WRONG, from the top."""
    return [line.split()[0] for line in out.splitlines() if line.endswith("WRONG")]


def test_a_file_agrees_with_itself(command, reference):
    outcome = command("compare-vectors", reference, reference)
    assert (outcome.status, outcome.err) == (0, "")
    lines = outcome.out.splitlines()
    keys = documented((5, 4, 3), 6, 9)
    assert lines[0].endswith("tolerance 1e-09 (1e-04 where either is float32)")
    assert {line.split()[0] for line in lines[2:-1]} == set(keys) - {"meta"}
    assert lines[-1] == f"all {len(keys) - 1} keys agree"


# In the order in which a network computes them.
IN_ORDER = [
    "param/encoder.1.weight",
    "input/x_unlabeled",
    "noise/1",
    "clean/mean.1",
    "clean/z.1",
    "corrupted/z.1",
    "corrupted/h.1",
    "clean/std.2",
    "corrupted/z.2",
    "loss/supervised",
    "decoder/u.2",
    "decoder/z_hat.2",
    "decoder/u.1",
    "decoder/z_hat_bn.1",
    "decoder/z_hat.0",
    "loss/denoising",
    "loss/total",
    "grad/combinator.0.a4",
    "grad/decoder.0.weight",
    "grad/combinator.1.a10",
    "grad/decoder.1.weight",
    "grad/combinator.2.a1",
    "grad/encoder.2.gamma",
    "grad/encoder.2.weight",
    "grad/encoder.1.beta",
    "grad/encoder.1.weight",
]


def off(array, amount=1e-6):
    """The array with its largest entry off by a relative amount."""
    array = np.array(array)
    array.reshape(-1)[np.abs(array).argmax()] *= 1 + amount
    return array


@pytest.mark.parametrize("key", IN_ORDER)
def test_one_wrong_entry_is_the_first_and_only_wrong_line(command, reference, tmp_path, key):
    array = load(reference)[key]
    outcome = command("compare-vectors", reference, change(reference, tmp_path / "c.npz", **{key: off(array)}))
    assert (outcome.status, outcome.err) == (1, "")
    assert wrong_lines(outcome.out) == [key]
    assert outcome.out.splitlines()[-1].endswith(
        f"1 of {len(documented((5, 4, 3), 6, 9)) - 1} keys differ, the first is {key}"
    )
    at = [int(k) for k in np.unravel_index(np.abs(array).argmax(), array.shape)]
    line = next(line for line in outcome.out.splitlines() if line.startswith(f"{key} "))
    assert line.endswith(f"{at}  WRONG")


def test_wrong_lines_come_in_the_order_of_computation_whatever_the_order_in_the_files(command, reference, tmp_path):
    arrays = load(reference)
    wrong = {key: off(arrays[key]) for key in IN_ORDER}
    shuffled = dict(sorted((arrays | wrong).items(), key=lambda entry: entry[0][::-1]))
    np.savez(tmp_path / "c.npz", **shuffled)
    np.savez(tmp_path / "r.npz", **dict(sorted(arrays.items(), key=lambda entry: entry[0][::-1])))
    lines = wrong_lines(command("compare-vectors", tmp_path / "r.npz", tmp_path / "c.npz").out)
    assert sorted(lines) == sorted(IN_ORDER)
    assert [place(key) for key in lines] == sorted(place(key) for key in lines)


def place(key):
    """The step that computes a key. What is given counts as one step, and so do one layer's gradients of one kind."""
    if key.startswith(("param/", "input/", "noise/")):
        return -1
    if not key.startswith("grad/"):
        return IN_ORDER.index(key)
    steps = ("combinator.0", "decoder.0", "combinator.1", "decoder.1", "combinator.2", "encoder.2", "encoder.1")
    return len(IN_ORDER) + steps.index(key[len("grad/") :].rpartition(".")[0])


def test_a_wrong_label_is_found(command, reference, tmp_path):
    y = load(reference)["input/y"]
    y[2] = (y[2] + 1) % 3
    outcome = command("compare-vectors", reference, change(reference, tmp_path / "c.npz", **{"input/y": y}))
    assert (outcome.status, wrong_lines(outcome.out)) == (1, ["input/y"])


@pytest.mark.parametrize("weights", ["1,1,1", "1000,10,0.1"])
def test_in_float32_a_thousandth_off_is_found_however_large_the_cost(command, tmp_path, weights):
    """The tolerance of float32 is 1e-4 of an entry's size; a large cost excuses no wrong forward value."""
    command("vectors", tmp_path / "r.npz", "--sizes 5-4-3 --dtype float32 --denoising-weights", weights)
    z_hat = load(tmp_path / "r.npz")["decoder/z_hat.0"]
    change(tmp_path / "r.npz", tmp_path / "c.npz", **{"decoder/z_hat.0": off(z_hat, 1e-3)})
    outcome = command("compare-vectors", tmp_path / "r.npz", tmp_path / "c.npz")
    assert (outcome.status, wrong_lines(outcome.out)) == (1, ["decoder/z_hat.0"])


def test_a_float32_file_agrees_with_its_float64_origin_within_float32_s_tolerance(command, reference, tmp_path):
    arrays = load(reference)
    coarse = {key: array.astype(np.float32) for key, array in arrays.items() if array.dtype == np.float64}
    np.savez(tmp_path / "c.npz", **(arrays | coarse))
    assert command("compare-vectors", reference, tmp_path / "c.npz").status == 0


def test_a_tolerance_that_was_named_is_what_counts_in_float32_too(command, reference, tmp_path):
    wrong = off(load(reference)["clean/z.1"].astype(np.float32), 5e-6)
    change(reference, tmp_path / "c.npz", **{"clean/z.1": wrong})
    assert command("compare-vectors", reference, tmp_path / "c.npz", "--tolerance 1e-4").status == 0
    outcome = command("compare-vectors", reference, tmp_path / "c.npz", "--tolerance 1e-6")
    assert (outcome.status, wrong_lines(outcome.out)) == (1, ["clean/z.1"])


def test_the_tolerance_option_decides_what_passes(command, reference, tmp_path):
    wrong = change(reference, tmp_path / "c.npz", **{"clean/z.1": off(load(reference)["clean/z.1"], 1e-3)})
    assert command("compare-vectors", reference, wrong).status == 1
    assert command("compare-vectors", reference, wrong, "--tolerance 0.0009").status == 1
    assert command("compare-vectors", reference, wrong, "--tolerance 0.0011").status == 0
    assert command("compare-vectors", reference, reference, "--tolerance 0").status == 0


def test_a_candidate_may_hold_a_part_unless_more_is_required(command, reference, tmp_path):
    arrays = load(reference)
    part = [key for key in arrays if key.startswith("clean/")]
    np.savez(tmp_path / "c.npz", **{key: arrays[key] for key in part})
    outcome = command("compare-vectors", reference, tmp_path / "c.npz")
    assert (outcome.status, outcome.out.splitlines()[-1]) == (0, f"all {len(part)} keys agree")
    assert command("compare-vectors", reference, tmp_path / "c.npz", "--require clean/").status == 0
    outcome = command("compare-vectors", reference, tmp_path / "c.npz", "--require clean/ --require grad/encoder.")
    assert outcome.status == 1
    missing = [line for line in outcome.out.splitlines() if " missing from " in line]
    assert sorted(line.split()[0] for line in missing) == sorted(k for k in arrays if k.startswith("grad/encoder."))
    assert "5 required keys are missing" in outcome.out.splitlines()[-1]


def test_another_shape_is_wrong_and_both_shapes_are_named(command, reference, tmp_path):
    z = load(reference)["clean/z.1"]
    outcome = command("compare-vectors", reference, change(reference, tmp_path / "c.npz", **{"clean/z.1": z[:-1]}))
    assert (outcome.status, wrong_lines(outcome.out)) == (1, ["clean/z.1"])
    assert "shape (8, 4) instead of (9, 4)" in outcome.out


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("side", ["reference", "candidate", "both"])
def test_an_entry_that_is_no_finite_number_is_wrong_on_either_side(command, reference, tmp_path, value, side):
    """Equal infinities agree with nothing: a difference of infinities is no number."""
    z = load(reference)["corrupted/z.1"]
    z[3, 2] = value
    spoilt = change(reference, tmp_path / "c.npz", **{"corrupted/z.1": z})
    files = {"reference": (spoilt, reference), "candidate": (reference, spoilt), "both": (spoilt, spoilt)}[side]
    outcome = command("compare-vectors", *files)
    assert (outcome.status, outcome.err) == (1, "")
    assert wrong_lines(outcome.out) == ["corrupted/z.1"]


def test_a_reference_whose_cost_is_infinite_excuses_nothing(command, reference, tmp_path):
    endless = change(reference, tmp_path / "r.npz", **{"loss/total": np.array(np.inf)})
    z = off(load(reference)["clean/z.1"], 1)
    wrong = change(reference, tmp_path / "c.npz", **{"clean/z.1": z})
    outcome = command("compare-vectors", endless, wrong)
    assert outcome.status == 1
    assert "clean/z.1" in wrong_lines(outcome.out)


def test_an_empty_array_is_wrong_and_no_traceback(command, reference, tmp_path):
    empty = change(reference, tmp_path / "e.npz", **{"clean/z.1": np.empty((0, 4))})
    assert wrong_lines(command("compare-vectors", reference, empty).out) == ["clean/z.1"]
    outcome = command("compare-vectors", empty, empty)
    assert outcome.status in (0, 1, 2)


@pytest.mark.parametrize("meta", [None, "no JSON", "[1]", "{}", '{"version": 3}', '{"version": null}'])
def test_a_reference_without_a_known_version_is_refused(command, reference, tmp_path, meta):
    spoilt = change(reference, tmp_path / "r.npz", meta=None if meta is None else np.array(meta))
    named = "version 3" if meta and "3" in meta else "version"
    assert_refused(command("compare-vectors", spoilt, reference), str(spoilt), named)


def test_a_candidate_that_names_an_unknown_version_is_refused(command, reference, tmp_path):
    """A candidate needs no meta; if it has one, its version says whether the names mean the same."""
    meta = json.loads(str(load(reference)["meta"])) | {"version": 3}
    spoilt = change(reference, tmp_path / "c.npz", meta=np.array(json.dumps(meta)))
    assert_refused(command("compare-vectors", reference, spoilt), str(spoilt), "version 3")


def test_a_candidate_needs_no_meta(command, reference, tmp_path):
    assert command("compare-vectors", reference, change(reference, tmp_path / "c.npz", meta=None)).status == 0


# ---- what a difference means, and less output


def test_the_first_difference_has_its_equation_and_what_it_means(command, reference, tmp_path):
    arrays = load(reference)
    wrong = {
        f"decoder/z_hat_bn.{k}": (arrays[f"decoder/z_hat.{k}"] - arrays[f"clean/mean.{k}"])
        / arrays[f"clean/std.{k}"] ** 2
        for k in (1, 2)
    }
    out = command("compare-vectors", reference, change(reference, tmp_path / "c.npz", **wrong)).out
    text = " ".join(out.split())
    assert "first wrong: decoder/z_hat_bn.2: ẑ²_BN = (ẑ² − μ²)/σ², in operations/normalization.py" in text
    assert text.count("hint: ") == 1
    assert "hint: ẑ is divided by σ² (the variance) instead of σ = sqrt(var + ε); this gives the candidate's " in text
    assert max(map(len, out.splitlines())) <= 110


def test_quiet_prints_what_differs_only(command, reference, tmp_path):
    array = load(reference)["clean/z.1"]
    part = {"clean/z.1": off(array), "clean/z.2": load(reference)["clean/z.2"]}
    np.savez(tmp_path / "c.npz", **part)
    lines = command("compare-vectors", reference, tmp_path / "c.npz", "--quiet --require loss/total").out.splitlines()
    assert [line.split()[0] for line in lines[:3]] == ["key", "clean/z.1", "loss/total"]
    assert not [line for line in lines if "clean/z.2" in line or "not compared" in line]
    assert lines[-1] == "1 of 2 keys differ, the first is clean/z.1; 1 required keys are missing"


def test_quiet_prints_the_verdict_alone_where_nothing_differs(command, reference):
    outcome = command("compare-vectors", reference, reference, "--quiet")
    assert (outcome.status, len(outcome.out.splitlines())) == (0, 1)
    assert outcome.out.startswith("all ")
