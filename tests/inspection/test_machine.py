"""What decides speed: found on the real machine, and on made-up ones with other BLAS, cores, limits and GPUs."""

import dataclasses
import importlib.metadata
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from ladder_np.inspection import machine
from ladder_np.inspection.machine import Gpu, Machine, describe_machine, product_milliseconds, product_rate

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the tests were started with decides nothing."""
    for name in machine.VARIABLES:
        monkeypatch.delenv(name, raising=False)


def write(root: Path, files: dict[str, str]) -> Path:
    """Write files below `root`, and return it."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


# ---- The real machine.


def test_the_real_machine_is_described() -> None:
    here = describe_machine()
    assert here.numpy == np.__version__
    assert here.python == sys.version.split()[0]
    assert 1 <= here.cores <= here.cpu_count
    assert here.cpu
    assert here.environment == {}
    assert bool(here.gpus) == (not here.why_no_gpu)
    assert "\n" not in here.why_no_gpu


def test_a_description_can_be_written_as_json() -> None:
    here = describe_machine()
    read = json.loads(json.dumps(dataclasses.asdict(here)))
    assert read["blas"]["kernel"] == here.blas.kernel
    assert {"cpu", "cores", "numpy"} <= set(read)


def test_a_product_is_measured() -> None:
    rate = product_rate()
    assert rate > 0
    assert product_milliseconds(rate) > 0


def test_one_product_at_one_gigaflop_a_second_takes_its_operations_in_nanoseconds() -> None:
    """300 x 1000 results, each of 784 multiplications and additions: 470.4 million."""
    assert product_milliseconds(1.0) == pytest.approx(470.4)
    assert product_milliseconds(100.0) == pytest.approx(4.704)


def described_elsewhere(**variables: str) -> dict:
    """The BLAS as a fresh process sees it with these variables; skips the test where its BLAS tells nothing."""
    code = (
        "import dataclasses, json; from ladder_np.inspection.machine import describe_machine as f; "
        "print(json.dumps(dataclasses.asdict(f())))"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | variables
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    ).stdout
    found = json.loads(out)
    if found["blas"]["loaded"] is None:
        pytest.skip("NumPy's BLAS is no OpenBLAS whose symbols can be seen")
    return found


@pytest.mark.parametrize("threads", [1, 2])
def test_the_threads_are_those_that_the_environment_asks_for(threads: int) -> None:
    found = described_elsewhere(OPENBLAS_NUM_THREADS=str(threads), OMP_NUM_THREADS=str(threads))
    if found["blas"]["threading"] == "single" or found["cores"] < threads:
        pytest.skip("a single-threaded OpenBLAS, or fewer cores than threads")
    assert found["blas"]["threads"] == threads
    assert found["environment"]["OPENBLAS_NUM_THREADS"] == str(threads)


def test_the_kernel_is_the_one_that_the_environment_asks_for() -> None:
    usual, asked = described_elsewhere(), described_elsewhere(OPENBLAS_CORETYPE="Nehalem")
    if "DYNAMIC_ARCH" not in usual["blas"]["loaded"] or not usual["simd"][0].startswith(("X86", "SSE")):
        pytest.skip("an OpenBLAS with one kernel, or not for x86")
    assert asked["blas"]["kernel"] == "Nehalem"
    assert "Nehalem" in asked["blas"]["loaded"]


# ---- NumPy's BLAS.


def pretend_library(monkeypatch: pytest.MonkeyPatch, **symbols: Callable[[], object]) -> None:
    """Let NumPy's compiled core be linked with a library that has these functions."""
    monkeypatch.setattr("ctypes.CDLL", lambda path: SimpleNamespace(**symbols))


@pytest.mark.parametrize("prefix", ["", "scipy_"])
@pytest.mark.parametrize("suffix", ["", "64_", "_64"])
@pytest.mark.parametrize(("parallel", "threading"), [(0, "single"), (1, "pthreads"), (2, "OpenMP"), (9, None)])
def test_openblas_is_asked_by_whichever_names_it_has(
    monkeypatch: pytest.MonkeyPatch, prefix: str, suffix: str, parallel: int, threading: str | None
) -> None:
    answers: dict[str, Callable[[], object]] = {
        "get_config": lambda: b"OpenBLAS 0.3.31  DYNAMIC_ARCH Zen MAX_THREADS=64 ",
        "get_corename": lambda: b"Zen",
        "get_num_threads": lambda: 6,
        "get_parallel": lambda: parallel,
    }
    pretend_library(monkeypatch, **{f"{prefix}openblas_{name}{suffix}": answer for name, answer in answers.items()})
    blas = describe_machine().blas
    assert blas.loaded == "OpenBLAS 0.3.31 DYNAMIC_ARCH Zen MAX_THREADS=64"
    assert (blas.kernel, blas.threads, blas.threading) == ("Zen", 6, threading)


def unknown(here: Machine) -> bool:
    return (here.blas.loaded, here.blas.kernel, here.blas.threads, here.blas.threading) == (None,) * 4


def test_another_blas_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_library(monkeypatch, MKL_Get_Max_Threads=lambda: 4)
    assert unknown(describe_machine())


def test_an_openblas_that_answers_in_part_is_described_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_library(monkeypatch, openblas_get_num_threads=lambda: 3)
    blas = describe_machine().blas
    assert (blas.threads, blas.loaded, blas.kernel, blas.threading) == (3, None, None, None)


def test_a_library_that_cannot_be_loaded_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str) -> None:
        raise OSError("cannot load")

    monkeypatch.setattr("ctypes.CDLL", refuse)
    assert unknown(describe_machine())


@pytest.mark.parametrize("missing", ["ctypes", "numpy._core._multiarray_umath"])
def test_a_module_that_is_missing_is_no_failure(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    assert unknown(describe_machine())


def test_a_core_that_is_no_file_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a Python that NumPy was built into."""
    monkeypatch.setitem(sys.modules, "numpy._core._multiarray_umath", SimpleNamespace())
    assert unknown(describe_machine())


@pytest.mark.parametrize(
    ("built", "name", "version"),
    [
        ({"name": "scipy-openblas", "found": True, "version": "0.3.31"}, "scipy-openblas", "0.3.31"),
        ({"name": "accelerate", "found": True, "version": "unknown"}, "accelerate", "unknown"),
        ({"name": "blas", "found": True}, "blas", None),
        ({"name": "openblas"}, None, None),  # looked for and not found: NumPy leaves out what is false
        ({}, None, None),
    ],
)
def test_what_numpy_was_built_with_is_its_own_word(
    monkeypatch: pytest.MonkeyPatch, built: dict, name: str | None, version: str | None
) -> None:
    monkeypatch.setattr(np, "show_config", lambda mode: {"Build Dependencies": {"blas": built}})
    blas = describe_machine().blas
    assert (blas.name, blas.version) == (name, version)


def test_simd_is_what_every_processor_has_and_what_was_found_here(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"baseline": ["SSE", "SSE2"], "found": ["AVX2"], "not found": ["AVX512F"]}
    monkeypatch.setattr(np, "show_config", lambda mode: {"SIMD Extensions": found})
    assert describe_machine().simd == ("SSE", "SSE2", "AVX2")


def test_a_numpy_that_tells_nothing_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(np, "show_config", lambda mode: {})
    here = describe_machine()
    assert (here.blas.name, here.simd) == (None, ())


# ---- Processor, cores and their limits.


def test_linux_names_the_processor(tmp_path: Path) -> None:
    text = "processor\t: 0\nmodel\t\t: 1\nmodel name\t: Fast CPU @ 3 GHz\n\nprocessor\t: 1\nmodel name\t: Other\n"
    assert describe_machine(write(tmp_path, {"proc/cpuinfo": text})).cpu == "Fast CPU @ 3 GHz"


@pytest.mark.parametrize("cpuinfo", ["processor\t: 0\nBogoMIPS\t: 50.00\n", "model name\t:\nflags\t: a\n", None])
def test_elsewhere_python_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cpuinfo: str | None) -> None:
    root = write(tmp_path, {} if cpuinfo is None else {"proc/cpuinfo": cpuinfo})
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    for processor, expected in (("arm", "arm"), ("", "aarch64")):
        monkeypatch.setattr("platform.processor", lambda processor=processor: processor)
        assert describe_machine(root).cpu == expected


def test_a_processor_without_a_name_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.processor", lambda: "")
    monkeypatch.setattr("platform.machine", lambda: "")
    assert describe_machine(tmp_path).cpu is None


GROUP_2 = "0::/a/b\n"
GROUP_1 = "9:name=systemd:/x\n5:cpuacct,cpu:/a/b\n3:cpuset:/c\n0::/\n"


@pytest.mark.parametrize(
    ("own_groups", "limits", "quota"),
    [
        pytest.param(None, {"cpu.max": "50000 100000"}, None, id="no groups"),
        pytest.param(GROUP_2, {}, None, id="no limit file"),
        pytest.param(GROUP_2, {"a/b/cpu.max": "250000 100000\n"}, 2.5, id="2"),
        pytest.param(GROUP_2, {"a/b/cpu.max": "max 100000\n"}, None, id="2 without limit"),
        pytest.param(GROUP_2, {"a/b/cpu.max": "max 100000", "a/cpu.max": "150000 50000"}, 3.0, id="2, above"),
        pytest.param(GROUP_2, {"a/b/cpu.max": "200000 100000", "a/cpu.max": "300000 100000"}, 2.0, id="2, both"),
        pytest.param(
            GROUP_2, {"a/b/cpu.max": "300000 100000", "a/cpu.max": "200000 100000"}, 2.0, id="2, both again"
        ),
        pytest.param(GROUP_2, {"c/cpu.max": "100000 100000"}, None, id="2, of another group"),
        pytest.param("0::/\n", {"cpu.max": "50000 100000"}, 0.5, id="2, a container's root"),
        pytest.param(
            GROUP_1,
            {"cpu/a/b/cpu.cfs_quota_us": "150000\n", "cpu/a/b/cpu.cfs_period_us": "100000\n"},
            1.5,
            id="1",
        ),
        pytest.param(
            GROUP_1,
            {"cpu/a/b/cpu.cfs_quota_us": "-1\n", "cpu/a/b/cpu.cfs_period_us": "100000\n"},
            None,
            id="1 without limit",
        ),
        pytest.param(
            GROUP_1,
            {"cpu/cpu.cfs_quota_us": "400000", "cpu/cpu.cfs_period_us": "100000"},
            4.0,
            id="1, a container's root",
        ),
        pytest.param(
            GROUP_1,
            {"cpu/c/cpu.cfs_quota_us": "100000", "cpu/c/cpu.cfs_period_us": "100000"},
            None,
            id="1, of another controller's group",
        ),
        pytest.param(GROUP_1, {"cpu/a/b/cpu.cfs_quota_us": "150000\n"}, None, id="1 without period"),
        pytest.param("garbage\n::\n\n0", {"cpu.max": "x"}, None, id="garbage"),
        pytest.param(GROUP_2, {"a/b/cpu.max": "100000 0"}, None, id="period 0"),
        pytest.param(GROUP_2, {"a/b/cpu.max": ""}, None, id="empty"),
    ],
)
def test_the_quota_is_the_least_of_the_groups(
    tmp_path: Path, own_groups: str | None, limits: dict[str, str], quota: float | None
) -> None:
    files = {f"sys/fs/cgroup/{name}": text for name, text in limits.items()}
    if own_groups is not None:
        files["proc/self/cgroup"] = own_groups
    assert describe_machine(write(tmp_path, files)).cpu_quota == quota


def cores(root: Path, monkeypatch: pytest.MonkeyPatch, allowed: int, quota: str) -> int:
    """How many cores are usable where the affinity allows some and a control group limits the time."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(allowed)), raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 16)
    root = write(root, {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": quota})
    return describe_machine(root).cores


@pytest.mark.parametrize(
    ("allowed", "quota", "expected"),
    [
        (8, "max 100000", 8),
        (8, "400000 100000", 4),
        (2, "400000 100000", 2),
        (8, "250000 100000", 3),
        (8, "10000 100000", 1),
        (1, "max 100000", 1),
    ],
)
def test_usable_cores_are_those_of_the_affinity_as_far_as_the_quota_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, allowed: int, quota: str, expected: int
) -> None:
    assert cores(tmp_path, monkeypatch, allowed, quota) == expected


@pytest.mark.parametrize(("count", "expected"), [(6, 6), (None, 1)])
def test_without_affinity_all_cores_are_usable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int | None, expected: int
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: count)
    assert describe_machine(tmp_path).cores == expected


def test_variables_that_decide_are_shown_and_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Zen")
    monkeypatch.setenv("MKL_NUM_THREADS", "")
    monkeypatch.setenv("LADDER_NP_DATA", "somewhere")
    assert describe_machine().environment == {"OMP_NUM_THREADS": "3", "OPENBLAS_CORETYPE": "Zen"}


# ---- CuPy and GPUs.


def pretend_packages(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Let these packages be installed, in version 14.2.0."""
    installed = [SimpleNamespace(metadata={"Name": name} if name else {}, version="14.2.0") for name in names]
    monkeypatch.setattr(importlib.metadata, "distributions", lambda: installed)


@pytest.mark.parametrize("name", ["cupy", "cupy-cuda12x", "cupy-cuda13x", "cupy-rocm-5-0"])
def test_cupy_is_found_by_the_name_that_it_was_installed_by(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    pretend_packages(monkeypatch, "numpy", "", name)
    assert describe_machine().cupy == "14.2.0"


def test_other_packages_are_no_cupy(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_packages(monkeypatch, "numpy", "cupy-xarray", "")
    assert describe_machine().cupy is None


def test_without_a_usable_gpu_the_reason_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "why_no_cuda", lambda: "no driver")
    here = describe_machine()
    assert (here.gpus, here.why_no_gpu) == ((), "no driver")


def test_every_gpu_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    properties = [
        {"name": b"GPU A", "totalGlobalMem": 8 << 30, "major": 9, "minor": 0},
        {"name": b"GPU B", "totalGlobalMem": 16 << 30, "major": 8, "minor": 6},
    ]
    runtime = SimpleNamespace(
        getDeviceCount=lambda: 2,
        getDeviceProperties=properties.__getitem__,
        driverGetVersion=lambda: 13010,
        runtimeGetVersion=lambda: 12090,
    )
    cupy = SimpleNamespace(cuda=SimpleNamespace(runtime=runtime))
    monkeypatch.setattr(machine, "why_no_cuda", lambda: "")
    monkeypatch.setattr(machine, "Device", lambda name: SimpleNamespace(xp=cupy))
    here = describe_machine()
    assert here.gpus == (Gpu("GPU A", 8 << 30, "9.0"), Gpu("GPU B", 16 << 30, "8.6"))
    assert here.cuda == "driver 13.1, CuPy uses 12.9"
    assert here.why_no_gpu == ""
