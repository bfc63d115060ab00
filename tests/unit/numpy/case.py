"""A case is a NumPy function with arguments; its check compares values with NumPy's and derivatives with differences.

For every float argument, the leaves of lists included: the value and dtype under tracing are NumPy's, jvp is the central
difference, vjp the adjoint of jvp, and a batch of arguments gives what a loop over them gives.
"""

import re
import warnings

import numpy as np

import wengert as wg
from wengert.errors import AbstractValueError
from wengert.numpy.table import dispatch

STEP = 1e-6

# Arguments of the cases: matrices A (positive), B, complex C, square S, stack T, one with NaN N, vectors v and w.
_rng = np.random.default_rng(0)
A, B = _rng.uniform(0.5, 2, (3, 4)), _rng.uniform(-1, 1, (3, 4))
v, w = _rng.uniform(-1, 1, 5), _rng.uniform(0.5, 1.5, 5)
T, S = _rng.uniform(-1, 1, (2, 3, 4)), _rng.uniform(-1, 1, (3, 3))
C = S + 1j * _rng.uniform(-1, 1, (3, 3))
M = _rng.uniform(-1, 1, (4, 2))
N = A.copy()
N[1, 2] = N[0, 0] = np.nan
mask = B > 0


class Case:
    """function(*args, **kwargs); `smooth` are the positions of the arguments to differentiate by, all of them by default."""

    def __init__(self, function, *args, smooth=None, rtol=1e-13, **kwargs):
        self.function, self.args, self.kwargs = function, args, kwargs
        self.smooth, self.rtol = smooth, rtol

    def __repr__(self):
        parts = [str(np.shape(a)) if isinstance(a, np.ndarray) else re.sub(" at 0x[0-9a-f]+", "", repr(a))[:30] for a in self.args]
        parts += [f"{k}={'…' if isinstance(v, np.ndarray) else v!r}" for k, v in self.kwargs.items()]
        return f"{self.function.__name__}({', '.join(parts)})"

    def plain(self, *args):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return flat(self.function(*args, **self.kwargs))

    def check(self, rng):
        traced = self.function if "." in self.function.__name__ else dispatch(self.function)  # a ufunc's method dispatches itself
        reference = self.plain(*self.args)
        for path, x in leaves(self.args):
            if self.smooth is None or path[0] in self.smooth:
                x = np.asarray(x)[()]
                self.check_argument(lambda t, path=path: flat(traced(*put(self.args, path, t), **self.kwargs)), path, x, reference, rng)

    def check_argument(self, g, path, x, reference, rng):
        values, pullback = wg.vjp(g, x)
        assert len(values) == len(reference)
        for value, expected in zip(values, reference, strict=True):
            expected = np.asarray(expected)
            assert np.shape(value) == expected.shape
            assert np.asarray(value).dtype == expected.dtype
            np.testing.assert_allclose(value, expected, rtol=1e-6 if expected.dtype == np.float32 else self.rtol, atol=1e-14)
        d = random(rng, x)
        above, below = (self.plain(*put(self.args, path, x + s * STEP * d)) for s in (1, -1))
        _, tangents = wg.jvp(g, (x,), (d,))
        cotangents, pairing = [], 0.0
        for value, tangent, high, low in zip(values, tangents, above, below, strict=True):
            if np.asarray(value).dtype.kind not in "fc":
                cotangents.append(np.zeros(np.shape(value)))
                continue
            difference = (np.asarray(high) - np.asarray(low)) / (2 * STEP)
            finite = np.isfinite(difference)
            if np.asarray(value).dtype != np.float32:
                np.testing.assert_allclose(np.asarray(tangent)[finite], difference[finite], rtol=2e-4, atol=2e-6)
            cotangents.append(random(rng, value))
            pairing += np.sum(np.real(cotangents[-1] * tangent))
        gradient = pullback(cotangents)
        gradient = gradient[0] if isinstance(gradient, tuple) else gradient
        np.testing.assert_allclose(np.sum(np.real(gradient * d)), pairing, rtol=1e-5, atol=1e-12)
        self.check_batch(g, x, d)

    def check_batch(self, g, x, d):
        """Two lanes, unless positions have to be known."""
        lanes = np.stack([x, x + STEP * d])
        try:
            batched = wg.vmap(g)(lanes)
        except AbstractValueError:
            return
        for i in range(2):
            single = wg.jvp(g, (lanes[i],), (d,))[0]
            for value, expected in zip(batched, single, strict=True):
                tolerance = 1e-5 if np.asarray(expected).dtype == np.float32 else 1e-9
                np.testing.assert_allclose(value[i], expected, rtol=tolerance, atol=1e-12)


class Table(list):
    """Cases that share a tolerance."""

    def __init__(self, rtol=1e-13):
        super().__init__()
        self.rtol = rtol

    def add(self, function, *args, smooth=None, **kwargs):
        self.append(Case(function, *args, smooth=smooth, rtol=self.rtol, **kwargs))


def random(rng, like):
    """Normal numbers of this shape and dtype."""
    d = rng.standard_normal(np.shape(like))
    if np.iscomplexobj(like):
        d = d + 1j * rng.standard_normal(np.shape(like))
    return np.asarray(d).astype(np.asarray(like).dtype)[()]


def leaves(x, path=()):
    """The float arrays and numbers in lists and tuples, with their paths."""
    if isinstance(x, (float, complex)) or (isinstance(x, (np.ndarray, np.generic)) and x.dtype.kind in "fc"):
        yield path, x
    elif isinstance(x, (list, tuple)):
        for i, item in enumerate(x):
            yield from leaves(item, (*path, i))


def put(x, path, value):
    """x with one leaf replaced."""
    if not path:
        return value
    items = list(x)
    items[path[0]] = put(items[path[0]], path[1:], value)
    return tuple(items) if isinstance(x, tuple) else items


def flat(x):
    """The arrays in a result."""
    return [leaf for item in x for leaf in flat(item)] if isinstance(x, (list, tuple)) else [x]
