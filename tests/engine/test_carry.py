"""A stream carried to another engine goes on bit for bit, with all of its past or with its heads alone."""

from __future__ import annotations

import mmap
from dataclasses import replace
from pathlib import Path

import pytest
from tiny_engine import make_tiny

from lingen_live.engine.batch import BatchedStream, StreamBatch
from lingen_live.engine.carry import heads_of
from lingen_live.engine.events import words_of
from lingen_live.engine.options import EngineOptions
from lingen_live.errors import EngineError


def new_batch(bundle: Path) -> StreamBatch:
    batch = make_tiny(EngineOptions(checkpoint=str(bundle)), lambda stage, fraction: None)
    batch.attach(mmap.mmap(-1, batch.pool_bytes(2)))
    return batch


def made(batch: StreamBatch, stream: BatchedStream, n_chunks: int) -> list[bytes]:
    """The digests of the next chunks."""
    digests = []
    for _ in range(n_chunks):
        digests.append(batch.tick([stream])[0].digest)
        batch.settle()
    return digests


@pytest.fixture
def source(tiny_bundle: Path) -> tuple[StreamBatch, BatchedStream]:
    """A stream with two branches, in the middle of a transition, with a plan to come."""
    batch = new_batch(tiny_bundle)
    stream = batch.open(seed=7, prompt="a meadow")
    made(batch, stream, 3)
    stream.fork(2, "other")
    made(batch, stream, 3)
    stream.switch(0)
    stream.plan("cut", words_of("night"), 8)
    stream.steer("a red desert", 6)
    made(batch, stream, 2)
    return batch, stream


@pytest.mark.parametrize("heads_only", [False, True])
def test_it_goes_on_bit_for_bit(
    source: tuple[StreamBatch, BatchedStream], tiny_bundle: Path, *, heads_only: bool
) -> None:
    batch, stream = source
    kept = heads_of(stream.kept()) if heads_only else stream.kept()
    carried = batch.carry(kept)
    assert carried.chunk_index == 5
    other = new_batch(tiny_bundle)
    again = other.open(seed=1, prompt="elsewhere", carried=carried)
    assert again.is_resumed
    assert [one.name for one in again.view().branches] == ["main", "other"]
    assert len(carried.slots) == (2 if heads_only else len(kept.moments))
    assert again.view().moments == (((5, again.view().moments[0][1]),) if heads_only else stream.view().moments)
    assert made(other, again, 5) == made(batch, stream, 5)  # through the plan
    for each in (stream, again):
        each.switch(1)
    assert made(other, again, 2) == made(batch, stream, 2)


def test_what_is_not_of_this_engine_is_refused(source: tuple[StreamBatch, BatchedStream], tiny_bundle: Path) -> None:
    batch, stream = source
    carried = batch.carry(stream.kept())
    other = new_batch(tiny_bundle)
    for wrong, sentence in (
        (replace(carried, dtype="bfloat16"), "in bfloat16; this engine has .* in float32"),
        (replace(carried, digest="f" * 64), "weights ffffffffffff in float32"),
        (replace(carried, slots={index: data[:-4096] for index, data in carried.slots.items()}), r"has \d+ bytes; one"),
    ):
        with pytest.raises(EngineError, match=sentence):
            other.open(seed=1, prompt="elsewhere", carried=wrong)
    other.settle()
    assert other.pool.n_taken == 0
