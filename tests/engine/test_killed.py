"""Saved, killed with SIGKILL in the middle of a chunk, loaded by another process: as if it had never stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

_N_BEFORE, _N_AFTER = 7, 6

# Lives for some chunks, saves, and goes on until it is killed.
_SAVES = f"""
import sys
from pathlib import Path
from tiny_engine import make_tiny
from lingen_live.engine.events import blend_of, words_of
from lingen_live.engine.options import EngineOptions

batch = make_tiny(EngineOptions(checkpoint=sys.argv[1]), lambda stage, fraction: None)
stream = batch.open(seed=7, prompt="a meadow")
stream.plan("cut", words_of("a red desert"), {_N_BEFORE + 3})
stream.plan("steer", blend_of([("night", 2), ("a sea of ice", 1)]), {_N_BEFORE + 5}, 2)
for index in range({_N_BEFORE}):
    if index == 2:
        stream.steer("a sea of ice", 3)
    if index == 5:
        stream.reanchor("night", 2)
    batch.tick([stream])
    batch.settle()
stream.steer("a meadow", 4)
Path(sys.argv[2]).write_bytes(stream.save_session())
"""
_DIES = "for _ in iter(int, 1):\n    batch.tick([stream], lambda: print('denoising', flush=True))\n"
_GOES_ON = (
    f"print(*(batch.tick([stream])[0].digest.hex() for _ in range({_N_AFTER})))\nprint(stream.scenario().to_json())\n"
)
_LOADS = """
import sys
from pathlib import Path
from tiny_engine import make_tiny
from lingen_live.engine.options import EngineOptions

batch = make_tiny(EngineOptions(checkpoint=sys.argv[1]), lambda stage, fraction: None)
stream = batch.open(seed=1, prompt="a meadow")
stream.load_session(Path(sys.argv[2]).read_bytes())
"""


def start(script: str, *arguments: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", script, *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


def test_loaded_after_a_kill_it_equals_never_having_stopped(tiny_bundle: Path, tmp_path: Path) -> None:
    saved, unused = tmp_path / "saved.lgs", tmp_path / "unused.lgs"
    dying = start(_SAVES + _DIES, tiny_bundle, saved)
    with dying:
        assert dying.stdout is not None
        assert dying.stdout.readline() == "denoising\n"
        dying.send_signal(signal.SIGKILL)
    assert dying.returncode == -signal.SIGKILL
    lives = [start(_LOADS + _GOES_ON, tiny_bundle, saved), start(_SAVES + _GOES_ON, tiny_bundle, unused)]
    again, never_stopped = (process.communicate(timeout=300)[0] for process in lives)
    assert [process.returncode for process in lives] == [0, 0]
    assert again == never_stopped
    digests = again.splitlines()[0].split()
    assert len(set(digests)) == len(digests) == _N_AFTER
