"""Puts the parts of a live server together and tells the person at the terminal about it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from pathlib import Path

from lingen_live.engine.client import EngineHost
from lingen_live.engine.info import EngineInfo
from lingen_live.engine.interface import EngineFactory
from lingen_live.engine.options import EngineOptions
from lingen_live.engine.worker_host import WorkerHost
from lingen_live.serve.annexe import Annexe, Backstage
from lingen_live.serve.app import create_app
from lingen_live.serve.booth import OpenBooth
from lingen_live.serve.console import Console
from lingen_live.serve.hosts import HostRule
from lingen_live.serve.house import House
from lingen_live.serve.listen import url_of
from lingen_live.serve.media_options import MediaOptions
from lingen_live.serve.publisher import Publisher
from lingen_live.serve.server import serve, signals_held
from lingen_live.serve.shelf import Shelf
from lingen_live.serve.web import find_web_directory

MakeHost = Callable[[EngineOptions], EngineHost]


def run_live(
    options: EngineOptions,
    factory: EngineFactory,
    listener: socket.socket,
    *,
    host: str,
    more_hosts: Sequence[str],
    token: str | None,
    transition_chunks: int,
    recordings: str | None,
    record_minutes: float,
    media: MediaOptions,
    console: Console,
    annexe: Annexe | None = None,
    make_host: MakeHost | None = None,
    max_sessions: int | None = None,
    open_booth: OpenBooth | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM.

    Args:
        options: how to build the engine.
        factory: builds it, in the worker process.
        listener: bound to `host`, listening; closed in the end.
        host: as the person named it.
        more_hosts: other names that the server is known by.
        token: what whoever comes must know; None for a new one, if other machines can come.
        transition_chunks: over how many chunks a steer blends, if it does not say.
        recordings: directory to keep films in; None for a private one that ends with the server.
        record_minutes: length of a film at most.
        media: how the video leaves this machine.
        console: told about progress and the address.
        annexe: what is served beside the page.
        make_host: makes what computes; None for a worker process of this machine.
        max_sessions: streams at a time; None for as many as `options` say.
        open_booth: from where the video of a stream leaves; None for this process.

    Raises:
        LingenError: the engine cannot be built.
    """
    web_directory = find_web_directory()
    rule = HostRule.for_host(host, more_hosts, token)

    async def run() -> None:
        engine = make_host(options) if make_host else WorkerHost(options, factory)
        house = House(
            engine,
            prompt=options.prompt,
            seed=options.seed,
            transition_chunks=transition_chunks,
            max_sessions=max_sessions or options.n_sessions,
            shelf=Shelf(Path(recordings) if recordings else None, 60 * record_minutes),
            media=media,
            open_booth=open_booth,
        )
        publisher = Publisher(house, media.publish, console.say) if media.publish else None
        mounts = {annexe.path: annexe.open(Backstage(engine, house, options))} if annexe else {}
        counting = [engine.metrics, *([publisher.metrics] if publisher else [])]
        app = create_app(house, web_directory, rule, lambda: [metric for ask in counting for metric in ask()], mounts)

        def on_ready(info: EngineInfo) -> None:
            url = url_of(listener, host)
            _welcome(console, info, house.n_places, url, None if token else rule.token)
            if annexe and (line := annexe.describe(url.removesuffix("/") + annexe.path)):
                console.say(line)

        beside = [one.run for one in (publisher, annexe) if one is not None]
        await serve(app, house, listener, on_progress=console.progress, on_ready=on_ready, beside=beside)

    with signals_held():
        console.say("lingen live: warming up the model")
        asyncio.run(run())


def _welcome(console: Console, info: EngineInfo, n_places: int, url: str, token: str | None) -> None:
    console.say(_describe(info))
    if info.weights == "random":
        console.say("Its weights are random: the pictures mean nothing, the speed does.")
    streams = "one stream" if n_places == 1 else f"{n_places} streams"
    console.say(f"It plays {streams} at a time as fast as needed here; whoever else comes waits in line.")
    query = f"?token={token}" if token else ""
    console.say(f"Open {url}{query} and say what you would like to see. Ctrl-C ends it.")
    if token:
        console.say("Whoever has this address can watch and steer; without its token, nobody can.")


def _describe(info: EngineInfo) -> str:
    threads = "thread" if info.compute_threads == 1 else "threads"
    return (
        f"{info.name}: {info.n_parameters / 1e6:.1f} M parameters, {info.width_px} x {info.height_px} at "
        f"{info.fps:g} frames/s, {info.dtype} ({info.path}) on {info.device}, "
        f"{info.compute_threads} compute {threads}, {info.state_bytes / 2**20:.1f} MiB of state"
    )
