"""Compare a function of arrays with SciPy's own value, and its derivatives in both modes with differences."""

import numpy as np
import pytest

import wengert as wg


def _agree(ours, original, *args, rtol=1e-12, dtol=1e-6, argnums=None):
    value = original(*args)
    argnums = tuple(i for i, a in enumerate(args) if np.asarray(a).dtype.kind in "fc") if argnums is None else argnums
    rng = np.random.default_rng(0)
    weights = None
    inputs = [np.asarray(args[i], float)[()] for i in argnums]
    directions = [rng.normal(size=np.shape(x)) for x in inputs]

    def scalar(*moved):
        nonlocal weights
        full = list(args)
        for i, x in zip(argnums, moved, strict=True):
            full[i] = x
        out = ours(*full)
        outs = out if isinstance(out, tuple) else (out,)
        if weights is None:
            weights = [rng.normal(size=np.shape(o)) for o in outs]
        return sum(np.sum(w * o) for w, o in zip(weights, outs, strict=True))

    def plain(*moved):
        full = list(args)
        for i, x in zip(argnums, moved, strict=True):
            full[i] = x
        out = original(*full)
        outs = out if isinstance(out, tuple) else (out,)
        return sum(np.sum(w * o) for w, o in zip(weights, outs, strict=True))

    got = wg.vjp(lambda *moved: ours(*[moved[argnums.index(i)] if i in argnums else a for i, a in enumerate(args)]), *inputs)[0]
    for g, v in zip(got if isinstance(got, tuple) else (got,), value if isinstance(value, tuple) else (value,), strict=True):
        np.testing.assert_allclose(g, v, rtol=rtol, atol=1e-13)
    gradient = wg.grad(scalar, argnums=tuple(range(len(inputs))))(*inputs)
    _, forward = wg.jvp(scalar, tuple(inputs), tuple(directions))
    reverse = sum(np.sum(g * d) for g, d in zip(gradient, directions, strict=True))
    h = 1e-4

    def along(t):
        return plain(*[x + t * d for x, d in zip(inputs, directions, strict=True)])

    differences = (8 * (along(h) - along(-h)) - (along(2 * h) - along(-2 * h))) / (12 * h)
    assert np.isfinite(forward)
    np.testing.assert_allclose(forward, differences, rtol=dtol, atol=dtol)
    np.testing.assert_allclose(reverse, forward, rtol=1e-10, atol=1e-12)


@pytest.fixture
def agree():
    return _agree
