"""What decides speed on this machine: its processor and cores, NumPy's BLAS and its threads, its GPUs.

What cannot be determined is None; on no system and with no BLAS does this raise an error.
"""

import math
import os
import platform
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from ladder_np.arrays import Device, why_no_cuda
from ladder_np.blas import ask_openblas, built_with, one_thread_blas, one_thread_product
from ladder_np.threads import THREAD_VARIABLES, cpu_quota, read_system_file, thread_count, usable_cores
from ladder_np.version import __version__

__all__ = [
    "INPUTS",
    "PRODUCT",
    "ROWS",
    "SMALL_PRODUCT",
    "UNITS",
    "Blas",
    "Gpu",
    "Load",
    "Machine",
    "best_rate",
    "describe_blas",
    "describe_machine",
    "measure_load",
    "product_milliseconds",
    "product_rate",
]

# Environment variables that decide how many threads a BLAS starts, or which instructions it or NumPy uses.
VARIABLES = (
    *THREAD_VARIABLES,
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "OPENBLAS_THREAD_TIMEOUT",
    "OPENBLAS_CORETYPE",
    "NPY_DISABLE_CPU_FEATURES",
)
THREADING = {0: "single", 1: "pthreads", 2: "OpenMP"}  # by the return value of openblas_get_parallel
ROWS, INPUTS, UNITS = 300, 784, 1000  # first product of a step of the paper's network: 3 passes of 100 rows
PRODUCT = f"{ROWS}x{INPUTS} @ {INPUTS}x{UNITS}"
FLOP = 2 * ROWS * INPUTS * UNITS
SECONDS = 0.25  # for which a product is repeated
SMALL_ROWS, SMALL_INPUTS, SMALL_UNITS = 300, 200, 100  # the same for the default network of a table
SMALL_PRODUCT = f"{SMALL_ROWS}x{SMALL_INPUTS} @ {SMALL_INPUTS}x{SMALL_UNITS}"


@dataclass(frozen=True)
class Blas:
    """The library in which NumPy's matrix products run."""

    # the library that NumPy was built with; None if it was built without one
    name: str | None
    version: str | None
    # version and options of the OpenBLAS in use, as OpenBLAS reports them; None for any other library
    loaded: str | None
    kernel: str | None  # the processor type whose code OpenBLAS chose
    threads: int | None  # how many threads OpenBLAS uses
    threading: str | None  # the kind of threads that OpenBLAS was built with
    one_thread: str  # by whose way small products run on one thread: "OpenBLAS", "MKL", or "" if they do not


@dataclass(frozen=True)
class Load:
    """What other programs leave of this machine."""

    average: float | None  # how many threads ran or waited for a core in the last minute; None where unknown
    # mean milliseconds of `SMALL_PRODUCT` in float32, as NumPy runs it and on one thread
    all_threads: float
    one_thread: float


@dataclass(frozen=True)
class Gpu:
    """A GPU's name, its memory in bytes, and its compute capability as ``"9.0"``."""

    name: str
    memory: int
    capability: str


@dataclass(frozen=True)
class Machine:
    """What decides speed on this machine."""

    # versions
    ladder_np: str
    python: str
    numpy: str
    blas: Blas
    simd: tuple[str, ...]  # instruction sets that NumPy itself uses, as NumPy names them
    cpu: str | None  # the processor's model
    cpu_count: int  # cores of the machine, hardware threads counted
    cpu_quota: float | None  # CPU time that control groups allow, in cores; None without a limit
    cores: int  # cores that this process may use: by affinity, and by the quota, rounded up
    threads: int  # threads that share convolutions and all that is not a matrix product (`ladder_np.threads`)
    environment: Mapping[str, str]  # the variables in `VARIABLES` that are set
    cupy: str | None  # CuPy's version; None if it is not installed
    cuda: str | None  # the versions of CUDA that the driver can run and that CuPy uses; None without a GPU
    gpus: tuple[Gpu, ...]  # those that CuPy can use
    why_no_gpu: str  # the reason in one line; empty if there are `gpus`


def describe_machine(root: Path = Path("/")) -> Machine:
    """Return what decides speed on this machine, without measuring anything.

    `root` is where Linux has ``proc`` and ``sys``. Other systems have neither; there, less is found.
    """
    config: Mapping[str, Any] = np.show_config(mode="dicts") or {}
    simd, quota, why_no_gpu = config.get("SIMD Extensions", {}), cpu_quota(root), why_no_cuda()
    gpu = None if why_no_gpu else Device("cuda").xp
    return Machine(
        ladder_np=__version__,
        python=platform.python_version(),
        numpy=np.__version__,
        blas=describe_blas(),
        simd=(*simd.get("baseline", ()), *simd.get("found", ())),
        cpu=_cpu_model(root),
        cpu_count=os.cpu_count() or 1,
        cpu_quota=quota,
        cores=usable_cores(quota),
        threads=thread_count(),
        environment={name: os.environ[name] for name in VARIABLES if os.environ.get(name)},
        cupy=_cupy_version(),
        cuda=None if gpu is None else _cuda_versions(gpu),
        gpus=() if gpu is None else _describe_gpus(gpu),
        why_no_gpu=why_no_gpu,
    )


def _cpu_model(root: Path) -> str | None:
    """Return the processor's name; Linux on Arm names only the architecture."""
    named = re.search(r"^model name\s*:(.*)", read_system_file(root / "proc/cpuinfo"), flags=re.MULTILINE)
    return (named[1].strip() if named else "") or platform.processor() or platform.machine() or None


def describe_blas() -> Blas:
    """Return what NumPy's matrix products run in."""
    built, answers = built_with(), ask_openblas()
    return Blas(
        name=built.get("name"),
        version=built.get("version"),
        loaded=answers.get("get_config"),
        kernel=answers.get("get_corename"),
        threads=answers.get("get_num_threads"),
        threading=THREADING.get(answers.get("get_parallel", -1)),
        one_thread=one_thread_blas(),
    )


def _cupy_version() -> str | None:
    """Return the version of the CuPy that is installed, whether or not it can be imported."""
    from importlib import metadata  # imported here because it is slow and only `doctor` needs it

    for distribution in metadata.distributions():
        about = distribution.metadata
        if "Name" in about and re.fullmatch("cupy(-cuda.*|-rocm.*)?", about["Name"]):
            return distribution.version
    return None


def _cuda_versions(cupy: ModuleType) -> str:
    driver, used = cupy.cuda.runtime.driverGetVersion(), cupy.cuda.runtime.runtimeGetVersion()
    return f"driver {_dotted(driver)}, CuPy uses {_dotted(used)}"


def _dotted(version: int) -> str:
    return f"{version // 1000}.{version % 1000 // 10}"  # 13010 is 13.1


def _describe_gpus(cupy: ModuleType) -> tuple[Gpu, ...]:
    runtime = cupy.cuda.runtime
    found = map(runtime.getDeviceProperties, range(runtime.getDeviceCount()))
    return tuple(
        Gpu(about["name"].decode(), about["totalGlobalMem"], f"{about['major']}.{about['minor']}") for about in found
    )


def product_rate(device: Device | None = None) -> float:
    """Return the best speed of the float32 product `PRODUCT` on a device, in GFLOP/s; the CPU by default."""
    device = device or Device()
    generator = np.random.default_rng(0)
    x = device.put(generator.standard_normal((ROWS, INPUTS), dtype=np.float32))
    W = device.put(generator.standard_normal((INPUTS, UNITS), dtype=np.float32))
    out = x @ W  # the first product also starts the threads

    def multiply() -> None:
        device.xp.matmul(x, W, out=out)
        device.synchronize()

    return best_rate(multiply)


def best_rate(multiply: Callable[[], None]) -> float:
    """Return the best speed, in GFLOP/s, of a function that computes `PRODUCT` and waits for it."""
    best, end = math.inf, time.perf_counter() + SECONDS
    while (start := time.perf_counter()) < end:
        multiply()
        best = min(best, time.perf_counter() - start)
    return FLOP / best / 1e9


def measure_load() -> Load:
    """Return what other programs leave of this machine: where a core is taken, BLAS threads wait for each other."""
    average = os.getloadavg()[0] if hasattr(os, "getloadavg") else None  # before this adds to it
    generator = np.random.default_rng(0)
    x = generator.standard_normal((SMALL_ROWS, SMALL_INPUTS), dtype=np.float32)
    W = generator.standard_normal((SMALL_INPUTS, SMALL_UNITS), dtype=np.float32)
    return Load(average, _mean_milliseconds(np.matmul, x, W), _mean_milliseconds(one_thread_product, x, W))


def _mean_milliseconds(multiply: Callable[..., object], x: np.ndarray, W: np.ndarray) -> float:
    multiply(x, W)
    start, times = time.perf_counter(), 0
    while time.perf_counter() < start + SECONDS:
        multiply(x, W)
        times += 1
    return 1e3 * (time.perf_counter() - start) / times


def product_milliseconds(rate: float) -> float:
    """Return how long one product of `product_rate` takes at `rate` GFLOP/s."""
    return FLOP / rate / 1e6
