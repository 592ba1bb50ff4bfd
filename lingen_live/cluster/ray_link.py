"""`RayLink`: the engine of a device as an actor of a Ray cluster. With `connect.py`, all that knows Ray.

What is pickled goes through Ray's object store: the frames of a chunk are copied into it once, by the engine's process,
and are read where they lie.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Any, Literal, TypeVar, cast

import ray
from ray.exceptions import RayError

from lingen_live.cluster.actor import EngineActor
from lingen_live.cluster.link import LinkGoneError
from lingen_live.cluster.messages import Facts, News, ToDevice
from lingen_live.engine.interface import EngineFactory
from lingen_live.engine.messages import Answer, Failed, Opened
from lingen_live.engine.options import EngineOptions

ACTOR_PREFIX = "lingen-engine:"

T = TypeVar("T")


class RayEngine(EngineActor):
    """An `EngineActor` whose streams go from machine to machine without the gateway."""

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
        life: number of this life of the device's engine; no two have one name.
    """

    def __init__(
        self, name: str, options: EngineOptions, factory: EngineFactory, snapshot_chunks: int, life: int
    ) -> None:
        self._name = name
        n_threads = options.n_threads
        self._actor = (
            ray.remote(RayEngine)
            .options(
                name=f"{ACTOR_PREFIX}{name}:{life}",
                num_cpus=n_threads,  # and as many OpenMP threads, by Ray's own doing
                num_gpus=1 if options.device.startswith("cuda") else 0,
                max_restarts=0,  # its state is gone with it; the gateway starts another
                max_concurrency=1000,
            )
            .remote(name, options, factory, snapshot_chunks)
        )

    async def start(self) -> Facts | Failed:
        """Build the engine."""
        return cast(Facts | Failed, await self._reply(self._actor.start.remote()))

    async def open(self, number: int, prompt: str, seed: int, carried: Any) -> Opened:
        """Open a stream."""
        return cast(Opened, await self._reply(self._actor.open.remote(number, prompt, seed, carried)))

    async def tell(self, messages: Sequence[ToDevice]) -> None:
        """Have messages taken."""
        await self._reply(self._actor.tell.remote(messages))

    async def hear(self) -> News:
        """What happened since the last call."""
        return cast(News, await self._reply(self._actor.hear.remote()))

    async def ask(self, number: int, what: Literal["session", "scenario"]) -> Answer:
        """A question about a stream."""
        return cast(Answer, await self._reply(self._actor.ask.remote(number, what)))

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
