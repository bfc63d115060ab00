"""The examples in the docstrings of the package run and print what they say."""

import doctest
from importlib import import_module

import numpy as np
import pytest

from tests.structure.imports import modules


@pytest.mark.parametrize("name", [m for m in modules() if m != "__main__"], ids=lambda m: m or "wengert")
def test_doctests(name):
    module = import_module("wengert" + ("." + name if name else ""))
    with np.printoptions(legacy=False):
        failed, _ = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    assert failed == 0
