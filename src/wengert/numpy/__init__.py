"""`wengert.numpy`: a drop-in for NumPy whose functions accept traced arrays.

Functions dispatch to our implementation as soon as an argument is traced and are NumPy's own
otherwise; constants and dtypes pass through. A function without a rule is refused by name.
"""

from __future__ import annotations

from typing import Any

import numpy as _numpy

from wengert.numpy import functions as _functions
from wengert.numpy.table import Namespace, member


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    if name in ("linalg", "fft", "random"):
        value: Any = Namespace(f"wengert.numpy.{name}", getattr(_numpy, name))
    else:
        value = getattr(_functions, name) if name in _functions.OWN else member(_numpy, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *dir(_numpy)})
