"""Activation functions, with the derivatives that practice expects at their kinks.

They are written in NumPy, as a user would; `where` keeps the branch not taken out of the derivative.
Each takes and returns an array of real dtype, traced or not. Start at `relu`.
"""

from __future__ import annotations

from typing import Any

import wengert.numpy as np
import wengert.scipy.special as special


def relu(x: Any) -> Any:
    """max(x, 0), with derivative 0 at 0.

    (`np.maximum(x, 0)` is another function, of two arguments: at the tie each has half.)

    >>> import wengert as wg
    >>> wg.grad(relu)(0.0), wg.grad(relu)(2.0)
    (np.float64(0.0), np.float64(1.0))
    """
    return np.where(x > 0, x, 0.0)


def leaky_relu(x: Any, slope: float = 0.01) -> Any:
    """x for positive x, slope * x for negative; derivative 0 at 0.

    >>> import wengert as wg
    >>> wg.grad(leaky_relu)(0.0), wg.grad(leaky_relu)(-2.0)
    (np.float64(0.0), np.float64(0.01))
    """
    return np.where(x > 0, x, np.where(x < 0, slope * x, 0.0))


def elu(x: Any, alpha: float = 1.0) -> Any:
    """x for positive x, alpha (exp(x) - 1) otherwise. Clevert et al. (2016).

    >>> float(elu(-100.0))
    -1.0
    """
    return np.where(x > 0, x, alpha * np.expm1(np.where(x > 0, 0.0, x)))


def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x)), without overflow.

    >>> import wengert as wg
    >>> wg.grad(sigmoid)(0.0)
    np.float64(0.25)
    """
    return special.expit(x)


def silu(x: Any) -> Any:
    """x times its sigmoid. Elfwing et al. (2018).

    >>> float(silu(0.0))
    0.0
    """
    return x * special.expit(x)


def softplus(x: Any) -> Any:
    """log(1 + exp(x)), without overflow.

    >>> import wengert as wg
    >>> wg.grad(softplus)(1000.0)
    np.float64(1.0)
    """
    return np.logaddexp(x, 0.0)


def gelu(x: Any) -> Any:
    """x times the standard normal distribution function at x. Hendrycks & Gimpel (2016).

    >>> round(float(gelu(1.0)), 6)
    0.841345
    """
    return x * special.ndtr(x)


def softmax(x: Any, axis: int | None = -1) -> Any:
    """exp(x) / sum(exp(x)) along an axis, without overflow.

    >>> import numpy
    >>> softmax(numpy.array([1000.0, 1000.0]))
    array([0.5, 0.5])
    """
    return special.softmax(x, axis=axis)


def log_softmax(x: Any, axis: int | None = -1) -> Any:
    """The logarithm of softmax, exact where softmax would underflow.

    >>> import numpy
    >>> log_softmax(numpy.array([0.0, -1000.0]))
    array([    0., -1000.])
    """
    return special.log_softmax(x, axis=axis)
