"""`wengert.scipy.stats`: densities and distribution functions of scipy.stats, and summaries of samples.

A distribution here is SciPy's own until a traced value meets it: see `rules.distribution`.
"""

from __future__ import annotations

from typing import Any

import scipy.stats as _original

from wengert.numpy.table import member
from wengert.scipy.rules import continuous, discrete, multivariate, summaries  # noqa: F401  (fill the tables)
from wengert.scipy.rules.distribution import DISTRIBUTIONS as _DISTRIBUTIONS


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    value = globals()[name] = _DISTRIBUTIONS[name] if name in _DISTRIBUTIONS else member(_original, name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *dir(_original)})
