"""Pictures of series are files that can be read; without matplotlib they are an ImportError."""

import sys

import numpy as np
import pytest

from wengert.viz.series import save_series

DATES = np.arange("2020-01-01", "2020-03-01", dtype="datetime64[D]")


def save(path):
    save_series(str(path), DATES, ("noise", np.sin(np.arange(len(DATES)))), {"a": np.ones(len(DATES)), "b": np.zeros(len(DATES))}, "T", "u")


@pytest.mark.parametrize(("ending", "start"), [("png", b"\x89PNG\r\n\x1a\n"), ("svg", b"<?xml")])
def test_the_ending_is_the_format(ending, start, tmp_path):
    pytest.importorskip("matplotlib")
    path = tmp_path / f"picture.{ending}"
    save(path)
    assert path.read_bytes().startswith(start)
    assert path.stat().st_size > 5000


def test_without_matplotlib(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError):
        save(tmp_path / "picture.png")
    assert not any(tmp_path.iterdir())
