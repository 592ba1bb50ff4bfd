"""What a person sees of a cluster's faults: real Ray nodes and engines, a real page; a node, a device, the gateway go.

In this order, on one cluster: starting one takes most of the time.
"""

from __future__ import annotations

import json
import re
import socket
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from statistics import median

import pytest
from fake_text import FakeText
from live_server import LiveServer
from playwright.sync_api import Browser, expect
from ray_nodes import RayNodes
from session_log import SessionLog

from lingen_live.checkpoint import load_bundle
from lingen_live.cluster.connect import connected
from lingen_live.cluster.messages import DeviceStatus
from lingen_live.engine.engine import Engine
from lingen_live.engine.replay import replay
from lingen_live.engine.scenario import scenario_from_json

pytestmark = pytest.mark.browser

TINY_CLUSTER = Path(__file__).parents[1] / "support" / "tiny_cluster.py"
SNAPSHOT_CHUNKS = 4
CHUNK_S = 0.5
BACK_S = 10.0
"""Meant are 5 s, and 2 to 3 were measured (docs/cluster.md); a busy machine that tests is given twice that."""
_PLAYS_S = 60.0
_COUNT_FRAMES = """() => {
  window.shownMs = [];
  const video = document.getElementById("video");
  const count = (nowMs) => { window.shownMs.push(nowMs); video.requestVideoFrameCallback(count); };
  video.requestVideoFrameCallback(count);
}"""
_KEEP_PEERS = """
  window.peers = [];
  window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(...given) { super(...given); window.peers.push(this); }
  };
"""
_PORTS = """async () => {
  const ports = [];
  for (const peer of window.peers.filter((one) => one.connectionState === "connected")) {
    const all = new Map((await peer.getStats()).entries());
    for (const { type, selectedCandidatePairId } of all.values()) {  // several pairs may have been nominated
      if (type === "transport") ports.push(all.get(all.get(selectedCandidatePairId).remoteCandidateId).port);
    }
  }
  return ports;
}"""
_PLAN = {"id": 1, "chunk_index": 100_000, "verb": "steer", "prompt": "much later", "n_chunks": 2}

Record = Callable[[str, object], None]


class Scene:
    """A gateway on a cluster, and a person's page that plays."""

    def __init__(self, nodes: RayNodes, bundle: Path, store: Path, browser: Browser) -> None:
        self.nodes, self._bundle, self._store = nodes, bundle, store
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            self._port = one.getsockname()[1]
        self.gateway = self.start_gateway(3)
        self.url = self.gateway.url
        self.page = browser.new_page()
        self.page.add_init_script(_KEEP_PEERS)
        self.page.goto(self.url)
        self.wait_until(lambda: bool(self.page.evaluate("document.getElementById('video').currentTime > 0.5")))
        self.page.evaluate(_COUNT_FRAMES)
        self.session = str(self.page.evaluate("sessionStorage.getItem('lingen-live.session')"))

    def start_gateway(self, n_devices: int) -> LiveServer:
        """Always on the same port, with the same store."""
        return LiveServer(
            *("--address", self.nodes.address, "--devices", str(n_devices), "--sessions", "2", "--dtype", "float32"),
            *("--checkpoint", str(self._bundle), "--prompt", "a meadow", "--no-compile", "--port", str(self._port)),
            *("--snapshots", str(self._store), "--snapshot-chunks", str(SNAPSHOT_CHUNKS)),
            script=TINY_CLUSTER,
        )

    def wait_until(self, holds: Callable[[], bool]) -> None:
        deadline_s = time.monotonic() + _PLAYS_S
        while not holds():
            assert time.monotonic() < deadline_s, self.gateway.said
            self.page.wait_for_timeout(50)

    def devices(self) -> list[DeviceStatus]:
        """Those that answer, by name."""
        from lingen_live.cluster.overview import all_devices

        return all_devices()

    def sees_frames(self) -> None:
        """New frames are shown, on the page as it was loaded."""
        before = self.page.evaluate("window.shownMs.length")
        self.wait_until(lambda: bool(self.page.evaluate("window.shownMs.length") > before + 8))

    def longest_gap_s(self, n_before: int) -> float:
        """Between two frames that the page showed, of all after its first `n_before`."""
        shown_ms = self.page.evaluate("window.shownMs")[n_before:]
        return max(after - before for before, after in pairwise(shown_ms)) / 1000

    def source(self) -> DeviceStatus:
        """The device whose process holds the port that the page's video comes from; there is one connection."""
        (port,) = self.page.evaluate(_PORTS)
        (found,) = (one for one in self.devices() if holds_udp_port(one.pid, port))
        return found

    def verify(self) -> None:
        """Every chunk since the first is what it is in a stream to which nothing happened."""
        with urllib.request.urlopen(f"{self.url}scenario.json?session={self.session}", timeout=30) as answer:
            scenario = scenario_from_json(json.load(answer))
        bundle = load_bundle(self._bundle)
        engine = Engine(bundle, FakeText(bundle.config.model.text_tokens), seed=0, prompt="elsewhere")
        assert sum(1 for _ in replay(engine, scenario, verify=True)) == scenario.n_chunks


def holds_udp_port(pid: int, port: int) -> bool:
    """Whether a process receives on a port of this machine."""
    rows = [line.split() for kind in ("udp", "udp6") for line in Path(f"/proc/net/{kind}").read_text().splitlines()[1:]]
    inodes = {f"socket:[{row[9]}]" for row in rows if int(row[1].rpartition(":")[2], 16) == port}
    return any(str(one.readlink()) in inodes for one in Path(f"/proc/{pid}/fd").iterdir())


@pytest.fixture(scope="module")
def scene(chromium: Browser, tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    nodes = RayNodes(3)
    try:
        scene = Scene(nodes, tiny_bundle, tmp_path_factory.mktemp("kept"), chromium)
        try:
            with connected(nodes.address):
                yield scene
        finally:
            scene.page.close()
            scene.gateway.close()
    finally:
        nodes.close()


def test_a_node_is_killed_and_its_session_goes_on_at_another(scene: Scene, record_property: Record) -> None:
    scene.wait_until(lambda: [one.state for one in scene.devices()] == ["ready"] * 3)
    assert len({scene.nodes.node_of(one.pid) for one in scene.devices()}) == 3
    busy = scene.source()
    n_shown = scene.page.evaluate("window.shownMs.length")
    with SessionLog(scene.url, scene.session) as log, SessionLog(scene.url) as other:
        scene.wait_until(lambda: len(other.chunks()) > 1)
        log.say({"type": "schedule", "chunks": 2, **{name: _PLAN[name] for name in ("id", "chunk_index", "prompt")}})
        scene.page.fill("#prompt", "a red desert")
        scene.page.press("#prompt", "Enter")
        expect(scene.page.locator("#receipt-text")).to_contain_text("applied", timeout=1000 * _PLAYS_S)
        killed_s, last = time.monotonic(), log.chunks()[-1][1]
        scene.nodes.kill(scene.nodes.node_of(busy.pid))
        lost_s = log.status_after(killed_s, "restarting")
        back_s = log.status_after(lost_s, "running")
        played_s, index = log.chunk_after(back_s)
        for name, at_s in (("noticed_s", lost_s), ("open_s", back_s), ("played_s", played_s)):
            record_property(name, round(at_s - killed_s, 3))
        assert played_s - killed_s < BACK_S
        assert index >= last - SNAPSHOT_CHUNKS
        log.chunk_after(played_s, 2)
        assert (log.last("timeline")["plan"], log.last("state")["prompt"]) == ([_PLAN], "a red desert")
        assert other.statuses(killed_s) <= {"running"}  # nobody else noticed
    scene.sees_frames()
    record_property("without_frames_s", round(scene.longest_gap_s(n_shown), 3))
    assert scene.longest_gap_s(n_shown) < BACK_S


def test_a_drained_device_hands_over_a_session_that_is_watched(scene: Scene, record_property: Record) -> None:
    from lingen_live.cluster.overview import drain

    source = scene.source()
    n_shown = scene.page.evaluate("window.shownMs.length")
    with SessionLog(scene.url, scene.session) as log:
        log.chunk_after(0.0, 4)
        drain(source.name, lambda line: None)
        log.chunk_after(time.monotonic(), 3)
        gaps_s = [after - before for (before, _), (after, _) in pairwise(log.chunks())]
        indices = [index for _, index in log.chunks()]
        record_property("longest_chunk_s", round(max(gaps_s), 3))
        assert indices == list(range(indices[0], indices[0] + len(indices)))
        # Measured: the time of one chunk, so that no frame is late; on a busy machine all chunks take longer.
        assert max(gaps_s) < 3 * CHUNK_S + median(gaps_s)
        assert log.statuses() == {"running"}
    assert source.name not in [one.name for one in scene.devices()]
    scene.sees_frames()
    record_property("without_frames_s", round(scene.longest_gap_s(n_shown), 3))
    # The page went ahead. A chunk that is late, on a busy machine, is not the doing of a move.
    assert scene.longest_gap_s(n_shown) < max(gaps_s) + CHUNK_S
    assert scene.source().n_streams > 0


def test_another_gateway_goes_on_with_all_sessions(scene: Scene, tmp_path: Path, record_property: Record) -> None:
    foreign = tmp_path / "lingen_live-9.9.dist-info"
    foreign.mkdir()
    (foreign / "METADATA").write_text("Metadata-Version: 2.1\nName: lingen-live\nVersion: 9.9\n")
    scene.nodes.add({"PYTHONPATH": f"{tmp_path}:{':'.join(scene.nodes.path)}"})
    with SessionLog(scene.url, scene.session) as log:
        log.chunk_after(0.0, 2)
        pids = [one.pid for one in scene.devices()]
        killed_s, last = time.monotonic(), log.chunks()[-1][1]
        scene.gateway.process.kill()
        scene.wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))
        record_property("engines_gone_s", round(time.monotonic() - killed_s, 3))
        scene.gateway.close()
        scene.gateway = scene.start_gateway(3)
        assert scene.gateway.url == scene.url
        stands_s = time.monotonic()
        played_s, index = log.chunk_after(killed_s)
        record_property("stands_s", round(stands_s - killed_s, 3))
        record_property("played_s", round(played_s - stands_s, 3))
        assert played_s - stands_s < BACK_S
        assert last - SNAPSHOT_CHUNKS <= index <= last + SNAPSHOT_CHUNKS
        scene.sees_frames()
        record_property("seen_s", round(time.monotonic() - stands_s, 3))
        assert time.monotonic() - stands_s < BACK_S
        assert (log.last("timeline")["plan"], log.last("state")["prompt"]) == ([_PLAN], "a red desert")
    scene.verify()
    sentence = r"engine-\d: lingen_live is 9.9 on \S+ and [\d.]+ at the gateway; all machines need the same."
    assert re.search(sentence, scene.gateway.said) or scene.gateway.read_until(sentence)


def test_a_full_cluster_has_a_line(scene: Scene) -> None:
    with ExitStack() as opened:
        logs: list[SessionLog] = []
        while not (
            logs and logs[-1].kinds() >= {"line"}
        ):  # how many get in is measured: of at most 4, the page's included
            assert len(logs) < 4
            logs.append(opened.enter_context(SessionLog(scene.url)))
            scene.wait_until(lambda: bool(logs[-1].kinds() & {"state", "line"}))
        *inside, late = logs
        assert (late.last("line")["place"], late.last("line")["n_waiting"]) == (1, 1)
        scene.wait_until(lambda: sum(one.n_streams for one in scene.devices()) == len(inside) + 1)
        assert min(one.n_streams for one in scene.devices()) > 0
        for one in inside:  # all: on a busy machine there may be fewer places by now
            one.close()
        late.status_after(0.0, "running")
