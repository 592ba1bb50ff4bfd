"""The way of the video into a real Chromium: codec, delay, networks without UDP, and a server that goes away.

With the fake engine, whose chunks take no time: what is tested is everything after it.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator

import pytest
from live_server import FAKE_LIVE, LiveServer
from playwright.sync_api import Browser, Page, Request, Route, WebSocketRoute, expect

from lingen_live.serve.peer import PLAYOUT_DELAY_URI

pytestmark = pytest.mark.browser

_PLAYS_S = 60.0

# Keeps the page's connections where a test finds them.
_REMEMBER_PEERS = """
  window.peers = [];
  const Peer = RTCPeerConnection;
  window.RTCPeerConnection = class extends Peer {
    constructor(...options) { super(...options); window.peers.push(this); }
  };
"""

_RECEPTION = """async () => {
  const entries = [...(await window.peers.at(-1).getStats()).values()];
  const video = entries.find(({ type }) => type === "inbound-rtp");
  return { ...video, mimeType: entries.find(({ id }) => id === video.codecId).mimeType };
}"""

# A player of its own that takes H.264 only; how many frames it decoded, of which codec, and how bright they were.
_PLAY_H264 = """async () => {
  const peer = new RTCPeerConnection({ iceServers: [] });
  const transceiver = peer.addTransceiver("video", { direction: "recvonly" });
  const { codecs } = RTCRtpReceiver.getCapabilities("video");
  transceiver.setCodecPreferences(codecs.filter(({ mimeType }) => mimeType === "video/H264"));
  await peer.setLocalDescription();
  await new Promise((resolve) => {
    peer.onicegatheringstatechange = () => peer.iceGatheringState === "complete" && resolve();
  });
  const response = await fetch("whep", {
    method: "POST", headers: { "Content-Type": "application/sdp" }, body: peer.localDescription.sdp,
  });
  await peer.setRemoteDescription({ type: "answer", sdp: await response.text() });
  for (let tries = 0; tries < 100; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    const entries = [...(await peer.getStats()).values()];
    const video = entries.find(({ type }) => type === "inbound-rtp");
    if ((video?.framesDecoded ?? 0) < 10) continue;
    peer.close();
    return entries.find(({ id }) => id === video.codecId).mimeType;
  }
  return "nothing was decoded";
}"""

# Counts what the video element shows, at each refresh.
_WATCH_PICTURE = """() => {
  const video = document.getElementById("video");
  const pixels = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  window.seen = {};
  const count = (what) => (window.seen[what] = (window.seen[what] ?? 0) + 1);
  for (const name of ["emptied", "ended", "pause"]) video.addEventListener(name, () => count(name));
  const look = () => {
    pixels.clearRect(0, 0, 1, 1);
    pixels.drawImage(video, 0, 0, 1, 1);
    const [red, green, blue, alpha] = pixels.getImageData(0, 0, 1, 1).data;
    count(alpha < 255 ? "nothing" : Math.max(red, green, blue) < 16 ? "black" : "picture");
    requestAnimationFrame(look);
  };
  look();
}"""


@pytest.fixture(scope="module")
def fake_server() -> Iterator[LiveServer]:
    """A server whose chunks take no time."""
    server = LiveServer("--prompt", "a day", script=FAKE_LIVE)
    yield server
    server.close()


def open_page(chromium: Browser, url: str, *, has_udp: bool = True) -> Page:
    """The client, playing."""
    page = chromium.new_page(viewport={"width": 1280, "height": 800})
    page.add_init_script(_REMEMBER_PEERS)
    if not has_udp:
        page.route(re.compile(r"/whep(\?|$)"), lose_candidates)
    page.goto(url)
    wait_until_it_plays(page)
    return page


def lose_candidates(route: Route) -> None:
    """What a network without UDP comes to: neither side has an address that the other reaches."""
    offer = route.request.post_data or ""
    lines = [line for line in offer.splitlines(keepends=True) if not line.startswith("a=candidate")]
    response = route.fetch(post_data="".join(lines))
    unreachable = re.sub(r"(a=candidate:\S+ \d+ \S+ \d+) \S+ ", r"\1 192.0.2.1 ", response.text())
    route.fulfill(response=response, body=unreachable)


def wait_until_it_plays(page: Page, beyond_s: float = 0.5) -> None:
    deadline_s = time.monotonic() + _PLAYS_S
    while page.evaluate("document.getElementById('video').currentTime") <= beyond_s:
        assert time.monotonic() < deadline_s, page.inner_text("#status")
        page.wait_for_timeout(100)


def steer(page: Page, prompt: str) -> None:
    page.fill("#prompt", prompt)
    page.press("#prompt", "Enter")
    expect(page.locator("#receipt-text")).to_contain_text("applied in", timeout=30_000)


def test_chromium_decodes_vp8_and_agrees_to_show_it_at_once(chromium: Browser, fake_server: LiveServer) -> None:
    page = open_page(chromium, fake_server.url)
    page.wait_for_timeout(1000)
    reception = page.evaluate(_RECEPTION)
    assert reception["mimeType"] == "video/VP8"
    assert reception["framesDecoded"] >= 10
    # Both sides agreed to it; without it, Chromium holds frames back for some 30 ms.
    for side in ("localDescription", "remoteDescription"):
        assert PLAYOUT_DELAY_URI in page.evaluate(f"window.peers.at(-1).{side}.sdp")
    page.close()


def test_chromium_decodes_h264_when_it_takes_nothing_else(chromium: Browser, fake_server: LiveServer) -> None:
    page = open_page(chromium, fake_server.url)
    assert page.evaluate(_PLAY_H264) == "video/H264"
    page.close()


def photons_of(page: Page, url: str) -> list[float]:
    """Click-to-photon of all chunks of a profile, ms."""
    lines = [json.loads(line) for line in page.request.get(url).text().splitlines()]
    return [line["photon_ms"] for line in lines if "photon_ms" in line]


def test_the_panel_says_where_the_time_goes(chromium: Browser, fake_server: LiveServer) -> None:
    page = open_page(chromium, fake_server.url)
    steer(page, "night")
    page.click("#stats")
    expect(page.locator("#hud")).to_be_visible()
    expect(page.locator("#hud")).to_have_attribute("data-n", "1")
    expect(page.locator('[data-part="stages"] li')).not_to_have_count(0)
    assert "denoise" in page.inner_text('[data-part="stages"]')
    expect(page.locator('[data-part="browser"]')).to_contain_text("WebRTC, VP8")
    seconds = page.locator('[data-part="photon"] .value').first.inner_text()
    assert 0 < float(seconds.removesuffix(" s")) < 10
    # The server is told as well, for profiles that are kept.
    session = page.evaluate("sessionStorage.getItem('lingen-live.session')")
    deadline_s = time.monotonic() + 10
    while not (told := photons_of(page, f"{fake_server.url}profile.jsonl?session={session}")):
        assert time.monotonic() < deadline_s
        page.wait_for_timeout(100)
    assert told == [pytest.approx(1000 * float(seconds.removesuffix(" s")), abs=51)]
    page.keyboard.press("Escape")
    expect(page.locator("#hud")).to_be_hidden()
    assert page.evaluate("document.activeElement.id") == "stats"
    page.close()


def test_without_udp_the_video_comes_over_the_websocket_and_the_page_says_so(
    chromium: Browser, fake_server: LiveServer
) -> None:
    page = open_page(chromium, fake_server.url, has_udp=False)
    expect(page.locator("#status")).to_contain_text("over the WebSocket, as no UDP gets through")
    before = page.evaluate("document.getElementById('video').getVideoPlaybackQuality().totalVideoFrames")
    steer(page, "night")
    page.wait_for_timeout(1500)
    after = page.evaluate("document.getElementById('video').getVideoPlaybackQuality().totalVideoFrames")
    assert after - before >= 12
    page.click("#stats")
    expect(page.locator("#hud")).to_have_attribute("data-n", "1")
    page.close()


def say_it_moves(page: Page, gateway: WebSocketRoute, place: str, *, is_gone: bool) -> None:
    """As the server would; then wait until one connection is left, a new one, and frames of it were shown."""
    n_peers = page.evaluate("window.peers.length") + 1
    gateway.send(json.dumps({"type": "moving", "place": place, "is_gone": is_gone}))
    wanted = ["closed"] * (n_peers - 1) + ["connected"]
    deadline_s = time.monotonic() + _PLAYS_S
    while (states := page.evaluate("window.peers.map((peer) => peer.connectionState)")) != wanted:
        assert time.monotonic() < deadline_s, states
        page.wait_for_timeout(50)
    wait_until_it_plays(page, page.evaluate("document.getElementById('video').currentTime") + 0.3)


def test_a_video_that_moves_is_seen_without_a_gap(chromium: Browser, fake_server: LiveServer) -> None:
    page = chromium.new_page(viewport={"width": 640, "height": 480})
    page.add_init_script(_REMEMBER_PEERS)
    gateways: list[WebSocketRoute] = []
    asked: list[tuple[str, str]] = []

    def connect(page_side: WebSocketRoute) -> None:
        page_side.connect_to_server()
        gateways.append(page_side)

    def note(request: Request) -> None:
        if "/whep" in request.url:
            asked.append((request.method, request.url))

    page.route_web_socket(re.compile(r"/ws$"), connect)
    # The session moves nowhere, so this server expects nobody at a place.
    page.route(re.compile("&place="), lambda route: route.continue_(url=route.request.url.replace("&place=there", "")))
    page.on("request", note)
    page.goto(fake_server.url)
    wait_until_it_plays(page)
    page.evaluate(_WATCH_PICTURE)
    asked.clear()
    say_it_moves(page, gateways[-1], "there", is_gone=False)
    assert [method for method, _ in asked] == ["OPTIONS", "POST", "DELETE"]
    assert asked[1][1] == f"{asked[0][1]}&place=there"
    asked.clear()
    say_it_moves(page, gateways[-1], "", is_gone=True)
    # What it asks for of the next connection may overtake the good-bye to the last one; the offer may not.
    assert sorted(method for method, _ in asked) == ["DELETE", "OPTIONS", "POST"]
    assert asked[-1][0] == "POST"
    assert "place" not in asked[-1][1]
    seen = page.evaluate("window.seen")
    assert seen.pop("picture") > 10
    assert seen == {}  # neither nothing, nor black, nor a video element that began anew
    page.close()


def test_a_server_that_comes_back_finds_the_page_waiting(chromium: Browser) -> None:
    server = LiveServer("--prompt", "a day", script=FAKE_LIVE)
    page = open_page(chromium, server.url)
    port = server.url.rsplit(":", 1)[1].strip("/")
    server.terminate()
    expect(page.locator("#status")).to_contain_text(re.compile("reconnecting|lost the server"), timeout=15_000)
    again = LiveServer("--prompt", "a night", "--port", port, script=FAKE_LIVE)
    try:
        assert again.url == server.url
        expect(page.locator("#status")).to_contain_text("live", timeout=30_000)
        expect(page.locator("#caption")).to_have_text("a night", timeout=15_000)
        wait_until_it_plays(page, page.evaluate("document.getElementById('video').currentTime") + 0.5)
    finally:
        again.close()
    page.close()
