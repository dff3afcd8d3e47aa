"""The package's version, importable without the package's own dependencies, and what the version of a file means."""

import re

__all__ = ["__version__", "of_later", "unknown_format", "unknown_name"]

__version__ = "0.1.0"


def of_later(writer: object) -> str:
    """Return what to add to the complaint about a file if a later version of this package wrote it; else nothing.

    `writer` is the version that the file names.
    """
    if not isinstance(writer, str) or _numbers(writer) <= _numbers(__version__):
        return ""
    return f"; ladder_np {writer} wrote it, a later version than this one ({__version__}): use that one"


def unknown_format(what: str, version: object, readable: tuple[int, ...], writer: object = None) -> str:
    """Return what is wrong with a file, called `what`, whose format has another version than the `readable` ones."""
    known = f"version{'s' * (len(readable) > 1)} {', '.join(map(str, readable))}"
    if type(version) is not int or version < max(readable):
        return f"{what} version {version!r}; this program reads {known}"
    named = f" ({writer})" if isinstance(writer, str) and _numbers(writer) > _numbers(__version__) else ""
    return (
        f"{what} version {version}, of a later version of ladder_np{named}: use that one; this program "
        f"({__version__}) reads {known}"
    )


def unknown_name(what: str, writer: object = None) -> str:
    """Return what is wrong with a file that holds something, called `what`, which this version does not know."""
    cause = of_later(writer) or "; a later version wrote it, or it was changed"
    return f"{what} is unknown to this version of ladder_np ({__version__}){cause}"


def _numbers(version: str) -> tuple[int, ...]:
    """Return a version's numbers; what follows them, as in 1.2.dev3, does not count."""
    found = re.match(r"\d{1,9}(\.\d{1,9})*", version)
    return tuple(map(int, found[0].split("."))) if found else ()
