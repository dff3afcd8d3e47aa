"""CUDA kernels on the host: the same text, compiled by the C++ compiler, run block by block.

The threads of a block are fibers: each runs until it meets a barrier, then the next one does. A barrier that only
some threads of a block reach, which would hang or spoil a GPU, is an error, and so is an argument of another type
than the kernel's parameter, which CuPy would pass on without a word. Blocks run one after the other, the last one
first within `last_block_first`: a GPU promises no order.
"""

import ctypes
import functools
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

COMPILER = shutil.which("c++") or shutil.which("g++")
FLAGS = ("-std=c++17", "-O1", "-fPIC", "-shared", "-ffp-contract=off", "-Wall", "-Wno-unused", "-Werror")
MOST_THREADS = 1024  # of a block

PRELUDE = r"""
#undef _FORTIFY_SOURCE
#include <cmath>
#include <cstdlib>
#include <csetjmp>
#include <ucontext.h>
using std::exp; using std::expm1; using std::log; using std::log1p; using std::sqrt; using std::tanh;

#define __global__
#define __device__ static
#define __shared__ static
#define __launch_bounds__(threads)
#define __forceinline__ inline

struct Index { unsigned x, y, z; };
static Index threadIdx, blockIdx, blockDim, gridDim;

namespace host {
struct Fiber {
    ucontext_t context;
    jmp_buf place;
    char *stack;
    Index index;
    enum { FRESH, WAITING, DONE } state;
    bool begun;
};
static Fiber fibers[1024];
static Fiber *current;
static jmp_buf scheduler;
static void (*body)(void **);
static void **body_arguments;

static void leave(decltype(Fiber::state) state)
{
    Fiber *mine = current;
    mine->state = state;
    if (!_setjmp(mine->place))
        _longjmp(scheduler, 1);
    threadIdx = current->index;
}

static void live()
{
    for (;;) {
        body(body_arguments);
        leave(Fiber::DONE);
    }
}

static void enter(Fiber *fiber)
{
    current = fiber;
    threadIdx = fiber->index;
    if (_setjmp(scheduler))
        return;
    if (fiber->begun)
        _longjmp(fiber->place, 1);
    fiber->begun = true;
    fiber->stack = (char *)malloc(1 << 16);
    getcontext(&fiber->context);
    fiber->context.uc_stack.ss_sp = fiber->stack;
    fiber->context.uc_stack.ss_size = 1 << 16;
    fiber->context.uc_link = nullptr;
    makecontext(&fiber->context, live, 0);
    setcontext(&fiber->context);
}

// Returns how many barriers only some threads of a block reached.
static long long run(const long long *grid, const long long *block, long long last_first,
                     void (*kernel)(void **), void **arguments)
{
    body = kernel;
    body_arguments = arguments;
    gridDim = {(unsigned)grid[0], (unsigned)grid[1], (unsigned)grid[2]};
    blockDim = {(unsigned)block[0], (unsigned)block[1], (unsigned)block[2]};
    int threads = block[0] * block[1] * block[2];
    long long divergent = 0;
    unsigned blocks = gridDim.x * gridDim.y * gridDim.z;
    for (unsigned turn = 0; turn < blocks; ++turn) {
        unsigned number = last_first ? blocks - 1 - turn : turn;
        blockIdx = {number % gridDim.x, number / gridDim.x % gridDim.y, number / gridDim.x / gridDim.y};
        for (int k = 0; k < threads; ++k) {
            fibers[k].index = {k % blockDim.x, k / blockDim.x % blockDim.y, k / blockDim.x / blockDim.y};
            fibers[k].state = Fiber::FRESH;
        }
        for (;;) {
            for (int k = 0; k < threads; ++k)
                if (fibers[k].state != Fiber::DONE)
                    enter(&fibers[k]);
            int waiting = 0;
            for (int k = 0; k < threads; ++k)
                waiting += fibers[k].state == Fiber::WAITING;
            if (waiting == 0)
                break;
            divergent += waiting != threads;
        }
    }
    return divergent;
}
}
static void __syncthreads() { host::leave(host::Fiber::WAITING); }
"""

LAUNCHER = """
static void call_{name}(void **p) {{ {name}({arguments}); }}
extern "C" long long launch_{name}(const long long *grid, const long long *block, long long last_first, void **p)
{{ return host::run(grid, block, last_first, call_{name}, p); }}
"""

SIGNATURE = re.compile(r"^KERNEL\s+(\w+)\s*\(([^)]*)\)", re.MULTILINE)


_last_first = False


@contextmanager
def last_block_first() -> Iterator[None]:
    """Run the blocks of every launch within the context from the last one to the first."""
    global _last_first
    _last_first = True
    try:
        yield
    finally:
        _last_first = False


class CompileError(Exception):
    """The C++ compiler refused the text; the message is the compiler's."""


class HostModule:
    """The kernels of a text, compiled for this machine.

    Parameters
    ----------
    code : str
    options : sequence of str
        As NVRTC gets them: only ``-D...`` are understood.
    """

    def __init__(self, code: str, options: Sequence[str]) -> None:
        if other := [option for option in options if not option.startswith("-D")]:
            raise CompileError(f"unknown options {other}")
        defined = dict(option[2:].partition("=")[::2] for option in options)
        self.real = {"float": np.float32, "double": np.float64}[defined["REAL"]]
        self.parameters = {name: _parameter_types(text) for name, text in SIGNATURE.findall(code)}
        self._library = _compile(code, tuple(options), tuple(self.parameters.items()))

    def launch(self, name: str, grid: Sequence[int], block: Sequence[int], arguments: Sequence) -> None:
        """Run a kernel; pointers are given as NumPy arrays, or 0 for null."""
        types = self.parameters[name]
        if len(arguments) != len(types):
            raise TypeError(f"{name}: {len(arguments)} arguments for {len(types)} parameters")
        if not 0 < np.prod(block) <= MOST_THREADS or min(grid) < 1:
            raise ValueError(f"{name}: cannot launch {grid} blocks of {block} threads")
        values = [self._as_c(name, k, kind, x) for k, (kind, x) in enumerate(zip(types, arguments, strict=True))]
        pointers = (ctypes.c_void_p * len(values))(*(ctypes.addressof(value) for value in values))
        launch = getattr(self._library, f"launch_{name}")
        launch.restype = ctypes.c_longlong
        if launch(_triple(grid), _triple(block), ctypes.c_longlong(_last_first), pointers):
            raise RuntimeError(f"{name}: a barrier that only some threads of a block reach")

    def _as_c(self, name: str, position: int, kind: str, x: object) -> ctypes._SimpleCData:
        expected = {"real": self.real, "integer": np.int64, "double": np.float64}[kind.rstrip("*")]
        if kind.endswith("*"):
            if isinstance(x, int) and x == 0:
                return ctypes.c_void_p(0)
            if isinstance(x, np.ndarray) and x.dtype == expected and x.flags.c_contiguous:
                return ctypes.c_void_p(x.ctypes.data)
        elif kind == "integer" and type(x) is int:
            return ctypes.c_longlong(x)
        elif kind == "double" and type(x) is float:
            return ctypes.c_double(x)
        given = f"{x.dtype} array" if isinstance(x, np.ndarray) else type(x).__name__
        raise TypeError(f"{name}: argument {position} is {given}, the kernel's parameter {kind}")


def _triple(sizes: Sequence[int]) -> ctypes.Array:
    return (ctypes.c_longlong * 3)(*sizes, *[1] * (3 - len(sizes)))


def _parameter_types(text: str) -> tuple[str, ...]:
    """Return ``real*``, ``integer*``, ``double*``, ``integer`` or ``double`` for each parameter."""
    types = []
    for parameter in text.split(","):
        words = parameter.replace("*", " * ").replace("const", " ").split()
        types.append(words[0] + ("*" if "*" in words else ""))
    return tuple(types)


@functools.cache
def _compile(code: str, options: tuple[str, ...], kernels: tuple) -> ctypes.CDLL:
    launchers = []
    for name, types in kernels:
        casts = (f"*({kind.replace('*', ' *')} *)p[{k}]" for k, kind in enumerate(types))
        launchers.append(LAUNCHER.format(name=name, arguments=", ".join(casts)))
    assert COMPILER is not None
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder) / "kernels.cpp", Path(folder) / "kernels.so"
        source.write_text(PRELUDE + "#line 1\n" + code + "".join(launchers), encoding="utf-8")
        done = subprocess.run(
            [COMPILER, *FLAGS, *options, str(source), "-o", str(library)], capture_output=True, text=True
        )
        if done.returncode:
            raise CompileError(done.stderr)
        return ctypes.CDLL(str(library))
