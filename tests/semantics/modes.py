"""One derivative by every mode: forward and reverse, and every nesting of the two, must be the same numbers."""

from __future__ import annotations

import itertools

import numpy as np

import wengert as wg

MODES = (wg.jacfwd, wg.jacrev)


def assert_derivative(f, args, expected, order=1, argnum=0, rtol=1e-12, atol=1e-14):
    """The derivative of this order of f by one argument is `expected`, in all 2**order nestings of modes."""
    for modes in itertools.product(MODES, repeat=order):
        g = f
        for mode in modes:
            g = mode(g, argnums=argnum)
        got = g(*args)
        names = " of ".join(m.__name__ for m in reversed(modes))
        np.testing.assert_allclose(got, expected, rtol=rtol, atol=atol, err_msg=f"{names}, argument {argnum}")
        assert np.shape(got) == np.shape(expected), names
