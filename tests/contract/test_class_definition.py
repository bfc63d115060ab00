"""What an author of a primitive leaves out is an error that says so, when the class is defined."""

import numpy as np
import pytest
import scipy.special

import wengert as wg
from wengert.errors import ContractError
from wengert.extend import Elementwise, Linear, elementwise
from wengert.ir.operation import OPERATIONS


@pytest.mark.parametrize(
    "left_out, members",
    [
        ("jvp", {"ufunc": np.cosh, "domain": (-1.0, 1.0)}),
        ("samples", {"ufunc": np.cosh, "partials": lambda self, out, x: (1.0,)}),
        ("evaluate", {"domain": (-1.0, 1.0), "partials": lambda self, out, x: (1.0,)}),
    ],
)
def test_a_rule_left_out_of_an_elementwise_operation(left_out, members):
    with pytest.raises(ContractError, match=rf"(?s)primitive Forgetful does not say.*missing: {left_out}\n.*Try: .*{left_out} = no\("):
        type(Elementwise)("Forgetful", (Elementwise,), members)
    assert "forgetful" not in OPERATIONS


def test_rules_left_out_of_a_linear_operation():
    with pytest.raises(ContractError, match="missing: type, evaluate, transpose, batch, samples"):
        type(Linear)("Forgetful", (Linear,), {})


def test_a_name_means_one_operation():
    with pytest.raises(ContractError, match=r"(?s)an operation 'sin' already.*wengert.primitives.math.Sin.*Try: "):
        type(Elementwise)("Sin", (Elementwise,), {"ufunc": np.sin, "domain": (0.0, 1.0), "partials": lambda self, out, x: (1.0,)})
    assert OPERATIONS["sin"].__module__ == "wengert.primitives.math"


@pytest.mark.parametrize("partials, got", [((1.0, 2.0), "gave 2"), (1.0, "gave a float")])
def test_partials_that_do_not_fit_the_operands(partials, got):
    class Unfit(Elementwise):
        ufunc, domain = scipy.special.zetac, (2.0, 3.0)

        def partials(self, out, x):
            return partials

    elementwise(Unfit)
    with pytest.raises(ContractError, match=rf"(?s)partials of Unfit must be a tuple.*1 operand\(s\); partials {got}"):
        wg.grad(scipy.special.zetac)(2.5)
