"""`wengert.scipy`: drop-ins for parts of SciPy whose functions accept traced arrays.

Knows the numpy room. Nothing of SciPy is imported before it is asked for, or before one of its functions meets a
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
    """Load the rules of the part of SciPy that this function is of; ufuncs, which name no module, can be scipy.special's."""
    if isinstance(function, np.ufunc):
        part = "special" if "scipy.special" in sys.modules else ""
    else:
        package, _, inside = (getattr(function, "__module__", None) or "").partition(".")
        part = inside.partition(".")[0] if package == "scipy" else ""
    name = f"{__name__}.{part}"
    if part not in _PARTS or name in sys.modules:
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
