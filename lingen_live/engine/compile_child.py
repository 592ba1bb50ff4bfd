"""The process that compiles: started by the engine at the lowest priority, and gone when the engine is.

Its standard input is a lifeline: nothing is ever written to it, and it closes when the engine's process ends,
however it ends. Then the child kills its process group, compilers included. Knows processes. Does not know what
the packages are for.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Self

from lingen_live.config import ModelConfig
from lingen_live.strict_json import from_json

_IDLE_PRIORITY = 19


def find_compiler() -> str | None:
    """A C++ compiler: $CXX, else g++, else clang++; None where there is none."""
    names = [os.environ["CXX"]] if os.environ.get("CXX") else ["g++", "clang++"]
    return next((path for name in names if (path := shutil.which(name))), None)


class CompileChild:
    """A running child; as a context manager, it is gone at the end.

    Args:
        config: shape of the model.
        dtype: of the model, such as "float32".
        n_threads: that the code will run on.
        directory: empty; everything that the compilers write goes there.
        compiler: from `find_compiler`.
    """

    def __init__(self, config: ModelConfig, dtype: str, n_threads: int, directory: Path, compiler: str) -> None:
        self._stderr_path = directory / "stderr.txt"
        self._made = directory / "packages"
        self._made.mkdir()
        spec = {
            "config": dataclasses.asdict(config),
            "dtype": dtype,
            "n_threads": n_threads,
            "directory": str(self._made),
        }
        with self._stderr_path.open("wb") as stderr:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "lingen_live.engine.compile_child", json.dumps(spec)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                env=_environment(directory, compiler),
                start_new_session=True,  # Ctrl-C is not for it, and its compilers can be ended with it
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *args: object) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        if self._process.stdin:
            self._process.stdin.close()

    @property
    def pid(self) -> int:
        """Process id, and id of its process group."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether there is still something to wait for; costs a system call."""
        return self._process.poll() is None

    def finish(self) -> Path:
        """After the end: the folder with the packages.

        Raises:
            RuntimeError: the compiler failed; the message is its last complaint.
        """
        if self._process.returncode != 0:
            said = self._stderr_path.read_text(encoding="utf-8", errors="replace").strip()
            raise RuntimeError(said.rpartition("\n")[2] or f"exit code {self._process.returncode}")
        return self._made


def _environment(directory: Path, compiler: str) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "CXX": compiler,
        "LINGEN_KERNELS": "torch",
        "OMP_WAIT_POLICY": "PASSIVE",
        "TMPDIR": str(directory),
        "TORCHINDUCTOR_CACHE_DIR": str(directory / "inductor"),
        "TORCHINDUCTOR_COMPILE_THREADS": "1",  # no pool of processes of its own
    }


def main() -> None:
    """Entry point of the child; the argument is the specification as JSON."""
    os.setpriority(os.PRIO_PROCESS, 0, _IDLE_PRIORITY)
    threading.Thread(target=_end_with_the_engine, daemon=True).start()
    spec = json.loads(sys.argv[1])
    # Imported here: what comes now takes seconds, at the lowest priority.
    import torch

    from lingen_live.engine.compiled import compile_packages

    torch.set_num_threads(spec["n_threads"])
    config = from_json(ModelConfig, spec["config"], "config")
    compile_packages(config, getattr(torch, spec["dtype"]), Path(spec["directory"]))


def _end_with_the_engine() -> None:
    os.read(sys.stdin.fileno(), 1)
    os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    main()
