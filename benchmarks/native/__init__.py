"""Native code against peers and hand-written C, in one run: `python -m benchmarks.native`, or one script of it.

This file fixes the number of threads before NumPy and the peers are imported; it must not import them. Start at `measure`.
"""

import os

THREADS = int(os.environ.get("WENGERT_BENCHMARK_THREADS", "1"))  # as many as each way may use; `measure.pin` gives as many cores

for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "WENGERT_THREADS", "NPROC"):
    os.environ[_name] = str(THREADS)  # NPROC is read by XLA
if THREADS == 1:
    os.environ["XLA_FLAGS"] = (os.environ.get("XLA_FLAGS", "") + " --xla_cpu_multi_thread_eigen=false").strip()
