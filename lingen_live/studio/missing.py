"""What `/studio` says where Gradio is not installed."""

from __future__ import annotations

from starlette.responses import HTMLResponse
from starlette.types import Receive, Scope, Send

SENTENCE = "The studio needs Gradio, which is not installed here; get it with: pip install 'lingen-live[studio]'"

_PAGE = f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>lingen live: studio</title>
<p>{SENTENCE}</p><p><a href="../">Back to the live video</a></p></html>
"""


async def missing_page(scope: Scope, receive: Receive, send: Send) -> None:
    """An ASGI application with one sentence."""
    if scope["type"] == "http":
        await HTMLResponse(_PAGE, 404)(scope, receive, send)
    elif scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008, "reason": "no_studio"})
