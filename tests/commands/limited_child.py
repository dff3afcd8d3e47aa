"""Runs commands one after the other in a process of limited memory: lists of words in, outcomes out, as JSON.

What a command writes is seen by comparing the folder before and after it.
"""

import contextlib
import io
import json
import resource
import sys
import warnings
from pathlib import Path

from command_files import listing

from ladder_np.commands import main

MEMORY = 400 << 20  # bytes of addresses beyond what the process has before the first command


def run(arguments):
    """One command's exit status and outputs, and what it changed in the folder."""
    before, out, err = listing("."), io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = main(arguments)
        except BaseException as error:
            status = f"{type(error).__name__}: {error}"
    changed = sorted(set(before.items()) ^ set(listing(".").items()))
    return {"status": status, "out": out.getvalue(), "err": err.getvalue(), "changed": changed}


if __name__ == "__main__":
    warnings.simplefilter("error")
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY,) * 2)
    json.dump([run(arguments) for arguments in json.load(sys.stdin)], sys.stdout)
