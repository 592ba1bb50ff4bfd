"""Slots for moments: taken, shared, given back; nothing grows, nothing is lost that somebody may come back for."""

from __future__ import annotations

import mmap
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from lingen_live.engine.arena import Arena, map_memory
from lingen_live.engine.batch import BatchedStream, StreamBatch
from lingen_live.engine.engine import Engine
from lingen_live.engine.events import words_of
from lingen_live.engine.pool import Layout, StatePool, slot_index
from lingen_live.engine.timeline import TimelineLimits
from lingen_live.errors import EngineError, LingenError

MakeEngine = Callable[..., Engine]
LIMITS = TimelineLimits(memory_bytes=900_000, max_branches=4)


@pytest.fixture
def batch(make_engine: MakeEngine) -> StreamBatch:
    return StreamBatch(make_engine(), 3, LIMITS)


def n_taken(batch: StreamBatch) -> int:
    batch.settle()
    return batch.pool.n_taken


def test_a_moment_in_a_slot_is_the_moment(make_engine: MakeEngine) -> None:
    engine = make_engine()
    engine.tick()
    engine.steer("night", 3)
    moment = engine.moment
    pool = StatePool(moment, bytearray(2 * Layout.of(moment).slot_bytes))
    kept = pool.keep(moment)
    index = slot_index(kept.state)
    assert index is not None
    assert pool.keep(kept) is kept
    assert kept.state.to_bytes() == moment.state.to_bytes()
    assert kept.state.n_bytes == moment.state.n_bytes
    del kept
    pool.settle()
    state, way = pool.read(pool.reserve([index])[index], 3, 0)
    assert state.to_bytes() == moment.state.to_bytes()
    for end in ("start", "target"):
        got, expected = getattr(way, end), getattr(moment.transition, end)
        torch.testing.assert_close(got.words.tokens, expected.words.tokens, rtol=0, atol=0)
        torch.testing.assert_close(got.reading, expected.reading, rtol=0, atol=0)


def test_a_full_pool_says_so_and_takes_again_what_was_given_back(make_engine: MakeEngine) -> None:
    moment = make_engine().moment
    pool = StatePool(moment, bytearray(2 * Layout.of(moment).slot_bytes))
    first, second = pool.keep(moment), pool.keep(moment)
    with pytest.raises(EngineError, match="All 2 slots"):
        pool.keep(moment)
    del second
    with pytest.raises(EngineError, match="All 2 slots"):  # somebody may still come back for it
        pool.keep(moment)
    pool.settle()
    assert slot_index(pool.keep(moment).state) != slot_index(first.state)


def test_slots_are_reserved_once(make_engine: MakeEngine) -> None:
    moment = make_engine().moment
    pool = StatePool(moment, bytearray(3 * Layout.of(moment).slot_bytes))
    reserved = pool.reserve([0, 2, 2])
    assert slot_index(pool.keep(moment).state) is not None
    for wrong in (0, 3):
        with pytest.raises(EngineError, match=f"Slot {wrong} cannot be gone on from; 0 of 3 are free"):
            pool.reserve([wrong])
    reserved.clear()
    pool.settle()
    assert pool.n_taken == 0


def test_a_stream_has_the_slots_of_what_it_keeps_and_no_others(batch: StreamBatch) -> None:
    stream = batch.open(seed=1, prompt="a meadow")
    for index in range(4):
        batch.tick([stream])
        assert n_taken(batch) == index + 2
    stream.fork(2)
    assert n_taken(batch) == 5  # branches share moments
    batch.tick([stream])
    assert n_taken(batch) == 6
    stream.switch(0)
    stream.delete(1)
    assert n_taken(batch) == 5
    stream.reset()
    assert n_taken(batch) == 1


def test_nothing_is_taken_for_a_stream_that_is_gone(batch: StreamBatch) -> None:
    for seed in range(5):
        stream = batch.open(seed=seed, prompt="a meadow")
        batch.tick([stream])
        stream.steer("night", 2)
        stream.fork()
        batch.tick([stream])
        saved = stream.save_session()
        stream.load_session(saved)
        batch.tick([stream])
        del stream
        assert n_taken(batch) == 0


def test_a_long_stream_stays_within_its_share(batch: StreamBatch) -> None:
    streams = [batch.open(seed=seed, prompt="a meadow") for seed in range(3)]
    room = batch.pool_bytes(3) // Layout.of(streams[0].moment).slot_bytes
    counts = []
    for index in range(40):
        batch.tick(streams)
        if index % 7 == 0:
            streams[0].cut("night")
        if index % 20 == 0:
            streams[1].load_session(streams[2].save_session())
            streams[1].delete(streams[1].timeline.branches[0].id)
        counts.append(n_taken(batch))
    kept = {one for s in streams for branch in s.timeline.branches for one in branch.snapshots}
    assert counts[-1] == len(kept)
    assert max(counts) <= room


def test_too_many_sessions_for_the_memory_are_refused_with_both_numbers(batch: StreamBatch) -> None:
    with pytest.raises(EngineError, match=r"1000000000 sessions may need \d+ MiB .* and \d+ MiB are free: at most \d+"):
        batch.pool_bytes(10**9)


def test_an_arena_outlives_who_writes_and_leaves_nothing(tmp_path: Path) -> None:
    arena = Arena(8192)
    first = map_memory(arena.fd, 8192)
    first[5:8] = b"abc"
    first.close()
    second = map_memory(arena.fd, 8192)
    assert second[4:9] == b"\0abc\0"
    arena.close()
    arena.close()
    assert second[5:8] == b"abc"
    second.close()


@pytest.fixture
def lived(batch: StreamBatch) -> BatchedStream:
    """A stream with branches, plans and words on their way."""
    stream = batch.open(seed=5, prompt="a meadow")
    for _ in range(3):
        batch.tick([stream])
    stream.steer("a sea of ice", 4)
    batch.tick([stream])
    stream.fork(2, "aside")
    stream.plan("cut", words_of("fog"), 6)
    batch.tick([stream])
    batch.tick([stream])
    stream.seek(3)
    batch.tick([stream])
    return stream


def test_another_engine_goes_on_from_the_memory_bit_for_bit(
    make_engine: MakeEngine, batch: StreamBatch, lived: BatchedStream
) -> None:
    memory = mmap.mmap(-1, batch.pool_bytes(2))
    first = StreamBatch(make_engine(), 1, LIMITS)
    first.attach(memory)
    stream = first.open(seed=0, prompt="night")
    stream.load_session(lived.save_session())
    stream.steer("a red desert", 3)
    first.tick([stream])
    stream.fork(name="another")
    first.tick([stream])
    kept = stream.kept()
    second = StreamBatch(make_engine(), 1, LIMITS)
    second.attach(memory, [kept])
    again = second.open(seed=0, prompt="night", kept=kept)
    assert again.is_resumed
    assert again.kept() == kept
    assert again.understanding == stream.understanding
    for branch in stream.timeline.branches:
        stream.switch(branch.id)
        again.switch(branch.id)
        assert again.state.to_bytes() == stream.state.to_bytes()
        twin = make_engine(seed=0, prompt="night")
        twin.load_session(stream.save_session())
        assert again.save_session() == stream.save_session()
        digests = [second.tick([again])[0].digest for _ in range(3)]
        assert digests == [twin.tick().digest for _ in range(3)]
    second.settle()
    assert second.pool.n_taken <= second.pool.n_slots


def test_a_branch_told_anew_without_a_chunk_since_goes_on_from_before(make_engine: MakeEngine) -> None:
    memory = mmap.mmap(-1, StreamBatch(make_engine(), 1, LIMITS).pool_bytes(1))
    first = StreamBatch(make_engine(), 1, LIMITS)
    first.attach(memory)
    stream = first.open(seed=3, prompt="a meadow")
    for _ in range(5):
        first.tick([stream])
    stream.fork(1, "elsewhere")
    stream.switch(0)
    stream.reanchor("night", 3)
    stream.switch(1)
    first.tick([stream])
    kept = stream.kept()
    second = StreamBatch(make_engine(), 1, LIMITS)
    second.attach(memory, [kept])
    again = second.open(seed=3, prompt="a meadow", kept=kept)
    again.switch(0)
    stream.switch(0)
    expected = first.tick([stream])[0]
    assert again.chunk_index < stream.chunk_index - 1
    while again.chunk_index < stream.chunk_index:
        chunk = second.tick([again])[0]
    assert chunk.digest == expected.digest


def test_what_no_engine_can_go_on_from_begins_anew(make_engine: MakeEngine, caplog: pytest.LogCaptureFixture) -> None:
    batch = StreamBatch(make_engine(), 1, LIMITS)
    stream = batch.open(seed=3, prompt="a meadow")
    batch.tick([stream])
    kept = stream.kept()
    other = StreamBatch(make_engine(), 1, LIMITS)
    fresh = other.open(seed=9, prompt="night", kept=kept)  # its slots are not here
    assert not fresh.is_resumed
    assert (fresh.chunk_index, fresh.seed) == (0, 9)
    assert "begins anew" in caplog.text
    with pytest.raises(LingenError):
        other.open(seed=9, prompt="", kept=None)
