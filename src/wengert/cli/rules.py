"""`wengert rules`: the table of all rules, read off the primitives.

Start at `rules`.
"""

from __future__ import annotations

import difflib
import json
import sys
import textwrap
from typing import Any

from wengert.check.audit import KINDS, Rule, audit, names
from wengert.cli.failure import Failure
from wengert.ir.operation import OPERATIONS


def rules(options: Any) -> int:
    """`wengert rules [--kind RULE] [NAME]`."""
    if options.kind is not None and options.kind not in KINDS:
        raise Failure(f"no rule {options.kind!r}; there are {', '.join(KINDS)}")
    table = audit(options.kind, options.name)
    if not table:
        near = difflib.get_close_matches(options.name, names(), 1)
        raise Failure(f"no primitive {options.name!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
    if options.json:
        print(
            json.dumps(
                [
                    {
                        "primitive": r.primitive,
                        "family": r.family,
                        "rule": r.kind,
                        "status": r.status,
                        "detail": r.detail,
                        "formula": r.formula,
                        "where": r.where,
                    }
                    for r in table
                ]
            )
        )
    elif options.name is not None:
        _one(table)
    elif options.kind is not None:
        _of_kind(table)
    else:
        _all(table)
    return 0


def _one(table: list[Rule]) -> None:
    print(f"{table[0].primitive}   ({table[0].family})")
    doc = (OPERATIONS[table[0].primitive].__doc__ or "").strip().splitlines()
    if doc:
        print(f"  {doc[0]}")
    for rule in table:
        print(f"  {rule.kind:<10} {rule.text}")
        if rule.formula and rule.kind in ("jvp", "transpose"):
            print(textwrap.indent(rule.formula, " " * 15))


def _of_kind(table: list[Rule]) -> None:
    width = max([len(r.primitive) for r in table])
    family = None
    for rule in table:
        if rule.family != family:
            family = rule.family
            print(f"\n{family}" if rule is not table[0] else family)
        text = f"{rule.text}, {rule.where}" if rule.status == "written" and rule.where else rule.text
        if rule.formula and rule.formula != "0" and rule.status != "cannot":
            text = f"{rule.status:<10} {rule.formula}"
        print(f"  {rule.primitive:<{width}}  {text}")


def _all(table: list[Rule]) -> None:
    """One row a primitive, one column a rule; what cannot be, and why, numbered below."""
    width = max([len(r.primitive) for r in table])
    reasons: dict[str, int] = {}
    rows: dict[str, list[Rule]] = {}
    for rule in table:
        rows.setdefault(rule.primitive, []).append(rule)
    print(f"  {'':<{width}}  " + "  ".join([f"{kind:<10}" for kind in KINDS]).rstrip())
    family = None
    for name, row in rows.items():
        if row[0].family != family:
            family = row[0].family
            print(family)
        cells = []
        for rule in row:
            cell = rule.status
            if rule.status == "cannot":
                cell = f"cannot {reasons.setdefault(rule.detail, len(reasons) + 1)}"
            elif rule.detail.startswith("zero, because "):
                cell = f"zero {reasons.setdefault(rule.detail.removeprefix('zero, because '), len(reasons) + 1)}"
            cells.append(f"{cell:<10}")
        print(f"  {name:<{width}}  " + "  ".join(cells).rstrip())
    counts = {status: sum([r.status == status for r in table]) for status in ("written", "inherited", "derived", "cannot")}
    print(f"\n{len(rows)} primitives, {len(table)} rules: " + ", ".join([f"{n} {status}" for status, n in counts.items()]))
    print("cannot (or is zero), because")
    for why, n in reasons.items():
        print(f"  {n:>3}  {why}")
    sys.stdout.flush()
