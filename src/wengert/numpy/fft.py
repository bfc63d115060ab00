"""`wengert.numpy.fft`: a drop-in for numpy.fft. Plain values go to NumPy, traced ones to `fourier`."""

from __future__ import annotations

from typing import Any

import numpy.fft as _original

from wengert.numpy import functions as _functions  # noqa: F401  (fills the table)
from wengert.numpy.table import member


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    value = globals()[name] = member(_original, name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *dir(_original)})
