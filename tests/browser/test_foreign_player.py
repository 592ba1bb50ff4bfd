"""A WHEP player that is not ours, from another host's page: whip-whep of Medooze, as npm has it."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.request import urlopen

import pytest
from live_server import FAKE_LIVE, LiveServer
from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

PLAYER = Path(__file__).parents[2] / "node_modules/whip-whep/whep.js"
_PAGE = """<!doctype html><video autoplay muted playsinline></video><script type="module">
  import { WHEPClient } from "./whep.js";
  const peer = new RTCPeerConnection();
  peer.addTransceiver("video", { direction: "recvonly" });
  peer.ontrack = ({ streams }) => { document.querySelector("video").srcObject = streams[0]; };
  const whep = new WHEPClient();
  window.stop = () => whep.stop();
  await whep.view(peer, "WHERE");
</script>"""


@pytest.fixture
def server() -> Iterator[LiveServer]:
    """A server that knows the other page's host."""
    server = LiveServer("--prompt", "a day", "--allow-host", "player.localhost", script=FAKE_LIVE)
    yield server
    server.close()


@pytest.fixture
def player_source() -> str:
    """Its code."""
    if not PLAYER.is_file():
        if os.environ.get("LINGEN_REQUIRE_BROWSER") == "1":
            pytest.fail("LINGEN_REQUIRE_BROWSER is 1, but whip-whep is not there; npm ci installs it")
        pytest.skip("needs whip-whep (npm ci)")
    return PLAYER.read_text(encoding="utf-8")


@contextmanager
def site(files: dict[str, str]) -> Iterator[int]:
    """Another web server of this machine; its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = files.get(self.path)
            self.send_response(404 if content is None else 200)
            self.send_header("Content-Type", "text/javascript" if self.path.endswith(".js") else "text/html")
            self.end_headers()
            self.wfile.write((content or "").encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as there:
        thread = threading.Thread(target=there.serve_forever)
        thread.start()
        yield there.server_port
        there.shutdown()
        thread.join()


def n_viewers(server: LiveServer) -> int:
    with urlopen(f"{server.url}metrics") as response:
        match = re.search(r"^lingen_viewers (\d+)$", response.read().decode(), re.MULTILINE)
    assert match
    return int(match[1])


def test_a_foreign_player_plays_and_leaves(chromium: Browser, server: LiveServer, player_source: str) -> None:
    files = {"/": _PAGE.replace("WHERE", f"{server.url}whep"), "/whep.js": player_source}
    with site(files) as port:
        page = chromium.new_page()
        page.goto(f"http://player.localhost:{port}/")  # all such names are this machine
        play_and_leave(page, server)
        page.close()


def play_and_leave(page: Page, server: LiveServer) -> None:
    deadline_s = time.monotonic() + 60
    while page.evaluate("document.querySelector('video').getVideoPlaybackQuality().totalVideoFrames") < 10:
        assert time.monotonic() < deadline_s
        page.wait_for_timeout(100)
    assert n_viewers(server) == 1
    page.evaluate("window.stop()")
    while n_viewers(server):
        assert time.monotonic() < deadline_s
        page.wait_for_timeout(100)
