"""`ladder-np doctor`: one table or one JSON object, and advice for each known problem and nothing else."""

import dataclasses
import json

import pytest
from command_files import assert_refused

from ladder_np import arrays
from ladder_np.commands import doctor
from ladder_np.commands.doctor import advice
from ladder_np.inspection.machine import Blas, Gpu, Load, Machine

OPENBLAS = "OpenBLAS 0.3.31 USE64BITINT DYNAMIC_ARCH NO_AFFINITY Haswell MAX_THREADS=64"
GOOD = Machine(
    ladder_np="0.1.0",
    python="3.12.1",
    numpy="2.4.6",
    blas=Blas("scipy-openblas", "0.3.31", OPENBLAS, "Haswell", 4, "pthreads", "OpenBLAS"),
    simd=("X86_V2", "X86_V3"),
    cpu="Fast CPU",
    cpu_count=8,
    cpu_quota=None,
    cores=4,
    threads=4,
    environment={},
    cupy=None,
    cuda=None,
    gpus=(),
    why_no_gpu="CuPy is not installed",
)
RATE = 200.0
QUIET = Load(0.3, all_threads=0.06, one_thread=0.12)
NAMES = [
    *("ladder_np", "Python", "NumPy", "NumPy's BLAS", "BLAS in use", "BLAS kernel", "BLAS threads"),
    *("small products", "other threads", "CPU"),
    *("usable cores", "NumPy's SIMD", "environment", "float32 product", "load", "CuPy", "CUDA", "GPU", "device"),
]


def made_up(environment=None, cores=4, simd=GOOD.simd, cupy=None, **blas):
    """The good machine with something else."""
    return dataclasses.replace(
        GOOD,
        blas=dataclasses.replace(GOOD.blas, **blas),
        cores=cores,
        simd=simd,
        cupy=cupy,
        environment=environment or {},
    )


# A BLAS whose symbols tell nothing.
SILENT = {"loaded": None, "kernel": None, "threads": None, "threading": None}
WHEELS = "install NumPy from PyPI's wheels"


@pytest.mark.parametrize(
    ("machine", "rate"),
    [
        (GOOD, RATE),
        (GOOD, 32.1),
        (made_up(**SILENT, name="accelerate"), 1500.0),
        (made_up(**SILENT, name="mkl-sdl"), 8.1),
        (made_up(**SILENT, name="blas"), 20.0),  # conda's, behind which there is any
        (made_up(name=None), RATE),  # what it was built with does not matter where OpenBLAS answers
        (made_up(kernel="ARMV8", simd=("NEON", "ASIMD")), RATE),
        (made_up(kernel="Sandybridge", simd=("SSE2", "SSE42", "AVX")), RATE),
        (made_up(kernel="SkylakeX", simd=("SSE2", "AVX2", "AVX512F")), RATE),
        (made_up(kernel="Excavator"), RATE),
        (made_up(kernel="a kernel of tomorrow"), RATE),
        (made_up(threads=1, threading="single", cores=1), 50.0),
        (made_up(threads=64, cores=128), 3000.0),  # as many as this build can have
        (made_up(loaded="OpenBLAS 0.3.31 DYNAMIC_ARCH Haswell"), RATE),
        (made_up(environment={"OPENBLAS_NUM_THREADS": "4", "OPENBLAS_CORETYPE": "Haswell"}), RATE),
        (made_up(simd=("AVX2", "AVX512F")), RATE),  # OpenBLAS's own choice
        (dataclasses.replace(GOOD, cupy="14.2.0", gpus=(Gpu("GPU", 8 << 30, "9.0"),), why_no_gpu=""), RATE),
    ],
)
def test_a_machine_without_problems_gets_no_advice(machine, rate):
    assert advice(machine, rate) == []


@pytest.mark.parametrize(
    ("machine", "rate", "fragments"),
    [
        pytest.param(made_up(threads=5), RATE, ("threads: 5", "cores: 4", "OPENBLAS_NUM_THREADS=4"), id="many"),
        pytest.param(made_up(threads=8, threading="OpenMP"), RATE, ("set OMP_NUM_THREADS=4",), id="many, OpenMP"),
        pytest.param(made_up(threads=8), 3.0, ("threads: 8",), id="many, and therefore slow"),
        pytest.param(made_up(threads=3), RATE, ("threads: 3", "cores: 4", "set OPENBLAS_NUM_THREADS=4"), id="few"),
        pytest.param(
            made_up(threads=1, environment={"OPENBLAS_NUM_THREADS": "1"}),
            RATE,
            ("set OPENBLAS_NUM_THREADS=4 (it is 1)",),
            id="few, asked for",
        ),
        pytest.param(
            made_up(threads=1, threading="OpenMP", environment={"OMP_NUM_THREADS": "1"}),
            RATE,
            ("set OMP_NUM_THREADS=4 (it is 1)",),
            id="few, OpenMP",
        ),
        pytest.param(made_up(threads=8, cores=128), 3000.0, ("OPENBLAS_NUM_THREADS=64",), id="few of very many"),
        pytest.param(
            made_up(**SILENT, name=None, version=None), RATE, ("without an optimized BLAS", WHEELS), id="none"
        ),
        pytest.param(made_up(**SILENT, name="none"), RATE, ("without an optimized BLAS", WHEELS), id="'none'"),
        pytest.param(made_up(**SILENT, name="unknown"), RATE, ("without an optimized BLAS", WHEELS), id="'unknown'"),
        pytest.param(
            made_up(**SILENT, name="lapack_lite"), 1.0, ("without an optimized BLAS", WHEELS), id="lapack_lite"
        ),
        pytest.param(made_up(**SILENT, name="blas"), 7.9, ("7.9 GFLOP/s per thread", WHEELS), id="reference BLAS"),
        pytest.param(made_up(), 31.9, ("8.0 GFLOP/s per thread", WHEELS), id="slow, 4 threads"),
        pytest.param(
            made_up(kernel="Katmai", environment={"OPENBLAS_CORETYPE": "Prescott"}),
            RATE,
            ("Katmai", "AVX2", "unset OPENBLAS_CORETYPE (it is Prescott)"),
            id="kernel asked for",
        ),
        pytest.param(
            made_up(simd=("X86_V3", "X86_V4"), environment={"OPENBLAS_CORETYPE": "Haswell"}),
            RATE,
            ("Haswell", "AVX-512", "unset OPENBLAS_CORETYPE (it is Haswell)"),
            id="kernel asked for, AVX-512",
        ),
        pytest.param(
            made_up(kernel="NEHALEM"), RATE, ("NEHALEM", "set OPENBLAS_CORETYPE=Haswell"), id="kernel found"
        ),
        pytest.param(
            made_up(kernel="Sandybridge", simd=("SSE2", "AVX", "AVX2")),
            RATE,
            ("Sandybridge",),
            id="AVX2 of NumPy 2.3",
        ),
        pytest.param(
            made_up(kernel="PRESCOTT", loaded="OpenBLAS 0.3.31 PRESCOTT MAX_THREADS=64"),
            4.0,
            (WHEELS,),
            id="one kernel",
        ),
        pytest.param(made_up(threads=1, threading="single"), RATE, ("single-threaded", WHEELS), id="single-threaded"),
        pytest.param(
            made_up(cupy="14.2.0"),
            RATE,
            ("CuPy 14.2.0 is installed", "CuPy is not installed"),
            id="CuPy without a GPU",
        ),
    ],
)
def test_each_problem_gets_only_its_own_advice(machine, rate, fragments):
    (line,) = advice(machine, rate)
    assert "\n" not in line
    for fragment in fragments:
        assert fragment in line


def test_several_problems_get_one_line_each():
    lines = advice(made_up(threads=1, kernel="Core2", cupy="14.2.0"), 5.0)
    assert [next(word for word in ("Core2", "threads: 1", "CuPy") if word in line) for line in lines] == [
        "Core2",
        "threads: 1",
        "CuPy",
    ]


# ---- The command.


@pytest.fixture
def on(monkeypatch):
    """Lets the command run on a made-up machine."""

    def pretend(machine, load=QUIET, rate=RATE):
        monkeypatch.setattr(doctor, "measure_load", lambda: load)
        monkeypatch.setattr(doctor, "describe_machine", lambda: machine)
        monkeypatch.setattr(doctor, "product_rate", lambda: rate)

    return pretend


def table_of(out):
    """The rows as {name: value}, and the lines after them."""
    lines = out.splitlines()
    width = len("float32 product") + 2
    rows = {line[:width].strip(): line[width:] for line in lines[: len(NAMES)]}
    return rows, lines[len(NAMES) :]


def test_the_table_of_this_machine_has_every_row(command):
    outcome = command("doctor")
    assert (outcome.status, outcome.err) == (0, "")
    rows, rest = table_of(outcome.out)
    assert list(rows) == NAMES
    assert all(value and value == value.strip() for value in rows.values())
    assert rest == ["nothing looks wrong"] or all(line.startswith("advice: ") for line in rest)
    assert rest


def test_the_table_says_what_was_found(command, on):
    on(GOOD)
    rows, rest = table_of(command("doctor").out)
    assert rows == dict(
        zip(
            NAMES,
            [
                *(
                    "0.1.0",
                    "3.12.1",
                    "2.4.6",
                    "scipy-openblas 0.3.31",
                    OPENBLAS,
                    "Haswell",
                    "4 (pthreads)",
                    "on one BLAS thread, in pieces below the size from which OpenBLAS uses more",
                    "4 share convolutions and all that is not a matrix product",
                    "Fast CPU",
                ),
                *("4 of 8", "X86_V2 X86_V3", "sets nothing", "200.0 GFLOP/s; 300x784 @ 784x1000 takes 2.35 ms"),
                "average 0.3; 300x200 @ 200x100 takes 0.06 ms on all BLAS threads, 0.12 ms on one",
                *("not installed", "not in use", "none: CuPy is not installed", "cpu"),
            ],
            strict=True,
        )
    )
    assert rest == ["nothing looks wrong"]


def test_what_cannot_be_determined_is_unknown(command, on):
    on(dataclasses.replace(made_up(**SILENT, name=None, version=None, simd=()), cpu=None))
    rows, _ = table_of(command("doctor").out)
    for name in ("BLAS in use", "BLAS kernel", "BLAS threads", "CPU"):
        assert rows[name] == "unknown"
    assert (rows["NumPy's BLAS"], rows["NumPy's SIMD"]) == ("none", "none")


def test_limits_variables_and_gpus_are_shown(command, on):
    gpus = (Gpu("GPU A", 8 << 30, "9.0"), Gpu("GPU B", 3 << 29, "7.5"))
    machine = made_up(environment={"OMP_NUM_THREADS": "4\n", "OPENBLAS_CORETYPE": "Zen"}, cupy="14.2.0")
    on(dataclasses.replace(machine, cpu_quota=3.5, gpus=gpus, why_no_gpu=""))
    rows, _ = table_of(command("doctor").out)
    assert rows["usable cores"] == "4 of 8 (the CPU quota is 3.5)"
    assert rows["environment"] == "OMP_NUM_THREADS=4 OPENBLAS_CORETYPE=Zen"
    assert rows["CuPy"] == "14.2.0"
    assert rows["GPU"] == "GPU A, 8.0 GiB, capability 9.0; GPU B, 1.5 GiB, capability 7.5"


def test_advice_follows_the_table_and_is_not_a_failure(command, on):
    on(made_up(threads=1, kernel="Katmai"))
    outcome = command("doctor")
    assert (outcome.status, outcome.err) == (0, "")
    _, rest = table_of(outcome.out)
    assert rest == [f"advice: {line}" for line in advice(made_up(threads=1, kernel="Katmai"), RATE)]
    assert len(rest) == 2


def test_json_is_one_object_with_everything_in_the_table(command, on):
    machine = dataclasses.replace(
        made_up(threads=1, environment={"OMP_NUM_THREADS": "1"}), gpus=(Gpu("GPU", 5, "8.0"),)
    )
    on(machine)
    outcome = command("doctor --json")
    assert (outcome.status, outcome.err) == (0, "")
    found = json.loads(outcome.out)
    assert (found.pop("device"), found.pop("device_checks")) == ("cpu", [])
    assert found.pop("advice") == advice(machine, RATE) != []
    product = found.pop("float32_product")
    assert product == {
        "product": "300x784 @ 784x1000",
        "gigaflops": RATE,
        "milliseconds": pytest.approx(2.352),
    }
    assert found.pop("load") == {"product": "300x200 @ 200x100"} | dataclasses.asdict(QUIET)
    assert found == dataclasses.asdict(machine) | {
        "simd": list(GOOD.simd),
        "gpus": [{"name": "GPU", "memory": 5, "capability": "8.0"}],
    }


@pytest.mark.parametrize(
    ("load", "said"),
    [
        (
            Load(2.1, 3.41, 0.15),
            ("busy", "3.41 ms on all BLAS threads, 0.15 ms on one", "load average 2.1", "cores 4"),
        ),
        (Load(None, 3.41, 0.15), ("busy", "OPENBLAS_NUM_THREADS=1")),  # a system that has no such average
        (Load(5.2, 0.2, 0.15), ("busy", "load average 5.2, usable cores 4", "too long")),
    ],
)
def test_a_busy_machine_is_said_to_be_busy(command, on, load, said):
    on(GOOD, load)
    _, rest = table_of(command("doctor").out)
    assert len(rest) == 1
    assert rest[0].startswith("advice: this machine is ")
    assert all(word in rest[0] for word in said)


@pytest.mark.parametrize("load", [QUIET, Load(None, 0.06, 0.12), Load(4.9, 0.2, 0.15)])
def test_a_machine_with_cores_to_spare_is_not(command, on, load):
    on(GOOD, load)
    assert table_of(command("doctor").out)[1] == ["nothing looks wrong"]


def test_threads_of_a_blas_that_is_left_alone_are_not_said_to_fight(command, on):
    on(made_up(one_thread="", name="accelerate"), Load(0.5, 3.41, 0.15))
    rows, rest = table_of(command("doctor").out)
    assert rest == ["nothing looks wrong"]
    assert rows["small products"] == "as this BLAS runs them: its threads are left alone"


def test_json_of_this_machine_can_be_read(command):
    found = json.loads(command("doctor --json").out)
    assert found["float32_product"]["gigaflops"] > 0
    assert found["cores"] >= 1


def test_cuda_that_cannot_be_used_is_one_line(command, monkeypatch):
    monkeypatch.setattr(arrays, "why_no_cuda", lambda: "no GPU here")
    outcome = command("doctor --device cuda")
    assert_refused(outcome, "'cuda'", "no GPU here")
    assert outcome.out == ""


def test_an_unknown_device_is_one_line(command):
    assert_refused(command("doctor --device tpu"), "'tpu'", "cpu, cuda, auto")


def test_auto_says_which_device_it_chooses(command, on, monkeypatch):
    on(GOOD)
    monkeypatch.setattr(arrays, "why_no_cuda", lambda: "no GPU here")
    rows, _ = table_of(command("doctor --device auto").out)
    assert rows["device"] == "cpu"


def test_the_program_lists_the_command(command):
    assert "doctor" in command("--help").out
