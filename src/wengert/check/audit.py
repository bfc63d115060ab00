"""Every primitive × every rule: written, inherited, derived, or impossible and why, read off the classes.

Knows the contract. Start at `audit`.
"""

from __future__ import annotations

import ast
import inspect
import os
import sys
import textwrap
from dataclasses import dataclass
from typing import Any

from wengert import primitives
from wengert.contract import RULES, Elementwise, Linear, Multilinear, Primitive, flat, no
from wengert.ir.operation import OPERATIONS

KINDS = RULES


@dataclass(frozen=True)
class Rule:
    """How one primitive comes by one rule.

    status: "written", "inherited", "derived" or "cannot"; `detail` says from what, or why not;
    `formula` is the source of the rule where it is one expression, `where` its file and line.
    """

    primitive: str
    family: str
    kind: str
    status: str
    detail: str
    formula: str
    where: str

    @property
    def text(self) -> str:
        """The status as a sentence."""
        if self.status == "cannot":
            return f"cannot, because {self.detail}"
        return f"{self.status} ({self.detail})" if self.detail else self.status


def audit(kind: str | None = None, name: str | None = None) -> list[Rule]:
    """All rules of all primitives, or of one kind, or of one primitive; in the order of the families."""
    primitives.load()
    classes = [c for c in OPERATIONS.values() if issubclass(c, Primitive) and c.__module__.startswith(primitives.__name__ + ".")]
    order = [*primitives.LIGHT, *primitives.HEAVY]
    classes.sort(key=lambda c: order.index(_family(c)))
    return [_rule(c, k) for c in classes if name in (None, c.name, c.__name__) for k in KINDS if kind in (None, k)]


def names() -> list[str]:
    """The names of all primitives."""
    return list(dict.fromkeys([rule.primitive for rule in audit("jvp")]))


def _family(cls: type) -> str:
    return cls.__module__.removeprefix(primitives.__name__ + ".").split(".")[0]


def _rule(cls: type[Primitive], kind: str) -> Rule:
    owner, found = next((c, c.__dict__[kind]) for c in cls.__mro__ if kind in c.__dict__)
    if isinstance(found, flat):
        return Rule(cls.name, _family(cls), kind, _of(cls, owner), f"zero, because {found.why}", "0", "")
    if isinstance(found, no):
        return Rule(cls.name, _family(cls), kind, "cannot", found.why, "", "")
    formula, source = _formula(found), found
    if kind == "jvp" and formula.startswith("Elementwise.jvp(") and hasattr(cls, "partials"):
        formula = _formula(cls.partials)
    if owner is cls:
        return Rule(cls.name, _family(cls), kind, "written", "", formula, _where(found))
    status, detail = "inherited", f"from {owner.__name__}"
    if owner is Elementwise:
        if kind == "jvp":
            giver = next(c for c in cls.__mro__ if "partials" in c.__dict__)
            source = giver.__dict__["partials"]
            status, detail = "derived", "from its partials" if giver is cls else f"from the partials of {giver.__name__}"
            formula = _formula(source)
        elif kind == "evaluate":
            status, detail = "derived", f"from {_ufunc(cls)}"
        elif kind == "samples":
            status, detail = "derived", "from its domain"
        elif kind == "type":
            status, detail = "derived", f"result: {cls.result}"  # type: ignore[attr-defined]
        else:
            status, detail = "derived", "elementwise: lane by lane"
    elif owner is Linear:
        status, detail, formula = "derived", "linear: the operation on the tangents", "the operation applied to the tangents"
    elif owner is Multilinear:
        status, detail, formula = "derived", "product rule over its factors", "sum over the factors, each replaced by its tangent"
    return Rule(cls.name, _family(cls), kind, status, detail, formula, _where(source))


def _of(cls: type, owner: type) -> str:
    return "written" if owner is cls else "inherited"


def _ufunc(cls: Any) -> str:
    ufunc = cls.ufunc
    where = "numpy" if getattr(sys.modules["numpy"], getattr(ufunc, "__name__", ""), None) is ufunc else "scipy.special"
    return f"{where}.{getattr(ufunc, '__name__', ufunc)}"


def _where(rule: Any) -> str:
    code = getattr(getattr(rule, "__func__", rule), "__code__", None)
    return f"{os.path.basename(code.co_filename)}:{code.co_firstlineno}" if code is not None else ""


def _formula(rule: Any) -> str:
    """What a rule of one return statement returns, as written; empty for longer ones."""
    rule = getattr(rule, "__func__", rule)
    try:
        body = ast.parse(textwrap.dedent(inspect.getsource(rule))).body[0].body  # type: ignore[attr-defined]
    except (OSError, TypeError, SyntaxError, AttributeError):
        return ""
    statements = [s for s in body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))]
    if len(statements) == 1 and isinstance(statements[0], ast.Return) and statements[0].value is not None:
        value = statements[0].value
        if isinstance(value, ast.Tuple):
            return ", ".join([ast.unparse(v).removeprefix("lambda: ") for v in value.elts])
        return ast.unparse(value)
    return ""
