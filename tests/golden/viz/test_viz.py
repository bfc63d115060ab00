"""Pictures by their structure and tables by their text, word for word.

Look at a changed picture before its file: `WENGERT_GOLDEN=write python -m pytest tests/golden/viz` writes them anew.
"""

import json
import os
from pathlib import Path

import pytest

import wengert as wg
from tests.unit.viz.programs import CALLS

HERE = Path(__file__).parent


def compare(name, text):
    path = HERE / name
    if os.environ.get("WENGERT_GOLDEN") == "write":
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def rows(items):
    return "[\n" + ",\n".join([f"  {json.dumps(item, ensure_ascii=False)}" for item in items]) + "\n]"


@pytest.mark.parametrize("name", CALLS)
def test_structure_of_the_picture(name):
    f, args = CALLS[name]
    structure = wg.draw(f)(*args).structure
    compare(f"{name}.json", "{\n" + ",\n".join([f'"{part}": {rows(structure[part])}' for part in structure]) + "\n}\n")


@pytest.mark.parametrize("mode", ["forward", "reverse"])
@pytest.mark.parametrize("name", [name for name in CALLS if name != "collapsed"])  # long, and said in few words by no table
def test_text_of_the_table(name, mode):
    f, args = CALLS[name]
    compare(f"{name}.{mode}.txt", f"{wg.trace_table(f, mode=mode)(*args)}\n")
