"""The ASGI application: routes to what serves them, errors to answers. Knows FastAPI; decides nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response, WebSocket
from fastapi.responses import JSONResponse

from lingen_live.serve.errors import HttpError
from lingen_live.serve.files import files_router
from lingen_live.serve.guard import Guard
from lingen_live.serve.hosts import HostRule
from lingen_live.serve.measured import measured_router
from lingen_live.serve.media_socket import MediaSockets
from lingen_live.serve.sessions import Session
from lingen_live.serve.socket import ControlSockets
from lingen_live.serve.viewers import Viewers
from lingen_live.serve.web import WebFiles
from lingen_live.serve.whep import whep_router


def create_app(session: Session, viewers: Viewers, web_directory: Path, rule: HostRule) -> FastAPI:
    """Everything that is served.

    Args:
        session: the stream; running it is its owner's business.
        viewers: those who watch it.
        web_directory: of the browser client.
        rule: which names this server answers to.
    """
    app = FastAPI(title="lingen live", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(Guard, rule=rule)
    app.add_exception_handler(HttpError, _answer_error)
    sockets = ControlSockets(session)
    media = MediaSockets(lambda session_id: viewers)

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/readyz")
    async def readyz() -> Response:
        is_ready = session.status in ("running", "paused")
        return JSONResponse(_readiness(session, viewers), 200 if is_ready else 503)

    @app.websocket("/ws")
    async def ws(socket: WebSocket) -> None:
        await sockets.handle(socket)

    @app.websocket("/media")
    async def media_socket(socket: WebSocket) -> None:
        await media.handle(socket)

    app.include_router(whep_router(viewers))
    app.include_router(files_router(session))
    app.include_router(measured_router(lambda session_id: (session, viewers)))
    app.mount("/", WebFiles(web_directory))
    return app


def _readiness(session: Session, viewers: Viewers) -> dict[str, Any]:
    progress = session.progress
    return {
        "status": session.status,
        "progress": {"stage": progress[0], "fraction": progress[1]} if progress else None,
        "n_viewers": len(viewers),
        "n_late_frames": session.n_late_frames,
    }


async def _answer_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HttpError)  # what the handler is registered for
    headers = {} if error.retry_after_s is None else {"Retry-After": str(error.retry_after_s)}
    return JSONResponse({"code": error.code, "message": error.message}, error.status, headers)
