"""A whole server with the fake engine on a free port of this machine, and a way to talk to it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fake_engine
import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from lingen_live.engine.client import EngineHost
from lingen_live.engine.info import EngineInfo
from lingen_live.engine.inprocess import InProcessHost
from lingen_live.engine.options import EngineOptions
from lingen_live.serve.app import create_app
from lingen_live.serve.booth import OpenBooth
from lingen_live.serve.hosts import HostRule
from lingen_live.serve.house import House
from lingen_live.serve.listen import bind
from lingen_live.serve.media_options import MediaOptions
from lingen_live.serve.patience import Patience
from lingen_live.serve.server import serve
from lingen_live.serve.sessions import Session
from lingen_live.serve.shelf import Shelf
from lingen_live.serve.viewers import Viewers


@dataclass
class Live:
    """A running server."""

    port: int
    house: House
    http: httpx.AsyncClient

    @property
    def session(self) -> Session:
        """The oldest."""
        return self.house.rooms[0].session

    @property
    def viewers(self) -> Viewers:
        """Of the oldest session."""
        return self.house.rooms[0].viewers

    def socket(self, *, name: str = "127.0.0.1", origin: str | None = None) -> connect:
        """A control socket to the server under `name`, from a page of `origin`; not yet greeted."""
        headers = {} if origin is None else {"Origin": origin}
        address = f"ws://{name}:{self.port}/ws"
        return connect(address, host="127.0.0.1", port=self.port, additional_headers=headers)


class Talk:
    """JSON over a socket."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.session = ""

    async def say(self, **message: Any) -> None:
        await self.socket.send(json.dumps(message))

    async def hear(self, kind: str) -> dict[str, Any]:
        """The next message of `kind`; others before it are dropped."""
        async with asyncio.timeout(30):
            while True:
                message: dict[str, Any] = json.loads(await self.socket.recv())
                if message["type"] == kind:
                    return message

    async def end(self) -> int | None:
        """Read until the server closes; the code it gives."""
        async with asyncio.timeout(10):
            with suppress(ConnectionClosed):
                while True:
                    await self.socket.recv()
        return self.socket.close_code


@asynccontextmanager
async def running_server(
    web_directory: Path,
    lease_s: float = 30.0,
    host: EngineHost | None = None,
    max_sessions: int = 2,
    max_viewers: int = 2,
    patience: Patience | None = None,
    media: MediaOptions | None = None,
    more_hosts: Sequence[str] = (),
    shelf: Shelf | None = None,
    open_booth: OpenBooth | None = None,
) -> AsyncIterator[Live]:
    """A warm server; it is stopped and must stop cleanly."""
    options = EngineOptions(prompt="a day", seed=7, n_sessions=2)
    engine = host or InProcessHost(options, fake_engine.make_fake)
    house = House(
        engine,
        prompt=options.prompt,
        seed=options.seed,
        transition_chunks=2,
        max_sessions=max_sessions,
        max_viewers=max_viewers,
        lease_s=lease_s,
        media=media or MediaOptions(),
        shelf=shelf,
        open_booth=open_booth,
    )
    app = create_app(house, web_directory, HostRule.for_host("127.0.0.1", more_hosts), engine.metrics)
    is_ready = asyncio.Event()

    def on_ready(info: EngineInfo) -> None:
        is_ready.set()

    with bind("127.0.0.1", 0) as listener:
        port: int = listener.getsockname()[1]
        serving = asyncio.create_task(
            serve(app, house, listener, on_progress=lambda *_: None, on_ready=on_ready, patience=patience)
        )
        async with asyncio.timeout(120):  # a worker imports torch first
            await is_ready.wait()
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
            yield Live(port, house, http)
        serving.cancel()
        async with asyncio.timeout(10):
            await asyncio.gather(serving, return_exceptions=True)
    assert house.n_viewers == 0
    assert house.rooms == ()
