"""A room is defined by what it may not know. Arrows go down; rooms on one floor do not see each other."""

import subprocess
import sys

import pytest

from .imports import imports, modules, ours

FLOORS = [  # docs/architecture.md, from the ground up
    {"errors", "config", "source", "text"},
    {"tree"},
    {"ir", "runtime"},
    {"loops"},
    {"contract"},
    {"transform"},
    {"primitives"},
    {"numpy", "passes"},
    {"scipy"},
    {"trace", "codegen"},
    {"api"},
    {"extend", "check", "methods", "optimize", "integrate", "nn", "viz"},
    {"cli"},
    {"", "__main__"},
]
FAMILIES = ["shape", "arith", "math", "reduce", "index", "linalg", "special", "fft", "random", "control"]
OWNERS = {  # a foreign library -> the only modules that may import it
    "llvmlite": ("codegen.llvm", "codegen.link"),
    "sympy": ("methods.symbolic",),
    "ast": ("trace.capture", "check.audit"),  # of the user's code; of our own rules, to show their formulas
    "ctypes": ("runtime",),
    "optree": ("tree",),
    "opt_einsum": ("primitives.linalg",),
    "matplotlib": ("viz", "methods.figures"),  # one wing may not see another
    "mpmath": ("methods.precise",),
}
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}


def room(module):
    return module.split(".")[0]


def may_import(a, b):
    """Whether module a may import module b (names without `wengert.`)."""
    if room(a) != room(b):
        return FLOOR[room(b)] < FLOOR[room(a)]
    if room(a) == "primitives":
        return may_family(a, b)
    return True


def may_family(a, b):
    """Within primitives: earlier families only; `primitives` itself brings them together."""
    parts = [m.split(".")[1] if "." in m else None for m in (a, b)]
    if parts[0] is None:
        return True
    return parts[1] is not None and FAMILIES.index(parts[1]) <= FAMILIES.index(parts[0])


def test_every_module_has_a_room():
    assert {m for m in modules() if room(m) not in FLOOR} == set()
    families = {m.split(".")[1] for m in modules() if m.startswith("primitives.")}
    assert families - set(FAMILIES) == set()


def test_arrows_go_down():
    wrong = [f"{a or 'wengert'}:{line} imports {b or 'wengert'}" for a, b, line in ours() if not may_import(a, b)]
    assert wrong == []


def test_foreign_libraries_have_one_owner():
    wrong = []
    for module, target, line in imports():
        owners = OWNERS.get(target.split(".")[0])
        if owners and not any(module == owner or module.startswith(owner + ".") for owner in owners):
            wrong.append(f"{module}:{line} imports {target}, which belongs to {', '.join(owners)}")
    assert wrong == []


@pytest.mark.parametrize(
    ("a", "b", "allowed"),
    [
        ("transform.jvp", "contract", True),
        ("contract", "transform.jvp", False),
        ("numpy.table", "scipy.special", False),
        ("codegen.llvm", "trace.tape", False),
        ("primitives.math", "primitives.arith", True),
        ("primitives.arith", "primitives.math", False),
        ("primitives.linalg.solve", "primitives.linalg.lu", True),
        ("primitives.fft", "primitives.control.loop", False),
        ("primitives.shape", "primitives", False),
        ("check.gradients", "viz.graph", False),
        ("ir.values", "", False),
    ],
)
def test_the_rule_itself(a, b, allowed):
    assert may_import(a, b) is allowed


def test_hidden_imports_are_seen():
    assert ("ir.builder", "ir.verifier") in {(a, b) for a, b, _ in ours()}


HEAVY = ("scipy", "llvmlite", "sympy", "opt_einsum", "matplotlib", "rich", "mpmath")


def test_import_and_a_first_gradient_are_light():
    code = f"import sys, wengert; wengert.grad(lambda x: x * x)(1.0); print([m for m in {HEAVY} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
