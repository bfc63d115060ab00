"""How long `import wengert` takes beyond NumPy's own import: medians of fresh processes, in turn.

The names of the package are imported when first used; `wengert.grad` brings the whole front end in, so it is shown too.

python -m benchmarks.micro.import_time
"""

from __future__ import annotations

import statistics
import subprocess
import sys

_CODE = "import time; import numpy; t = time.perf_counter(); {}; print(time.perf_counter() - t)"


def once(statement: str) -> float:
    """Seconds that a statement takes in a fresh interpreter that has imported NumPy."""
    return float(subprocess.run([sys.executable, "-c", _CODE.format(statement)], capture_output=True, text=True, check=True).stdout)


def main() -> None:
    figures: dict[str, list[float]] = {"import wengert": [], "import wengert; wengert.grad": [], "import optree": [], "pass": []}
    for _ in range(11):
        for statement, values in figures.items():
            values.append(once(statement))
    for statement, values in figures.items():
        print(f"{statement:<30} {statistics.median(values) * 1e3:7.1f} ms  (min {min(values) * 1e3:.1f}, max {max(values) * 1e3:.1f})")


if __name__ == "__main__":
    main()
