"""Freed blocks stay with the process: the next block of their size costs no fresh pages."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

COUNT_FAULTS = """
import resource, torch
from lingen_live.engine.heap import keep_freed_memory
if {keep}:
    assert keep_freed_memory()
for _ in range(3):
    [torch.ones(2_000_000) for _ in range(6)]
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    [torch.ones(2_000_000) for _ in range(6)]
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) // 10)
"""


def faults_a_round(keep: bool) -> int:
    """Page faults of six blocks of 8 MB, in a process of its own: what malloc was told cannot be untold.

    Left to itself, malloc would raise its threshold now and then; here it begins where every block comes and goes.
    """
    command = [sys.executable, "-c", COUNT_FAULTS.format(keep=keep)]
    env = {**os.environ, "MALLOC_MMAP_THRESHOLD_": str(128 * 1024)}
    result = subprocess.run(command, env=env, capture_output=True, text=True, check=True, timeout=120)
    return int(result.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")
def test_blocks_that_were_freed_are_used_again() -> None:
    assert faults_a_round(keep=True) < 10 < faults_a_round(keep=False)
