"""Summaries of samples: standard scores, means of other kinds, moments, entropy. Start at `zscore`."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.stats as st

from wengert.errors import ArgumentError, four_parts
from wengert.numpy.arguments import array
from wengert.numpy.promote import as_inexact, is_traced
from wengert.numpy.table import implements
from wengert.primitives.special import ufuncs as sc
from wengert.source import here


def _sample(a: Any, nan_policy: str = "propagate") -> Any:
    if nan_policy != "propagate":
        raise ArgumentError(
            four_parts(
                f"nan_policy={nan_policy!r} of a traced sample", instead="take the NaN out, or use np.nanmean and its like", where=here()
            )
        )
    return as_inexact(array(a))


@implements(st.zscore)
def zscore(a: Any, axis: Any = 0, ddof: int = 0, nan_policy: str = "propagate") -> Any:
    """Distance from the mean in standard deviations."""
    return zmap(a, a, axis, ddof, nan_policy)


@implements(st.zmap)
def zmap(scores: Any, compare: Any, axis: Any = 0, ddof: int = 0, nan_policy: str = "propagate") -> Any:
    x, y = _sample(scores, nan_policy), _sample(compare, nan_policy)
    return (x - np.mean(y, axis=axis, keepdims=True)) / np.std(y, axis=axis, ddof=ddof, keepdims=True)


def _weighted(x: Any, axis: Any, weights: Any, keepdims: bool) -> Any:
    if weights is None:
        return np.mean(x, axis=axis, keepdims=keepdims)
    w = array(weights)
    if axis is not None and w.shape != x.shape:  # SciPy's weights broadcast against the sample, NumPy's do not
        x, w = np.broadcast_arrays(x, w)
    return np.average(x, axis=axis, weights=w, keepdims=keepdims)


@implements(st.gmean)
def gmean(a: Any, axis: Any = 0, dtype: Any = None, weights: Any = None, *, nan_policy: str = "propagate", keepdims: bool = False) -> Any:
    """The geometric mean."""
    return np.exp(_weighted(np.log(_sample(a, nan_policy)), axis, weights, keepdims))


@implements(st.hmean)
def hmean(a: Any, axis: Any = 0, dtype: Any = None, *, weights: Any = None, nan_policy: str = "propagate", keepdims: bool = False) -> Any:
    """The harmonic mean."""
    return 1 / _weighted(1 / _sample(a, nan_policy), axis, weights, keepdims)


@implements(st.pmean)
def pmean(
    a: Any, p: Any, *, axis: Any = 0, dtype: Any = None, weights: Any = None, nan_policy: str = "propagate", keepdims: bool = False
) -> Any:
    """The power mean."""
    if not is_traced(p) and p == 0:
        return gmean(a, axis, dtype, weights, nan_policy=nan_policy, keepdims=keepdims)
    return _weighted(_sample(a, nan_policy) ** p, axis, weights, keepdims) ** (1 / p)


@implements(st.sem)
def sem(a: Any, axis: Any = 0, ddof: int = 1, nan_policy: str = "propagate", *, keepdims: bool = False) -> Any:
    """The standard error of the mean."""
    x = _sample(a, nan_policy)
    n = x.size if axis is None else x.shape[axis]
    return np.std(x, axis=axis, ddof=ddof, keepdims=keepdims) / n**0.5


@implements(st.variation)
def variation(a: Any, axis: Any = 0, nan_policy: str = "propagate", ddof: int = 0, *, keepdims: bool = False) -> Any:
    x = _sample(a, nan_policy)
    return np.std(x, axis=axis, ddof=ddof, keepdims=keepdims) / np.mean(x, axis=axis, keepdims=keepdims)


@implements(st.moment)
def moment(a: Any, order: Any = 1, axis: Any = 0, nan_policy: str = "propagate", *, center: Any = None, keepdims: bool = False) -> Any:
    """A central moment of an integer order, or of several, about the mean or about `center`."""
    if np.ndim(order):
        return np.stack([moment(a, n, axis, nan_policy, center=center, keepdims=keepdims) for n in order])
    x = _sample(a, nan_policy)
    centre = np.mean(x, axis=axis, keepdims=True) if center is None else center
    return np.mean((x - centre) ** int(order), axis=axis, keepdims=keepdims)


def _standardised_moment(x: Any, order: int, axis: Any, keepdims: bool) -> Any:
    return moment(x, order, axis, keepdims=keepdims) / moment(x, 2, axis, keepdims=keepdims) ** (order / 2)


@implements(st.skew)
def skew(a: Any, axis: Any = 0, bias: bool = True, nan_policy: str = "propagate", *, keepdims: bool = False) -> Any:
    x = _sample(a, nan_policy)
    g = _standardised_moment(x, 3, axis, keepdims)
    n = x.size if axis is None else x.shape[axis]
    return g if bias or n <= 2 else g * (n * (n - 1.0)) ** 0.5 / (n - 2)


@implements(st.kurtosis)
def kurtosis(
    a: Any, axis: Any = 0, fisher: bool = True, bias: bool = True, nan_policy: str = "propagate", *, keepdims: bool = False
) -> Any:
    x = _sample(a, nan_policy)
    g = _standardised_moment(x, 4, axis, keepdims)
    n = x.size if axis is None else x.shape[axis]
    if not bias and n > 3:
        g = 3 + (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * g - 3 * (n - 1.0))
    return g - 3 if fisher else g


@implements(st.entropy)
def entropy(pk: Any, qk: Any = None, base: Any = None, axis: Any = 0, *, nan_policy: str = "propagate", keepdims: bool = False) -> Any:
    """-Σ p log p, or Σ p log(p/q), of weights that are first divided by their sum."""
    p = _sample(pk, nan_policy)
    p = p / np.sum(p, axis=axis, keepdims=True)
    if qk is None:
        terms = sc.entr(p)
    else:
        q = _sample(qk)
        terms = sc.rel_entr(p, q / np.sum(q, axis=axis, keepdims=True))
    total = np.sum(terms, axis=axis, keepdims=keepdims)
    return total if base is None else total / np.log(base)
