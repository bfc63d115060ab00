"""scipy.special, with the ufuncs themselves where SCIPY_ARRAY_API=1 wraps them in functions that ask for a namespace.

Knows SciPy and nothing of ours. It is what this family and the rules above it call `sc`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.special as _original


def __getattr__(name: str) -> Any:
    found = getattr(_original, name)
    inner = getattr(found, "__wrapped__", None)
    value = globals()[name] = inner if isinstance(inner, np.ufunc) else found
    return value


def __dir__() -> list[str]:
    return dir(_original)
