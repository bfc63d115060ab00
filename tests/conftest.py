"""Every Function built in the tests is checked by the verifier; floating-point surprises are errors."""

import os

os.environ.setdefault("WENGERT_VERIFY", "1")

import numpy as np
import pytest


@pytest.fixture
def rng():
    """Random numbers, the same in every run."""
    return np.random.default_rng(20240607)
