"""Every rule of every primitive, checked at the samples written beside it.

jvp against complex steps or differences; vjp as the adjoint of jvp; second order against
differences of the first; batching against a loop. Each check looks at all samples of one primitive.
"""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

from wengert import primitives
from wengert.contract import Primitive, flat, no
from wengert.errors import NoRuleError
from wengert.ir.builder import Builder, building
from wengert.ir.operation import OPERATIONS
from wengert.ir.types import type_of
from wengert.ir.values import Function, Var
from wengert.transform.batch import batch
from wengert.transform.evaluate import evaluate
from wengert.transform.jvp import jvp
from wengert.transform.linearize import vjp

for family in (*primitives.LIGHT, *primitives.HEAVY):
    if find_spec(f"wengert.primitives.{family}"):
        primitives.load(family)
NAMES = sorted(name for name, cls in OPERATIONS.items() if issubclass(cls, Primitive) and cls.__module__.startswith("wengert."))
INEXACT_AT_TINY = "wengert.primitives.special"  # SciPy's complex branches do not keep imaginary parts of 1e-30: differences there
TOLERANCE = {"f": 2e-4, "d": 1e-7, "F": 2e-4, "D": 1e-7}


def samples_of(name: str) -> list:
    cls = OPERATIONS[name]
    if isinstance(cls.samples, no):
        pytest.skip(f"no samples: {cls.samples.why}")
    out = []
    for sample in cls.samples():
        operands = [np.asarray(a) for a in sample.operands]
        for a in operands:
            a.flags.writeable = False
        out.append((sample, [a if a.ndim else a[()] for a in operands]))
    if not out and cls.__module__.endswith("control.stack"):
        pytest.skip("its operands are stacks, not arrays: tested where `while` is")
    assert out, f"{name} has no samples"
    return out


def program(operation: Primitive, operands: list) -> Function:
    inputs = [Var(type_of(a)) for a in operands]
    builder = Builder()
    with building(builder):
        outs = builder.emit(operation, tuple(inputs))
    return builder.build(inputs, outs if isinstance(outs, tuple) else (outs,), operation.name)


def inexact(x) -> bool:
    return np.asarray(x).dtype.kind in "fc"


def directions(operands: list, seed: int = 0, active=None) -> list:
    """Random tangents of the active operands, by default all inexact ones."""
    rng = np.random.default_rng(seed)
    out = []
    for a, on in zip(operands, map(inexact, operands) if active is None else active, strict=True):
        if on:
            v = rng.standard_normal(np.shape(a))
            if np.asarray(a).dtype.kind == "c":
                v = v + 1j * rng.standard_normal(np.shape(a))
            out.append(np.asarray(v, np.asarray(a).dtype)[()])
    return out


def moved(operands: list, tangents: list, active, step: complex) -> list:
    """operands + step * tangents, at double precision."""
    it = iter(tangents)
    double = [np.asarray(a, np.result_type(a, np.float64)) if inexact(a) else a for a in operands]
    return [(a + step * next(it))[()] if on else a for a, on in zip(double, active, strict=True)]


def run_double(operation: Primitive, operands: list) -> list:
    with np.errstate(all="ignore"):
        out = operation.evaluate(*operands)
    return list(out) if isinstance(out, tuple) else [out]


def differences(call, operands: list, tangents: list, active, h: float = 2e-3) -> list:
    """Directional derivative by central differences of order 6."""
    total = None
    for k, weight in ((1, 3 / 4), (2, -3 / 20), (3, 1 / 60)):
        ahead, behind = call(moved(operands, tangents, active, k * h)), call(moved(operands, tangents, active, -k * h))
        term = [weight * (np.asarray(a) - np.asarray(b)) / h if inexact(a) else None for a, b in zip(ahead, behind, strict=True)]
        total = term if total is None else [None if s is None else s + t for s, t in zip(total, term, strict=True)]
    return total


def full(mask, values, types) -> list:
    """Tangents of all outputs, symbolic zeros made explicit."""
    it = iter(values)
    return [next(it) if on else np.zeros(t.shape, t.dtype) if t.inexact else None for on, t in zip(mask, types, strict=True)]


def close(ours, reference, tolerance: float, what: str) -> None:
    ours, reference = np.asarray(ours), np.asarray(reference)
    assert ours.shape == reference.shape, f"{what}: shape {ours.shape}, expected {reference.shape}"
    finite = reference[np.isfinite(reference)]
    scale = max(1.0, float(np.max(np.abs(finite), initial=0.0)))
    np.testing.assert_allclose(ours, reference, rtol=tolerance, atol=tolerance * scale, err_msg=what)


def pairing(xs: list, ys: list) -> float:
    """<x, y> without conjugation, over the reals."""
    return float(sum(np.real(np.sum(np.asarray(x, "D") * np.asarray(y, "D"))) for x, y in zip(xs, ys, strict=True)))


def active_of(function: Function, operation: Primitive) -> tuple[bool, ...]:
    """The operands by which the operation can be differentiated: inexact ones for which no rule is declared impossible."""
    inputs = function.inputs
    if isinstance(type(operation).jvp, no):
        return (False,) * len(inputs)
    out = []
    for v in inputs:
        try:
            out.append(v.type.inexact and any(jvp(function, tuple([w is v for w in inputs]))[1]))
        except NoRuleError:
            out.append(False)
    return tuple(out)


def push(function: Function, operands: list, tangents: list, active) -> list:
    derivative, mask = jvp(function, active)
    values = evaluate(derivative, [*operands, *tangents])
    return full(mask, values[len(function.outputs) :], function.out_types)


def pull(function: Function, operands: list, cts: list, active) -> list:
    return evaluate(vjp(function, active), [*operands, *cts])[len(function.outputs) :]


def cotangents_for(function: Function, seed: int) -> list:
    return directions([np.empty(t.shape, t.dtype) for t in function.out_types if t.inexact], seed)


def is_adjoint(function: Function, operands: list, active, tolerance: float, what: str) -> None:
    tangents = directions(operands, 1, active)
    cts = cotangents_for(function, 2)
    pushed = [t for t in push(function, operands, tangents, active) if t is not None]
    pulled = pull(function, operands, cts, active)
    for ct, a in zip(pulled, [a for a, on in zip(operands, active, strict=True) if on], strict=True):
        assert type_of(ct) is type_of(a), f"{what}: cotangent {type_of(ct)!r} of {type_of(a)!r}"
    left, right = pairing(cts, pushed), pairing(pulled, tangents)
    size = max(1.0, *[float(np.max(np.abs(v), initial=0.0)) for v in (*pushed, *pulled)])
    if np.isfinite(left) or np.isfinite(right):
        assert abs(left - right) <= tolerance * max(size, abs(left)), f"{what}: <ct, J dx> = {left}, <Jᵀ ct, dx> = {right}"


@pytest.mark.parametrize("name", NAMES)
def test_value(name):
    """Results have the type that the type rule says; operands stay as they are, and are not returned unless declared."""
    for sample, operands in samples_of(name):
        operation = sample.operation
        function = program(operation, operands)
        values = evaluate(function, operands)
        for value, t in zip(values, function.out_types, strict=True):
            assert type_of(value) is t, f"{sample!r}: {type_of(value)!r}, the type rule says {t!r}"
            if t.ndim and not operation.views and not operation.functions():
                shared = [a for a in operands if isinstance(a, np.ndarray) and np.shares_memory(a, value)]
                assert not shared, f"{sample!r} returns memory of an operand, but is not declared to (views)"
        if operation.update is not None and np.ndim(operands[0]):
            overwritten = operation.update(np.array(operands[0]), *operands[1:])
            np.testing.assert_array_equal(overwritten, values[0], err_msg=f"update of {sample!r}")


@pytest.mark.parametrize("name", NAMES)
def test_first_order(name):
    """The jvp agrees with complex steps or differences, and the vjp is its adjoint."""
    checked = False
    for sample, operands in samples_of(name):
        operation = sample.operation
        function = program(operation, operands)
        if isinstance(type(operation).jvp, flat) and any(map(inexact, operands)):
            assert not any(jvp(function, tuple(map(inexact, operands)))[1]), f"{sample!r} is declared flat"
            checked = True
        active = active_of(function, operation)
        if not any(active):
            continue
        checked = True
        codes = {np.asarray(a).dtype.char for a in operands if inexact(a)}
        code = min(codes, key="fFdD".find)
        tolerance = TOLERANCE[code]
        if sample.smooth:
            tangents = directions(operands, 0, active)
            ours = push(function, operands, tangents, active)
            typed = bool(operation.functions())  # the functions inside take operands of their own types only
            tiny = not type(operation).__module__.startswith(INEXACT_AT_TINY)
            if sample.complex_step and codes == {"d"} and tiny and not typed:
                stepped = run_double(operation, moved(operands, tangents, active, 1e-30j))
                reference = [np.imag(v) / 1e-30 if t.inexact else None for v, t in zip(stepped, function.out_types, strict=True)]
                tolerance = 1e-11
            else:
                reference = differences(lambda xs, op=operation: run_double(op, xs), operands, tangents, active)
            for got, expected in zip(ours, reference, strict=True):
                if got is not None:
                    close(got, expected, tolerance, f"jvp of {sample!r}")
        is_adjoint(function, operands, active, 1e-3 if code in "fF" else 1e-10, f"{sample!r}")
    if not checked:
        pytest.skip("nothing to differentiate")


@pytest.mark.parametrize("name", NAMES)
def test_second_order(name):
    """jvp and vjp of the jvp, and of the vjp, agree with differences and with each other."""
    checked = False
    for sample, operands in samples_of(name):
        if not sample.smooth or any(np.asarray(a).dtype.char in "fF" for a in operands):
            continue
        function = program(sample.operation, operands)
        active = active_of(function, sample.operation)
        if not any(active):
            continue
        checked = True
        tangents = directions(operands, 4, active)
        cts = cotangents_for(function, 3)
        beside = (True,) * len(tangents)
        cases = (
            ("jvp", jvp(function, active)[0], [*operands, *tangents], (*active, *beside)),
            ("vjp", vjp(function, active), [*operands, *cts], (*active, *(True,) * len(cts))),
        )
        for kind, first, at, on in cases:
            steps = directions(at, 5, on)
            try:
                ours = push(first, at, steps, on)
            except NoRuleError:
                continue  # the first derivative is differentiable by fewer operands
            reference = differences(lambda xs, f=first: evaluate(f, xs), at, steps, on)
            for got, expected in zip(ours, reference, strict=True):
                if got is not None:
                    close(got, expected, 1e-6, f"jvp of {kind} of {sample!r}")
            is_adjoint(first, at, on, 1e-9, f"vjp of {kind} of {sample!r}")
    if not checked:
        pytest.skip("no smooth sample in double precision")


def lanes_of(x, size: int) -> np.ndarray:
    """Lanes that differ a little, and stay valid: floats scaled, integers and bools rolled."""
    x = np.asarray(x)
    if x.dtype.kind in "fc":
        return np.stack([x * x.dtype.type(1 + 0.01 * lane) for lane in range(size)])
    return np.stack([np.roll(x, lane) if x.ndim == 1 else x for lane in range(size)])


@pytest.mark.filterwarnings("ignore:floating point number truncated")  # lanes of an integer order given as a float
@pytest.mark.parametrize("name", NAMES)
def test_batch(name):
    """A batched operation does in all lanes what it does in each: each operand batched alone, and all of them."""
    size = 3
    for sample, operands in samples_of(name):
        if isinstance(type(sample.operation).batch, no):
            pytest.skip(sample.operation.batch.why)
        if not operands:
            continue
        function = program(sample.operation, operands)
        n = len(operands)
        single = {type_of(a): np.asarray(a).dtype.char in "fF" for a in operands}
        tolerance = 1e-5 if any(single.values()) else 1e-12
        for batched in {tuple(i == j for j in range(n)) for i in range(n)} | {(True,) * n}:
            lanes = [lanes_of(a, size) if on else a for a, on in zip(operands, batched, strict=True)]
            together = evaluate(batch(function, size, batched, force=True)[0], lanes)
            for lane in range(size):
                alone = evaluate(function, [a[lane] if on else a for a, on in zip(lanes, batched, strict=True)])
                for got, expected in zip(together, alone, strict=True):
                    assert np.asarray(got).dtype == np.asarray(expected).dtype
                    close(np.asarray(got)[lane], expected, tolerance, f"lane {lane} of {sample!r} batched in {batched}")


def test_no_family_is_left_out():
    families = {OPERATIONS[name].__module__.split(".")[2] for name in NAMES}
    assert families >= {"shape", "arith", "math", "reduce", "index", "control", "linalg", "special", "fft"}
