"""Two processes of one training run, as `torchrun` would start them."""

from __future__ import annotations

import os
import socket
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import multiprocessing

from lingen_live.train import loop
from lingen_live.train.parallel import joined

Job = Callable[[int, Path], None]


def run_two(job: Job, folder: Path) -> None:
    """Run a job, picklable by name, in both processes."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    multiprocessing.spawn(_be_one, (job, folder, port), nprocs=2)


def in_two(job: Job, folder: Path) -> list[Any]:
    """The same; what each has saved under its number."""
    run_two(job, folder)
    return saved_by_two(folder)


def saved_by_two(folder: Path) -> list[Any]:
    """What each process has saved under its number."""
    return [torch.load(folder / f"{index}.pt", weights_only=True) for index in range(2)]


def _be_one(index: int, job: Job, folder: Path, port: int) -> None:
    warnings.simplefilter("error")
    torch.set_num_threads(1)
    names = {"RANK": index, "WORLD_SIZE": 2, "LOCAL_RANK": index, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    os.environ |= {name: str(value) for name, value in names.items()}
    loop.LOG_EVERY = 1
    with joined("cpu"):
        job(index, folder)
    # Now and then a process aborts while its interpreter shuts down, all work done; very likely one of gloo's threads.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
