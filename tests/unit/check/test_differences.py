"""The numerical reference: accurate, honest about its error, and able to tell kinks and jumps."""

import numpy as np
import pytest

from wengert.check.differences import difference


@pytest.mark.parametrize(
    ("f", "slope"),
    [
        (np.sin, 1.0),
        (lambda t: np.exp(3 * t), 3.0),
        (lambda t: np.log(1e-3 + t), 1e3),
        (lambda t: t**2, 0.0),
        (lambda t: 1j * np.tan(t), 1j),
    ],
)
def test_smooth(f, slope):
    d = difference(lambda t: [np.asarray(f(t))])
    assert abs(d.value[0] - slope) <= max(4 * d.error[0], 1e-12 * abs(slope))
    assert abs(d.value[0] - slope) <= 1e-8 * max(abs(slope), 1)
    assert d.smooth


def test_each_output_has_its_own_error():
    d = difference(lambda t: [np.array([np.sin(t), np.abs(t + 1e-4)]), np.float64(t)])
    assert np.allclose(d.value[0], [1.0, 1.0], atol=1e-6)
    assert d.value[1] == pytest.approx(1.0)


def test_kink():
    d = difference(lambda t: [np.maximum(t, 0.0)])
    assert d.kink and not d.smooth
    assert (d.slopes[0][0], d.slopes[0][1]) == pytest.approx((0.0, 1.0))


def test_jump():
    d = difference(lambda t: [np.sign(t)])
    assert d.jump and not d.smooth


def test_nowhere_finite():
    d = difference(lambda t: [np.full(2, np.nan)])
    assert np.all(np.isinf(d.error[0]))
