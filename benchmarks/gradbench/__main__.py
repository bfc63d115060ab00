"""Wengert as a GradBench tool: one JSON message a line on stdin, one answer a line on stdout.

python -m benchmarks.gradbench
"""

from __future__ import annotations

import sys

from benchmarks.gradbench.protocol import serve

if __name__ == "__main__":
    answers, sys.stdout = sys.stdout, sys.stderr  # what anything else prints is no answer
    serve(sys.stdin, answers)
