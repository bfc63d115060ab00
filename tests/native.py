"""Functions run as native code, for tests that compare it with the evaluator."""

import numpy as np

from wengert.codegen import link
from wengert.codegen.pipeline import compile_function
from wengert.ir.builder import Builder, building
from wengert.ir.types import type_of
from wengert.ir.values import Var
from wengert.runtime.call import Kernel


def program(operation, operands):
    """The Function that does one operation on operands of these types."""
    inputs = [Var(type_of(a)) for a in operands]
    builder = Builder()
    with building(builder):
        outs = builder.emit(operation, tuple(inputs))
    return builder.build(inputs, outs if isinstance(outs, tuple) else (outs,), operation.name)


def kernel(function):
    """(a callable of a list of arrays, the names of the operations that it runs by `evaluate`)."""
    module = compile_function(function)
    in_types, out_types = [v.type for v in function.inputs], [a.type for a in function.outputs]
    library = link.library(module.text)
    run = Kernel(library, module.name, in_types, out_types, module.arena_bytes, module.work, module.failures, module.hosts)
    return run, [operation.name for operation, *_ in module.hosts]


def values(operation, operands):
    """(results by native code, results by `evaluate`, the names of the operations run by `evaluate`), as lists of arrays."""
    run, hosted = kernel(program(operation, operands))
    got = run([np.asarray(a) for a in operands])
    with np.errstate(all="ignore"):
        expected = operation.evaluate(*operands)
    return got, list(expected) if isinstance(expected, tuple) else [expected], hosted
