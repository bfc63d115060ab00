"""`wengert.scipy.stats`: SciPy's values, derivatives by variable and parameters against differences."""

import numpy as np
import pytest
import scipy.stats as st

import wengert as wg
from wengert.errors import UnknownFunctionError
from wengert.scipy import stats as ws
from wengert.scipy.rules.distribution import DISTRIBUTIONS, METHODS, Distribution

SHAPES = {
    "gamma": (2.3,),
    "invgamma": (2.3,),
    "beta": (1.4, 2.3),
    "t": (4.5,),
    "chi2": (3.5,),
    "f": (3.5, 6.0),
    "lognorm": (0.7,),
    "weibull_min": (1.7,),
    "pareto": (2.6,),
    "skewnorm": (1.2,),
    "vonmises": (1.9,),
    "truncnorm": (-0.7, 1.9),
}
POINTS = {"pareto": np.array([1.3, 2.0, 4.1])}
COUNTED = {"poisson": (2.3,), "binom": (7.0, 0.4), "bernoulli": (0.4,), "geom": (0.4,), "nbinom": (3.0, 0.4)}
CONTINUOUS = sorted(name for name, d in DISTRIBUTIONS.items() if isinstance(d, Distribution) and not d.discrete)


@pytest.mark.parametrize("name", CONTINUOUS)
def test_continuous(name, agree):
    ours, original, shapes = getattr(ws, name), getattr(st, name), SHAPES.get(name, ())
    x = POINTS.get(name, np.array([0.2, 0.35, 0.8]))
    for method in METHODS:
        if not any(need in ours.formulas for need in METHODS[method]):
            continue
        if method in ("mean", "var", "std"):
            args = (*shapes, 0.3, 1.7)
        elif method in ("ppf", "isf"):
            args = (np.array([0.1, 0.4, 0.8]), *shapes, 0.3, 1.7)
        else:
            args = (x * 1.7 + 0.3, *shapes, 0.3, 1.7)
        # SciPy's quantiles of skew distributions are found by iteration
        agree(getattr(ours, method), getattr(original, method), *args, rtol=1e-9, dtol=1e-5)


@pytest.mark.parametrize("name", COUNTED)
def test_discrete(name, agree):
    ours, original, shapes = getattr(ws, name), getattr(st, name), COUNTED[name]
    k = np.array([0, 1, 1]) if name == "bernoulli" else np.array([1, 2, 3])
    by = tuple(range(2 if name == "binom" else 1, 1 + len(shapes)))
    for method in ("logpmf", "pmf", "cdf", "sf", "logcdf"):
        if name == "bernoulli" and method == "logcdf":
            continue
        agree(getattr(ours, method), getattr(original, method), k, *shapes, rtol=1e-10, argnums=by)
    agree(ours.mean, original.mean, *shapes, argnums=(len(shapes) - 1,))
    agree(ours.std, original.std, *shapes, argnums=(len(shapes) - 1,))


@pytest.mark.parametrize("name", ["expon", "gamma", "beta", "uniform", "pareto", "truncnorm"])
def test_outside_the_support(name):
    distribution, original, shapes = getattr(ws, name), getattr(st, name), SHAPES.get(name, ())
    x = np.array([-3.0, 50.0 if name in ("beta", "uniform", "truncnorm") else -2.0, -1.0])
    for method in ("logpdf", "pdf", "cdf", "sf"):
        value, pull = wg.vjp(lambda x, *s, m=method: getattr(distribution, m)(x, *s), x, *shapes)
        np.testing.assert_array_equal(value, getattr(original, method)(x, *shapes))
        assert all(np.all(np.asarray(g) == 0) for g in pull(np.ones(3)))


def test_counts_outside_the_support():
    value = wg.vjp(lambda mu: ws.poisson.logpmf(np.array([-1.0, 0.5, 2.0]), mu), 1.5)[0]
    np.testing.assert_allclose(value, st.poisson.logpmf([-1.0, 0.5, 2.0], 1.5))
    value = wg.vjp(lambda p: ws.binom.cdf(np.array([-1, 3, 7, 9]), 7, p), 0.3)[0]
    np.testing.assert_allclose(value, st.binom.cdf([-1, 3, 7, 9], 7, 0.3))


def test_frozen_and_keywords():
    x = np.array([0.2, 1.1])
    gradient = wg.grad(lambda s: np.sum(ws.norm(loc=0.1, scale=s).logpdf(x)))(1.3)
    assert gradient == pytest.approx(np.sum((x - 0.1) ** 2 / 1.3**3 - 1 / 1.3), rel=1e-13)
    assert ws.norm(0.1, 2.0).cdf(0.3) == st.norm(0.1, 2.0).cdf(0.3)
    assert ws.gamma.pdf(x, a=2.0)[0] == st.gamma.pdf(x, a=2.0)[0]
    with pytest.raises(TypeError, match=r"norm\.logpdf takes"):
        wg.grad(lambda x: ws.norm.logpdf(x, mu=3.0))(1.0)


def test_far_tails():
    assert wg.grad(ws.norm.logcdf)(-40.0) == pytest.approx(40.024968847207, rel=1e-10)
    value, gradient = wg.value_and_grad(lambda b: ws.truncnorm.logpdf(30.5, 30.0, b))(31.0)
    assert value == pytest.approx(st.truncnorm.logpdf(30.5, 30.0, 31.0), rel=1e-10) and np.isfinite(gradient)


def test_methods_without_a_rule_are_refused_by_name():
    with pytest.raises(UnknownFunctionError, match=r"scipy.stats.vonmises.cdf"):
        wg.grad(lambda k: ws.vonmises.cdf(0.3, k))(1.0)
    with pytest.raises(UnknownFunctionError, match=r"scipy.stats.norm.rvs"):
        wg.grad(lambda m: ws.norm.rvs(m))(1.0)


COV = np.array([[2.0, 0.3], [0.3, 1.0]])


def test_multivariate_normal():
    x, mean = np.array([[0.2, 0.4], [1.0, -1.0], [0.0, 0.3]]), np.array([0.1, -0.2])
    value, pull = wg.vjp(lambda x, m, c: ws.multivariate_normal.logpdf(x, m, c), x, mean, COV)
    np.testing.assert_allclose(value, st.multivariate_normal.logpdf(x, mean, COV), rtol=1e-13)
    by_x, by_mean, by_cov = pull(np.ones(3))
    inverse, d = np.linalg.inv(COV), x - mean
    np.testing.assert_allclose(by_x, -d @ inverse, rtol=1e-12)
    np.testing.assert_allclose(by_mean, (d @ inverse).sum(0), rtol=1e-12)
    full = 0.5 * (inverse @ d.T @ d @ inverse - 3 * inverse)
    np.testing.assert_allclose(by_cov, np.tril(full + np.triu(full, 1).T), rtol=1e-12)  # the lower triangle is what is read
    for point in (0.3, np.array([0.1, 0.2])):
        got = wg.vjp(lambda x: ws.multivariate_normal.pdf(x, 0.1, 2.0), point)[0]
        np.testing.assert_allclose(got, st.multivariate_normal.pdf(point, 0.1, 2.0), rtol=1e-13)


def test_dirichlet_and_multinomial(agree):
    x, alpha = np.array([0.2, 0.3, 0.5]), np.array([1.2, 2.0, 3.0])
    agree(lambda a: ws.dirichlet.logpdf(x, a), lambda a: st.dirichlet.logpdf(x, a), alpha)
    value = wg.vjp(lambda p: ws.multinomial.logpmf(np.array([1, 2, 3]), 6, p), np.array([0.2, 0.3, 0.5]))[0]
    assert value == pytest.approx(st.multinomial.logpmf([1, 2, 3], 6, [0.2, 0.3, 0.5]), rel=1e-13)


SAMPLE = np.array([[0.3, 1.4, 2.2], [1.3, 0.4, 5.2], [2.3, 3.4, 1.2], [0.7, 0.1, 0.5]])
SUMMARIES = ["zscore", "gmean", "hmean", "sem", "variation", "skew", "kurtosis", "entropy"]


@pytest.mark.parametrize("name", SUMMARIES)
@pytest.mark.parametrize("axis", [0, 1])
def test_summaries(name, axis, agree):
    agree(lambda x: getattr(ws, name)(x, axis=axis), lambda x: getattr(st, name)(x, axis=axis), SAMPLE)


def test_more_summaries(agree):
    agree(lambda x: ws.moment(x, 3), lambda x: st.moment(x, 3), SAMPLE)
    agree(lambda x: ws.skew(x, bias=False), lambda x: st.skew(x, bias=False), SAMPLE)
    agree(lambda x: ws.kurtosis(x, bias=False), lambda x: st.kurtosis(x, bias=False), SAMPLE)
    agree(lambda x, y: ws.entropy(x, y, base=2), lambda x, y: st.entropy(x, y, base=2), SAMPLE[0], SAMPLE[1])
    agree(lambda x: ws.pmean(x, 2.5), lambda x: st.pmean(x, 2.5), SAMPLE)


def test_summaries_with_lists_and_weights(agree):
    agree(lambda x: ws.moment(x, [1, 2, 3]), lambda x: st.moment(x, [1, 2, 3]), SAMPLE)
    agree(lambda x: ws.pmean(x, 0), lambda x: st.pmean(x, 0), SAMPLE)
    square = np.abs(SAMPLE[:3, :3]) + 0.5
    weights = np.arange(1.0, 4)  # along the last axis, whichever axis is summed
    agree(lambda x: ws.gmean(x, axis=0, weights=weights), lambda x: st.gmean(x, axis=0, weights=weights), square)
    agree(lambda w: ws.hmean(square[0], weights=w, axis=-1), lambda w: st.hmean(square[0], weights=w, axis=-1), square)
