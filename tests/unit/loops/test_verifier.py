"""The verifier passes what the builder writes, and finds each way in which a program can be wrong."""

import re

import numpy as np
import pytest

from tests.work import calls
from wengert.errors import VerificationError
from wengert.ir.types import array_type
from wengert.loops.build import Builder
from wengert.loops.failure import Failure
from wengert.loops.nest import (
    Address,
    Affine,
    Buffer,
    Call,
    Const,
    Fail,
    Fill,
    For,
    Host,
    If,
    Index,
    Let,
    Load,
    Name,
    Program,
    Store,
    While,
)
from wengert.loops.verifier import verify

N = 8


@pytest.fixture
def k():
    """A builder with an input, an output and a constant of N numbers, in this order."""
    k = Builder()
    k.buffer("f8", N, "input")
    k.buffer("f8", N, "output")
    k.constant(np.arange(float(N)))
    return k


def program(k):
    out = Program("kernel")
    out.block, out.buffers, out.failures, out.hosts = k.block, k.buffers, k.failures, k.hosts
    return out


def fails(k, message):
    with pytest.raises(VerificationError, match=re.escape(message)) as caught:
        verify(program(k))
    assert "in kernel: " in str(caught.value)


def at(*terms, const=0):
    return Affine(const, terms)


def f8(k):
    return k.load(k.buffers[0], at())


ONE, YES = Const(1.0, "f8"), Const(True, "b1")


def test_what_the_builder_writes(k):
    x, y, table = k.buffers
    k.loop(0, N, lambda i, _: k.store(y, i, k.op("mul", k.load(x, i), k.load(table, (N - 1) - i))) or ())
    k.loop(0, 2, lambda c, _: k.loop(c * 4, c * 4 + 4, lambda i, _: k.store(y, i, ONE) or ()) or ())
    (total,) = k.loop(0, N, lambda i, c: [k.op("add", c[0], k.load(x, i))], [ONE])
    k.branch(k.op("lt", total, ONE), lambda: k.store(y, at(), total), lambda: None)
    k.while_([total], lambda c: k.op("gt", c[0], ONE), lambda c: [k.op("sqrt", c[0])])
    k.fail_if(YES, Failure("index", (0, N), None), [Const(3, "i4")])
    k.fill(Address(y, at()), Address(x, at()), N)
    k.call("special.ellipj", [ONE, ONE, *[Address(y, at(const=n)) for n in range(4)]], writes=[y])
    t = array_type((N,), np.float64)
    k.hosts.append((None, [t], [t]))
    k.block.append(Host(0, [Address(x, at())], [Address(y, at())]))
    assert verify(program(k)).name == "kernel"


def test_an_index_that_a_branch_narrows(k):
    """choose() gives an index that is inside only where the branch is taken."""
    x, y, _ = k.buffers

    def body(i, _):
        k.store(y, i, k.choose(i, 3, lambda: k.load(x, i + 5), lambda: k.load(x, i - 3)))
        return ()

    k.loop(0, N, body)
    verify(program(k))


def test_a_triangular_loop(k):
    x, y, _ = k.buffers
    k.loop(0, N, lambda i, _: k.loop(0, i + 1, lambda j, _: k.store(y, i - j, k.load(x, j)) or ()) or ())
    verify(program(k))


def test_a_loop_that_never_runs(k):
    k.loop(0, 0, lambda i, _: k.store(k.buffers[1], i + 100, ONE) or ())
    verify(program(k))


# -- names and kinds -----------------------------------------------------------------------------


def test_undefined(k):
    k.block.append(Let(Name(2, "f8"), "exp", (Name(1, "f8"),)))
    fails(k, "%1 is used where it is not defined")


def test_out_of_scope(k):
    inner = []
    k.loop(0, N, lambda i, _: inner.append(k.op("exp", f8(k))) or k.store(k.buffers[1], i, inner[0]) or ())
    k.block.append(Store(k.buffers[1], at(), inner[0]))
    fails(k, "It is defined inside of a block that is over.")


def test_defined_twice(k):
    x = f8(k)
    k.block.append(Let(x, "exp", (ONE,)))
    fails(k, f"{x!r} is defined twice")


def test_another_kind(k):
    x = f8(k)
    k.block.append(Let(Name(9, "f4"), "exp", (Name(x.id, "f4"),)))
    fails(k, "is used as f4, and was defined as f8")


@pytest.mark.parametrize(
    ("op", "args", "kind", "message"),
    [
        ("nonsense", (ONE,), "f8", "there is no scalar operation 'nonsense'"),
        ("add", (ONE,), "f8", "add of 1 operands"),
        ("cast", (ONE, ONE), "f8", "cast of 2 operands"),
        ("add", (ONE, Const(1.0, "f4")), "f4", "is f8, not f4"),
        ("add", (ONE, ONE), "f4", "of add is f4, not f8"),
        ("lt", (ONE, ONE), "f8", "of lt is f8, not b1"),
        ("select", (ONE, ONE, ONE), "f8", "condition 1.0:f8 is f8, not b1"),
        ("bits", (ONE,), "f8", "of bits is f8, not i8"),
        ("exp", ("x",), "f8", "'x' is no scalar"),
        ("cast", (ONE,), "c16", "has kind 'c16'"),
        ("offset", (ONE, Const(1, "i8")), "p", "is f8, not p"),
    ],
)
def test_operations(k, op, args, kind, message):
    k.block.append(Let(Name(1, kind), op, args))
    fails(k, message)


def test_no_statement(k):
    k.block.append("x = 1")
    fails(k, "'x = 1' is no statement")


# -- memory ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("shift", "where"), [(1, "1 to 8"), (-1, "-1 to 6")])
def test_outside(k, shift, where):
    k.loop(0, N, lambda i, _: k.store(k.buffers[1], i, k.load(k.buffers[0], i + shift)) or ())
    fails(k, f"input0 of {N} elements is touched at {where}")


def test_outside_in_two_loops(k):
    k.loop(0, 3, lambda i, _: k.loop(0, 3, lambda j, _: k.store(k.buffers[1], i * 3 + j, ONE) or ()) or ())
    fails(k, "output0 of 8 elements is touched at 0 to 8")


def test_outside_in_a_loop_that_starts_where_another_is(k):
    k.loop(0, 3, lambda c, _: k.loop(c * 3, c * 3 + 3, lambda i, _: k.store(k.buffers[1], i, ONE) or ()) or ())
    fails(k, "touched at 0 to 8")


def test_outside_in_a_loop_inside_a_branch(k):
    k.branch(YES, lambda: k.loop(0, N + 1, lambda i, _: k.store(k.buffers[1], i, ONE) or ()) and None, lambda: None)
    fails(k, "touched at 0 to 8")


def test_outside_by_an_index_computed_before(k):
    def body(i, _):
        k.store(k.buffers[1], k.index(k.number(i + 1)), ONE)
        return ()

    k.loop(0, N, body)
    fails(k, "touched at 1 to 8")


def test_a_copy_too_long(k):
    k.block.append(Fill(Address(k.buffers[1], at(const=1)), None, N))
    fails(k, "touched at 1 to 8")


def test_a_copy_to_another_kind(k):
    k.block.append(Fill(Address(k.buffer("f4", N), at()), Address(k.buffers[0], at()), N))
    fails(k, "input0 is f8, not f4")


def test_a_buffer_of_another_program(k):
    k.block.append(Load(Name(1, "f8"), Buffer(0, "f8", N, "input"), at()))
    fails(k, "is no buffer of this program")


def test_a_pointer_out_of_scope(k):
    k.block.append(Load(Name(1, "f8"), k.buffer("f8", N, "pointer", data=Name(7, "p")), at()))
    fails(k, "%7 is used where it is not defined")


def test_an_index_of_another_kind(k):
    k.block.append(Load(Name(1, "f8"), k.buffers[0], at((f8(k), 1))))
    fails(k, "is f8, not i8")


@pytest.mark.parametrize("n", [0, 2])
def test_written_input_and_constant(k, n):
    k.store(k.buffers[n], at(), ONE)
    fails(k, "Inputs that are not given away, and constants, stay as they are.")


def test_a_donated_input(k):
    k.buffers[0].data = "donated"
    k.store(k.buffers[0], at(), ONE)
    verify(program(k))


def test_an_element_of_another_kind(k):
    k.block.append(Store(k.buffers[1], at(), Const(1.0, "f4")))
    fails(k, "is f4, not f8")
    k.block[:] = [Load(Name(1, "f4"), k.buffers[0], at())]
    fails(k, "is f4, not f8")
    k.block[:] = [Load(Name(1, "f8"), k.buffers[0], at(), 1)]
    fails(k, "input0 has no part 1")


# -- loops and branches -------------------------------------------------------------------------------


def loop(**changes):
    parts = {"inits": [ONE], "carries": [Name(2, "f8")], "nexts": [ONE], "outs": [Name(3, "f8")], "step": 1, **changes}
    return For(Name(1, "i8"), at(), at(const=N), **parts)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (loop(nexts=[]), "1 scalars begin, 1 are carried, 0 follow and 1 come out"),
        (loop(inits=[Const(1, "i8")]), "the initial 1:i8 is i8, not f8"),
        (loop(nexts=[Const(1, "i8")]), "the following 1:i8 is i8, not f8"),
        (loop(outs=[Name(3, "i8")]), "%3 is defined i8, not f8"),
        (loop(step=0), "a step of 0"),
        (For(Name(1, "f8"), at(), at(const=N)), "%1 is defined f8, not i8"),
        (While([ONE], [Name(1, "f8")], []), "1 scalars begin, 1 are carried, 0 follow and 0 come out"),
        (If(ONE), "the condition 1.0:f8 is f8, not b1"),
    ],
)
def test_loops(k, statement, message):
    k.block.append(statement)
    fails(k, message)


def test_while_condition(k):
    statement = While([], [], [])
    statement.condition = ONE
    k.block.append(statement)
    fails(k, "the condition 1.0:f8 is f8, not b1")


def test_branches_that_differ(k):
    statement = If(YES)
    statement.outs, statement.values = (Name(1, "f8"),), ((ONE,), ())
    k.block.append(statement)
    fails(k, "a branch gives 0 scalars, not 1")
    statement.values = ((ONE,), (Const(1, "i8"),))
    fails(k, "the result 1:i8 is i8, not f8")


# -- failures, calls, Python --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (Fail(YES, 1), "failure 1 of 0"),
        (Fail(ONE, 1), "the condition 1.0:f8 is f8, not b1"),
        (Host(0, [], []), "operation 0 of 0"),
        (Index(Name(1, "i4"), at()), "%1 is defined i4, not i8"),
        (Call(None, "f", [Name(1, "f8")]), "%1 is used where it is not defined"),
        (Call((Name(1, "f8"), Name(2, "f4")), "f", []), "%2 is defined f4, not f8"),
    ],
)
def test_others(k, statement, message):
    k.block.append(statement)
    fails(k, message)


def test_details(k):
    k.fail_if(YES, Failure("index", (0, 1), None), [Const(0, "i8")] * 5)
    fails(k, "5 details")
    k.block[-1] = Fail(YES, 1, [ONE])
    fails(k, "the detail 1.0:f8 is f8, not i8")


def test_a_call_that_writes_what_it_has_not(k):
    k.call("f", [], writes=[k.buffers[1]])
    fails(k, "f writes output0, whose address it is not given")
    k.block[:] = [Call(None, "f", [Address(k.buffers[0], at())], [k.buffers[0]])]
    fails(k, "input0 is written")


def test_python_operations(k):
    t = array_type((N,), np.float64)
    k.hosts.append((None, [t], [t]))
    x, y, _ = [Address(b, at()) for b in k.buffers]
    for inputs, outputs, message in (
        ([], [y], "0 arrays for 1 types"),
        ([x], [x], "input0 is written"),
        ([Address(k.buffers[0], at(const=1))], [y], "touched at 1 to 8"),
        ([Address(k.buffer("f4", N), at())], [y], "is f4, not f8"),
    ):
        k.block[:] = [Host(0, inputs, outputs)]
        fails(k, message)


def test_the_pipeline_asks(k, monkeypatch):
    """With `config(verify=True)`, which these tests have, a faulty program is not compiled."""
    import wengert as wg
    from wengert.codegen import pipeline

    k.block.append(Let(Name(2, "f8"), "exp", (Name(1, "f8"),)))
    monkeypatch.setattr(pipeline, "lower", lambda *args: program(k))
    with pytest.raises(VerificationError):
        pipeline.compile_function(wg.record(np.sin)(1.0))


def long_program(n):
    k = Builder()
    k.buffer("f8", n, "input")
    k.buffer("f8", n, "output")
    for i in range(n):
        k.store(k.buffers[1], at(const=i), k.op("sin", k.load(k.buffers[0], at(const=i))))
    return program(k)


def test_linear_in_the_length():
    short, long = long_program(200), long_program(2000)
    assert calls(lambda: verify(long)) < 11 * calls(lambda: verify(short))
    assert calls(lambda: repr(long)) < 11 * calls(lambda: repr(short))
