"""`RayLink`: the engine of a device as an actor of a Ray cluster. With `connect.py`, all that knows Ray.

What is pickled goes through Ray's object store: the frames of a chunk are copied into it once, by the engine's process,
and are read where they lie.
"""

from __future__ import annotations

import asyncio
import pickle
import platform
from collections.abc import Awaitable, Sequence
from dataclasses import astuple
from typing import Any, TypeVar, cast

import ray
from ray.exceptions import RayError

from lingen_live.cluster.actor import EngineActor
from lingen_live.cluster.link import LinkGoneError
from lingen_live.cluster.media import Met
from lingen_live.cluster.messages import Facts, News, ToDevice, Versions
from lingen_live.engine.interface import EngineFactory
from lingen_live.engine.messages import Answer, Failed, Opened
from lingen_live.engine.options import EngineOptions
from lingen_live.engine.question import Question
from lingen_live.errors import ClusterError
from lingen_live.serve.coded import Codec
from lingen_live.serve.media_options import MediaOptions
from lingen_live.serve.mp4 import Sample

ACTOR_PREFIX = "lingen-engine:"

T = TypeVar("T")


class RayEngine(EngineActor):
    """An `EngineActor` whose streams go from machine to machine without the gateway.

    Args:
        versions: of the gateway's software; with another one here nothing of the rest is looked at.
        pickled: arguments of an `EngineActor`.
    """

    def __init__(self, versions: tuple[str, ...], pickled: bytes) -> None:
        self._misfit = Versions.here().misfit(platform.node(), Versions(*versions))
        if self._misfit is None:
            super().__init__(*pickle.loads(pickled))  # noqa: S301 (from the gateway, as all that Ray brings)

    async def misfit(self) -> str | None:
        """Why there can be no engine here; told in plain text, for all else may be different here."""
        return self._misfit

    async def carry(self, number: int) -> Any:
        """A reference to all of a stream, in a list so that Ray hands on the reference itself."""
        return [ray.put(await super().carry(number))]


class RayLink:
    """A `Link`; the actor begins with it, and ends with it or with the process that made it.

    Args:
        name: of the device.
        options: how to build the engine.
        factory: picklable by name.
        snapshot_chunks: see `EngineActor`.
        life: number of this life of the device's engine in this gateway.
        media: see `EngineActor`.
    """

    def __init__(
        self,
        name: str,
        options: EngineOptions,
        factory: EngineFactory,
        snapshot_chunks: int,
        life: int,
        media: MediaOptions | None = None,
    ) -> None:
        self._name = name
        self._is_misfit = False
        self._is_checked = asyncio.Event()
        n_threads = options.n_threads
        self._actor = (
            ray.remote(RayEngine)
            .options(
                # Of this gateway: the engines of one that was killed take a moment to go.
                name=f"{ACTOR_PREFIX}{ray.get_runtime_context().get_job_id()}:{name}:{life}",
                scheduling_strategy="SPREAD",  # so that a machine that dies takes few with it
                num_cpus=n_threads,  # and as many OpenMP threads, by Ray's own doing
                num_gpus=1 if options.device.startswith("cuda") else 0,
                max_restarts=0,  # its state is gone with it; the gateway starts another
                max_concurrency=1000,
            )
            .remote(astuple(Versions.here()), pickle.dumps((name, options, factory, snapshot_chunks, media)))
        )

    async def start(self) -> Facts | Failed:
        """Build the engine, where the software is that of this process."""
        try:
            misfit = cast(str | None, await self._reply(self._actor.misfit.remote()))
            self._is_misfit = misfit is not None
        finally:
            self._is_checked.set()
        if misfit is not None:
            return Failed(ClusterError.code, misfit, "")
        return cast(Facts | Failed, await self._reply(self._actor.start.remote()))

    async def open(self, number: int, prompt: str, seed: int, carried: Any) -> Opened:
        """Open a stream."""
        return cast(Opened, await self._reply(self._actor.open.remote(number, prompt, seed, carried)))

    async def tell(self, messages: Sequence[ToDevice]) -> None:
        """Have messages taken."""
        await self._reply(self._actor.tell.remote(messages))

    async def hear(self) -> News:
        """What happened since the last call."""
        await self._is_checked.wait()
        if self._is_misfit:
            return News((), None, False)
        return cast(News, await self._reply(self._actor.hear.remote()))

    async def ask(self, number: int, what: Question) -> Answer:
        """A question about a stream."""
        return cast(Answer, await self._reply(self._actor.ask.remote(number, what)))

    async def meet(self, number: int, viewer_id: str, offer_sdp: str) -> Met:
        """Let a viewer of a stream in."""
        return cast(Met, await self._reply(self._actor.meet.remote(number, viewer_id, offer_sdp)))

    async def last(self, number: int, codec: Codec, seconds: float) -> list[Sample]:
        """The last seconds of a stream's video."""
        return cast(list[Sample], await self._reply(self._actor.last.remote(number, codec, seconds)))

    async def carry(self, number: int) -> Any:
        """A reference to all of a stream."""
        return (await self._reply(self._actor.carry.remote(number)))[0]

    def end(self) -> None:
        """Kill the actor."""
        ray.kill(self._actor, no_restart=True)

    async def _reply(self, reply: Awaitable[T]) -> T:
        try:
            return await reply
        except RayError as error:
            raise LinkGoneError(f"The engine of {self._name} is gone ({type(error).__name__}).") from error
