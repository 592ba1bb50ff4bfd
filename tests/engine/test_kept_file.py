"""Snapshot files say all of a stream, and what is none is refused in one sentence."""

from __future__ import annotations

import json
import mmap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load, save
from tiny_engine import make_tiny

from lingen_live.engine.carry import Carried, heads_of
from lingen_live.engine.events import words_of
from lingen_live.engine.kept_file import KeptStream, _digest, read_kept, write_kept
from lingen_live.engine.options import EngineOptions
from lingen_live.errors import SessionFileError


@pytest.fixture(scope="module")
def carried(tiny_bundle: Path) -> Carried:
    """A stream with two branches, a plan, a blend, a cut, and words that come back when it gets there again."""
    batch = make_tiny(EngineOptions(checkpoint=str(tiny_bundle)), lambda stage, fraction: None)
    batch.attach(mmap.mmap(-1, batch.pool_bytes(1)))
    stream = batch.open(seed=7, prompt="a meadow")
    stream.plan("cut", words_of("night"), 9)
    for step in (
        lambda: stream.steer("a red desert", 3),
        lambda: stream.blend([("day", 1.0), ("night", 2.0)], 2),
        lambda: stream.fork(1, "other"),
        lambda: stream.cut("dunes"),
        lambda: stream.seek(1),
    ):
        step()
        batch.tick([stream])
        batch.settle()
    return batch.carry(heads_of(stream.kept()))


def test_what_is_read_is_what_was_written(carried: Carried) -> None:
    data = write_kept(KeptStream("dunes", 7, carried))
    again = read_kept(data)
    assert (again.prompt, again.seed) == ("dunes", 7)
    assert again.carried.kept == carried.kept
    for ours, theirs in zip(carried.kept.branches, again.carried.kept.branches, strict=True):
        assert [(one.origin, one.plan_id) for one in ours.events] == [
            (one.origin, one.plan_id) for one in theirs.events
        ]
    assert (again.carried.digest, again.carried.dtype) == (carried.digest, carried.dtype)
    assert {index: one.tobytes() for index, one in again.carried.slots.items()} == {
        index: one.tobytes() for index, one in carried.slots.items()
    }
    assert write_kept(again) == data


def forged(data: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    """The file saying something else, with the SHA-256 of that."""
    told = json.loads(json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]["lgk"])
    slots = load(data)
    del told["sha256"]
    change(told)
    return save(slots, {"lgk": json.dumps({**told, "sha256": _digest(told, slots)})})


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda told: told.update(version=2), "of version 2; this program reads 1"),
        (lambda told: told.update(format="other"), "no snapshot file"),
        (lambda told: told.update(current=99), "branch 99 is not there"),
        (lambda told: told.update(seed=-1), "-1 stands where an integer of 0 to"),
        (lambda told: told.update(prompt=""), "holds a stream that is none"),
        (lambda told: told.pop("epoch"), "'epoch'"),
        (lambda told: told["moments"][0].__setitem__(1, 4096), "the bytes of slot 4096 are not there"),
        (lambda told: told["moments"].pop(), "a moment of branch"),
        (lambda told: told["branches"][0].update(moments=[]), "a moment of branch 0 is not there"),
        (lambda told: told["branches"][0].update(name="x" * 999), "a branch is called"),
        (lambda told: told["branches"][0].update(is_whole=1), "is_whole is 1"),
        (lambda told: told["branches"][0].update(digests="xyz"), "digests is 'xyz'"),
        (lambda told: told["branches"][0]["origins"][0].__setitem__(0, "dreamt"), "an event is 'dreamt'"),
        (lambda told: told["branches"][0]["origins"].pop(), "holds a stream that is none"),
    ],
)
def test_what_is_none_is_refused(carried: Carried, change: Callable[[dict[str, Any]], object], sentence: str) -> None:
    with pytest.raises(SessionFileError, match=sentence):
        read_kept(forged(write_kept(KeptStream("dunes", 7, carried)), change))


def test_damage_is_seen(carried: Carried) -> None:
    data = write_kept(KeptStream("dunes", 7, carried))
    for broken in (b"", data[:7], data[:-1], b"\xff" * 64):
        with pytest.raises(SessionFileError, match=f"of {len(broken)} bytes is cut short, or is none"):
            read_kept(broken)
    flipped = bytearray(data)
    flipped[-5] ^= 1
    with pytest.raises(SessionFileError, match="was changed or damaged"):
        read_kept(bytes(flipped))
