"""The text of programs: every statement has its line."""

import numpy as np

import wengert as wg
from wengert.codegen.lower import lower
from wengert.loops.build import Builder, Pair
from wengert.loops.failure import Failure
from wengert.loops.nest import Address, Affine, Call, Host, Part, Program
from wengert.loops.printer import head, print_program


def test_a_reduction():
    program = lower(wg.record(lambda x: np.sum(np.where(x > 0, np.sin(x), x * 2)))(np.ones(100)), "kernel")
    assert repr(program) == print_program(program)
    assert print_program(program) == (
        "program kernel(input0: f8[100]) -> (output0: f8[1]):\n"
        "  part:\n"
        "    %9: f8 = for %1 in range(0, 100) carry %2 = 0.0:f8:\n"
        "      %3: f8 = load input0[%1]\n"
        "      %4: b1 = gt %3, 0.0:f8\n"
        "      %5: f8 = sin %3\n"
        "      %6: f8 = mul %3, 2.0:f8\n"
        "      %7: f8 = select %4, %5, %6\n"
        "      %8: f8 = accumulate %2, %7\n"
        "      next %8\n"
        "    store output0[0] = %9\n"
    )


def test_every_statement():
    k = Builder()
    x, y = k.buffer("f8", 8, "input"), k.buffer("c16", 4, "output")
    z = k.load(x, Affine(0))
    positive = k.op("gt", z, k.const(0.0, "f8"))
    k.fail_if(positive, Failure("index", (0, 8), None), [k.const(3, "i8")])
    w = k.branch(positive, lambda: k.op("exp", z), lambda: z)
    (s,) = k.while_([w], lambda c: k.op("lt", c[0], z), lambda c: [k.op("add", c[0], z)])
    k.loop(3, 0, lambda i, _: k.store(y, i, Pair(s, k.number(i + 1, "f8"))) or (), step=-1)
    k.fill(Address(y, Affine(0)), None, 2)
    k.fill(Address(y, Affine(0)), Address(y, Affine(2)), 2)
    found = k.call("special.wofz", [Pair(z, s), k.const(0, "i4")], "c16")
    k.call("blas.dscal", [("ref", found.re), Address(x, Affine(0))], writes=[x])
    k.block.append(Host(0, [Address(x, Affine(0))], [Address(y, Affine(0))]))
    program = Program("all")
    program.block, program.buffers, program.failures = [Part(k.block, "whole")], k.buffers, k.failures
    assert (
        print_program(program)
        == """program all(input0: f8[8]) -> (output0: c16[4]):
  whole:
    %1: f8 = load input0[0]
    %2: b1 = gt %1, 0.0:f8
    fail 1 if %2 with 3:i8
    %4: f8 = if %2:
      %3: f8 = exp %1
      give %3
    else:
      give %1
    %6: f8 = while carry %5 = %4:
      %7: b1 = lt %5, %1
      stop unless %7
      %8: f8 = add %5, %1
      next %8
    for %9 in range(3, 0, -1):
      %10: i8 = %9 + 1
      %11: f8 = cast %10
      store output0[%9].re = %6
      store output0[%9].im = %11
    zero 2 at &output0[0]
    copy 2 from &output0[2] to &output0[0]
    %12: f8, %13: f8 = special.wofz(%1, %6, 0:i4)
    blas.dscal(&(%12), &input0[0]) writes input0
    python 0(&input0[0]) -> (&output0[0])
failure 1: index(0, 8)
"""
    )
    assert head(Call(None, "f", [])) == "f()"
