"""`wengert.scipy.special`: a drop-in for scipy.special. Plain values go to SciPy, traced ones to `rules.special`."""

from __future__ import annotations

from typing import Any

from wengert.numpy.table import member
from wengert.primitives.special import ufuncs as _original
from wengert.scipy.rules import special as _rules  # noqa: F401  (fills the table)


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    value = globals()[name] = member(_original, name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *dir(_original)})
