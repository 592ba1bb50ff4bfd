"""The benchmark of the kernels as a script: see `lingen_kernels/benchmark/run.py`.

python kernels/bench.py --preset lingen-4b --device cuda --length 2048 8192 35000 139264
"""

from __future__ import annotations

import sys
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).parent))  # runs from a plain checkout, too

from lingen_kernels.benchmark.run import main

if __name__ == "__main__":
    sys.exit(main())
