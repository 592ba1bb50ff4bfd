"""Makes a Gradio page into an application that asks nobody else for anything. The first module that imports Gradio."""

from __future__ import annotations

import asyncio
import contextlib
import os

from starlette.types import ASGIApp, Receive, Scope, Send

from lingen_live.studio.context import StudioContext

# Before the import, which reads it.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
# Statistics of its own events, by pandas, after every event and over up to 10,000 of them; nobody here can see them.
os.environ["GRADIO_ANALYTICS_MAX_EVENTS"] = "1"
os.environ["GRADIO_ANALYTICS_CACHE_FREQUENCY"] = str(2**62)

import gradio as gr
from fastapi import FastAPI

from lingen_live.studio.page import STYLE, build_page

# Where matplotlib is installed, Gradio imports it with the first event, on the event loop, and sets its backend with
# every event. Nothing here draws with it: plots are made in a process of their own (draw.py).
gr.utils.MatplotlibBackendMananger = contextlib.nullcontext

POLL_S = 0.05
_HEAD = (
    '<link rel="icon" href="../favicon.svg" type="image/svg+xml">'
    '<script type="module" src="../variants.js"></script>'  # plays what the tab Compare shows
)
MAX_WAITING = 64


def make_app(context: StudioContext) -> ASGIApp:
    """The studio's application; to be made on a thread, and called on the event loop of the server."""
    return asyncio.run(_make(context))


async def _make(context: StudioContext) -> ASGIApp:
    """On a loop of its own: Gradio makes one for each of its locks where none runs, and never closes them."""
    page = build_page(context)
    page.queue(max_size=MAX_WAITING, api_open=False)
    # It looks for work by the clock; every millisecond would cost the live page time of the loop that they share.
    page._queue.sleep_when_free = POLL_S
    parent = FastAPI(openapi_url=None)
    gr.mount_gradio_app(
        parent,
        page,
        path="/studio",
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        mcp_server=False,
        enable_monitoring=False,
        show_error=False,
        pwa=False,
        head=_HEAD,
        theme=_theme(),
        css=STYLE,
    )
    return _Started(parent.router.routes[-1].app, page)  # type: ignore[attr-defined]


class _Started:
    """Gradio's own application, whose queue is started with the first request: lifespans are off here."""

    def __init__(self, app: ASGIApp, page: gr.Blocks) -> None:
        self._app = app
        self._page = page
        self._is_started = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._is_started:
            self._is_started = True
            self._page.run_startup_events()
        await self._app(scope, receive, send)


def _theme() -> gr.themes.Base:
    """Fonts of the machine that looks: none is fetched."""
    return gr.themes.Base(
        primary_hue=gr.themes.colors.sky,
        neutral_hue=gr.themes.colors.slate,
        font=["system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    )
