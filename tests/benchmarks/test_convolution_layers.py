"""The table of convolutions beside their products: one row each, products of the right shapes."""

import pytest

from benchmarks import convolution_layers
from benchmarks.speed.floor import Product


def test_each_convolution_has_a_row_with_its_own_products(monkeypatch) -> None:
    kinds = []
    real = convolution_layers.map_products
    monkeypatch.setattr(convolution_layers, "map_products", lambda kind, *of: kinds.append(kind) or real(kind, *of))
    rows = list(convolution_layers.rows(1, images=2))
    assert [row.name.split(", ")[1] for row in rows] == [
        *("conv:32:5:full", "conv:64:3", "conv:64:3:full", "conv:128:3", "conv:10:1"),
        *("conv:32:3:same", "conv:64:3:same", "conv:64:3", "conv:10:1"),
    ]
    shapes = [(row.product.rows, row.product.inputs, row.product.outputs) for row in rows]
    assert shapes[:2] == [(2 * 32 * 32, 25, 32), (2 * 14 * 14, 9 * 32, 64)]
    assert kinds[:5] == ["weight", "forward", "weight", "input", "forward"]  # the first layer's dh is not needed


def test_a_row_says_which_part_of_the_rate_was_reached() -> None:
    row = convolution_layers.Row("here", Product("forward", "here", 1000, 20, 50), (1.0, 2.0), (3.0, 2.0))
    assert str(row) == "| here | 1000 × 20 × 50 | 2 | 1.0 | 2.0 | 0.50 | 3.0 | 2.0 | 1.50 |"


def test_calls_take_turns_and_the_first_turn_does_not_count(monkeypatch) -> None:
    called: list[str] = []
    seconds = iter([0, 90, 100, 190, *(0, 1, 0, 2), *(0, 3, 0, 6)])
    monkeypatch.setattr(convolution_layers.time, "perf_counter", lambda: next(seconds))
    taken = convolution_layers.milliseconds(lambda: called.append("a"), lambda: called.append("b"), 2)
    assert called == ["a", "b"] * 3
    assert taken == (2000, 4000)


def test_no_repeats_are_refused(capsys) -> None:
    with pytest.raises(SystemExit) as stopped:
        convolution_layers.main(["--repeats", "0"])
    assert stopped.value.code == 2
    assert "--repeats 0: expected 1 or more" in capsys.readouterr().err
