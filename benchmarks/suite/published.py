"""What others' tools took for the derivatives of GradBench's largest workloads, and ours beside it through the JAX of both runs.

GradBench at commit f26651a (March 2026) with its own programs for each tool, run on two cores of an AMD EPYC with AVX-512, one thread, the
medians of what the tools report; JAX 0.10.2 in float64, waited for (six of its twelve programs were written for that run). Times travel
badly from one machine to another, and from one program to another; their ratios to JAX's travel better. Start at `against`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

OTHERS = ("tapenade", "enzyme", "codipack", "adol-c", "pytorch")
NAMES = {"tapenade": "Tapenade", "enzyme": "Enzyme", "codipack": "CoDiPack", "adol-c": "ADOL-C", "pytorch": "PyTorch", "manual": "by hand"}

# (problem, size of ours) -> tool -> milliseconds. What GradBench lacks, or an independent check found wrong, is not here.
MILLISECONDS: Mapping[tuple[str, str], Mapping[str, float]] = {
    ("llsq", "4096"): {"manual": 0.814, "enzyme": 0.839, "codipack": 4.35, "adol-c": 8.47, "jax": 2.41},
    ("lse", "1280000"): {"manual": 7.5, "enzyme": 18.3, "codipack": 23.2, "adol-c": 102.0, "jax": 5.58, "pytorch": 8.41},
    ("det", "10"): {"manual": 315.0, "enzyme": 1170.0, "codipack": 97.3, "adol-c": 255.0, "jax": 228.0},
    ("kmeans", "1000,10000,16"): {"manual": 61.2, "enzyme": 178.0, "jax": 288.0, "pytorch": 666.0},
    ("gmm", "64,100"): {"manual": 243.0, "tapenade": 260.0, "enzyme": 1490.0, "jax": 356.0, "pytorch": 458.0},
    ("ba", "257,65132,225911"): {"manual": 90.5, "tapenade": 140.0, "enzyme": 97.8, "codipack": 172.0, "adol-c": 1390.0, "jax": 342.0},
    ("ht", "10000,6400"): {"manual": 14.0, "tapenade": 179.0, "enzyme": 134.0, "codipack": 97.8, "adol-c": 75.9, "jax": 49.8},
    ("lstm", "6,8192"): {
        "manual": 574.0, "tapenade": 127.0, "enzyme": 133.0, "codipack": 93.2, "adol-c": 257.0, "jax": 306.0, "pytorch": 14900.0,
    },
    ("ode", "100000,100"): {"enzyme": 220.0, "jax": 338.0},
    ("particle", "ff"): {"enzyme": 0.802, "jax": 6.11},
    ("particle", "fr"): {"enzyme": 3.14, "jax": 1.37},
    ("saddle", "rr"): {"jax": 0.742},
    ("saddle", "ff"): {"jax": 0.742},
    ("saddle", "fr"): {"jax": 0.696},
    ("saddle", "rf"): {"jax": 0.739},
}  # fmt: skip


def against(problem: str, size: str, to_jax: float | None, tools: Sequence[str] = ("jax", *OTHERS)) -> float | None:
    """Our time over that of the fastest of these tools; None where none of them is known. `to_jax` is our time over JAX's."""
    known = MILLISECONDS.get((problem, size), {})
    there = [known[tool] for tool in tools if tool in known]
    return to_jax * known["jax"] / min(there) if there and to_jax else None
