"""What a running server tells about itself."""

from __future__ import annotations

import asyncio
import json

import pytest
from served import Live, Talk
from whep_player import player

from lingen_live.profile.read import read_profile

STAGES = {"queue", "denoise", "transfer", "colour", "archive", "buffer", "encode", "hand out"}


async def watch(live: Live, n_frames: int) -> None:
    """Watch and steer once."""
    async with player() as it, live.socket() as socket:
        talk = Talk(socket)
        await talk.say(type="hello", version=1)
        await it.play(live)
        await it.frame()
        await talk.say(type="steer", id=1, prompt="night", chunks=1)
        await talk.hear("applied")
        for _ in range(n_frames):
            await it.frame()


async def test_every_stage_of_a_chunk_is_measured(live: Live) -> None:
    await watch(live, 12)
    told = (await live.http.get("/profile")).json()
    assert told["stages_ms"].keys() == STAGES | {"mailbox"}
    assert told["steers_ms"]["n"] == 1
    assert 0 <= told["stages_ms"]["mailbox"]["p50"] <= told["steers_ms"]["p50"]
    assert told["encoders"]["VP8"]["n_frames"] >= 12
    assert told["encoders"]["H264"]["n_frames"] == 0
    assert {codec: each["encoder"] for codec, each in told["encoders"].items()} == {"VP8": "libvpx", "H264": "libx264"}
    assert told["n_dropped_frames"] == 0
    played = [chunk for chunk in told["chunks"] if chunk["pts"] is not None]
    assert [chunk["pts"] for chunk in played] == sorted(chunk["pts"] for chunk in played)
    spans = {name: start for name, start, _ in played[1]["spans"]}
    assert spans["queue"] <= spans["denoise"] < spans["colour"] <= spans["archive"] <= spans["buffer"]


async def test_the_engines_clock_is_the_servers(live: Live) -> None:
    """Else queue and transfer would be guesses."""
    await watch(live, 4)
    life = live.session.book.lives()[0]
    queue, denoise, transfer = life.spans[:3]
    assert (queue.name, denoise.name, transfer.name) == ("queue", "denoise", "transfer")
    assert queue.duration_s > 0
    assert transfer.duration_s > 0


async def test_every_chunk_a_line_and_a_trace(live: Live) -> None:
    await watch(live, 4)
    lines = (await live.http.get("/profile.jsonl")).text.splitlines()
    assert [json.loads(line)["chunk_index"] for line in lines][:2] == [0, 1]
    assert {json.loads(line)["weights"] for line in lines} == {"random"}
    response = await live.http.get("/trace.json")
    # Read back, both say the same of what made them.
    assert read_profile("\n".join(lines).encode()).maker == read_profile(response.content).maker
    assert "attachment" in response.headers["content-disposition"]
    assert response.json()["otherData"]["weights"] == "random"
    encoded = [event for event in response.json()["traceEvents"] if event["name"] == "encode"]
    assert encoded
    assert all(event["dur"] > 0 for event in encoded)


async def test_a_browser_tells_when_words_were_on_the_screen(live: Live) -> None:
    await watch(live, 4)
    told = [json.loads(line) for line in (await live.http.get("/profile.jsonl")).text.splitlines()]
    (steered,) = (one for one in told if one["steered_ms"] is not None)
    for ms in ("612.5", "9"):  # the first word counts
        assert (await live.http.post(f"/seen?pts={steered['pts']}&ms={ms}")).status_code == 204
    for data in ((await live.http.get("/profile.jsonl")).content, (await live.http.get("/trace.json")).content):
        lives = read_profile(data).lives
        assert [life.photon_s for life in lives if life.photon_s is not None] == [0.6125]
        assert next(life for life in lives if life.photon_s is not None).steered_s is not None
    answer = await live.http.post("/seen?pts=1&ms=3")
    assert (answer.status_code, answer.json()["message"]) == (404, "No chunk that is kept began at 1.")


@pytest.mark.parametrize("query", ["pts=-1&ms=3", "pts=1&ms=-3", "pts=1&ms=nan", "pts=1&ms=1e9", "pts=1", "pts=x&ms=3"])
async def test_what_no_browser_can_have_seen_is_refused(live: Live, query: str) -> None:
    assert (await live.http.post(f"/seen?{query}")).status_code == 422


async def test_metrics_count(live: Live) -> None:
    await watch(live, 4)
    response = await live.http.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    values = dict(line.rsplit(" ", 1) for line in response.text.splitlines() if not line.startswith("#"))
    assert int(values["lingen_chunks_total"]) >= 1
    assert values['lingen_model_info{name="fake",weights="random"}'] == "1"
    assert int(values['lingen_encoded_frames_total{codec="VP8"}']) >= 4
    assert float(values['lingen_stage_seconds_total{stage="encode"}']) > 0
    async with asyncio.timeout(5):
        while "lingen_viewers 0" not in (await live.http.get("/metrics")).text:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(("last", "status"), [("0", 200), ("3", 200), ("-1", 422), ("9999", 422), ("x", 422)])
async def test_how_many_chunks_are_told(live: Live, last: str, status: int) -> None:
    response = await live.http.get(f"/profile?last={last}")
    assert response.status_code == status
    if status == 200:
        assert len(response.json()["chunks"]) <= int(last)
