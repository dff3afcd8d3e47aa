"""``ladder-np doctor``: what decides speed on this machine, and what is wrong with it."""

import argparse
import dataclasses
import json
import re
from collections.abc import Iterator
from typing import Any

from ladder_np.arrays import Device
from ladder_np.commands.options import add_device_option
from ladder_np.experiments.device_check import DeviceCheck, check_device
from ladder_np.inspection.machine import (
    PRODUCT,
    SMALL_PRODUCT,
    Load,
    Machine,
    describe_machine,
    measure_load,
    product_milliseconds,
    product_rate,
)

__all__ = ["add_to", "advice"]

NO_BLAS = (None, "none", "unknown", "lapack_lite")  # how NumPy names what it uses if it was built without a BLAS
# OpenBLAS's kernels for x86 processors without AVX2. It reports Katmai when OPENBLAS_CORETYPE is Prescott.
KERNELS_BEFORE_AVX2 = (
    "generic katmai coppermine northwood prescott banias atom core2 penryn dunnington nehalem sandybridge athlon "
    "opteron opteron_sse3 barcelona bobcat bulldozer piledriver steamroller nano"
)
KERNELS_OF_AVX2 = "haswell zen excavator"
# NumPy's names for them, before 2.4 and since
AVX2, AVX512 = frozenset(("AVX2", "X86_V3")), frozenset(("AVX512F", "X86_V4"))
CHECK_WIDTH = 43
VERDICT = {True: "ok", False: "FAILED", None: ""}
SMALL_PRODUCTS = {  # how those of a small network run on one thread, by `Blas.one_thread`
    "OpenBLAS": "on one BLAS thread, in pieces below the size from which OpenBLAS uses more",
    "MKL": "on one BLAS thread, set for the calling thread alone",
    "": "as this BLAS runs them: its threads are left alone",
}
FIGHTING = 2.0  # times as long on all threads as on one: on an idle machine, all threads are the faster
SLOW = 8.0  # GFLOP/s per thread: code without SIMD is slower, SIMD code on any recent processor much faster
WHEELS = "install NumPy from PyPI's wheels (pip install --force-reinstall --only-binary=numpy numpy)"


def add_to(commands: Any) -> None:
    """Add this command to the program's."""
    parser = commands.add_parser(
        "doctor",
        help="what decides speed on this machine",
        description="Show what decides speed on this machine, and what is wrong with it. Advice is not a failure: "
        "the exit status is 0. With --device cuda, also check that the GPU computes what NumPy computes, and show "
        "how fast; the exit status is 1 if a check fails.",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    add_device_option(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Describe, measure, print, advise."""
    device = Device(arguments.device)  # first, because a device that cannot be used is an error
    load = measure_load()  # before anything here is itself a load
    machine, rate = describe_machine(), product_rate()
    lines = [*advice(machine, rate), *_about_load(machine, load)]
    checks = check_device(device) if device.name != "cpu" else iter(())
    if arguments.json:
        product = {"product": PRODUCT, "gigaflops": rate, "milliseconds": product_milliseconds(rate)}
        found = dataclasses.asdict(machine) | {"device": device.name, "float32_product": product, "advice": lines}
        found["load"] = {"product": SMALL_PRODUCT} | dataclasses.asdict(load)
        done = list(checks)
        print(json.dumps(found | {"device_checks": [dataclasses.asdict(check) for check in done]}, indent=2))
        return _status(done)
    for name, value in _rows(machine, device, rate, load).items():
        print(f"{name:<15}  {' '.join(value.split())}")
    for line in lines:
        print(f"advice: {line}")
    if not lines:
        print("nothing looks wrong")
    return _status(_shown(checks))


def _shown(checks: Iterator[DeviceCheck]) -> list[DeviceCheck]:
    """Print each check as soon as it is done, then the verdict; return the checks."""
    done: list[DeviceCheck] = []
    for check in checks:
        if not done:
            print(f"\n{'on the GPU':<{CHECK_WIDTH}}  verdict  found")
        done.append(check)
        print(f"{check.name:<{CHECK_WIDTH}}  {VERDICT[check.passed]:<7}  {check.found}", flush=True)
    if done:
        failed = sum(check.passed is False for check in done)
        judged = sum(check.passed is not None for check in done)
        print(f"{failed} of {judged} checks FAILED" if failed else f"all {judged} checks passed")
    return done


def _status(checks: list[DeviceCheck]) -> int:
    return 1 if any(check.passed is False for check in checks) else 0


def _rows(machine: Machine, device: Device, rate: float, load: Load) -> dict[str, str]:
    blas = machine.blas
    quota = "" if machine.cpu_quota is None else f" (the CPU quota is {machine.cpu_quota:g})"
    gpus = [f"{gpu.name}, {gpu.memory / 2**30:.1f} GiB, capability {gpu.capability}" for gpu in machine.gpus]
    return {
        "ladder_np": machine.ladder_np,
        "Python": machine.python,
        "NumPy": machine.numpy,
        "NumPy's BLAS": "none" if blas.name is None else f"{blas.name} {blas.version or ''}",
        "BLAS in use": _known(blas.loaded),
        "BLAS kernel": _known(blas.kernel),
        "BLAS threads": _known(blas.threads) + (f" ({blas.threading})" if blas.threading else ""),
        "small products": SMALL_PRODUCTS[blas.one_thread],
        "other threads": f"{machine.threads} share convolutions and all that is not a matrix product",
        "CPU": _known(machine.cpu),
        "usable cores": f"{machine.cores} of {machine.cpu_count}{quota}",
        "NumPy's SIMD": " ".join(machine.simd) or "none",
        "environment": " ".join(f"{name}={value}" for name, value in machine.environment.items()) or "sets nothing",
        "float32 product": f"{rate:.1f} GFLOP/s; {PRODUCT} takes {product_milliseconds(rate):.2f} ms",
        "load": _load_row(load),
        "CuPy": machine.cupy or "not installed",
        "CUDA": machine.cuda or "not in use",
        "GPU": "; ".join(gpus) or f"none: {machine.why_no_gpu}",
        "device": device.name,
    }


def _load_row(load: Load) -> str:
    average = "unknown" if load.average is None else f"{load.average:.1f}"
    return f"average {average}; {SMALL_PRODUCT} takes {_two_times(load)}"


def _two_times(load: Load) -> str:
    return f"{load.all_threads:.2f} ms on all BLAS threads, {load.one_thread:.2f} ms on one"


def _known(value: str | int | None) -> str:
    return "unknown" if value is None else str(value)


def advice(machine: Machine, rate: float) -> list[str]:
    """Return what is wrong with a machine and what to do about it, one line per problem; empty if nothing is wrong.

    The rate is that of `product_rate`, in GFLOP/s.
    """
    causes = list(_about_blas(machine))
    # Slow products are a symptom, reported only without a known cause.
    speed = causes or _about_slow_product(machine, rate)
    return [*speed, *_about_few_threads(machine), *_about_cupy(machine)]


def _about_blas(machine: Machine) -> Iterator[str]:
    """Yield what makes matrix products slow."""
    if (machine.blas.threads or 0) > machine.cores:
        yield (
            f"BLAS threads: {machine.blas.threads}, usable cores: {machine.cores}; threads that share a core wait "
            f"for each other: set {_threads_variable(machine)}={machine.cores}"
        )
    if machine.blas.loaded is None and machine.blas.name in NO_BLAS:
        yield f"NumPy was built without an optimized BLAS; {WHEELS}"
    kernel, forced = machine.blas.kernel or "", machine.environment.get("OPENBLAS_CORETYPE")
    if kernel.lower() in KERNELS_BEFORE_AVX2.split() and not AVX2.isdisjoint(machine.simd):
        remedy = f"unset OPENBLAS_CORETYPE (it is {forced})" if forced else "set OPENBLAS_CORETYPE=Haswell"
        if "DYNAMIC_ARCH" not in (machine.blas.loaded or ""):  # this build has only one kernel
            remedy = WHEELS
        yield f"OpenBLAS uses its {kernel} kernel, which has no AVX2, though the processor has it; {remedy}"
    elif forced and kernel.lower() in KERNELS_OF_AVX2.split() and not AVX512.isdisjoint(machine.simd):
        yield (
            f"OpenBLAS uses its {kernel} kernel, which has no AVX-512, though the processor has it; "
            f"unset OPENBLAS_CORETYPE (it is {forced}): products may be twice as fast"
        )


def _about_slow_product(machine: Machine, rate: float) -> Iterator[str]:
    each = rate / (machine.blas.threads or 1)  # an unknown number of threads is at least one
    if each < SLOW:
        yield (
            f"products run at {each:.1f} GFLOP/s per thread, far below the speed of SIMD code; if that is so with "
            f"nothing else running, {WHEELS}"
        )


def _about_few_threads(machine: Machine) -> Iterator[str]:
    threads, variable = machine.blas.threads, _threads_variable(machine)
    most = re.search(r"MAX_THREADS=(\d+)", machine.blas.loaded or "")
    possible = min(machine.cores, int(most[1])) if most else machine.cores
    if machine.blas.threading == "single" and machine.cores > 1:
        yield f"OpenBLAS is a single-threaded build, usable cores: {machine.cores}; {WHEELS}"
    elif threads is not None and threads < possible:
        now = f" (it is {machine.environment[variable]})" if variable in machine.environment else ""
        yield (
            f"BLAS threads: {threads}, usable cores: {machine.cores}; unless other programs need the rest, "
            f"set {variable}={possible}{now}"
        )


def _about_load(machine: Machine, load: Load) -> Iterator[str]:
    """Yield that other programs use the cores: seen by how long threads wait for each other, or by the average."""
    average = load.average or 0.0
    if machine.blas.one_thread and load.all_threads > FIGHTING * load.one_thread:
        yield (
            f"this machine is busy: {SMALL_PRODUCT} takes {_two_times(load)} (load average {average:.1f}, usable "
            f"cores {machine.cores}); small networks use one, but large ones will train slowly: wait until other "
            f"programs have ended, or set {_threads_variable(machine)}=1"
        )
    elif average > machine.cores + 1:  # the one is this program's own
        yield (
            f"this machine is busy: load average {average:.1f}, usable cores {machine.cores}; times measured now are "
            "too long"
        )


def _about_cupy(machine: Machine) -> Iterator[str]:
    if machine.cupy is not None and machine.why_no_gpu:
        yield f"CuPy {machine.cupy} is installed, but no GPU can be used: {machine.why_no_gpu}"


def _threads_variable(machine: Machine) -> str:
    """Return the variable that overrides all others; an OpenBLAS built with OpenMP ignores its own variables."""
    return "OMP_NUM_THREADS" if machine.blas.threading == "OpenMP" else "OPENBLAS_NUM_THREADS"
