"""Functions of NumPy's and SciPy's own that are plain Python and that no table knows: captured as they are, value and gradient.

What the table of `wengert.numpy` answers for is tested there. `wengert.scipy`, where something imported it, has rules for some of these;
they are taken out here, so that the text is what is traced.
"""

from __future__ import annotations

import inspect

import numpy as np
import pytest
import scipy.integrate
import scipy.linalg
import scipy.optimize
import scipy.signal
import scipy.spatial.distance
import scipy.special
import scipy.stats
from numpy.polynomial import chebyshev, hermite, laguerre, legendre, polynomial, polyutils

import wengert as wg
import wengert.scipy  # its loader of rules
from tests.gallery.differences import close, differences, objective
from tests.gallery.registry import Program, normal, uniform
from wengert.errors import WengertError
from wengert.numpy import table

X = uniform(1, 0.3, 1.7, 5)
Y = uniform(2, 0.2, 1.5, 5)
C = normal(3, 5)


# Why a function runs taped and is refused by jit.
TRIMMED = "trailing zeros are taken off: the length depends on the data"
WITHOUT_NAN = "NaNs are taken out by a mask: the number of what is left depends on the data"


def case(function, *sample, wrt=(0,), no_jit="", **keywords):
    """A library's function at sample arguments; the keywords are bound."""
    if not keywords:
        return pytest.param(function, Program(function, sample, wrt, no_jit=no_jit), id=_name(function))

    def bound(*arguments):
        return function(*arguments, **keywords)

    return pytest.param(function, Program(bound, sample, wrt, no_jit=no_jit), id=f"{_name(function)}-{'-'.join(keywords)}")


def _name(function):
    module = inspect.unwrap(function).__module__.replace("._", ".")
    return f"{'.'.join(module.split('.')[:2])}.{function.__name__}"


CASES = [
    case(scipy.optimize.rosen, X),
    case(scipy.optimize.rosen_der, X),
    case(scipy.optimize.rosen_hess, X),
    case(scipy.optimize.rosen_hess_prod, X, C, wrt=(0, 1)),
    case(scipy.special.logsumexp, X),
    case(scipy.special.logsumexp, X, b=Y),
    case(scipy.special.softmax, X),
    case(scipy.special.log_softmax, X),
    case(scipy.integrate.simpson, X),
    case(scipy.integrate.simpson, C, x=np.cumsum(Y)),
    case(scipy.integrate.trapezoid, C, np.cumsum(Y), wrt=(0, 1)),
    case(scipy.integrate.cumulative_trapezoid, C, np.cumsum(Y), wrt=(0, 1)),
    case(scipy.integrate.cumulative_simpson, X, dx=0.5),
    case(scipy.integrate.romb, X),
    case(scipy.linalg.companion, X),
    case(scipy.linalg.leslie, X, Y[:4], wrt=(0, 1)),
    case(scipy.linalg.block_diag, normal(4, 2, 2), normal(5, 1, 3), wrt=(0, 1)),
    case(scipy.linalg.fiedler, X),
    case(scipy.linalg.fiedler_companion, X),
    case(scipy.linalg.khatri_rao, normal(6, 2, 3), normal(7, 3, 3), wrt=(0, 1)),
    case(scipy.stats.zscore, X),
    case(scipy.stats.zmap, X, Y, wrt=(0, 1)),
    case(scipy.stats.gmean, X, no_jit=WITHOUT_NAN),
    case(scipy.stats.hmean, X, no_jit=WITHOUT_NAN),
    case(scipy.stats.pmean, X, 1.7, wrt=(0,), no_jit=WITHOUT_NAN),
    case(scipy.stats.skew, X, no_jit=WITHOUT_NAN),
    case(scipy.stats.kurtosis, X, no_jit=WITHOUT_NAN),
    case(scipy.stats.moment, X, 3, no_jit=WITHOUT_NAN),
    case(scipy.stats.variation, X, no_jit=WITHOUT_NAN),
    case(scipy.stats.sem, X, no_jit=WITHOUT_NAN),
    case(scipy.stats.kstat, X, 3, no_jit=WITHOUT_NAN),
    case(scipy.stats.boxcox_llf, 0.6, X, wrt=(0, 1), no_jit=WITHOUT_NAN),
    case(scipy.signal.zpk2tf, X[:3], Y[:2], 0.7, wrt=(0, 1, 2)),
    case(scipy.signal.gausspulse, X, fc=0.7),
    case(scipy.signal.gauss_spline, X, 3),
    case(scipy.signal.chirp, X, 0.3, 2.0, 1.1),
    case(scipy.signal.detrend, C, type="constant"),
    case(scipy.spatial.distance.minkowski, X, Y, 3, wrt=(0, 1)),
    case(scipy.spatial.distance.euclidean, X, Y, wrt=(0, 1)),
    case(scipy.spatial.distance.cosine, X, Y, wrt=(0, 1)),
    case(scipy.spatial.distance.correlation, X, Y, wrt=(0, 1)),
    case(scipy.spatial.distance.braycurtis, X, Y, wrt=(0, 1)),
    case(polynomial.polyval, 0.7, C, wrt=(0, 1)),
    case(polynomial.polyder, C),
    case(polynomial.polyint, C),
    case(polynomial.polymul, C, X[:3], wrt=(0, 1), no_jit=TRIMMED),
    case(polynomial.polyadd, C, X[:3], wrt=(0, 1), no_jit=TRIMMED),
    case(polynomial.polypow, X[:3], 3, no_jit=TRIMMED),
    case(polynomial.polyfromroots, X, no_jit=TRIMMED),
    case(polynomial.polyvander, X, 3),
    case(polynomial.polycompanion, X, no_jit=TRIMMED),
    case(chebyshev.chebval, 0.7, C, wrt=(0, 1)),
    case(chebyshev.chebder, C),
    case(chebyshev.chebint, C),
    case(chebyshev.chebmul, C, X[:3], wrt=(0, 1), no_jit=TRIMMED),
    case(chebyshev.cheb2poly, C, no_jit=TRIMMED),
    case(chebyshev.poly2cheb, C, no_jit=TRIMMED),
    case(chebyshev.chebvander, X, 4),
    case(legendre.legval, 0.7, C, wrt=(0, 1)),
    case(legendre.legder, C),
    case(legendre.leg2poly, C, no_jit=TRIMMED),
    case(hermite.hermval, 0.7, C, wrt=(0, 1)),
    case(laguerre.lagval, 0.7, C, wrt=(0, 1)),
    case(polyutils.mapdomain, X, np.array([0.0, 2.0]), np.array([-1.0, 1.0]), wrt=(0,)),
]

# What reaches through NumPy to memory or to compiled code has no rule to be found in its text: it is refused by name.
BEYOND = {
    "strides of memory": (scipy.linalg.toeplitz, (C, Y)),
    "a negative stride of memory": (scipy.linalg.circulant, (C,)),
    "code in C++": (scipy.spatial.distance.pdist, (normal(8, 4, 2),)),
}

every = pytest.mark.parametrize("function, program", CASES)
compiled = pytest.mark.parametrize("function, program", [c for c in CASES if not c.values[1].no_jit])
taped_only = pytest.mark.parametrize("function, program", [c for c in CASES if c.values[1].no_jit])


@pytest.fixture(autouse=True)
def _text_only(monkeypatch):
    for function in [*[c.values[0] for c in CASES], *[f for f, _ in BEYOND.values()]]:
        for each in {function, inspect.unwrap(function)}:
            table.load_for(each)  # or a test would load what is taken out
            monkeypatch.delitem(table.IMPLEMENTATIONS, each, raising=False)


@every
def test_library_function_taped(function, program):
    value, gradient = wg.value_and_grad(objective(program), argnums=program.wrt)(*program.arguments())
    close(value, objective(program)(*program.arguments()), 1e-12)
    close(gradient, differences(objective(program), program, 1e-3), 1e-7)


@compiled
def test_library_function_compiled(function, program):
    close(wg.jit(program.function)(*program.arguments()), program.function(*program.arguments()), 1e-12)
    gradient = wg.jit(wg.grad(objective(program), argnums=program.wrt))(*program.arguments())
    close(gradient, differences(objective(program), program, 1e-3), 1e-7)


@taped_only
def test_refused_rather_than_wrong(function, program):
    with pytest.raises(WengertError):
        wg.jit(program.function)(*program.arguments())


@pytest.mark.parametrize("function, arguments", list(BEYOND.values()), ids=list(BEYOND))
def test_beyond_numpy(function, arguments):
    objective = lambda *a: np.sum(function(*a))
    with pytest.raises(WengertError):
        wg.grad(objective)(*arguments)
    with pytest.raises(WengertError):
        wg.jit(wg.grad(objective))(*arguments)


def test_their_text_is_python():
    for function in {inspect.unwrap(c.values[0]) for c in CASES}:
        table.load_for(function)
        assert function not in table.IMPLEMENTATIONS
        assert inspect.getsource(function)
    assert len(CASES) >= 10
