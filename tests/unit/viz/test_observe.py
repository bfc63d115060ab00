"""Runs: every step is kept, values, tangents and adjoints are those of the transformations, on the gallery's programs."""

import numpy as np
import pytest

import wengert as wg
from tests.gallery import differences as plain
from tests.gallery.registry import load
from wengert import tree
from wengert.viz.observe import Group, elided
from wengert.viz.subject import Subject, source_lines

from .programs import baydin, branching, calling, doubled


@pytest.mark.parametrize("program", load()[::9], ids=lambda p: p.name)
def test_the_gallery(program):
    f = plain.objective(program)
    subject = Subject(f, program.arguments(), argnums=program.wrt)
    np.testing.assert_allclose(subject.results[0].value, f(*program.arguments()), rtol=1e-9)
    gradient = tree.flatten(wg.grad(f, argnums=program.wrt)(*program.arguments()))[0]
    leaves = tree.flatten(program.arguments())[0]
    starts = np.cumsum([0, *[len(tree.flatten(a)[0]) for a in program.arguments()]])
    places = [i for w in program.wrt for i in range(starts[w], starts[w + 1])]
    by_place = {place: node for place, node in zip(subject.places, subject.run.inputs, strict=True) if node.varied}
    found, _ = subject.adjoints()
    compared = 0
    for place, g in zip(places, gradient, strict=True):
        if place in by_place:
            compared += 1
            np.testing.assert_allclose(found[by_place[place]], g, rtol=1e-9, atol=1e-12)
            assert np.shape(leaves[place]) == np.shape(found[by_place[place]])
    assert compared == len(by_place)
    tangents = subject.tangents()
    np.testing.assert_allclose(tangents.get(subject.results[0], 0.0), np.sum(found[subject.real[0]]), rtol=1e-8, atol=1e-10)


def test_inputs_and_results_are_numbered():
    run = Subject(baydin, (2.0, 5.0)).run
    assert [node.number for node in run.inputs] == [-1, 0]
    assert [out.number for step in run.steps() for out in step.outs] == [1, 2, 3, 4, 5]


def test_bookkeeping_is_hidden():
    run = Subject(branching, (np.array([0.5, 0.7]), 3)).run
    hidden = {step.equation.operation.name for step in run.steps() if not step.visible}
    assert {"greater", "cast", "sub"} <= hidden
    assert all(step.visible for step in run.steps() if step.equation.operation.name in ("sin", "mul"))


def test_a_call_is_looked_into():
    run = Subject(calling, (2.0,)).run
    (call,) = [child for child in run.root.children if isinstance(child, Group)]
    assert call.title == f"call {doubled.__name__}"
    assert [step.equation.operation.name for step in call.steps()] == ["exp", "mul"]


def test_reshaped_values_keep_their_name():
    run = Subject(lambda x: np.sum(np.sin(x).reshape(2, 2) @ np.ones((2, 1))), (np.arange(4.0),)).run
    relabelled = [step for step in run.steps() if step.relabels]
    assert relabelled
    assert all(step.outs[0].number == step.operands[0].number for step in relabelled)


def test_an_element_is_a_number():
    """x[0] is one step, though the program takes a part of one element and makes a number of it."""
    subject = Subject(lambda x: x[0] * x[1] + x[0].reshape(1)[0], (np.array([2.0, 3.0]),))
    first = [step for step in subject.run.steps() if step.visible][:2]
    assert [step.outs[0].value for step in first] == [2.0, 3.0]
    assert all(np.ndim(step.outs[0].value) == 0 == step.outs[0].type.ndim for step in first)
    assert np.array_equal(subject.adjoints()[0][subject.real[0]], [4.0, 2.0])


def test_own_rules_are_one_step():
    @wg.custom_jvp
    def f(x):
        return np.sin(x) * x

    f.defjvp(lambda primals, tangents: (f(*primals), 3.0 * tangents[0]))
    subject = Subject(f, (2.0,))
    assert [step.equation.operation.name for step in subject.run.steps()] == ["custom_jvp"]
    assert subject.adjoints()[0][subject.real[0]] == 3.0


def test_iterations_of_stacks():
    def cumulated(x):
        return wg.scan(lambda c, v: (c + v, c * v), 0.0, x)[1].sum()

    x = np.array([1.0, 2.0, 3.0])
    subject = Subject(cumulated, (x,))
    np.testing.assert_allclose(subject.adjoints()[0][subject.real[0]], wg.grad(cumulated)(x))
    (loop,) = [child for child in subject.run.root.children if isinstance(child, Group)]
    assert [child.kind for child in elided(loop)] == ["iteration"] * 3


def test_a_program_that_needs_values_is_run_as_it_is():
    def kept(x):
        out = []
        for i in range(3):
            if x[i] > 0:
                out.append(x[i])
        return np.sum(np.stack(out) ** 2)

    subject = Subject(kept, (np.array([1.0, -2.0, 3.0]),))
    np.testing.assert_array_equal(subject.adjoints()[0][subject.real[0]], [2.0, 0.0, 6.0])


def test_assigned_arguments_are_no_results():
    def scaled(x):
        x *= 2.0
        return x.sum()

    subject = Subject(scaled, (np.ones(3),))
    assert len(subject.results) == 1
    np.testing.assert_array_equal(subject.adjoints()[0][subject.real[0]], [2.0, 2.0, 2.0])


def test_source_is_that_of_the_functions():
    subject = Subject(calling, (2.0,))
    ((file, lines),) = subject.files.items()
    shown = source_lines(file, lines, subject.f)
    texts = [text.strip() for _, text in shown]
    assert texts[0].startswith("def doubled")
    assert any(text.startswith("def calling") for text in texts)
    assert not any("squared_until" in text for text in texts)
