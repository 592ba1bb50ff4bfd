"""A WHEP player that others wrote, on a page of another origin: it plays the stream, and hangs up."""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.request import urlopen

import pytest
from live_server import FAKE_LIVE, LiveServer
from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

_PLAYER = Path(__file__).parents[2] / "node_modules" / "whip-whep" / "whep.js"
_DEADLINE_S = 60.0
_PAGE = """<!doctype html>
<video id="video" autoplay muted playsinline></video>
<script type="module">
  import { WHEPClient } from "./whep.js";
  const endpoint = decodeURIComponent(location.hash.slice(1));
  const peer = new RTCPeerConnection();
  peer.addTransceiver("video", { direction: "recvonly" });
  peer.ontrack = ({ track }) => { document.getElementById("video").srcObject = new MediaStream([track]); };
  window.player = new WHEPClient();
  await window.player.view(peer, endpoint);
</script>
"""


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def page_url(tmp_path: Path) -> Iterator[str]:
    """Where a page with the player is, by another name than the server's."""
    if not _PLAYER.exists():
        if os.environ.get("LINGEN_REQUIRE_BROWSER") == "1" and shutil.which("npm"):
            pytest.fail("LINGEN_REQUIRE_BROWSER is 1, but `npm ci` has not been run")
        pytest.skip("needs `npm ci`: the player comes from there")
    shutil.copy(_PLAYER, tmp_path)
    (tmp_path / "index.html").write_text(_PAGE, encoding="utf-8")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(tmp_path))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://localhost:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.fixture
def server() -> Iterator[LiveServer]:
    """A server whose chunks take no time, and that lets pages of `localhost` in."""
    server = LiveServer("--prompt", "a day", "--allow-host", "localhost", script=FAKE_LIVE)
    yield server
    server.close()


def n_viewers(server: LiveServer) -> int:
    with urlopen(f"{server.url}readyz") as response:
        return int(json.load(response)["n_viewers"])


def test_a_foreign_player_plays_trickles_and_hangs_up(chromium: Browser, server: LiveServer, page_url: str) -> None:
    told: list[tuple[str, int]] = []
    errors: list[str] = []
    page = chromium.new_page()
    page.on("response", lambda response: told.append((response.request.method, response.status)))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{page_url}#{server.url}whep")
    deadline_s = time.monotonic() + _DEADLINE_S
    count = "document.getElementById('video').getVideoPlaybackQuality().totalVideoFrames"
    while page.evaluate(count) < 20:
        assert time.monotonic() < deadline_s, (told, errors)
        page.wait_for_timeout(100)
    assert page.evaluate("document.getElementById('video').videoWidth") > 0
    assert n_viewers(server) == 1
    assert ("POST", 201) in told
    # Video may flow before the browser has told it the last candidate.
    while ("PATCH", 204) not in told:
        assert time.monotonic() < deadline_s, (told, errors)
        page.wait_for_timeout(100)
    page.evaluate("window.player.stop()")
    while n_viewers(server):
        assert time.monotonic() < deadline_s, (told, errors)
        page.wait_for_timeout(100)
    assert ("DELETE", 200) in told
    assert {status for method, status in told if method == "PATCH"} == {204}
    assert errors == []
    page.close()
