"""The shape of a message, and the tree of errors."""

import inspect

import pytest

from wengert import errors
from wengert.errors import four_parts

BUILTIN = {
    errors.TraceError: TypeError,
    errors.DerivativeError: TypeError,
    errors.ArgumentError: ValueError,
    errors.ShapeError: ValueError,
    errors.TreeError: ValueError,
    errors.IndexOutOfBoundsError: IndexError,
    errors.CheckFailed: AssertionError,
    errors.ContractError: TypeError,
    errors.ParseError: ValueError,
}


def test_all_parts_each_on_its_line():
    message = four_parts("what", "which one\nand another", "Why.", "this", "m.py:3")
    assert message == "what   (m.py:3)\n  which one\n  and another\nWhy.\nTry: this"


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        (("what",), "what"),
        (("what", "which"), "what\n  which"),
        (("what", "", "Why."), "what\nWhy."),
        (("what", "", "", "this"), "what\nTry: this"),
    ],
)
def test_missing_parts_leave_no_line(parts, text):
    assert four_parts(*parts) == text


@pytest.mark.parametrize(("error", "builtin"), BUILTIN.items())
def test_errors_are_pythons_own_too(error, builtin):
    assert issubclass(error, builtin)
    assert issubclass(error, errors.WengertError)


def test_the_tree_at_the_top_names_every_error():
    for name, error in inspect.getmembers(errors, inspect.isclass):
        assert issubclass(error, errors.WengertError)
        assert name in errors.__doc__
        assert error.__doc__


def test_every_error_says_something(capsys):
    assert str(errors.ShapeError(four_parts("a", "b", "c", "d"))).count("\n") == 3
