"""`Link`: how the gateway reaches the engine of a device, so that all else is tested without processes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from lingen_live.cluster.media import Met
from lingen_live.cluster.messages import Facts, News, ToDevice
from lingen_live.engine.messages import Answer, Failed, Opened
from lingen_live.engine.question import Question
from lingen_live.serve.coded import Codec
from lingen_live.serve.mp4 import Sample


class LinkGoneError(Exception):
    """The engine of a device ended, or cannot be reached any more; the message is a sentence about it."""


class Link(Protocol):
    """One life of an engine; every method raises `LinkGoneError` once it is over. See `EngineActor`."""

    async def start(self) -> Facts | Failed:
        """Build the engine."""

    async def open(self, number: int, prompt: str, seed: int, carried: Any) -> Opened:
        """Open a stream, going on from what `carry` gave, or from a snapshot."""

    async def tell(self, messages: Sequence[ToDevice]) -> None:
        """Have messages taken, in their order."""

    async def hear(self) -> News:
        """What happened since the last call."""

    async def ask(self, number: int, what: Question) -> Answer:
        """A question about a stream."""

    async def meet(self, number: int, viewer_id: str, offer_sdp: str) -> Met:
        """Let a viewer of a stream in."""

    async def last(self, number: int, codec: Codec, seconds: float) -> list[Sample]:
        """The last seconds of a stream's video."""

    async def carry(self, number: int) -> Any:
        """All of a stream, for `open` of another link; the bytes go from device to device."""

    def end(self) -> None:
        """End it at once; idempotent."""
