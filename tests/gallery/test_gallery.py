"""The gallery: programs as users write them, under every transformation, against plain NumPy and against differences.

One test a program and a claim. A program that a transformation cannot take says so where it is registered, with the reason.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

import wengert as wg
from tests.gallery import differences as plain
from tests.gallery.differences import close, flat, leaves
from tests.gallery.registry import Program, load
from wengert.codegen import schedule
from wengert.errors import WengertError

PROGRAMS = load()
EXACT = 1e-12  # two ways to the same exact derivative

every = pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.name)


def where(condition: Callable[[Program], Any]) -> pytest.MarkDecorator:
    """Only the programs for which a claim is made."""
    return pytest.mark.parametrize("program", [p for p in PROGRAMS if condition(p)], ids=lambda p: p.name)


objective = cache(plain.objective)
restricted = cache(plain.restricted)


@cache
def compiled(program: Program) -> Callable[..., Any]:
    """The program itself, compiled once."""
    return wg.jit(program.function)


@cache
def packed(program: Program) -> Callable[..., Any]:
    """The objective as a function of one tuple: all that is differentiated."""
    function = restricted(program)
    return lambda active: function(*active)


@cache
def gradient(program: Program) -> Callable[..., Any]:
    """The taped gradient by all that is differentiated."""
    return wg.grad(objective(program), argnums=program.wrt)


@cache
def taped(program: Program) -> np.ndarray:
    """That gradient at the sample arguments, as a vector."""
    return flat(gradient(program)(*program.arguments()))


def direction(program: Program) -> np.ndarray:
    """A direction in the space of the differentiated arguments, of about unit length."""
    v = np.random.default_rng(42).normal(size=flat(plain.active(program)).size)
    return v / np.linalg.norm(v)


def call(program: Program, transformed: Callable[..., Any]) -> Any:
    """The result for copies of the sample arguments, which afterwards must be as plain NumPy leaves them."""
    arguments, expected = program.arguments(), program.arguments()
    result = transformed(*arguments)
    program.function(*expected)
    for left, right in zip(leaves(arguments), leaves(expected), strict=True):
        np.testing.assert_array_equal(left, right) if not program.mutates else np.testing.assert_allclose(left, right, rtol=1e-13)
    return result


@where(lambda p: not p.no_jit)
def test_compiled_value(program):
    close(call(program, compiled(program)), program.function(*program.arguments()), EXACT)


@where(lambda p: not p.no_jit and p.roams)
def test_compiled_value_elsewhere(program):
    """Far from the sample, where other branches are taken and loops are longer: the program that was compiled takes them too."""
    for arguments in plain.roam(program, 5):
        with np.errstate(all="ignore"):
            expected = program.function(*copy.deepcopy(arguments))
            np.testing.assert_allclose(flat(compiled(program)(*arguments)), flat(expected), rtol=1e-9, atol=1e-12)


@every
def test_taped_gradient(program):
    value, exact = call(program, wg.value_and_grad(objective(program), argnums=program.wrt))
    close(value, objective(program)(*program.arguments()), EXACT)
    close(exact, plain.differences(objective(program), program, program.step), program.tolerance)


@where(lambda p: not p.no_jit)
def test_compiled_gradient(program):
    value, exact = call(program, wg.jit(wg.value_and_grad(objective(program), argnums=program.wrt)))
    close(value, objective(program)(*program.arguments()), EXACT)
    close(exact, taped(program), EXACT)


@where(lambda p: not p.no_jit)
def test_compiled_gradient_in_memory(program, monkeypatch):
    """The gallery's arrays are so short that native code has them in registers; here they are in memory, as long ones are."""
    monkeypatch.setattr(schedule.schedule, "__defaults__", (1,))
    fresh = plain.objective(program)
    exact = call(program, wg.jit(wg.grad(lambda *arguments: fresh(*arguments), argnums=program.wrt)))
    close(exact, taped(program), EXACT)


@where(lambda p: not p.no_jit)
def test_gradient_of_compiled(program):
    inner = wg.jit(objective(program))
    close(call(program, wg.grad(inner, argnums=program.wrt)), taped(program), EXACT)


@where(lambda p: not p.no_jit)
def test_compiled_gradient_of_compiled(program):
    inner = wg.jit(objective(program))
    close(call(program, wg.jit(wg.grad(inner, argnums=program.wrt))), taped(program), EXACT)


@every
def test_forward_is_reverse(program):
    here, v = plain.active(program), direction(program)
    value, slope = wg.jvp(restricted(program), here, plain.like(here, v))
    close(value, objective(program)(*program.arguments()), EXACT)
    close(slope, np.dot(taped(program), v), EXACT * max(1.0, float(np.max(np.abs(taped(program))))))


@where(lambda p: not p.no_jit)
def test_vmap(program):
    sets = plain.lanes(program)
    arguments, axes = plain.stack(program, sets)
    values = wg.vmap(objective(program), in_axes=axes)(*arguments)
    close(values, [objective(program)(*s) for s in plain.lanes(program)], EXACT)


@where(lambda p: not p.no_jit)
def test_vmap_of_gradient(program):
    arguments, axes = plain.stack(program, plain.lanes(program))
    stacked = wg.jit(wg.vmap(gradient(program), in_axes=axes))(*arguments)
    for i, lane in enumerate(plain.lanes(program)):
        mine = [leaf[i] for leaf in leaves(stacked)]
        close(mine, gradient(program)(*lane), EXACT)


@every
def test_second_order(program):
    here, v = plain.active(program), direction(program)
    product = flat(wg.hvp(packed(program))(here, plain.like(here, v)))
    expected = plain.along(gradient(program), program, program.step * v) / program.step
    close(product, expected, 1e-6)


@where(lambda p: not p.no_jit)
def test_compiled_second_order(program):
    here, v = plain.active(program), direction(program)
    product = wg.jit(wg.hvp(packed(program)))(here, plain.like(here, v))
    again = plain.active(program)
    close(product, wg.hvp(packed(program))(again, plain.like(again, v)), EXACT * 10)


@where(lambda p: len(p.wrt) == 1 and isinstance(p.sample[p.wrt[0]], (float, np.ndarray)) and flat(plain.active(p)).size <= 5)
def test_hessian(program):
    (here,), v = plain.active(program), direction(program)
    hessian = np.reshape(wg.hessian(restricted(program))(here), (v.size, v.size))
    product = wg.hvp(restricted(program))(*plain.active(program), *plain.like(plain.active(program), v))
    close(hessian @ v, product, EXACT * 10)
    close(hessian, hessian.T, EXACT * 10)


@where(lambda p: p.no_jit)
def test_refused_rather_than_wrong(program):
    with pytest.raises(WengertError):
        wg.jit(program.function)(*program.arguments())


def test_the_gallery_is_large():
    assert len(PROGRAMS) >= 70
    assert len({p.name for p in PROGRAMS}) == len(PROGRAMS)
    assert sum(bool(p.no_jit) for p in PROGRAMS) <= len(PROGRAMS) // 20


@every
def test_program_is_smooth_where_it_is_tested(program):
    """Differences of two step lengths agree: no kink and no other branch lies near. A test of the gallery, not of wengert."""
    one, other = (plain.differences(objective(program), program, step) for step in (program.step, 0.37 * program.step))
    close(one, other, program.tolerance)
    assert np.any(np.abs(one) > 1e-6)
