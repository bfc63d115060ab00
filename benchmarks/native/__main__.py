"""Every script of this folder, each in a process of its own, and a summary of all.

python -m benchmarks.native [--json FILE] [SCRIPT …]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.native.measure import ROOT, machine, shown

SCRIPTS = ("latency", "first_call", "elementwise", "rosenbrock", "network", "ratio")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.native", description="Native code against peers and C.")
    parser.add_argument("scripts", nargs="*", metavar="SCRIPT", help=f"of {', '.join(SCRIPTS)}; all if none is named")
    parser.add_argument("--json", metavar="FILE", help="write the figures there")
    options = parser.parse_args()
    if unknown := set(options.scripts) - set(SCRIPTS):
        parser.error(f"no script {', '.join(sorted(unknown))}; there are {', '.join(SCRIPTS)}")
    tables: list[dict[str, Any]] = []
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        for script in options.scripts or SCRIPTS:
            file = Path(folder, script + ".json")
            print(f"\n== {script}", flush=True)
            done = subprocess.run([sys.executable, "-m", f"benchmarks.native.{script}", "--json", str(file)], cwd=ROOT, check=False)
            if done.returncode:
                failed.append(script)
            else:
                tables += [{"script": script, **table} for table in json.loads(file.read_text())["tables"]]
    print("\n" + summary(tables))
    if options.json:
        Path(options.json).write_text(json.dumps({"machine": machine(), "tables": tables, "failed": failed}, indent=1))
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def summary(tables: list[dict[str, Any]]) -> str:
    """One line a table: the median it is relative to, and the others as multiples of it."""
    lines = [", ".join(f"{name} {value}" for name, value in machine().items()), ""]
    for table in tables:
        medians = {name: found["median"] for name, found in table["medians"].items()}
        base = medians.get(table["against"])
        lines.append(f"{table['title']} ({table['threads']} thread{'s' * (table['threads'] != 1)})")
        if base:
            others = [f"{name} {value / base:.2f} ×" for name, value in medians.items() if name != table["against"]]
            lines.append(f"    {table['against']} {shown(base)};  " + ";  ".join(others))
        lines += [f"    {name}: {value:.3g}" for name, value in table["figures"].items()]
        lines += [f"    note: {note}" for note in table["notes"]]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
