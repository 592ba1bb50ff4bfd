"""Many streams in one pass: each as if it were alone, up to rounding; all step or none does."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from lingen_live.engine.batch import BatchedStream, StreamBatch
from lingen_live.engine.engine import Engine
from lingen_live.engine.pool import slot_index
from lingen_live.model.state import StreamState

MakeEngine = Callable[..., Engine]


def opened(batch: StreamBatch) -> list[BatchedStream]:
    """Streams with different seeds, prompts, ages and transitions."""
    streams = [batch.open(seed=seed, prompt=prompt) for seed, prompt in ((1, "a meadow"), (2, "night"), (3, "dunes"))]
    batch.tick(streams[:1])
    batch.tick(streams[:1])
    streams[0].steer("a sea of ice", 3)
    streams[2].cut("fog")
    return streams


def assert_close(got: StreamState, expected: StreamState) -> None:
    for name in ("ssm", "conv", "review", "tesa", "latents"):
        torch.testing.assert_close(getattr(got, name), getattr(expected, name), rtol=1e-4, atol=1e-5)


def test_in_a_batch_each_stream_is_as_if_alone(make_engine: MakeEngine) -> None:
    batch = StreamBatch(make_engine(), 3)
    together, alone = opened(batch), opened(batch)
    for _ in range(3):
        chunks = batch.tick(together)
        for stream, chunk in zip(alone, chunks, strict=True):
            (expected,) = batch.tick([stream])
            assert (chunk.chunk_index, chunk.prompt, chunk.blend, chunk.seed) == (
                expected.chunk_index,
                expected.prompt,
                expected.blend,
                expected.seed,
            )
            assert np.abs(chunk.frames.astype(int) - expected.frames).max() <= 1
    for got, expected_stream in zip(together, alone, strict=True):
        assert_close(got.state, expected_stream.state)
    assert [stream.chunk_index for stream in together] == [5, 3, 3]


def test_a_stream_alone_is_the_engine_s_bit_for_bit(make_engine: MakeEngine) -> None:
    engine = make_engine(seed=1, prompt="a meadow")
    batch = StreamBatch(make_engine(), 3)
    stream = batch.open(seed=1, prompt="a meadow")
    for _ in range(2):
        assert batch.tick([stream])[0].digest == engine.tick().digest
    assert stream.state.to_bytes() == engine.state.to_bytes()


def test_states_lie_in_slots_of_their_own(make_engine: MakeEngine) -> None:
    batch = StreamBatch(make_engine(), 3)
    streams = opened(batch)
    batch.tick(streams)
    slots = [slot_index(stream.state) for stream in streams]
    assert None not in slots
    assert len(set(slots)) == 3


def test_more_than_the_largest_batch_is_a_mistake(make_engine: MakeEngine) -> None:
    batch = StreamBatch(make_engine(), 2)
    with pytest.raises(ValueError, match="got 3 streams, a batch takes 1 to 2"):
        batch.tick([batch.open(seed=seed, prompt="night") for seed in range(3)])


def test_a_batch_that_fails_leaves_every_stream_as_it_was(
    make_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = make_engine()
    batch = StreamBatch(engine, 3)
    streams = opened(batch)
    before = [stream.timeline.current for stream in streams]

    def fail(*args: object) -> None:
        raise RuntimeError("told to fail")

    monkeypatch.setattr(engine.bundle.codec, "decode_pictures", fail)
    with pytest.raises(RuntimeError, match="told to fail"):
        batch.tick(streams)
    assert [stream.timeline.current for stream in streams] == before


def test_a_stream_that_cannot_step_keeps_the_others_back(
    make_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = StreamBatch(make_engine(), 3)
    streams = opened(batch)
    before = [stream.timeline.current for stream in streams]

    def fail(*args: object) -> None:
        raise RuntimeError("told to fail")

    monkeypatch.setattr(streams[-1].timeline, "_over_budget", fail)
    with pytest.raises(RuntimeError, match="told to fail"):
        batch.tick(streams)
    assert [stream.timeline.current for stream in streams] == before


def test_one_stream_s_words_are_not_another_s(make_engine: MakeEngine) -> None:
    batch = StreamBatch(make_engine(), 3)
    streams = opened(batch)
    batch.tick(streams)
    streams[1].seek(0)
    streams[1].steer("a red desert")
    chunks = batch.tick(streams)
    assert [chunk.prompt for chunk in chunks] == ["a sea of ice", "a red desert", "fog"]
    assert [chunk.chunk_index for chunk in chunks] == [3, 0, 1]
