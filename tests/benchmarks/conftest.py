"""Benchmarks are not installed: they are found from the project's root, after everything that is."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2]))
