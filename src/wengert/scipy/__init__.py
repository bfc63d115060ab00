"""`wengert.scipy`: drop-ins for parts of SciPy whose functions accept traced arrays.

Knows the numpy room. Nothing of SciPy is imported before it is asked for, or before one of its ufuncs meets a
traced value, which `_load` notices. Start at `special`.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import numpy as np

from wengert.numpy.table import EXTENSIONS, LOADERS

_PARTS = ("linalg", "signal", "special", "stats")


def _load(function: Any) -> bool:
    """Load the rules of scipy.special if this is one of its ufuncs."""
    name = f"{__name__}.rules.special"
    if name in sys.modules or not isinstance(function, np.ufunc) or "scipy.special" not in sys.modules:
        return False
    import_module(name)
    return True


LOADERS.append(_load)
EXTENSIONS["special"] = f"{__name__}.special"  # scipy.special.erf(x) asks x's namespace for special.erf if SCIPY_ARRAY_API=1


def __getattr__(name: str) -> Any:
    if name not in _PARTS:
        raise AttributeError(f"wengert.scipy has no part {name!r}; it has {', '.join(_PARTS)}")
    return import_module(f"{__name__}.{name}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_PARTS})
