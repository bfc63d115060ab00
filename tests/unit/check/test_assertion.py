"""assert_gradient passes where derivatives are right, and says in four parts what is wrong where they are not."""

import subprocess
import sys

import numpy as np
import pytest

import wengert as wg
from wengert.errors import ArgumentError


def test_right_derivatives_pass():
    wg.assert_gradient(lambda x, y: np.sin(x) * y, np.array([0.5, 2.0]), 3.0, order=2)
    wg.assert_gradient(lambda p, n: p["a"] ** n, {"a": 1.5}, 3, modes="reverse", rtol=1e-8)


def test_wrong_ones_do_not():
    def loss(w, x):
        return np.sum(w * wg.stop_gradient(x))

    with pytest.raises(AssertionError) as caught:
        wg.assert_gradient(loss, np.ones(2), np.array([1.0, 2.0]))
    lines = str(caught.value).splitlines()
    assert lines[0] == f"the forward derivative of loss disagrees with differences   (test_assertion.py:{loss.__code__.co_firstlineno})"
    assert lines[1].startswith("  argument x, direction 1 of 3: [") and lines[3].startswith("  got      0")
    assert lines[-1] == "Try: correct its rule, or drop stop_gradient"
    assert caught.value.__cause__ is None and caught.value.__context__ is None


def test_kinks_are_named_with_their_sides():
    with pytest.raises(AssertionError) as caught:
        wg.assert_gradient(lambda x: np.where(x > 0, 3 * x, -x), 0.0)
    text = str(caught.value)
    assert "kink: greater at test_assertion.py:" in text and ", here: gradient -1. below, gradient 3. above" in text
    assert "the function is not smooth at this point." in text


def test_what_is_not_finite_is_named():
    with np.errstate(all="ignore"), pytest.raises(AssertionError) as caught:
        wg.assert_gradient(lambda x: np.sum(np.sqrt(x)), np.array([0.0, 1.0]))
    lines = str(caught.value).splitlines()
    assert "  the gradient of <lambda> is not finite: the derivative of sqrt makes a first infinity   (test_assertion.py:" in str(
        caught.value
    )
    assert lines[-2] == "What is not finite cannot be compared." and lines[-1].startswith("Try: wengert.check.nan_hunt(f)")


def test_bad_arguments():
    with pytest.raises(ArgumentError, match="nothing to differentiate"):
        wg.assert_gradient(lambda x: x, 1)


def test_pytest_shows_the_users_line(tmp_path):
    test = tmp_path / "test_user.py"
    test.write_text(
        "import wengert as wg\n\n\ndef test_it():\n    wg.assert_gradient(lambda x: x * wg.stop_gradient(x), 2.0)\n", encoding="utf-8"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(test)],
        check=False,
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 1 and "test_user.py:5" in done.stdout and "assertion.py" not in done.stdout.replace("test_assertion.py", "")
