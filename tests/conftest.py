"""Every Function built in the tests is checked by the verifier; compiled code is kept apart from the user's; surprises are errors."""

import gc
import os
import tempfile

import numpy as np
import pytest

os.environ.setdefault("WENGERT_VERIFY", "1")
CACHE = tempfile.TemporaryDirectory(prefix="wengert-tests-")
os.environ.setdefault("WENGERT_CACHE_DIR", CACHE.name)


@pytest.fixture
def rng():
    """Random numbers, the same in every run."""
    return np.random.default_rng(20240607)


@pytest.fixture
def small_heap():
    """What other tests have left is set aside, so that looking for garbage takes no longer than this test's own things do."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
