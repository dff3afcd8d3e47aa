"""Files made to hurt: one line, status 2, nothing written, in a process that may take 400 MB."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from command_files import Outcome, assert_refused
from hostile_files import HOSTILE, write_good_files

import ladder_np

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is limited as on Linux")

CHILD = Path(__file__).with_name("limited_child.py")
ENVIRONMENT = os.environ | {
    "PYTHONPATH": str(Path(ladder_np.__file__).parents[1]),
    "OPENBLAS_NUM_THREADS": "1",  # each thread takes addresses for itself
}


def commands():
    return {name: command.replace("{}", name).split() for name, _, command, *_ in HOSTILE}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """What each file's command did, by the file's name."""
    home = tmp_path_factory.mktemp("hostile")
    write_good_files(home)
    for name, write, *_ in HOSTILE:
        write(home / name)
    lists = json.dumps(list(commands().values()))
    done = subprocess.run(
        [sys.executable, CHILD], cwd=home, env=ENVIRONMENT, input=lists, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return dict(zip(commands(), json.loads(done.stdout), strict=True))


@pytest.mark.parametrize(("name", "fragments"), [(name, rest) for name, _, _, *rest in HOSTILE])
def test_a_hostile_file_gets_one_line_and_takes_neither_memory_nor_a_file(outcomes, name, fragments):
    found = outcomes[name]
    assert_refused(Outcome(found["status"], found["out"], found["err"]), *fragments)
    assert found["err"].rstrip("\n").isprintable()
    assert found["changed"] == []


def test_each_hostile_file_has_a_name_of_its_own():
    assert len({name for name, *_ in HOSTILE}) == len(HOSTILE)
