"""The names users rely on, pinned: adding one is a decision, removing one breaks somebody."""

import wengert

NAMES = {
    "Variable",
    "assert_gradient",
    "checkpoint",
    "compare",
    "compile",
    "cond",
    "config",
    "custom_jvp",
    "custom_vjp",
    "defjvp",
    "defvjp",
    "draw",
    "elementwise_grad",
    "explore",
    "grad",
    "hessian",
    "hvp",
    "jacfwd",
    "jacobian",
    "jacrev",
    "jit",
    "jvp",
    "linearize",
    "loop",
    "no_grad",
    "primitive",
    "record",
    "scan",
    "spec",
    "stop_gradient",
    "trace_table",
    "value_and_grad",
    "vjp",
    "vmap",
    "while_loop",
}


def test_public_names():
    assert set(wengert.__all__) == NAMES


def test_public_names_exist_and_are_documented():
    for name in wengert.__all__:
        value = getattr(wengert, name)
        assert not callable(value) or value.__doc__, name
    assert len(wengert.__all__) == len(set(wengert.__all__))
