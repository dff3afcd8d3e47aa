"""The one place that knows matplotlib."""

import importlib
from collections.abc import Callable
from types import ModuleType

import pytest
from picture_runs import changed_settings

from ladder_np import InputError
from ladder_np.plots.style import (
    OKABE_ITO,
    balanced,
    class_styles,
    colors,
    dark_map,
    matplotlib,
    new_figure,
    plain,
    png,
    short_names,
    styled,
    thinned,
)


def failing(error: Exception) -> Callable[[str], ModuleType]:
    def import_module(name: str) -> ModuleType:
        raise error

    return import_module


def test_without_matplotlib_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib, "import_module", failing(ModuleNotFoundError("No module named 'matplotlib'")))
    with pytest.raises(
        InputError, match=r"^pictures need matplotlib, [^\n]*; install it with .*'ladder-np\[plot\]'$"
    ):
        matplotlib()


@pytest.mark.parametrize("error", [ImportError("numpy.core\nis too old"), ValueError("Key backend: 'x' is unknown")])
def test_a_matplotlib_that_cannot_be_imported_is_one_line(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    monkeypatch.setattr(importlib, "import_module", failing(error))
    with pytest.raises(InputError, match=r"^pictures need matplotlib, which cannot be imported: [^\n]+$"):
        matplotlib("figure")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("length", "length"),
        (7, "7"),
        ("cost $", r"cost \$"),
        ("$a$", r"\$a\$"),
        ("two\nlines\tand\x1bmore", "two lines and more"),
        ("0123456789" * 3, "0123456789012345678…"),
        ("$" * 30, r"\$" * 19 + "…"),
    ],
)
def test_texts_from_files_are_shown_letter_by_letter(text: object, shown: str) -> None:
    assert plain(text) == shown


def test_few_classes_have_okabe_and_ito_s_colors_and_many_a_uniform_range() -> None:
    pytest.importorskip("matplotlib", reason="the extra plot is not installed")
    assert colors(3) == list(OKABE_ITO[:3])
    assert colors(8) == list(OKABE_ITO)
    many = colors(100)
    assert len(set(many)) == 100
    lightness = [0.2126 * red + 0.7152 * green + 0.0722 * blue for red, green, blue, _ in many]
    assert lightness == sorted(lightness)  # told apart without seeing colors
    assert lightness[-1] < 0.85  # seen on white
    shades = dark_map()([0.0, 1.0])
    assert shades[0].sum() > shades[1].sum()


def test_thinning_keeps_the_ends_and_never_repeats() -> None:
    assert thinned(range(5), 12) == [0, 1, 2, 3, 4]
    for count in range(12, 300):
        kept = thinned(range(count), 12)
        assert len(set(kept)) == 12
        assert (kept[0], kept[-1]) == (0, count - 1)


@styled
def draw_something() -> object:
    figure = new_figure("title", 3, 2)
    axes = figure.subplots()
    axes.plot([1, 2], [3, 4], label="line")
    axes.set_title("$\\lambda$ and ẑ")
    axes.legend()
    return figure


def test_the_same_picture_has_the_same_bytes_without_names_of_programs() -> None:
    pytest.importorskip("matplotlib", reason="the extra plot is not installed")
    first, second = png(draw_something()), png(draw_something())
    assert first == second
    assert first.startswith(b"\x89PNG\r\n\x1a\n")
    assert b"Software" not in first
    assert b"tIME" not in first


def test_a_user_s_settings_neither_reach_a_picture_nor_are_changed_by_it() -> None:
    mpl = pytest.importorskip("matplotlib", reason="the extra plot is not installed")
    usual = png(draw_something())
    with changed_settings(font__size=30.0, axes__facecolor="red", savefig__dpi=20, figure__dpi=20, text__usetex=True):
        before = dict(mpl.rcParams)
        assert png(draw_something()) == usual
        assert dict(mpl.rcParams) == before


def test_letters_that_the_font_lacks_are_no_warning() -> None:
    pytest.importorskip("matplotlib", reason="the extra plot is not installed")
    assert png(styled(new_figure)("鸢尾", 3, 2))


def test_pyplot_is_left_alone() -> None:
    """Its figures are global: a program that draws with it must not find ours among its own."""
    pytest.importorskip("matplotlib", reason="the extra plot is not installed")
    import matplotlib.pyplot as plt

    before = plt.get_fignums()  # other tests may have drawn with it
    png(draw_something())
    assert plt.get_fignums() == before


# ---- Names of classes, and what a picture is of.


@pytest.mark.parametrize(
    ("names", "short"),
    [
        ((5, 6), ["5", "6"]),
        (("setosa", "virginica (Anderson)"), ["setosa", "virginica (…"]),
        (("a long name, first", "a long name, last"), ["a lo…, first", "a lo…, last"]),
        (("x" * 40, "x" * 41, "$"), ["0: xxxxxxxx…", "1: xxxxxxxx…", r"\$"]),
        (("two\nlines",), ["two lines"]),
    ],
)
def test_short_names_stay_different(names: tuple, short: list[str]) -> None:
    assert short_names(names, 12) == short


def test_forty_classes_have_forty_looks_and_more_have_colors_in_their_order() -> None:
    pytest.importorskip("matplotlib")
    assert len(set(class_styles(40))) == 40
    lightness = [sum(color) for color, _ in class_styles(1000)]
    assert (lightness[0], lightness[-1]) == (min(lightness), max(lightness))


@pytest.mark.parametrize(
    ("count", "most", "columns"), [(1, 4, 1), (2, 4, 2), (4, 4, 4), (4, 3, 2), (5, 4, 3), (6, 4, 3), (12, 4, 4)]
)
def test_a_grid_has_as_few_empty_cells_as_can_be(count: int, most: int, columns: int) -> None:
    assert balanced(count, most) == columns
