"""Times the kernels after they have proved right; `run.py` is the program, `kernels/bench.py` its name."""
