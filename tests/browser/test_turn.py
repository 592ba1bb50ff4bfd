"""The video through a real TURN server, coturn: a page that may use nothing else, and credentials that have run out."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import aioice.turn
import pytest
from live_server import FAKE_LIVE, LiveServer
from playwright.sync_api import Browser

from lingen_live.serve.ice import credentials

pytestmark = pytest.mark.browser

_SECRET, _PLAYS_S = "a-secret-of-two", 60.0
_RELAY_ONLY = """
  window.peers = [];
  const Peer = RTCPeerConnection;
  window.RTCPeerConnection = class extends Peer {
    constructor(options) { super({ ...options, iceTransportPolicy: "relay" }); window.peers.push(this); }
  };
"""

_HOW = """async () => {
  const entries = [...(await window.peers.at(-1).getStats()).values()];
  const pair = entries.find((entry) => entry.type === "candidate-pair" && entry.nominated && entry.bytesReceived > 0);
  return entries.find(({ id }) => id === pair.localCandidateId).candidateType;
}"""


@pytest.fixture(scope="module")
def turn_address() -> Iterator[tuple[str, int]]:
    """Where a TURN server of ours listens."""
    program = shutil.which("turnserver")
    if program is None:
        if os.environ.get("LINGEN_REQUIRE_BROWSER") == "1":
            pytest.fail("LINGEN_REQUIRE_BROWSER is 1, but there is no turnserver")
        pytest.skip("needs coturn")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # sends nothing: asks which address of this machine others see
        host = probe.getsockname()[0]
        with socket.socket() as free:
            free.bind((host, 0))
            port = free.getsockname()[1]
    command = [program, "-n", "--no-cli", "--no-tls", "--no-dtls", "--use-auth-secret", "--realm", "here"]
    command += ["--static-auth-secret", _SECRET, "--listening-ip", host, "--relay-ip", host]
    command += ["--listening-port", str(port), "--log-file", "stdout", "--pidfile", os.devnull]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _wait_for(host, port, process)
    yield host, port
    process.terminate()
    process.wait()


def _wait_for(host: str, port: int, process: subprocess.Popen[bytes]) -> None:
    deadline_s = time.monotonic() + 30
    while time.monotonic() < deadline_s and process.poll() is None:
        try:
            socket.create_connection((host, port), 1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("turnserver does not listen")


def test_a_page_that_may_only_use_relays_sees_the_video(
    chromium: Browser, turn_address: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    host, port = turn_address
    monkeypatch.setenv("LINGEN_TURN_SECRET", _SECRET)
    turn = ("--turn", f"turn:{host}:{port}?transport=udp", "--turn-secret", "env:LINGEN_TURN_SECRET")
    server = LiveServer("--prompt", "a day", *turn, script=FAKE_LIVE)
    try:
        page = chromium.new_page()
        page.add_init_script(_RELAY_ONLY)
        page.goto(server.url)
        deadline_s = time.monotonic() + _PLAYS_S
        while page.evaluate("document.getElementById('video').currentTime") < 1:
            assert time.monotonic() < deadline_s, page.inner_text("#status")
            page.wait_for_timeout(100)
        assert page.evaluate(_HOW) == "relay"
        page.close()
    finally:
        server.close()


def test_credentials_open_the_relay_until_they_run_out(turn_address: tuple[str, int]) -> None:
    async def allocate(lifetime_s: float, secret: str) -> None:
        username, credential = credentials(secret, "somebody", round(time.time() + lifetime_s))
        async with asyncio.timeout(20):
            transport, _ = await aioice.turn.create_turn_endpoint(
                asyncio.DatagramProtocol, turn_address, username=username, password=credential
            )
        transport.close()
        await asyncio.sleep(0.1)  # it says good-bye to the server

    with ThreadPoolExecutor(1) as other_thread:  # playwright keeps a loop running in this one
        other_thread.submit(asyncio.run, allocate(60, _SECRET)).result()
        for lifetime_s, secret in ((-60, _SECRET), (60, "another-secret")):
            with pytest.raises(Exception, match="401"):
                other_thread.submit(asyncio.run, allocate(lifetime_s, secret)).result()
