"""The error for wrong input: whatever it quotes, its message is one printable line."""

import pytest

from ladder_np import InputError


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("a plain line: λ, ẑ, 'größe'", "a plain line: λ, ẑ, 'größe'"),
        ("two\nlines\r\n", "two\\nlines\\r\\n"),
        ("\x1b[2J clears a terminal", "\\x1b[2J clears a terminal"),
        ("a name in another encoding: \udcff", "a name in another encoding: \\udcff"),
        ("from right to left: \u202e", "from right to left: \\u202e"),
    ],
)
def test_what_cannot_be_printed_is_escaped(given: str, shown: str) -> None:
    assert str(InputError(given)) == shown
    assert shown.isprintable()
