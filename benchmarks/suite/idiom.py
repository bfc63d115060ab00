"""An entry from a loss function written for a tool, by the few lines that users of that tool all write around it.

Knows no problem. `numbers` are the places of the arguments that the derivative is with respect to; value and gradients come together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.suite.problem import Entry, lines_of

Loss = Callable[..., Any]


def wengert(loss: Loss, arguments: Sequence[Any], numbers: Any, *others: Any) -> Entry:
    """The plain program, as it is; `others` are the functions that it calls, for counting."""
    import wengert as wg

    value, derivative = wg.jit(loss), wg.jit(wg.value_and_grad(loss, numbers))
    return Entry(lambda: value(*arguments), lambda: derivative(*arguments), lines_of(loss, *others) + 1)


def jax(loss: Loss, arguments: Sequence[Any], numbers: Any, *others: Any) -> Entry:
    """Jitted, on arrays of its own, waited for."""
    import jax

    value, derivative = jax.jit(loss), jax.jit(jax.value_and_grad(loss, numbers))
    arguments = [jax.numpy.asarray(a) for a in arguments]
    return Entry(
        lambda: jax.block_until_ready(value(*arguments)),
        lambda: jax.block_until_ready(derivative(*arguments)),
        lines_of(loss, *others) + 1,
    )


def torch(loss: Loss, arguments: Sequence[Any], numbers: Any, *others: Any, compiled: bool = False) -> Entry:
    """Eager or through torch.compile, on tensors of its own."""
    import torch

    tensors = [torch.from_numpy(np.array(a)) if isinstance(a, (np.ndarray, float)) else a for a in arguments]
    places = (numbers,) if isinstance(numbers, int) else tuple(numbers)
    active = [tensors[i].requires_grad_() for i in places]
    run = torch.compile(loss) if compiled else loss

    def value() -> Any:
        with torch.no_grad():
            return run(*tensors)

    def derivative() -> Any:
        result = run(*tensors)
        gradients = torch.autograd.grad(result, active)
        return result.detach(), (gradients[0] if isinstance(numbers, int) else gradients)

    return Entry(value, derivative, lines_of(loss, *others) + 4)


def autograd(loss: Loss, arguments: Sequence[Any], numbers: Any, *others: Any) -> Entry:
    """Taped at every call."""
    from autograd import value_and_grad

    derivative = value_and_grad(loss, numbers)
    return Entry(lambda: loss(*arguments), lambda: derivative(*arguments), lines_of(loss, *others) + 1)


def casadi(build: Callable[[int], tuple[Any, Any]], arguments: Sequence[Any], shaped: Callable[..., Any]) -> Entry:
    """A function of the value, and one of value and gradients, built for a size; called through buffers, which cost least.

    `shaped` makes of value and gradients, as the matrices of CasADi, what the other tools give.
    """
    inputs = [np.array(a, dtype=float).ravel(order="F") for a in arguments]
    calls = []
    for function in build(len(arguments[0])):
        buffer, trigger = function.buffer()
        outputs = [np.zeros(function.nnz_out(i)) for i in range(function.n_out())]
        for i, a in enumerate(inputs):
            assert function.nnz_in(i) == a.size, f"argument {i} of {function}"
            buffer.set_arg(i, memoryview(a))
        for i, a in enumerate(outputs):
            assert function.numel_out(i) == a.size, f"result {i} of {function} is sparse"
            buffer.set_res(i, memoryview(a))
        calls.append((trigger, outputs, buffer))
    (run, results, _), (run_both, both, _) = calls

    def value() -> Any:
        run()
        return results[0][0]

    def derivative() -> Any:
        run_both()
        return shaped(both[0][0], *both[1:])

    derivative.keeps = calls, inputs  # type: ignore[attr-defined]  # CasADi holds addresses only
    value.keeps = calls, inputs  # type: ignore[attr-defined]
    return Entry(value, derivative, lines_of(build))
