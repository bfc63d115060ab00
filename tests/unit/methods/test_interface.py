"""One interface: all methods agree, by the shapes; bad calls say what is allowed."""

import numpy as np
import pytest

from wengert.errors import ArgumentError
from wengert.methods import derivative, found
from wengert.methods.interface import METHODS


@pytest.mark.parametrize("method", METHODS)
def test_methods_agree_in_all_shapes(method):
    a = np.array([[1.0, 2.0, -1.0], [0.5, -0.3, 2.0]])
    for f, x, want in (
        (np.exp, 0.5, np.exp(0.5)),
        (lambda x: np.sum(np.sin(x)), np.array([0.1, 0.7]), np.cos([0.1, 0.7])),
        (lambda x: a @ x, np.array([0.2, 0.4, 0.8]), a),
        (lambda t: np.stack([np.cos(t), np.sin(t)]), 0.3, [-np.sin(0.3), np.cos(0.3)]),
        (lambda x: 3.0 * x, np.ones((2, 2)), 3 * np.eye(4).reshape(2, 2, 2, 2)),
    ):
        got = derivative(f, x, method=method)
        assert np.shape(got) == np.shape(want)
        assert np.allclose(got, want, rtol=2e-7, atol=2e-7)


def test_what_a_method_found_beside_the_derivative():
    by = found(np.exp, 0.5, "numerical", scheme="central")
    assert by.evaluations > 4 and by.steps[0] > 0 and abs(by.values[0] - np.exp(0.5)) <= by.errors[0]
    assert found(np.exp, 0.5, "symbolic").operations > 0


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: derivative(np.exp, 0.5, method="magic"), "no such method(.|\n)*'magic'(.|\n)*'reverse'"),
        (lambda: derivative(np.exp, 0.5, method="reverse", step=1e-3), "takes no such option(.|\n)*step(.|\n)*none"),
        (lambda: derivative(np.exp, 0.5, method="numerical", scheme="five"), "takes no such option(.|\n)*five(.|\n)*'richardson'"),
        (lambda: derivative(np.exp, 2), "real numbers and arrays"),
        (lambda: derivative(np.exp, 1j), "real numbers and arrays"),
    ],
)
def test_bad_calls(call, said):
    with pytest.raises(ArgumentError, match=said):
        call()
