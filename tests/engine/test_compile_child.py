"""The process that compiles ends with whoever started it, and says what went wrong."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lingen_live.config import BundleConfig
from lingen_live.engine.compile_child import CompileChild, find_compiler

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs process groups")
PATIENCE_S = 60.0

# Starts a child as an engine would, tells its process group, and waits to be killed.
PARENT = """
import json, sys, time
from pathlib import Path
from lingen_live.config import ModelConfig
from lingen_live.engine.compile_child import CompileChild
child = CompileChild(ModelConfig(**json.loads(sys.argv[1])), "float32", 1, Path(sys.argv[2]), "g++")
print(child.pid, flush=True)
time.sleep(600)
"""


def group_is_gone(group: int) -> bool:
    """Nobody of the process group is left; the dead that nobody has asked about do not count."""
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, its_group = status.read_text(encoding="utf-8").rpartition(")")[2].split()[:3]
        except (OSError, ValueError):
            continue
        if int(its_group) == group and state not in "ZX":
            return False
    return True


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline_s
        time.sleep(0.02)


@pytest.fixture
def start(tiny_config: BundleConfig, tmp_path: Path) -> Callable[..., CompileChild]:
    """Start a child; it would be busy for long, for it is at the lowest priority."""

    def start(dtype: str = "float32") -> CompileChild:
        return CompileChild(tiny_config.model, dtype, 1, tmp_path, "g++")

    return start


def test_it_is_gone_when_it_is_left(start: Callable[..., CompileChild]) -> None:
    with start() as child:
        assert child.is_running
        assert os.getpgid(child.pid) == child.pid != os.getpgrp()
    assert not child.is_running
    assert group_is_gone(child.pid)


def test_it_has_the_lowest_priority(start: Callable[..., CompileChild]) -> None:
    with start() as child:
        wait_until(lambda: os.getpriority(os.PRIO_PROCESS, child.pid) == 19)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_it_ends_when_the_engine_is_killed(tiny_config: BundleConfig, tmp_path: Path, how: signal.Signals) -> None:
    spec = json.dumps(dataclasses.asdict(tiny_config.model))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, spec, str(tmp_path)], stdout=subprocess.PIPE, env=environment
    ) as parent:
        assert parent.stdout is not None
        group = int(parent.stdout.readline())
        assert not group_is_gone(group)
        parent.send_signal(how)
    wait_until(lambda: group_is_gone(group))


def test_a_failure_is_told_in_one_line(start: Callable[..., CompileChild]) -> None:
    with start(dtype="float33") as child:
        wait_until(lambda: not child.is_running)
        with pytest.raises(RuntimeError, match=r"^AttributeError.*float33"):
            child.finish()


def test_a_death_without_words_is_told_by_its_number(start: Callable[..., CompileChild], tmp_path: Path) -> None:
    with start() as child:
        os.killpg(child.pid, signal.SIGKILL)
        wait_until(lambda: not child.is_running)
        (tmp_path / "stderr.txt").write_bytes(b"")
        with pytest.raises(RuntimeError, match="exit code -9"):
            child.finish()


def test_the_compiler_is_the_one_named_or_one_that_is_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("clang++", "mine"):
        (tmp_path / name).touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    assert find_compiler() == str(tmp_path / "clang++")
    (tmp_path / "g++").touch(mode=0o755)
    assert find_compiler() == str(tmp_path / "g++")
    monkeypatch.setenv("CXX", "mine")
    assert find_compiler() == str(tmp_path / "mine")
    monkeypatch.setenv("CXX", "missing")
    assert find_compiler() is None
    assert shutil.which("missing") is None
