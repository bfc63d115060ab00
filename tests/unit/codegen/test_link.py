"""Text to running code: levels, vector math, errors, many libraries at once."""

import ctypes
import gc
import threading

import numpy as np
import pytest

from wengert.codegen import link
from wengert.errors import VerificationError
from wengert.runtime import loader, symbols

LOOP = """
define i32 @k(ptr noalias %x, ptr noalias %y, i64 %n) nounwind {
entry:
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %j, %loop ]
  %p = getelementptr inbounds TYPE, ptr %x, i64 %i
  %v = load TYPE, ptr %p
  %r = call TYPE @NAME(ARGS)
  %q = getelementptr inbounds TYPE, ptr %y, i64 %i
  store TYPE %r, ptr %q
  %j = add nuw nsw i64 %i, 1
  %end = icmp eq i64 %j, %n
  br i1 %end, label %done, label %loop
done:
  ret i32 0
}
declare TYPE @NAME(TYPES) nounwind willreturn memory(none)
"""
CALLED = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)


def loop(name, kind="double", arguments=1):
    text = LOOP.replace("NAME", name).replace("ARGS", ", ".join([f"{kind} %v"] * arguments))
    return text.replace("TYPES", ", ".join([kind] * arguments)).replace("TYPE", kind)


def run(library, x):
    y = np.empty_like(x)
    assert CALLED(library.address("k"))(x.ctypes.data, y.ctypes.data, len(x)) == 0
    return y


@pytest.mark.parametrize("level", [None, 0, 1, 2, 3])
def test_every_level_computes_the_same(level):
    x = np.linspace(0.1, 3, 37)
    np.testing.assert_allclose(run(link.load(link.build(loop("tanh"), level)), x), np.tanh(x), rtol=1e-14)


VECTOR_MATH = ["exp", "log", "sin", "cos", "tanh", "erf", "expm1", "log1p", "atan", "cbrt", "llvm.exp.f64", "llvm.sin.f64"]


@pytest.mark.skipif(not symbols.exists("_ZGVbN2v_tanh"), reason="no libmvec with these functions")
@pytest.mark.parametrize("name", VECTOR_MATH)
def test_loops_over_mathematical_functions_vectorise(name):
    text = loop(name)
    assert any(v.vector in link.optimised(text).split("declare")[0] for v in link.vector_variants(name))
    x = np.linspace(0.1, 3, 1001)
    scalar = run(link.load(link.build(text, 0)), x)
    np.testing.assert_allclose(run(link.library(text), x), scalar, rtol=4e-15)


@pytest.mark.skipif(not symbols.exists("_ZGVbN2v_tanh"), reason="no libmvec with these functions")
@pytest.mark.parametrize(
    ("name", "kind", "arguments"), [("powf", "float", 2), ("expf", "float", 1), ("pow", "double", 2), ("atan2", "double", 2)]
)
def test_vector_math_of_floats_and_two_arguments(name, kind, arguments):
    text = loop(name, kind, arguments)
    variants = link.vector_variants(name)
    assert all(v.arguments == arguments and v.type == kind for v in variants)
    assert any(v.vector in link.optimised(text).split("declare")[0] for v in variants)
    x = np.linspace(0.1, 3, 1001, dtype="float32" if kind == "float" else "float64")
    reference = {"powf": np.power(x, x), "pow": np.power(x, x), "expf": np.exp(x), "atan2": np.arctan2(x, x)}[name]
    np.testing.assert_allclose(run(link.library(text), x), reference, rtol=8 * np.finfo(x.dtype).eps)


def test_functions_without_variants():
    assert link.vector_variants("lgamma") == link.vector_variants("blas.dgemm") == link.vector_variants("expx") == []
    assert link.with_vector_math(loop("lgamma")) == loop("lgamma")


def test_errors_show_the_lines():
    with pytest.raises(VerificationError) as error:
        link.build("define i32 @k() {\n  %a = add i32 1, 2\n  %b = add i32 %a, %zz\n  ret i32 %b\n}")
    assert "undefined value '%zz'" in str(error.value)
    assert ">     3    %b = add i32 %a, %zz" in str(error.value)
    text = "define i32 @k(i1 %c) {\na:\n  br i1 %c, label %b, label %d\nb:\n  %v = add i32 1, 2\n  br label %d\nd:\n  ret i32 %v\n}"
    with pytest.raises(VerificationError, match="dominate") as error:
        link.build(text)
    assert "> " in str(error.value)


def test_a_symbol_that_nobody_has():
    text = "declare i32 @nobody_has_this()\ndefine i32 @k() {\n  %a = call i32 @nobody_has_this()\n  ret i32 %a\n}"
    with pytest.raises(LookupError, match="nobody_has_this"):
        link.library(text)


def test_far_symbols_from_scipy():
    text = """
    declare double @"special.gammaln"(double)
    define double @k(double %x) {
      %y = call double @"special.gammaln"(double %x)
      ret double %y
    }"""
    library = link.library(text)
    assert ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(library.address("k"))(4.0) == pytest.approx(np.log(6))


NUMBERED = """
@table = constant [4 x double] [double 1.0, double 2.0, double 3.0, double NUMBER.0]
@state = global i64 NUMBER
@zeros = global [100 x i64] zeroinitializer
@here = constant ptr @state
declare double @exp(double)
define double @k(i64 %i, double %x) {
  %p = getelementptr double, ptr @table, i64 %i
  %v = load double, ptr %p
  %e = call double @exp(double %x)
  %s.at = load ptr, ptr @here
  %s = load i64, ptr %s.at
  %s1 = add i64 %s, 1
  store i64 %s1, ptr @state
  %z = getelementptr i64, ptr @zeros, i64 %i
  store i64 %s, ptr %z
  %f = sitofp i64 %s to double
  %w = fmul double %v, %e
  %r = fadd double %w, %f
  ret double %r
}
"""


@pytest.mark.parametrize("how", ["ours", "LLVM's"])
def test_many_libraries_at_once(how):
    code = [link.build(NUMBERED.replace("NUMBER", str(i)), 1) for i in range(5)]
    ballast = [np.ones(1 << 16) for _ in range(50)]  # memory between the libraries
    if how == "ours":
        libraries = [link.load(code[i % 5]) for i in range(300)]
    else:
        libraries = [link._load_by_llvm([code[i % 5]], {"exp"}) for i in range(60)]
    kind = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_int64, ctypes.c_double)
    for i, library in enumerate(libraries):
        f = kind(library.address("k"))
        assert f(3, 0.0) == 2.0 * (i % 5)
        assert f(3, 0.0) == 2.0 * (i % 5) + 1  # each has variables of its own
        assert ctypes.c_int64.from_address(library.address("state")).value == i % 5 + 2
    del libraries, ballast, f
    gc.collect()


def test_two_objects_are_one_library():
    one = link.build("@a = global i32 5\ndefine i32 @f() {\n  ret i32 37\n}", 0)
    two = link.build(
        """
        declare i32 @f()
        @a = external global i32
        define i32 @g() {
          %x = call i32 @f()
          %y = load i32, ptr @a
          %z = add i32 %x, %y
          ret i32 %z
        }""",
        0,
    )
    for library in (link.load(one, two), link._load_by_llvm([one, two], set())):
        assert ctypes.CFUNCTYPE(ctypes.c_int)(library.address("g"))() == 42
        with pytest.raises(KeyError):
            library.address("h")


def test_the_disk_is_asked_first(monkeypatch):
    text = loop("exp")
    link.library(text)
    monkeypatch.setattr(link, "build", lambda *_: pytest.fail("compiled again"))
    x = np.linspace(0, 1, 9)
    np.testing.assert_allclose(run(link.library(text), x), np.exp(x), rtol=1e-14)


def test_jump_tables_and_switches():
    cases = "\n".join(f"    i32 {i}, label %c{i}" for i in range(12))
    blocks = "\n".join(f"c{i}:\n  %v{i} = call double @{f}(double %x)\n  ret double %v{i}" for i, f in enumerate(["sin", "cos", "exp"] * 4))
    text = f"""
    declare double @sin(double)
    declare double @cos(double)
    declare double @exp(double)
    define double @k(i32 %i, double %x) {{
      switch i32 %i, label %d [
    {cases}
      ]
    {blocks}
    d:
      ret double -1.0
    }}"""
    library = link.load(link.build(text))
    f = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_int, ctypes.c_double)(library.address("k"))
    got = [f(i, 0.5) for i in range(13)]
    np.testing.assert_allclose(got, [*[np.sin(0.5), np.cos(0.5), np.exp(0.5)] * 4, -1.0], rtol=1e-15)


def straight(n):
    lines = ["define double @k(double %x) {", "  %v0 = fadd double %x, 1.0"]
    lines += [f"  %v{i} = f{'add' if i % 3 else 'mul'} double %v{i - 1}, %v{max(0, i - 7)}" for i in range(1, n)]
    return "\n".join([*lines, f"  ret double %v{n - 1}", "}"])


def test_long_blocks_are_compiled_the_fast_way():
    assert link.longest_block(straight(100)) == 102
    assert link.longest_block(loop("exp")) < 12
    assert link.longest_block(straight(100).replace("\n}", " }")) == 102
    assert link._effort(straight(500), None) == link._Effort(2, 2, True)
    assert link._effort(straight(1000), None) == link._Effort(2, 2, False)
    assert link._effort(straight(8000), None) == link._Effort(0, 0, False)
    assert link._effort(straight(8000) + loop("exp").replace("@k(", "@l("), None) == link._Effort(1, 0, False)
    libraries = [link.load(link.build(straight(6000), level)) for level in (None, 1)]
    f, g = [ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(library.address("k")) for library in libraries]
    assert f(-1.0) == g(-1.0)


def test_long_blocks_are_cut_and_left_alone_beside_loops_that_are_not():
    text = straight(6000).replace("@k", "@s").replace("%v0 =", "%x0 = alloca double\n  store double %x, ptr %x0\n  %v0 =") + loop("exp")
    prepared = link._left_alone(text)
    assert prepared.count("optnone") == 1
    assert prepared.index("alloca") < prepared.index("cut.")
    assert prepared[prepared.index("define i32 @k") :] == text[text.index("define i32 @k") :]
    assert link.longest_block(prepared) < 600
    assert link._left_alone(loop("exp")) == loop("exp")
    assert "cut." not in link._left_alone(straight(6000).replace("  ret", "  br label %l\nl:\n  %p = phi double [ %x, %l ]\n  ret"))
    assert any(v.vector in link.optimised(text) for v in link.vector_variants("exp")) or not link.vector_variants("exp")
    x = np.linspace(0.1, 3, 37)
    np.testing.assert_allclose(run(link.load(link.build(text)), x), np.exp(x), rtol=1e-14)


def test_several_threads_compile():
    results = {}

    def compile_one(i):
        library = link.load(link.build(NUMBERED.replace("NUMBER", str(i))))
        results[i] = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_int64, ctypes.c_double)(library.address("k"))(3, 0.0)

    threads = [threading.Thread(target=compile_one, args=(i,)) for i in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert results == {i: 2.0 * i for i in range(8)}


def test_inspection():
    assert "@k(" in link.optimised(loop("exp"))
    assert "ret" in link.assembly(loop("exp"))


@pytest.mark.skipif(not loader.is_supported(), reason="objects of this platform are loaded by LLVM")
def test_damaged_objects_are_refused():
    code = link.build(loop("exp"))
    for cut in (0, 10, 64, len(code) // 2, len(code) - 1):
        with pytest.raises((loader.Unsupported, LookupError)):
            loader.place([code[:cut]], symbols.address)
