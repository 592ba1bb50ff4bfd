"""WHEP against a real server, with aiortc on the other side too."""

from __future__ import annotations

import asyncio
import re
import threading
from itertools import pairwise

import fake_engine
import pytest
from aiortc import RTCRtpReceiver, RTCSessionDescription
from av import VideoFrame
from served import Live, Talk
from whep_player import SDP, player

from lingen_live.serve.booth import LocalBooth
from lingen_live.serve.feedback import KEYFRAME_INTERVAL_S
from lingen_live.serve.offer import codec_of
from lingen_live.serve.peer import PLAYOUT_DELAY_URI, tune_aiortc


async def until(live: Live, n_viewers: int) -> None:
    """Wait until so many viewers are there."""
    async with asyncio.timeout(15):
        while len(live.viewers) != n_viewers:  # noqa: ASYNC110 (a count has no event)
            await asyncio.sleep(0.02)


def level(frame: VideoFrame) -> float:
    return float(frame.to_ndarray(format="rgb24").mean())


async def test_frames_arrive_in_their_size_colour_and_time(live: Live) -> None:
    async with player() as it:
        response = await it.play(live)
        frames = [await it.frame() for _ in range(12)]
    assert response.headers["content-type"] == "application/sdp"
    assert it.path.startswith("/whep/")
    assert {(frame.width, frame.height) for frame in frames} == {(64, 64)}
    assert level(frames[-1]) == pytest.approx(fake_engine.colour_of("a day")[0], abs=4)
    pts = [frame.pts for frame in frames if frame.pts is not None]
    steps = [after - before for before, after in pairwise(pts)]
    assert all(step > 0 and step % (90_000 // 16) == 0 for step in steps)
    assert steps.count(90_000 // 16) >= 6


async def test_a_steer_changes_the_picture(live: Live) -> None:
    async with player() as it, live.socket() as socket:
        talk = Talk(socket)
        await talk.say(type="hello", version=1)
        await it.play(live)
        bright = await it.frame()
        await talk.say(type="steer", id=1, prompt="night", chunks=1)
        await talk.hear("applied")
        async with asyncio.timeout(10):
            while level(dark := await it.frame()) > 60:
                pass
    assert level(bright) > 200
    assert level(dark) < 60


async def test_a_pause_keeps_the_picture_coming_for_newcomers(live: Live) -> None:
    async with live.socket() as socket, player() as late:
        talk = Talk(socket)
        await talk.say(type="hello", version=1)
        await talk.hear("chunk")
        await talk.say(type="pause", id=1)
        await talk.hear("applied")
        await late.play(live)
        frames = [await late.frame() for _ in range(3)]
    assert level(frames[-1]) > 200


async def test_vp8_is_chosen_and_play_without_delay_is_agreed(live: Live) -> None:
    tune_aiortc()  # so that this side offers the extension, as browsers do
    async with player() as it:
        await it.play(live)
        await it.frame()
    section = it.answer[it.answer.index("m=video") :]
    first_payload = section.split("\r\n")[0].split(" ")[3]
    assert f"a=rtpmap:{first_payload} VP8/90000" in section
    assert PLAYOUT_DELAY_URI in section
    assert "a=sendonly" in section


async def test_who_takes_only_h264_gets_it_while_others_get_vp8(live: Live) -> None:
    async with player() as vp8, player() as h264:
        capabilities = RTCRtpReceiver.getCapabilities("video")
        assert capabilities is not None
        h264.peer.getTransceivers()[0].setCodecPreferences(
            [it for it in capabilities.codecs if it.mimeType == "video/H264"]
        )
        await vp8.play(live)
        await h264.play(live)
        assert codec_of(h264.answer) == "H264"
        frames = [await vp8.frame(), await h264.frame()]
    assert [level(frame) for frame in frames] == pytest.approx([fake_engine.colour_of("a day")[0]] * 2, abs=4)


async def test_two_viewers_cost_one_encoder_and_a_lost_picture_is_answered_with_a_keyframe(live: Live) -> None:
    async with player() as one, player() as two:
        await one.play(live)
        await one.frame()
        channel = live.viewers.booth.outlets["VP8"]
        await two.play(live)
        await two.frame()
        before = channel.n_keyframes
        assert before == 2  # one for each who came
        n_frames = channel.n_frames
        await asyncio.sleep(KEYFRAME_INTERVAL_S)
        for receiver in two.peer.getReceivers():
            await receiver._send_rtcp_pli(next(iter(vars(receiver)["_RTCRtpReceiver__active_ssrc"])))
        async with asyncio.timeout(5):
            while channel.n_keyframes == before:  # noqa: ASYNC110 (a count has no event)
                await asyncio.sleep(0.02)
        assert channel.n_frames > n_frames
        assert [thread.name for thread in threading.enumerate()].count("lingen-vp8_0") == 1


async def test_without_candidates_the_player_is_found_by_its_checks(live: Live) -> None:
    """Browser libraries that trickle offer none; their own checks reach the server's candidates."""
    async with player() as it:
        lines = (await it.offer()).splitlines(keepends=True)
        bare = "".join(line for line in lines if not line.startswith(("a=candidate", "a=end-of-candidates")))
        response = await live.http.post("/whep", content=bare, headers=SDP)
        await it.peer.setRemoteDescription(RTCSessionDescription(response.text, "answer"))
        await it.frame()


async def test_ids_cannot_be_guessed(live: Live) -> None:
    async with player() as one, player() as two:
        await one.play(live)
        await two.play(live)
        assert len(one.path) >= len("/whep/") + 20
        assert one.path != two.path


async def test_delete_hangs_up_and_may_be_repeated(live: Live) -> None:
    async with player() as it:
        await it.play(live)
        await it.frame()
        for _ in range(2):
            assert (await live.http.delete(it.path)).status_code == 200
        assert len(live.viewers) == 0
        await it.end()


async def test_a_delete_right_after_the_answer_frees_everything(live: Live) -> None:
    async with player() as it:
        response = await live.http.post("/whep", content=await it.offer(), headers=SDP)
        await live.http.delete(response.headers["location"])
        assert len(live.viewers) == 0


async def test_who_hangs_up_is_let_go(live: Live) -> None:
    async with player() as it:
        await it.play(live)
        await it.frame()
    await until(live, 0)


async def test_who_never_connects_is_let_go(live: Live) -> None:
    booth = live.viewers.booth
    assert isinstance(booth, LocalBooth)
    booth.connect_timeout_s = 0.2
    async with player() as it:
        response = await live.http.post("/whep", content=await it.offer(), headers=SDP)
        assert response.status_code == 201
        assert len(live.viewers) == 1
        await until(live, 0)


async def test_a_full_house(live: Live) -> None:
    async with player() as one, player() as two, player() as three:
        await one.play(live)
        await two.play(live)
        refused = await three.play(live)
        assert (refused.status_code, refused.json()["code"]) == (503, "full")
        assert refused.headers["retry-after"] == "10"
        await live.http.delete(one.path)
        assert (await three.play(live)).status_code == 201


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"v=0", {"Content-Type": "text/plain"}, 415, "wrong_type"),
        (b"v=0", {}, 415, "wrong_type"),
        (b"", SDP, 400, "bad_sdp"),
        (b"\xff\xfe", SDP, 400, "bad_sdp"),
        (b"hello", SDP, 400, "bad_sdp"),
        (b"v=0\r\nm=video\r\n", SDP, 400, "bad_sdp"),
        (b"v=0\r\nm=video x y z\r\na=recvonly\r\n", SDP, 400, "bad_sdp"),
        (b"v=0\r\n" + b"a=x\r\n" * 20_000, SDP, 413, "too_large"),
    ],
)
async def test_bad_offers(live: Live, body: bytes, headers: dict[str, str], status: int, code: str) -> None:
    response = await live.http.post("/whep", content=body, headers=headers)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.json()["message"].endswith(".")
    assert len(live.viewers) == 0


async def test_a_codec_that_nobody_here_speaks(live: Live) -> None:
    async with player() as it:
        offer = (await it.offer()).replace("VP8/90000", "VP9/90000").replace("H264/90000", "AV1/90000")
        response = await live.http.post("/whep", content=offer, headers=SDP)
    assert (response.status_code, response.json()["code"]) == (400, "bad_sdp")
    assert "VP8 or H264" in response.json()["message"]
    assert len(live.viewers) == 0


async def test_options_says_what_is_taken(live: Live) -> None:
    response = await live.http.options("/whep")
    assert (response.status_code, response.headers["accept-post"]) == (200, "application/sdp")


FRAGMENT = {"Content-Type": "application/trickle-ice-sdpfrag"}


async def test_candidates_may_come_after_the_offer(live: Live) -> None:
    """Of an offer without any and checks that never reach us, only what is trickled can make a connection."""
    async with player() as it:
        lines = (await it.offer()).splitlines(keepends=True)
        bare = "".join(line for line in lines if not line.startswith(("a=candidate", "a=end-of-candidates")))
        response = await live.http.post("/whep", content=bare, headers=SDP)
        late = "".join(line for line in lines if line.startswith(("a=candidate", "a=ice-ufrag", "a=mid")))
        fragment = f"{late}a=end-of-candidates\r\n"
        headers = {**FRAGMENT, "If-Match": response.headers["etag"]}
        patched = await live.http.patch(response.headers["location"], content=fragment, headers=headers)
        assert (patched.status_code, patched.text) == (204, "")
        unreachable = re.sub(r"(a=candidate:\S+ \d+ \S+ \d+) \S+ ", r"\1 192.0.2.1 ", response.text)
        await it.peer.setRemoteDescription(RTCSessionDescription(unreachable, "answer"))
        assert (await it.frame()).width == 64


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        ("a=end-of-candidates", {"Content-Type": "application/sdp"}, 415, "wrong_type"),
        ("", FRAGMENT, 400, "bad_fragment"),
        ("a=candidate:1 1 udp", FRAGMENT, 400, "bad_fragment"),
        ("a=candidate:1 1 udp 1 10.0.0.1 9 typ host\n" * 65, FRAGMENT, 400, "bad_fragment"),
        ("a=end-of-candidates", {**FRAGMENT, "If-Match": '"old"'}, 412, "wrong_etag"),
        ("a=end-of-candidates", {**FRAGMENT, "If-Match": "*"}, 422, "no_restart"),
        ("a=ice-ufrag:other\na=end-of-candidates", FRAGMENT, 422, "no_restart"),
        ("a=ice-ufrag:other\na=ice-pwd:another", {**FRAGMENT, "If-Match": "*"}, 422, "no_restart"),
    ],
)
async def test_bad_fragments(live: Live, body: str, headers: dict[str, str], status: int, code: str) -> None:
    async with player() as it:
        await it.play(live)
        response = await live.http.patch(it.path, content=body, headers=headers)
        assert (response.status_code, response.json()["code"]) == (status, code)
        assert (await it.frame()).width == 64


async def test_a_fragment_for_nobody(live: Live) -> None:
    response = await live.http.patch("/whep/x", content="a=end-of-candidates", headers=FRAGMENT)
    assert (response.status_code, response.json()["code"]) == (404, "no_viewer")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_looking_is_allowed_and_shows_nothing(live: Live, method: str) -> None:
    response = await live.http.request(method, "/whep")
    assert (response.status_code, response.text) == (200, "")
    assert response.headers["content-type"] == "application/sdp"
    assert response.headers["accept-patch"] == "application/trickle-ice-sdpfrag"


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT"])
async def test_a_viewers_address_takes_nothing_else(live: Live, method: str) -> None:
    response = await live.http.request(method, "/whep/x")
    assert response.status_code == 405
    assert response.headers["allow"] == "DELETE, PATCH, OPTIONS"
