"""Ahead of time: the C declaration, the files, the callables for SciPy; and what is refused."""

import ctypes
import shutil
import subprocess

import numpy as np
import pytest

import wengert as wg
from wengert.api.native import has_codegen
from wengert.errors import ArgumentError, ShapeError

from .messages import refused

native = pytest.mark.skipif(not has_codegen(), reason="no code generation here")
linked = pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler here")
X = np.arange(1.0, 4.0)
SHIFT = np.ones(3)


def cubic(x):
    return np.sum(x**3)


def test_spec():
    s = wg.spec((2, 3), "float32")
    assert (s.shape, s.dtype, repr(s)) == ((2, 3), np.float32, "spec((2, 3), 'float32')")
    assert s == wg.spec([2, 3], np.float32) and wg.spec(3) != wg.spec(()) and hash(s) == hash(wg.spec((2, 3), "f"))
    refused(ArgumentError, wg.spec, -1, what="a spec is a shape", which="shape -1")
    refused(ArgumentError, wg.spec, 3, str, what="a spec is a shape")


def test_prototype_and_header():
    f = lambda w, x, n, on: {"a": w["m"] @ x * n, "z": x[0] * 1j, "ok": on}
    c = wg.compile(f, {"m": wg.spec((2, 3))}, wg.spec(3), np.int32(2), True, name="model")
    assert c.prototype == (
        "int model(const double w_m[2 * 3], const double x[3], int32_t n, unsigned char on, "
        "double out0[2], unsigned char out1[1], double out2[2]);"
    )
    for part in (
        c.prototype,
        "#ifndef MODEL_H",
        'extern "C"',
        "w_m: float64, 2 by 3",
        "out2: complex128, one number, written",
        "out of memory",
    ):
        assert part in c.header, part
    assert "const float *x" in wg.compile(lambda x: x, wg.spec(0, "f")).prototype


def test_names():
    assert wg.compile(lambda x: x, 1.0).name == "lambda" and wg.compile(wg.grad(cubic), X).name == "grad_cubic"
    two = wg.compile(lambda out0, double: out0 * double, 1.0, 1.0)
    assert two.prototype == "int lambda(double out0_, double f_double, double out0[1]);"
    refused(ArgumentError, wg.compile, cubic, X, name="a b", what="an identifier", which="'a b'")
    refused(ArgumentError, wg.compile, cubic, X, name="int", what="an identifier")


def test_called_from_python():
    c = wg.compile(wg.jit(wg.value_and_grad(cubic)), wg.spec(3))
    value, gradient = c(X)
    assert value == cubic(X)
    np.testing.assert_array_equal(gradient, 3 * X**2)
    np.testing.assert_array_equal(c([1, 2, 3])[1], gradient)
    refused(ArgumentError, c, X, X, what="takes 1 arguments")
    refused(ArgumentError, c, np.ones(2), what="x of grad_cubic is float64[3]" if c.name == "grad_cubic" else "is float64[3]")


def test_closures_are_written_into_the_code():
    global SHIFT
    c = wg.compile(lambda x: x + SHIFT, wg.spec(3), name="shifted")
    SHIFT = np.zeros(3)
    np.testing.assert_array_equal(c(X), X + 1)


def test_what_is_fixed_is_no_parameter():
    c = wg.compile(lambda x, n, mode: x * np.ones(n), 1.0, 2, "m", name="f")
    assert c.prototype == "int f(double x, double out0[2]);"
    refused(
        ArgumentError,
        wg.compile,
        lambda x, n: x * np.ones(n),
        1.0,
        wg.spec((), int),
        what="without the value of an integer",
        which="n is spec",
    )


def test_refusals(tmp_path):
    c = wg.compile(cubic, X)
    refused(ArgumentError, c.save, tmp_path / "a.exe", what="saved as .o, .so or .ll")
    refused(ArgumentError, wg.compile, lambda x: None, 1.0, what="returns nothing")
    refused(ArgumentError, wg.compile, lambda x: x, wg.spec(2, np.longdouble), what="a dtype that C has not")
    for g, args in ((cubic, (wg.spec((2, 2)),)), (lambda x: x, (wg.spec(2),)), (cubic, (wg.spec(2, "f"),))):
        refused(ArgumentError, wg.compile(g, *args, name="g").scipy, what="not of a form that SciPy calls")
    refused(ArgumentError, wg.compile(cubic, X, name="g").scipy, np.ones(3), what="not of a form")
    assert not list(tmp_path.iterdir())


def test_forms():
    form = lambda f, *specs, data=None: wg.compile(f, *specs, name="f").form(data)
    assert form(np.sin, 0.0) == "double (double)"
    assert form(cubic, X) == "double (int, double *)"
    assert form(lambda x, y: x * y, 0.0, 0.0) == "double (int, double *)"
    assert form(lambda x, p: x * p[0], 0.0, wg.spec(1), data=np.ones(1)) == "double (double, void *)"
    assert form(lambda x, p: x[0] * p[0], wg.spec(2), wg.spec(1), data=np.ones(1)) == "double (int, double *, void *)"


# -- native ------------------------------------------------------------------------------------


@native
def test_pointer():
    c = wg.compile(wg.value_and_grad(cubic), wg.spec(3), name="both")
    call, value, gradient = c.ctypes(), np.empty(()), np.empty(3)
    assert call(X.ctypes.data, value.ctypes.data, gradient.ctypes.data) == 0
    assert value == cubic(X)
    np.testing.assert_allclose(gradient, 3 * X**2)
    mixed = wg.compile(lambda x, n, on: np.where(on, x * n, 0.0), np.float32(0), 2, True, name="mixed").ctypes()
    out = np.empty((), np.float32)
    assert mixed(1.5, 4, 1, out.ctypes.data) == 0
    assert out == 6.0


@native
def test_a_failure_is_a_code():
    c = wg.compile(lambda x, i: x[i], wg.spec(3), 0, name="pick")
    call, out = c.ctypes(), np.empty(())
    assert call(X.ctypes.data, 2, out.ctypes.data) == 0 and out == 3.0
    assert call(X.ctypes.data, 7, out.ctypes.data) == 1
    assert " *   1: " in c.header


@native
def test_scratch_memory_small_and_large():
    for n in (50, 40_000):

        def g(x):
            e = np.exp(x - np.max(x))
            s = e / np.sum(e)
            return (s - np.sum(s * x)) / np.max(s)

        c = wg.compile(g, wg.spec(n), name="scratch")
        x, out = np.linspace(1, 2, n), np.empty(n)
        assert c.ctypes()(x.ctypes.data, out.ctypes.data) == 0
        np.testing.assert_allclose(out, g(x), rtol=1e-12)


@native
def test_scipy_calls_it():
    from scipy.integrate import nquad, quad

    gauss = wg.compile(lambda x: np.exp(-x * x), 0.0, name="gauss").scipy()
    np.testing.assert_allclose(quad(gauss, -6, 6)[0], np.sqrt(np.pi))
    product = wg.compile(lambda x, y: x * y**2, 0.0, 0.0, name="product").scipy()
    np.testing.assert_allclose(nquad(product, [[0, 1], [0, 2]])[0], 4 / 3)
    line = wg.compile(lambda x, p: p[0] * x + p[1], 0.0, wg.spec(2), name="line")
    np.testing.assert_allclose(quad(line.scipy(np.array([2.0, 1.0])), 0, 1)[0], 2.0)
    array = wg.compile(lambda v: v[0] * v[1], wg.spec(2), name="array").scipy()
    np.testing.assert_allclose(nquad(array, [[0, 1], [0, 1]])[0], 0.25)


@native
def test_text_is_saved(tmp_path):
    wg.compile(cubic, X, name="cubic").save(tmp_path / "cubic.ll", header=tmp_path / "cubic.h")
    assert "define i32 @cubic(ptr %x0, ptr %y0)" in (tmp_path / "cubic.ll").read_text()
    assert "int cubic(const double x[3], double out0[1]);" in (tmp_path / "cubic.h").read_text()
    assert len(list(tmp_path.iterdir())) == 2


@native
@linked
def test_a_c_program_without_python(tmp_path):
    f = lambda x, a: np.sum(np.exp(a * np.sin(x)))
    wg.compile(wg.value_and_grad(f, argnums=(0, 1)), wg.spec(64), 0.0, name="model").save(tmp_path / "model.o", header=tmp_path / "model.h")
    (tmp_path / "main.c").write_text(
        '#include <stdio.h>\n#include "model.h"\n'
        "int main(void) { double x[64], v[1], g[64], ga[1]; for (int i = 0; i < 64; i++) x[i] = 0.01 * i;\n"
        'int code = model(x, 0.5, v, g, ga); printf("%d %.15g %.15g %.15g\\n", code, v[0], g[63], ga[0]); return code; }\n'
    )
    program = tmp_path / "main"
    link = ["cc", tmp_path / "main.c", tmp_path / "model.o", "-o", program, "-lmvec", "-lm"]
    done = subprocess.run(link, capture_output=True, text=True, check=False)
    if "-lmvec" in done.stderr:
        done = subprocess.run([a for a in link if a != "-lmvec"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    code, *numbers = subprocess.run([program], capture_output=True, text=True, check=True).stdout.split()
    x = 0.01 * np.arange(64)
    value, (gx, ga) = wg.value_and_grad(f, argnums=(0, 1))(x, 0.5)
    assert code == "0"
    np.testing.assert_allclose(np.array(numbers, float), [value, gx[63], ga], rtol=1e-12)


@native
@linked
def test_shared_library(tmp_path):
    wg.compile(cubic, X, name="cubic").save(tmp_path / "cubic.so")
    library, out = ctypes.CDLL(str(tmp_path / "cubic.so")), np.empty(())
    assert library.cubic(ctypes.c_void_p(X.ctypes.data), ctypes.c_void_p(out.ctypes.data)) == 0
    assert out == cubic(X)


@native
def test_what_runs_python_is_refused(tmp_path):
    opaque = wg.primitive(lambda x: float(x) ** 2)
    wg.defvjp(opaque, lambda ans, x: lambda g: g * 2 * x)
    c = wg.compile(lambda x: opaque(x) + 1.0, 1.0, name="opaque")
    assert c(3.0) == 10.0
    refused(ArgumentError, c.save, tmp_path / "a.o", what="cannot run without Python", which="host_callback")
    refused(ArgumentError, c.ctypes, what="runs Python while it computes")


def test_shapes_that_do_not_fit_are_numpys_error():
    with pytest.raises((ShapeError, ValueError)):
        wg.compile(lambda x, y: x + y, wg.spec(2), wg.spec(3))
