"""The kernels' text through CUDA's compiler, NVRTC, with everything that CuPy adds to it; no GPU or driver is needed.

What comes out is machine code for GPUs of one compute capability, in an ELF file ("cubin").
"""

import io
import itertools
import re
import struct
import warnings
from collections.abc import Callable
from types import ModuleType, SimpleNamespace

import pytest
from kernel_points import WITH_KERNELS

from ladder_np import kernels
from ladder_np.kernels import REAL, SLOTS, TILE, Kernels, kernel_text
from ladder_np.operations.activations import ACTIVATIONS
from ladder_np.operations.combinators import COMBINATORS

CAPABILITIES = ("75", "80", "90")
NAMES = re.findall(r"^KERNEL (\w+)", kernel_text(), re.MULTILINE)
# What a layer's activation and combinator tell the compiler. The text that the activation changes has nothing of what
# the combinator changes (a test below): each dtype with each activation, and the combinators in turn, are all the
# code there is. Either may tell nothing, and kernels that need neither may be the first to be compiled.
ON_ACTIVATION, ON_COMBINATOR = (
    [table[name].cuda for name in names]
    for table, names in zip((ACTIVATIONS, COMBINATORS), WITH_KERNELS, strict=True)
)
PAIRS = [(text, ON_COMBINATOR[k % len(ON_COMBINATOR)]) for k, text in enumerate(ON_ACTIVATION)]
PAIRS += [(ON_ACTIVATION[0], ""), ("", ON_COMBINATOR[0]), ()]
NETWORKS = list(itertools.product(REAL, PAIRS))
# Of every capability from 7.5 on: registers of a multiprocessor, bytes of shared memory that a block gets unasked.
REGISTERS, SHARED_MEMORY = 65536, 48 * 1024
# Bytes of a thread that lie in slow memory: the compiler may put a number or two there to make room for more blocks.
STACK = 16

Compile = Callable[..., bytes]


@pytest.fixture(scope="module")
def cupy() -> ModuleType:
    """Return the real CuPy, if it finds NVRTC."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about libraries of CUDA that are not installed
        cupy = pytest.importorskip("cupy", reason="CuPy cannot be imported (extra cuda-check)", exc_type=ImportError)
    try:
        cupy.cuda.nvrtc.getVersion()
    except (ImportError, RuntimeError) as error:
        pytest.skip(f"CuPy finds no NVRTC (extra cuda-check): {error}")
    return cupy


@pytest.fixture
def compiled(cupy: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Compile:
    """Return a function that compiles the kernels of a layer, as CuPy's RawModule does, for a capability.

    It goes through all of CuPy that stands between RawModule and NVRTC. Only the two steps that ask for a device are
    left out: which capability it has, and loading the code on it.
    """
    from cupy._core.core import compile_with_cache
    from cupy.cuda import compiler, function

    class Unloaded(function.Module):
        def load(self, cubin: bytes) -> None:
            self.cubin = cubin

    monkeypatch.setattr(function, "Module", Unloaded)
    options_of = compiler._get_arch_for_options_for_nvrtc.__wrapped__  # without what keeps results device by device
    monkeypatch.setattr(compiler, "_get_arch_for_options_for_nvrtc", options_of)
    monkeypatch.setenv("CUPY_CACHE_IN_MEMORY", "1")  # nothing from an earlier run, and no file

    def compile_for(capability: str, dtype: str, options: tuple[str, ...]) -> bytes:
        modules = []

        def raw_module(code: str, options: tuple[str, ...]) -> SimpleNamespace:
            log = io.StringIO()
            module = compile_with_cache(code, options, capability, prepend_cupy_headers=False, log_stream=log)
            assert log.getvalue() == "", "the compiler warns"
            modules.append(module)
            return SimpleNamespace(get_function=str)

        Kernels(SimpleNamespace(RawModule=raw_module), dtype).compiled(options)
        return modules[0].cubin

    return compile_for


class Cubin:
    """What an ELF file with machine code for a GPU says of itself (as NVRTC of CUDA 13 writes it).

    Attributes
    ----------
    capability : str
    kernels : dict of str to dict
        What each kernel needs: "registers" of a thread, "stack" of a thread and "shared" memory of a block in bytes.
    """

    def __init__(self, file: bytes) -> None:
        assert file[:4] == b"\x7fELF"
        self._file = file
        self.capability = str(file[49])  # the flags' second byte
        (start,) = struct.unpack_from("<Q", file, 40)
        size, count, names = struct.unpack_from("<3H", file, 58)
        headers = [struct.unpack_from("<IIQQQQ", file, start + k * size) for k in range(count)]
        self._sections = {self._text(headers[names][4] + header[0]): header[4:] for header in headers}
        self.kernels = {
            name[6:]: {"shared": self._sections.get(f".nv.shared.{name[6:]}", (0, 0))[1]}
            for name in self._sections
            if name.startswith(".text.")
        }
        self._read_attributes()

    def _text(self, start: int) -> str:
        return self._file[start : self._file.index(b"\0", start)].decode()

    def _read_attributes(self) -> None:
        """Read (format, attribute, size) and the values, a function's number among the symbols being the first."""
        start, size = self._sections[".nv.info"]
        place = start
        while place < start + size:
            form, attribute, length = struct.unpack_from("<BBH", self._file, place)
            place += 4
            if form == 4:  # the values follow
                if attribute in (0x2F, 0x11):
                    symbol, value = struct.unpack_from("<2I", self._file, place)
                    if (name := self._symbol(symbol)) in self.kernels:
                        self.kernels[name][{0x2F: "registers", 0x11: "stack"}[attribute]] = value
                place += length

    def _symbol(self, number: int) -> str:
        (name,) = struct.unpack_from("<I", self._file, self._sections[".symtab"][0] + 24 * number)
        return self._text(self._sections[".strtab"][0] + name)


@pytest.mark.parametrize("capability", CAPABILITIES)
@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: "".join((network[0], *network[1])))
def test_every_kernel_compiles_and_fits_into_a_gpu(network: tuple, capability: str, compiled: Compile) -> None:
    cubin = Cubin(compiled(capability, *network))
    assert cubin.capability == capability
    assert sorted(cubin.kernels) == sorted(NAMES)
    assert_fits(cubin)


def assert_fits(cubin: Cubin) -> None:
    for name, needs in cubin.kernels.items():
        assert 0 < needs["registers"] * TILE * SLOTS <= REGISTERS, name
        assert needs["shared"] <= SHARED_MEMORY, name
        assert needs["stack"] <= STACK, f"{name} keeps numbers in slow memory"


def test_sums_that_are_not_kept_in_registers_are_found(compiled: Compile, monkeypatch: pytest.MonkeyPatch) -> None:
    text, loop = kernel_text(), "for (int parameter = 0;"
    assert text.count(loop) == 1
    monkeypatch.setattr(kernels, "kernel_text", lambda: text.replace(loop, f"#pragma unroll 1\n{loop}"))
    with pytest.raises(AssertionError, match="decode_backward keeps numbers in slow memory"):
        assert_fits(Cubin(compiled("80", *NETWORKS[-1])))


def test_no_function_depends_on_both_the_activation_and_the_combinator() -> None:
    functions = re.split(r"^}$", kernel_text().partition("// ---- Sums")[2], flags=re.MULTILINE)
    on_activation = {k for k, text in enumerate(functions) if re.search(r"#if ACTIVATION|\bactivat\w+\(", text)}
    combines = re.compile(r"#if COMBINATOR|\bcombine(_backward|d_gradient)?\(")
    on_combinator = {k for k, text in enumerate(functions) if combines.search(text)}
    assert (len(on_activation), len(on_combinator)) == (4, 5)  # with the kernels that call the others
    assert on_activation.isdisjoint(on_combinator)


def test_every_activation_and_combinator_of_the_text_is_one_of_the_table() -> None:
    in_text = re.findall(r"^#define (\w+) \d+$", kernel_text().partition("#ifndef")[0], re.MULTILINE)
    named = [f"-DACTIVATION={name}" for name in in_text[2:-3]] + [f"-DCOMBINATOR={name}" for name in in_text[-3:]]
    assert in_text[:2] == ["TILE", "SLOTS"]
    assert sorted(named) == sorted(ON_ACTIVATION + ON_COMBINATOR)


@pytest.mark.parametrize("capability", CAPABILITIES)
def test_a_newer_gpu_gets_an_intermediate_text_that_it_can_compile(
    capability: str, cupy: ModuleType, compiled: Compile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CuPy hands PTX to a GPU that is newer than NVRTC, here for the capability given."""
    monkeypatch.setattr(cupy.cuda.compiler, "_use_ptx", True)
    ptx = compiled(capability, *NETWORKS[0]).decode()
    assert re.findall(r"\.target (\w+)", ptx) == [f"sm_{capability}"]
    assert sorted(re.findall(r"\.entry (\w+)", ptx)) == sorted(NAMES)


def test_an_activation_that_the_text_does_not_have_is_refused(cupy: ModuleType, compiled: Compile) -> None:
    with pytest.raises(cupy.cuda.compiler.CompileException, match="an ACTIVATION that has no text here"):
        compiled("80", "float32", ("-DACTIVATION=SOFTPULS", ON_COMBINATOR[0]))


@pytest.mark.parametrize(
    ("right", "wrong", "complaint"),
    [
        ("integer labeled = n_labeled * units,", "integer labeled = n_labeled *,", "expected an expression"),
        ("sum_over_units(sum_over_rows(sum)) / n_labeled", "sum / n_labels", '"n_labels" is undefined'),
        ("sqrt(v[k])", "std::printf(v[k])", "printf"),
        ("threadIdx.y == 0", "get_local_id(1) == 0", '"get_local_id" is undefined'),
        ("ACTIVATION == TANH\n    return tanh(b);", "ACTIVATION == TANH\n    return tanh(b, 1);", "tanh"),
    ],
)
def test_what_cuda_does_not_know_is_refused(
    right: str, wrong: str, complaint: str, cupy: ModuleType, compiled: Compile, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = kernel_text()
    assert right in text
    monkeypatch.setattr(kernels, "kernel_text", lambda: text.replace(right, wrong))
    with pytest.raises(cupy.cuda.compiler.CompileException, match=re.escape(complaint)):
        compiled("80", "float32", (ACTIVATIONS["tanh"].cuda, ON_COMBINATOR[0]))
