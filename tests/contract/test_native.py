"""Every operation, compiled, gives at the samples written beside it what its `evaluate` gives; those that call it are named here."""

from importlib.util import find_spec

import numpy as np
import pytest

from tests.native import values
from wengert import primitives
from wengert.contract import Primitive, no
from wengert.ir.operation import OPERATIONS

for family in (*primitives.LIGHT, *primitives.HEAVY):
    if find_spec(f"wengert.primitives.{family}"):
        primitives.load(family)
NAMES = sorted(name for name, cls in OPERATIONS.items() if issubclass(cls, Primitive) and cls.__module__.startswith("wengert."))

# Operations that compiled code runs by `evaluate`, for some of their samples at least, and why. An operation that is
# not here and is run so was forgotten; one that is here and is not should leave.
BY_EVALUATE = {
    "check": "Python makes a message with values in it, where it fails",
    "eig": "general eigenproblems are NumPy's",
    "eigvals": "general eigenproblems are NumPy's",
    "frechet": "functions of matrices are SciPy's",
    "host_callback": "it is a Python function",
    "lambertw": "SciPy has no C function for it",
    "matrix_function": "functions of matrices are SciPy's",
    "peak": "it goes with eig",
    "schur": "Schur forms are SciPy's",
    "schur_coupling": "it goes with schur",
    "spectral": "it evaluates a Function on divided differences of eigenvalues",
    "spectral_sum": "it evaluates a Function on eigenvalues",
    "print": "Python prints",
    "sylvester": "the solution is SciPy's",
}

TOLERANCE = {"f": 1e-5, "F": 1e-5, "d": 2e-12, "D": 2e-12}


def samples(name):
    cls = OPERATIONS[name]
    if isinstance(cls.samples, no):
        pytest.skip(f"no samples: {cls.samples.why}")
    found = [s for s in cls.samples() if all(isinstance(a, (np.ndarray, np.generic, int, float, complex, bool)) for a in s.operands)]
    if not found:
        pytest.skip("its operands are stacks, not arrays: tested where `while` is")
    return found


def agree(got, expected, what):
    got, expected = np.asarray(got), np.asarray(expected)
    assert got.shape == expected.shape and got.dtype == expected.dtype, what
    tolerance = TOLERANCE.get(expected.dtype.char)
    if tolerance is None:
        np.testing.assert_array_equal(got, expected, err_msg=what)
        return
    finite = expected[np.isfinite(expected)]
    scale = max(1.0, float(np.max(np.abs(finite), initial=0.0)))
    np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance * scale / 10, err_msg=what)


@pytest.mark.filterwarnings("ignore:floating point number truncated")
@pytest.mark.parametrize("name", NAMES)
def test_native(name):
    by_evaluate = False
    for sample in samples(name):
        operands = [np.asarray(a)[()] for a in sample.operands]
        got, expected, hosted = values(sample.operation, operands)
        for n, (ours, reference) in enumerate(zip(got, expected, strict=True)):
            agree(ours, reference, f"result {n} of {sample!r}")
        by_evaluate = by_evaluate or name in hosted
    assert by_evaluate == (name in BY_EVALUATE), "is run by evaluate" if by_evaluate else "is not run by evaluate any more"


def test_the_list_names_operations():
    assert set(BY_EVALUATE) <= set(NAMES)
    assert all(BY_EVALUATE.values())
