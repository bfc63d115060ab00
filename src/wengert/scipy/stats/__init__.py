"""`wengert.scipy.stats`: densities and distribution functions of scipy.stats, and summaries of samples.

A distribution here is SciPy's own until a traced value meets it. Start at `distribution.Distribution`.
"""

from __future__ import annotations

from typing import Any

import scipy.stats as _original

from wengert.numpy.table import member
from wengert.scipy.stats import continuous, discrete, multivariate, summaries  # noqa: F401
from wengert.scipy.stats.distribution import DISTRIBUTIONS


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    value = DISTRIBUTIONS[name] if name in DISTRIBUTIONS else member(_original, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *dir(_original)})
