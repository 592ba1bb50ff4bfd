"""Several streams on one set of weights, a chunk each in one forward pass.

All or none of the streams in a batch step forward. Knows streams. Does not know who chose them.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from lingen_live.engine.branch import Branch
from lingen_live.engine.engine import Chunk, Engine, chunk_of
from lingen_live.engine.generate import make_chunks
from lingen_live.engine.snapshot import thumbnail_of
from lingen_live.engine.stream import Stream
from lingen_live.engine.timeline import TimelineLimits
from lingen_live.profile.spans import SpanRecorder


class StreamBatch:
    """Makes chunks for streams that share an engine's weights; the engine's own stream is not among them.

    Batches of more than one take the eager path, for compiled blocks take one.

    Args:
        engine: whose weights and words are used.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def open(self, *, seed: int, prompt: str, limits: TimelineLimits | None = None) -> Stream:
        """A new stream; arguments as those of `Stream`."""
        return Stream(self._engine.bundle, self._engine.words, seed=seed, prompt=prompt, limits=limits)

    @torch.inference_mode()
    def tick(self, streams: Sequence[Stream]) -> list[Chunk]:
        """Make the next chunk of every stream.

        Args:
            streams: different ones, one or more.
        """
        engine, recorder = self._engine, SpanRecorder()
        is_alone = len(streams) == 1
        denoiser, path = (engine.denoiser, engine.info.path) if is_alone else (engine.bundle.model, "eager")
        branches = [stream.arrived() for stream in streams]
        moments = [branch.head for branch in branches]
        made = make_chunks(engine.bundle, denoiser, engine.sigmas, engine.words, moments, recorder)
        thumbnails = [thumbnail_of(one.frames) for one in made]
        stepped = [
            stream.stepped(branch, one, thumbnail, path)
            for stream, branch, one, thumbnail in zip(streams, branches, made, thumbnails, strict=True)
        ]
        profile = recorder.finish(moments[0].chunk_index)
        chunks = [
            chunk_of(moment, one, profile, stream.timeline.epoch, thumbnail)
            for stream, moment, one, thumbnail in zip(streams, moments, made, thumbnails, strict=True)
        ]
        _put_all(streams, stepped)
        return chunks


def _put_all(streams: Sequence[Stream], branches: Sequence[Branch]) -> None:
    """Have every stream step forward, or none."""
    marks = [stream.timeline.mark() for stream in streams]
    try:
        for stream, branch in zip(streams, branches, strict=True):
            stream.timeline.put(branch)
    except BaseException:
        for stream, mark in zip(streams, marks, strict=True):
            stream.timeline.restore(mark)
        raise
