"""`ladder-np describe`: a table of what a network costs, from its layers, a run or a model; one line for nonsense."""

import json

import pytest
from command_files import assert_refused

CONV = "28x28x1-conv:32:5:full-max_pool:2-conv:64:3-mean_pool-10"


def rows_of(out):
    """The table's rows, split at two blanks or more."""
    return [line.split() for line in out.split("\n\n")[0].splitlines()[3:]]


def test_a_network_of_convolutions_has_a_row_for_each_layer(command):
    outcome = command("describe", CONV)
    assert (outcome.status, outcome.err) == (0, "")
    lines = outcome.out.splitlines()
    assert lines[0] == f"network {CONV}, relu, combinator gaussian; float32"
    assert lines[2].split() == ["layer", "shape", "W,", "β,", "γ", "V", "combinator", "up", "down", "memory"]
    rows = rows_of(outcome.out)
    assert [row[:8] for row in rows] == [
        ["0", "input", "28x28x1", "-", "800", "10", "-", "627,200"],
        ["1", "conv:32:5:full", "32x32x32", "832", "-", "320", "819,200", "-"],
        ["2", "max_pool:2", "16x16x32", "-", "18,432", "320", "-", "4,718,592"],
        ["3", "conv:64:3", "14x14x64", "18,496", "-", "640", "3,612,672", "-"],
        ["4", "mean_pool", "64", "-", "640", "640", "-", "640"],
        ["5", "10", "10", "660", "-", "100", "640", "-"],
        ["all", "19,988", "19,872", "2,030", "4,432,512", "5,346,432", rows[-1][6], "MB"],
    ]
    assert max(map(len, lines)) <= 118


def test_columns_stand_below_each_other(command):
    table = command("describe", CONV).out.split("\n\n")[0].splitlines()[1:]
    assert len({len(line) for line in table[1:]}) == 1  # the last column ends where its heading ends
    shape = table[1].index("shape") + len("shape")
    assert all(line[shape - 1] != " " and line[shape] == " " for line in table[2:-1])


def test_dense_layers_will_do(command):
    rows = rows_of(command("describe 784-1000-10").out)
    assert [row[:8] for row in rows[:3]] == [
        ["0", "input", "784", "-", "784,000", "7,840", "-", "784,000"],
        ["1", "1000", "1000", "785,000", "10,000", "10,000", "784,000", "10,000"],
        ["2", "10", "10", "10,020", "-", "100", "10,000", "-"],
    ]


def test_more_layers_than_a_file_s_name_has_letters_are_described(command):
    outcome = command("describe", "-".join(["10", *["5"] * 150, "3"]))
    assert (outcome.status, len(rows_of(outcome.out))) == (0, 153)


def test_memory_is_that_of_the_rows_asked_for_and_of_what_the_weights_need(command):
    def peak(*options):
        return json.loads(command("describe 50-40-5 --json", *options).out)["peak"]

    assert peak() == peak("--labeled 100 --unlabeled 100")
    assert peak() < peak("--labeled 200") < peak("--labeled 200 --unlabeled 300")
    assert peak("--denoising-weights 0") < peak("--denoising-weights 0,0,1") < peak()
    assert peak() < peak("--dtype float64")


def test_json_has_the_same_numbers(command):
    described = json.loads(command("describe", CONV, "--json").out)
    assert described["network"]["input_shape"] == [28, 28, 1]
    assert [layer["up"] for layer in described["layers"]] == [0, 819_200, 0, 3_612_672, 0, 640]
    assert described["peak"] == described["kept"] + described["parameters"] + described["passing"]
    text = command("describe", CONV).out
    assert f"{described['peak'] / 1e6:,.1f} MB at its peak" in text


def test_a_run_and_its_model_are_described(command, npz_run):
    of_run = command("describe", npz_run)
    assert (of_run.status, of_run.err) == (0, "")
    assert of_run.out.startswith("network 4-8-6-3, relu, combinator gaussian; float32\n")
    assert "50 labeled and 50 unlabeled rows" in of_run.out  # the run's batches
    of_model = command("describe", npz_run / "model.npz")
    assert rows_of(of_model.out)[1][:8] == rows_of(of_run.out)[1][:8]
    assert "100 labeled and 100 unlabeled rows" in of_model.out
    assert "7 labeled and 9 unlabeled rows" in command("describe", npz_run, "--labeled 7 --unlabeled 9").out


@pytest.mark.parametrize(
    ("arguments", "fragments"),
    [
        ("nowhere", ("no run's folder or model file", "'nowhere'", "1000-500-250")),
        ("10-x-3", ("'10-x-3'", "'x' is not one")),
        ("10-\u0663-3", ("'\u0663' is not one",)),
        ("7x\u0666x2-conv:3:3-3", ("'7x\u0666x2' is not one",)),
        (f"10-{'9' * 200}-3", ("'999", "is not one")),
        ("10", ("layer sizes 10", "at least two")),
        ("7x6x2-conv:3:9-3", ("layer 1, 'conv:3:9'", "(7, 6, 2)", "a size of 6 at most")),
        ("7x6x2-conv:3:3:valid:2-3", ("stride of 2", "a stride of 1 fits")),
        ("7x6x2-conv:3:3", ("(5, 4, 3)", "(classes,)")),
        ("84-max_pool:2-3", ("'max_pool:2'", "(84,)", "images below")),
        ("10-4 --labeled 1", ("1 labeled rows", "at least 2")),
        ("10-4 --unlabeled -3", ("-3 unlabeled rows",)),
        ("10-4 --labeled many", ("--labeled", "many")),
        ("10-4 --combinator mystery", ("'mystery'", "gaussian")),
        ("10-4 --dtype float16", ("'float16'", "float32")),
        ("10-4 --denoising-weights 1,2,3", ("3 values", "2 layers")),
        ("99999999-99999999-3", ("99999999",)),
        ("10-4 --sizes 3", ("--sizes",)),
        ("", ("LAYERS|RUN|MODEL",)),
    ],
)
def test_wrong_input_gets_one_line(command, arguments, fragments):
    outcome = command("describe", arguments)
    assert_refused(outcome, *fragments)
    assert outcome.out == ""


def test_a_softmax_layer_without_a_scale_is_named_and_has_fewer_parameters(command):
    first = command("describe 10-4").out
    without = command("describe 10-4 --no-top-gamma").out
    assert first.startswith("network 10-4, relu, combinator gaussian; float32\n")
    assert without.startswith("network 10-4, relu, combinator gaussian, no γ at the top; float32\n")
    assert (rows_of(first)[1][3], rows_of(without)[1][3]) == ("48", "44")
    assert command("describe 10-4 --top-gamma").out == first


def test_what_a_model_has_cannot_be_described_otherwise(command, npz_run):
    assert_refused(command("describe", npz_run, "--no-top-gamma"), "--top-gamma", "has its own")
    assert_refused(command("describe", npz_run, "--activation tanh"), "--activation", "has its own")
    assert_refused(command("describe", npz_run, "--dtype float64"), "--dtype")


def test_a_folder_that_is_no_run_and_a_file_that_is_no_model_are_refused(command, tmp_path):
    (tmp_path / "file.npz").write_bytes(b"nothing")
    assert_refused(command("describe", tmp_path), str(tmp_path))
    assert_refused(command("describe", tmp_path / "file.npz"), "file.npz")
