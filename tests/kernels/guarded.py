"""Arrays of the double, each in the middle of a larger one, so that whoever writes beside it is found out.

What lies around an array, and in one that nobody has written to, are signalling NaNs with bits that no other array
has (-1 among whole numbers): what reads them becomes NaN, and whatever is written over them, another array's or the
result of arithmetic with them, which is a quiet NaN, has other bits.
"""

import math
from collections.abc import Collection, Mapping

import numpy as np
import strict_cupy

MARGIN = 4096  # more than a block of threads reaches beyond its last row: 16 rows of 100 units
SIGNALLING = {"float32": (np.uint32, 0x7FA00000), "float64": (np.uint64, 0x7FF4000000000000)}

Arrays = Mapping[str, np.ndarray | None]


class Memory:
    """Guarded arrays on the device: inputs, which must stay as they are, and room for results."""

    def __init__(self) -> None:
        self._wholes: list[tuple[strict_cupy.ndarray, bytes]] = []
        self._inputs: dict[str, tuple[strict_cupy.ndarray, np.ndarray]] = {}

    def put(self, host: np.ndarray) -> strict_cupy.ndarray:
        """Return `host` on the device, between two margins."""
        margin = self._untouched(MARGIN, host.dtype)
        whole = strict_cupy.asarray(np.concatenate([margin, host.ravel(), margin]))
        self._wholes.append((whole, margin.tobytes()))
        return whole[MARGIN : MARGIN + host.size].reshape(host.shape)

    def _untouched(self, size: int, dtype: np.dtype) -> np.ndarray:
        if dtype.kind == "i":
            return np.full(size, -1, dtype)
        bits, pattern = SIGNALLING[str(dtype)]
        return np.full(size, pattern + 1 + len(self._wholes), bits).view(dtype)

    def inputs(self, hosts: Arrays) -> dict[str, strict_cupy.ndarray | None]:
        """Return all of `hosts` on the device; those that are None stay None."""
        devices = {name: None if host is None else self.put(host) for name, host in hosts.items()}
        self._inputs |= {name: (devices[name], host) for name, host in hosts.items() if host is not None}
        return devices

    def empty(self, like: strict_cupy.ndarray, *shape: int) -> strict_cupy.ndarray:
        """Return room of this shape and of the dtype of `like`: what a pass calls where it needs memory."""
        return self.put(self._untouched(math.prod(shape), like.dtype).reshape(shape))

    def check(self, overwritten: Collection[str] = ()) -> None:
        """Assert that all margins, and all inputs but those `overwritten`, are as they were, bit by bit."""
        for whole, margin in self._wholes:
            host = strict_cupy.asnumpy(whole)
            assert host[:MARGIN].tobytes() == margin, f"wrote before an array of {len(host) - 2 * MARGIN}"
            assert host[-MARGIN:].tobytes() == margin, f"wrote beyond an array of {len(host) - 2 * MARGIN}"
        for name, (device, host) in self._inputs.items():
            if name not in overwritten:
                assert strict_cupy.asnumpy(device).tobytes() == host.tobytes(), f"changed its input {name}"
