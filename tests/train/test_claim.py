"""A claim keeps others out for as long as its holder lives, and not longer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lingen_live.train.claim import claimed

HOLDER = """
import sys
from pathlib import Path
from lingen_live.train.claim import claimed
with claimed(Path(sys.argv[1])) as is_ours:
    print(is_ours, flush=True)
    sys.stdin.read()
"""


def is_free(path: Path) -> bool:
    with claimed(path) as is_ours:
        return is_ours


def test_a_claim_excludes_others_until_it_ends(tmp_path: Path) -> None:
    path = tmp_path / "work.claim"
    with claimed(path) as is_ours:
        assert is_ours
        assert not is_free(path)
        assert is_free(tmp_path / "other.claim")
    assert is_free(path)


def test_an_error_ends_the_claim(tmp_path: Path) -> None:
    path = tmp_path / "work.claim"
    with pytest.raises(RuntimeError, match="the work failed"), claimed(path):
        raise RuntimeError("the work failed")
    assert is_free(path)


def test_a_file_left_behind_claims_nothing(tmp_path: Path) -> None:
    path = tmp_path / "work.claim"
    path.touch()
    assert is_free(path)


def test_a_process_that_is_killed_leaves_no_claim(tmp_path: Path) -> None:
    path = tmp_path / "work.claim"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "True\n"
        assert not is_free(path)
        holder.kill()
        holder.wait()
        assert is_free(path)
