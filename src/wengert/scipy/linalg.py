"""`wengert.scipy.linalg`: a drop-in for scipy.linalg. Plain values go to SciPy, traced ones to `rules.linalg`."""

from __future__ import annotations

from typing import Any

import scipy.linalg as _original

from wengert.numpy.table import member
from wengert.scipy.rules import linalg as _rules  # noqa: F401  (fills the table)


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    value = globals()[name] = member(_original, name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *dir(_original)})
