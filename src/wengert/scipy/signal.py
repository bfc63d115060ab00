"""`wengert.scipy.signal`: a drop-in for scipy.signal. Plain values go to SciPy, traced ones to `rules.signal`."""

from __future__ import annotations

from typing import Any

import scipy.signal as _original

from wengert.numpy.table import member
from wengert.scipy.rules import signal as _rules  # noqa: F401  (fills the table)


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    value = globals()[name] = member(_original, name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *dir(_original)})
