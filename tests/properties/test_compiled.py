"""Random programs: compiled by jit and taped, value and gradient agree to a few ulp of the largest value on the way.

A program is Python text, one NumPy call a line, so that a counterexample can be copied out and run. WENGERT_EXAMPLES sets how many
programs of each dtype are tried, and then they are new ones in each run.
"""

import os

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import wengert as wg
from wengert.transform.evaluate import evaluate

EXAMPLES = int(os.environ.get("WENGERT_EXAMPLES", "40"))
SETTINGS = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="WENGERT_EXAMPLES" not in os.environ,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
ULPS = 50  # of the largest value on the way; twice what ten thousand programs needed, for the order of long sums
LENGTHS = (1, 2, 3, 4, 5, 7, 8, 16, 17, 33, 64, 130)
MOST = 3000  # elements

REAL = (
    "np.sin({x})",
    "np.tanh({x})",
    "np.exp(-{x} * {x})",
    "np.log1p({x} * {x})",
    "np.sqrt(1.0 + {x} * {x})",
    "np.arctan({x})",
    "np.where({x} > 0.1237, {x}, 0.5 * {x})",
    "np.maximum({x}, 0.3719)",
    "np.clip({x}, -0.7213, 0.8117)",
    "np.abs({x} - 0.0613)",
    "{x} ** 3",
    "np.logaddexp({x}, 0.25)",
    "np.expm1(0.5 * {x})",
    "(1.5 + np.cos({x})) ** 1.7",
)
COMPLEX = (
    "np.sin({x})",
    "np.exp(0.5 * {x})",
    "np.conj({x})",
    "np.real({x}) * {x}",
    "np.imag({x}) + 1j * {x}",
    "{x} ** 2",
    "np.abs({x} + 3.0) * {x}",
    "np.where(np.real({x}) > 0.1237, {x}, 0.5j * {x})",
)
EITHER = ("-{x}", "0.5 * {x} + 1", "1.0 / (3.0 + {x} * np.conj({x}))", "np.square({x})")
PAIRS = (
    "{x} + {y}",
    "{x} - {y}",
    "{x} * {y}",
    "{x} * {y} + {x}",
    "{x} / (2.5 + {y} * np.conj({y}))",
    "np.where({positive} > 0.1237, {x}, {y} * 0.7)",
)
REAL_PAIRS = (
    "np.arctan2({x}, 2.0 + {y} * {y})",
    "np.hypot({x}, 1.0 + {y} * {y})",
    "np.maximum({x}, {y} + 0.0731)",
    "np.logaddexp({x}, {y})",
)
PRODUCTS = (
    "{x} @ {y}",
    "{x} @ {y}.T",
    "{x}.T @ {y}",
    "{x}.T @ {x}",
    "np.dot({x}, {y})",
    "np.tensordot({x}, {y}, 1)",
    "np.outer({x}[:9], {y}[:5])",
    "np.einsum('...i,...i->...', {x}, {y})",
    "np.einsum('ij,jk,lk->il', {x}, {x}.T, {y})",
)


class Draft:
    """A program being made: its lines, and the values that they have at the point."""

    def __init__(self, inputs):
        self.values = {f"x{i}": x for i, x in enumerate(inputs)}
        self.inputs, self.lines = list(self.values), []

    def add(self, text):
        """Add a line if NumPy can do it and its result is not large, and say whether; values are kept near 1 in size."""
        try:
            value = eval(text, {"np": np, **self.values})
        except (ValueError, TypeError, IndexError):
            return False
        if value.size > MOST:
            return False
        name = f"v{len(self.lines)}"
        if value.size and np.abs(value).max() > 4:
            text = f"(lambda s: s / np.sqrt(1.0 + np.real(s * np.conj(s))))({text})"
            value = eval(text, {"np": np, **self.values})
        self.lines.append(f"{name} = {text}")
        self.values[name] = value
        return True

    def text(self, results):
        body = "\n    ".join([*self.lines, f"return {', '.join(results)}"])
        return f"def f({', '.join(self.inputs)}):\n    {body}\n"


@st.composite
def slices(draw, shape):
    """A basic index: slices of all kinds, integers, new axes, an ellipsis."""
    parts = []
    for n in shape[: draw(st.integers(0, len(shape)))]:
        kind = draw(st.integers(0, 9))
        if kind == 0 and n:
            parts.append(str(draw(st.integers(-n, n - 1))))
        elif kind == 1:
            parts += ["None", ":"]
        else:
            ends = st.none() | st.integers(-n - 1, n + 1)
            start, stop, step = draw(ends), draw(ends), draw(st.sampled_from((None, None, 1, 2, 3, -1, -2)))
            parts.append(":".join("" if p is None else str(p) for p in (start, stop, step)))
    if draw(st.booleans()):
        parts.insert(0 if len(parts) == len(shape) and draw(st.booleans()) else len(parts), "...")
    return ", ".join(parts) or "..."


@st.composite
def movements(draw, x, value):
    """Lines that only move elements of x."""
    n, shape = value.ndim, value.shape
    axis = draw(st.integers(-n, n - 1)) if n else None
    options = [f"np.reshape({x}, -1)", f"np.ravel({x})[None]"]
    if n:
        some = [draw(st.integers(0, max(0, shape[axis] - 1))) for _ in range(draw(st.integers(1, 5)))]
        options += [
            f"{x}[{draw(slices(shape))}]",
            f"{x}[{draw(slices(shape))}]",
            f"np.transpose({x}, {tuple(draw(st.permutations(range(n))))})",
            f"np.flip({x}, {axis})",
            f"np.roll({x}, {draw(st.integers(-3, 3))}, {axis})",
            f"np.take({x}, {some}, {axis})",
            f"np.repeat({x}, {draw(st.integers(1, 3))}, {axis})",
            f"np.pad({x}, {draw(st.integers(0, 2))})",
            f"np.broadcast_to({x}, {(draw(st.integers(1, 3)), *shape)})",
            f"np.swapaxes({x}, 0, {axis})",
            f"np.concatenate([{x}, {x}[..., ::-1] * 0.5], {axis})",
            f"np.stack([{x}, {x} * {x}], {axis})",
        ]
    return draw(st.sampled_from(options))


@st.composite
def reductions(draw, x, value, real):
    """Lines that add x up, or find its extremes."""
    n = value.ndim
    axis = draw(st.sampled_from([None, *range(n), *([(0, n - 1)] if n > 1 else [])]))
    keep = f"{axis}, keepdims={draw(st.booleans())}"
    options = [f"np.sum({x}, {keep})"]
    if value.size:
        options += [f"np.mean({x}, {keep})"]
    if value.size and real:
        different = f"{x} + 0.137 * np.sin(np.arange({value.size}.0)).reshape({value.shape})"  # no two elements tie
        options += [f"np.max({different}, {keep})", f"np.min({different}, {keep})"]
        options += [f"np.var({x}, {keep})", f"np.prod(1.0 + 0.01 * {x}, {keep})"]
    if n:
        options += [f"np.cumsum({x}, {axis if isinstance(axis, int) else 0})", f"np.einsum('i...->i', {x})"]
    return draw(st.sampled_from(options))


@st.composite
def programs(draw, dtype):
    """A program's text and the arrays it is run at."""
    base = draw(st.lists(st.sampled_from(LENGTHS), min_size=0, max_size=3).map(tuple).filter(lambda s: np.prod(s) <= MOST))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    inputs = []
    for _ in range(draw(st.integers(1, 3))):
        shape = tuple([n if draw(st.integers(0, 3)) else 1 for n in base])[draw(st.integers(0, len(base))) if draw(st.booleans()) else 0 :]
        x = rng.uniform(-1.5, 1.5, shape) + (1j * rng.uniform(-1.0, 1.0, shape) if np.issubdtype(dtype, np.complexfloating) else 0)
        inputs.append(np.asarray(x, dtype))
    draft = Draft(inputs)
    for _ in range(draw(st.integers(1, 12))):
        names = list(draft.values)
        x = names[draw(st.integers(max(0, len(names) - 4), len(names) - 1))]
        value = draft.values[x]
        real = value.dtype.kind != "c"
        kind = draw(st.integers(0, 9))
        if kind <= 2:
            draft.add(draw(st.sampled_from((REAL if real else COMPLEX) + EITHER)).format(x=x))
        elif kind <= 5:
            fits = [y for y in names if _broadcast(value.shape, draft.values[y].shape)]
            y = draw(st.sampled_from(fits))
            positive = x if real else f"np.imag({x})"
            both = real and draft.values[y].dtype.kind != "c"
            draft.add(draw(st.sampled_from(PAIRS + (REAL_PAIRS if both else ()))).format(x=x, y=y, positive=positive))
        elif kind <= 7:
            draft.add(draw(movements(x, value)))
        elif kind == 8:
            draft.add(draw(reductions(x, value, real)))
        else:
            y = draw(st.sampled_from(names))
            products = [p.format(x=x, y=y) for p in PRODUCTS]
            any(draft.add(text) for text in draw(st.permutations(products)))
    made = [name for name in draft.values if name not in draft.inputs] or draft.inputs
    return draft.text(sorted({made[-1], made[len(made) // 2]})), inputs


def _broadcast(a, b):
    try:
        np.broadcast_shapes(a, b)
    except ValueError:
        return False
    return True


def results_and_loss(text):
    """The function of the text, as a tuple of results, and a real number that depends on all their elements."""
    scope = {"np": np}
    exec(text, scope)

    def results(*inputs):
        found = scope["f"](*inputs)
        return found if isinstance(found, tuple) else (found,)

    def loss(*inputs):
        return sum([np.sum(np.real(r) * 0.7) + np.sum(np.imag(r) * 0.3) + np.sum(np.sin(np.real(r))) for r in results(*inputs)])

    return results, loss


def largest(function, arguments):
    """The largest value that any operation of a Function has or adds up."""
    env = dict(zip(function.inputs, arguments, strict=True))
    found = 1.0
    for equation in function.equations:
        operands = [env[a] if a in env else a.array() for a in equation.operands]
        with np.errstate(all="ignore"):
            value = equation.operation.evaluate(*operands)
        values = value if len(equation.outs) > 1 else (value,)
        env.update(zip(equation.outs, values, strict=True))
        inputs = max([np.size(a) for a in operands], default=1)
        terms = max(1.0, inputs / max(1, *map(np.size, values)))  # as many are added for one element
        for v in values:
            if np.size(v) and np.asarray(v).dtype.kind in "fc":
                found = max(found, float(np.abs(v).max()) * np.sqrt(terms))
    return found


def compare(names, compiled, taped, dtype, scale):
    ulp = float(np.finfo(dtype).eps) * scale
    for name, got, wanted in zip(names, compiled, taped, strict=True):
        got, wanted = np.asarray(got), np.asarray(wanted)
        assert got.shape == wanted.shape, (name, got.shape, wanted.shape)
        assert got.dtype == wanted.dtype, (name, got.dtype, wanted.dtype)
        np.testing.assert_allclose(got, wanted, rtol=0, atol=ULPS * ulp, err_msg=name)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.complex128, np.complex64])
def test_compiled_is_taped(dtype):
    @SETTINGS
    @given(programs(dtype))
    def check(program):
        text, inputs = program
        results, loss = results_and_loss(text)
        positions = tuple(range(len(inputs)))
        whole = wg.value_and_grad(loss, argnums=positions)
        with wg.config(cache_size=0):
            function, derivative = wg.record(results)(*inputs), wg.record(whole)(*inputs)
            scale = max(largest(function, inputs), largest(derivative, inputs))
            compare(["value"] * len(function.outputs), wg.jit(results)(*inputs), evaluate(function, inputs), dtype, scale)
            value, gradients = wg.jit(whole)(*inputs)
            wanted, taped = whole(*inputs)
            compare(["loss", *["gradient"] * len(inputs)], [value, *gradients], [wanted, *taped], dtype, scale)

    check()
