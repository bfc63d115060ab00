"""`wengert.numpy`: a drop-in for NumPy whose functions accept traced arrays.

Functions dispatch to our implementation as soon as an argument is traced and are NumPy's own
otherwise; constants and dtypes pass through. A function without a rule is refused by name.
"""

from __future__ import annotations

from importlib import import_module as _import_module
from typing import Any

import numpy as np

from wengert.numpy.table import EXTENSIONS, LOADERS, OWN, Namespace, member


def _load(function: Any) -> bool:
    """Import every implementation, when a function is first looked for that the ufuncs' table has not."""
    _import_module("wengert.numpy.functions")
    return True


LOADERS.append(_load)


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    if name in ("linalg", "fft"):
        value: Any = _import_module(f"wengert.numpy.{name}")
    elif name in EXTENSIONS:
        value = _import_module(EXTENSIONS[name])
    elif name == "random":
        value = Namespace("wengert.numpy.random", np.random)
    elif name in OWN:
        value = getattr(_import_module("wengert.numpy.functions"), name)
    else:
        value = member(np, name)
    globals()[name] = value
    return value


def __array_namespace_info__() -> Any:
    """What the array API standard asks of a namespace: NumPy's answer."""
    return np.__array_namespace_info__()


def __dir__() -> list[str]:
    return sorted({*globals(), *dir(np)})
