"""scipy.special: ufuncs that are the primitives of `primitives.special`, and functions composed of them.

Start at `_by_order`, for functions with an order, and `composite`, for those that are formulas in others.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from math import comb as _choose
from math import pi
from typing import Any

import numpy as np

from wengert.errors import ArgumentError, four_parts
from wengert.ir.operation import OPERATIONS
from wengert.numpy import operators  # noqa: F401  (fills the table)
from wengert.numpy.arguments import array, axes_of, kept, static
from wengert.numpy.promote import as_inexact, as_operand, broadcast_shapes, cast, common_dtype, convert, dtype_of, innermost, shape_of
from wengert.numpy.table import IMPLEMENTATIONS, Ufunc, elementwise, implements, refuse_out
from wengert.primitives import math, reduce
from wengert.primitives.shape import stop_gradient
from wengert.primitives.special import bessel, expint, gamma, logistic
from wengert.primitives.special import ufuncs as sc
from wengert.primitives.special.base import Ordered
from wengert.source import here

# -- ufuncs that are primitives -----------------------------------------------------------------


def _by_order(cls: Any) -> None:
    """Orders are real and in the precision of the argument, which alone may be complex; SciPy's loops say which."""
    operation, ufunc = cls(), cls.ufunc

    def function(*args: Any, out: Any = None) -> Any:
        if out is not None:
            refuse_out(ufunc)
        operands = [as_operand(a) for a in args]
        dtype = common_dtype(*map(dtype_of, operands))
        dtype = np.result_type(np.float64 if dtype.kind in "biu" else dtype, np.complex64 if cls.dtypes == "FD" else np.float32)
        trace, shape = innermost(operands), broadcast_shapes(*[shape_of(a) for a in operands])
        real = np.empty(0, dtype).real.dtype
        return operation(*[convert(a, real, shape, trace) for a in operands[:-1]], convert(operands[-1], dtype, shape, trace))

    function.__name__ = ufunc.__name__
    implements(ufunc)(function)


for _cls in list(OPERATIONS.values()):
    if _cls.__module__.startswith("wengert.primitives.special.") and isinstance(getattr(_cls, "ufunc", None), np.ufunc) and not _cls.fields:
        if issubclass(_cls, Ordered) or _cls is expint.Expn:
            _by_order(_cls)
        else:
            elementwise(_cls)

for _cls, _ufunc in (
    (gamma.Digamma, sc.psi),
    (math.Log1p, sc.log1p),
    (math.Expm1, sc.expm1),
    (math.Exp2, sc.exp2),
    (math.Cbrt, sc.cbrt),
):
    IMPLEMENTATIONS[_ufunc] = Ufunc(_cls(), _ufunc)
for _function, _same in ((sc.kn, sc.kv), (sc.yn, sc.yv)):
    IMPLEMENTATIONS[_function] = IMPLEMENTATIONS[_same]


# -- functions composed of others -----------------------------------------------------------------


def composite(*functions: Any) -> Callable[[Any], Any]:
    """Register a formula in other functions for arguments that are arrays, traced or not."""

    def register(formula: Any) -> Any:
        @wraps(formula)
        def function(*args: Any, out: Any = None, **kwargs: Any) -> Any:
            if out is not None:
                refuse_out(functions[0])
            return formula(*[array(a) for a in args], **kwargs)

        return implements(*functions)(function)

    return register


composite(sc.chdtr)(lambda v, x: sc.gammainc(v / 2, x / 2))
composite(sc.chdtrc)(lambda v, x: sc.gammaincc(v / 2, x / 2))
composite(sc.chdtri)(lambda v, p: 2 * sc.gammainccinv(v / 2, p))
composite(sc.gdtr)(lambda a, b, x: sc.gammainc(b, a * x))
composite(sc.gdtrc)(lambda a, b, x: sc.gammaincc(b, a * x))
composite(sc.gdtrix)(lambda a, b, p: sc.gammaincinv(b, p) / a)
composite(sc.pdtr)(lambda k, m: sc.gammaincc(np.floor(k) + 1, m))
composite(sc.pdtrc)(lambda k, m: sc.gammainc(np.floor(k) + 1, m))
composite(sc.bdtr)(lambda k, n, p: sc.betaincc(np.floor(k) + 1, n - np.floor(k), p))
composite(sc.bdtrc)(lambda k, n, p: sc.betainc(np.floor(k) + 1, n - np.floor(k), p))
composite(sc.nbdtr)(lambda k, n, p: sc.betainc(n, np.floor(k) + 1, p))
composite(sc.nbdtrc)(lambda k, n, p: sc.betaincc(n, np.floor(k) + 1, p))
composite(sc.fdtr)(lambda m, n, x: sc.betainc(m / 2, n / 2, m * x / (n + m * x)))
composite(sc.fdtrc)(lambda m, n, x: sc.betainc(n / 2, m / 2, n / (n + m * x)))
composite(sc.radian)(lambda d, m, s: (d + m / 60 + s / 3600) * (pi / 180))
composite(sc.agm)(lambda a, b: (a + b) * (pi / 4) / sc.ellipk(((a - b) / (a + b)) ** 2))
composite(sc.eval_sh_legendre)(lambda n, x: sc.eval_legendre(n, 2 * x - 1))
composite(sc.eval_sh_chebyt)(lambda n, x: sc.eval_chebyt(n, 2 * x - 1))
composite(sc.eval_sh_chebyu)(lambda n, x: sc.eval_chebyu(n, 2 * x - 1))
composite(sc.eval_chebyc)(lambda n, x: 2 * sc.eval_chebyt(n, x / 2))
composite(sc.eval_chebys)(lambda n, x: sc.eval_chebyu(n, x / 2))
composite(sc.factorial)(lambda n, exact=False, extend="zero": np.where(n < 0, 0.0, sc.gamma(np.where(n < 0, 1, n) + 1)))


@composite(sc.fdtri)
def fdtri(m: Any, n: Any, p: Any) -> Any:
    z = sc.betaincinv(m / 2, n / 2, p)
    return n * z / (m * (1 - z))


@composite(sc.polygamma)
def polygamma(n: Any, x: Any) -> Any:
    """ψ⁽ⁿ⁾(x), n an integer or an array of them: (-1)ⁿ⁺¹ n! ζ(n+1, x) (DLMF 25.11.12) for several."""
    n = np.asarray(static(n))
    if n.ndim == 0:
        return gamma.polygamma(int(n), as_inexact(x))
    m = np.maximum(n, 1)
    return np.where(n == 0, sc.digamma(x), (-1.0) ** (m + 1) * sc.gamma(m + 1.0) * IMPLEMENTATIONS[sc.zeta](m + 1.0, x))


_zeta = Ufunc(gamma.zeta, np.power)  # promoted and broadcast as any function of two real numbers


@composite(sc.zeta)
def zeta(x: Any, q: Any = None, out: Any = None) -> Any:
    return _zeta(as_inexact(x), 1.0 if q is None else q)


@composite(sc.lambertw)
def lambertw(z: Any, k: Any = 0, tol: float = 1e-8) -> Any:
    """The branch k, a plain integer; complex, as SciPy's."""
    z = as_inexact(z)
    return expint.Lambertw(int(static(k)))(z if z.dtype.kind == "c" else cast(z, np.result_type(z.dtype, np.complex128)))


@composite(sc.softplus)
def softplus(x: Any) -> Any:
    return logistic.softplus(as_inexact(x))


def _spherical(function: Any, cls: Any) -> None:
    def spherical(n: Any, z: Any, derivative: bool = False) -> Any:
        operation, z = cls(int(static(n))), as_inexact(z)
        return operation.partials(None, z)[0]() if derivative else operation(z)

    composite(function)(spherical)


_spherical(sc.spherical_jn, bessel.SphericalJn)
_spherical(sc.spherical_yn, bessel.SphericalYn)
_spherical(sc.spherical_in, bessel.SphericalIn)
_spherical(sc.spherical_kn, bessel.SphericalKn)


def _derivatives(function: Any, of: Any, sign: int, overall: int = 1) -> None:
    """The n-th derivative of a Bessel function: 2ⁿ C⁽ⁿ⁾ᵥ = Σ signᵏ (n over k) Cᵥ₋ₙ₊₂ₖ (DLMF 10.6.7 and 10.29.5)."""

    def derivative(v: Any, z: Any, n: Any = 1) -> Any:
        n = int(static(n))
        return sum(overall**n * sign**k * _choose(n, k) / 2**n * of(v - n + 2 * k, z) for k in range(n + 1))

    composite(function)(derivative)


_derivatives(sc.jvp, sc.jv, -1)
_derivatives(sc.yvp, sc.yv, -1)
_derivatives(sc.ivp, sc.iv, 1)
_derivatives(sc.kvp, sc.kv, 1, -1)
_derivatives(sc.h1vp, sc.hankel1, -1)
_derivatives(sc.h2vp, sc.hankel2, -1)


@composite(sc.comb)
def comb(n: Any, k: Any, *, exact: bool = False, repetition: bool = False) -> Any:
    """The number of combinations, of real n and k; zero outside 0 ≤ k ≤ n."""
    _refuse_exact("comb", exact)
    if repetition:
        return comb(n + k - 1, k)
    inside = (k <= n) & (n >= 0) & (k >= 0)
    return np.where(inside, sc.binom(np.where(inside, n, 1.0), np.where(inside, k, 1.0)), 0.0)


@composite(sc.perm)
def perm(n: Any, k: Any, exact: bool = False) -> Any:
    """The number of permutations n! / (n-k)!; zero outside 0 ≤ k ≤ n."""
    _refuse_exact("perm", exact)
    inside = (k <= n) & (n >= 0) & (k >= 0)
    return np.where(inside, sc.poch(np.where(inside, n - k + 1, 1.0), np.where(inside, k, 1.0)), 0.0)


def _refuse_exact(name: str, exact: bool) -> None:
    if exact:
        raise ArgumentError(
            four_parts(
                f"scipy.special.{name}(…, exact=True) of a traced value",
                why="Exact integers have no derivative.",
                instead="exact=False",
                where=here(),
            )
        )


@composite(sc.multigammaln)
def multigammaln(a: Any, d: Any) -> Any:
    """Log of the multivariate gamma function: d(d-1)/4 log π + Σ log Γ(a - j/2), j < d."""
    d = int(static(d))
    return d * (d - 1) / 4 * np.log(pi) + sum(sc.gammaln(a - j / 2) for j in range(d))


# -- reductions ------------------------------------------------------------------------------


@composite(sc.logsumexp)
def logsumexp(a: Any, axis: Any = None, b: Any = None, keepdims: bool = False, return_sign: bool = False) -> Any:
    """Log Σ b exp(a); by its own primitive where there are no weights."""
    if b is None:
        x = as_inexact(a)
        axes = axes_of(axis, x.ndim)
        out = kept(reduce.logsumexp(x, axes), x.shape, axes, keepdims)
        if not return_sign:
            return out
        if x.dtype.kind == "c":
            phase = np.exp(1j * out.imag)
            return out.real, phase
        return out, np.where(out == -np.inf, 0.0, np.ones(out.shape, out.dtype))
    a, b = np.broadcast_arrays(as_inexact(a), array(b))
    zero = b == 0
    a = np.where(zero, -np.inf, a)
    top = np.max(stop_gradient(a.real), axis=axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0.0)
    total = np.sum(b * np.exp(a - top), axis=axis, keepdims=keepdims)
    shift = np.reshape(top, total.shape)
    if return_sign:
        size = np.abs(total)
        return np.log(size) + shift, np.where(size == 0, size, total / np.where(size == 0, 1.0, size))
    return np.log(total) + shift


@composite(sc.log_softmax)
def log_softmax(x: Any, axis: Any = None) -> Any:
    x = as_inexact(x)
    return x - logsumexp(x, axis=axis, keepdims=True)


@composite(sc.softmax)
def softmax(x: Any, axis: Any = None) -> Any:
    return np.exp(log_softmax(x, axis=axis))
