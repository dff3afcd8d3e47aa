"""The package's version, importable without importing the package's own dependencies."""

__version__ = "0.1.0"
