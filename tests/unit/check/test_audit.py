"""The audit tells for every primitive and rule how it comes by it."""

import pytest

from wengert.check.audit import KINDS, audit, names


def rule(name, kind):
    (found,) = audit(kind, name)
    return found


def test_every_primitive_has_every_rule():
    table = audit()
    assert len(table) == len(names()) * len(KINDS)
    assert {r.status for r in table} == {"written", "inherited", "derived", "cannot"}
    assert all(r.detail for r in table if r.status in ("cannot", "derived", "inherited"))


@pytest.mark.parametrize(
    ("name", "kind", "status", "detail", "formula"),
    [
        ("sin", "jvp", "derived", "from its partials", "cos(x)"),
        ("sin", "transpose", "cannot", "the operation is not linear", ""),
        ("sin", "evaluate", "derived", "from numpy.sin", ""),
        ("add", "transpose", "written", "", None),
        ("neg", "jvp", "derived", "from its partials", "-1"),
    ],
)
def test_known_rules(name, kind, status, detail, formula):
    found = rule(name, kind)
    assert found.status == status
    assert found.detail == detail
    if formula:
        assert formula in found.formula


def test_a_reason_is_a_sentence():
    assert rule("sin", "transpose").text == "cannot, because the operation is not linear"
