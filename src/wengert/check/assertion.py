"""assert_gradient: one line of a user's own tests that says that derivatives are right.

Knows `check_grads`. Start at `assert_gradient`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from wengert.check.gradients import MODES, check_grads
from wengert.errors import CheckFailed


def assert_gradient(
    f: Callable[..., Any],
    *args: Any,
    order: int = 1,
    modes: Sequence[str] = MODES,
    rtol: float | None = None,
    atol: float | None = None,
    eps: float | None = None,
    directions: int = 3,
    seed: int = 0,
) -> None:
    """Assert that the derivatives of f at these arguments agree with differences of its values.

    Use it in tests of your own functions and rules, with pytest or without; `check_grads` is the same for arguments in a tuple.

    Parameters
    ----------
    f : callable
        Returns an array, or a container of arrays, real or complex.
    *args
        Arguments: arrays, floats, containers of them. What is not a real or complex float is held constant.
    order : int
        1 checks first derivatives; 2 also the derivatives of these; and so on.
    modes : sequence of "forward", "reverse"
        Which modes to check.
    rtol, atol : float, optional
        Tolerances relative to the largest element of a derivative, and absolute. By default 1e-6
        and 1e-8, in single precision 2e-3 and 1e-4; the estimated error of the difference is added.
    eps : float, optional
        The largest step of the differences, relative to the size of the arguments.
    directions, seed : int
        How many random directions, and their seed.

    Raises
    ------
    CheckFailed
        Which is an AssertionError. Its text names the argument, what was expected and got, the operation and its line; where the
        point is not smooth, the kinks and the derivatives on their sides; where it is not finite, what makes it so.
    ArgumentError
        For a bad mode, or arguments of which none can be differentiated.

    Examples
    --------
    >>> import numpy as np, wengert as wg
    >>> wg.assert_gradient(lambda x: np.sin(x) * x, np.array([0.5, 2.0]), order=2)
    """
    __tracebackhide__ = True  # pytest shows the caller's line
    try:
        check_grads(f, args, order=order, modes=modes, directions=directions, rtol=rtol, atol=atol, eps=eps, seed=seed)
    except CheckFailed as failed:
        text = str(failed)
    else:
        return
    raise CheckFailed(text)
