"""What goes in and out over HTTP: sessions, scenarios, pictures; and going back over the control socket."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from served import Live, Talk
from websockets.asyncio.client import ClientConnection

from lingen_live.engine.scenario import parse_scenario
from lingen_live.serve.uploads import Uploads


async def greeted(socket: ClientConnection) -> Talk:
    talk = Talk(socket)
    await talk.say(type="hello", version=1)
    return talk


async def test_a_scenario_goes_out_and_comes_back_as_a_branch(live: Live) -> None:
    async with live.socket() as socket:
        talk = await greeted(socket)
        await talk.hear("chunk")
        answer = await live.http.get("/scenario.json", params={"link": True})
        assert answer.status_code == 200
        assert "digests" not in answer.json()
        saved = await live.http.get("/scenario.json")
        assert saved.headers["content-disposition"].startswith("attachment; filename*=UTF-8''main%20")
        assert parse_scenario(saved.content).start.seed == 7
        await talk.say(type="scenario", id=4, scenario=answer.json())
        assert (await talk.hear("applied"))["id"] == 4
        timeline = await talk.hear("timeline")
        assert [branch["name"] for branch in timeline["branches"]] == ["main", "scenario"]
        assert timeline["branch_id"] == 1


async def test_back_aside_and_back_again(live: Live) -> None:
    async with live.socket() as socket:
        talk = await greeted(socket)
        while (await talk.hear("timeline"))["chunk_index"] < 3:
            pass
        await talk.say(type="seek", id=1, chunk_index=1)
        applied = await talk.hear("applied")
        assert (applied["id"], applied["chunk_index"]) == (1, 1)
        await talk.say(type="fork", id=2, chunk_index=0, name="by night")
        assert (await talk.hear("applied"))["chunk_index"] == 0
        assert (await talk.hear("timeline"))["branch_id"] == 1
        await talk.say(type="switch", id=3, branch_id=0)
        await talk.hear("applied")
        assert (await talk.hear("timeline"))["branch_id"] == 0
        await talk.say(type="seek", id=4, chunk_index=10_000)
        error = await talk.hear("error")
        assert (error["id"], error["code"]) == (4, "bad_timeline")
        await talk.hear("chunk")


async def test_pictures_of_moments_are_served(live: Live) -> None:
    async with live.socket() as socket:
        talk = await greeted(socket)
        timeline = await talk.hear("timeline")
    moment_id = timeline["moments"][-1][1]
    answer = await live.http.get(f"/thumbnails/{timeline['thumbnails']}-{moment_id}.jpg")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
    assert answer.content.startswith(b"\xff\xd8")
    for key in (f"{timeline['thumbnails']}-9999999", "x-1", "1", "..%2f..%2fetc%2fpasswd"):
        assert (await live.http.get(f"/thumbnails/{key}.jpg")).status_code == 404


async def test_a_session_that_cannot_be_saved_is_one_sentence(live: Live) -> None:
    answer = await live.http.get("/session.lgs")
    assert (answer.status_code, answer.json()["code"]) == (409, "bad_session_file")


@pytest.mark.parametrize(
    ("data", "answer"), [(b"a fake session", "applied"), (b"something else", "error")], ids=["good", "bad"]
)
async def test_an_upload_is_loaded_by_its_name(live: Live, data: bytes, answer: str) -> None:
    upload = (await live.http.post("/uploads", content=data)).json()["upload"]
    async with live.socket() as socket:
        talk = await greeted(socket)
        await talk.say(type="load", id=7, upload=upload)
        assert (await talk.hear(answer))["id"] == 7
        await talk.hear("chunk")


async def test_an_upload_that_is_too_long_is_refused(live: Live) -> None:
    answer = await live.http.post("/uploads", content=bytes(5 * 2**20))
    assert answer.status_code == 413
    assert f"{5 * 2**20} bytes; a session of this model has at most {4 + 4 * 2**20}" in answer.json()["message"]


async def test_an_upload_that_says_it_has_10_gb_is_refused_before_it_is_sent(live: Live) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", live.port)
    head = f"POST /uploads HTTP/1.1\r\nHost: 127.0.0.1:{live.port}\r\nContent-Length: {10 * 2**30}\r\n\r\n"
    writer.write(head.encode())
    async with asyncio.timeout(10):
        assert b" 413 " in await reader.readline()
    writer.close()
    await writer.wait_closed()


async def test_an_upload_that_does_not_say_how_long_it_is_is_cut_off(live: Live, tmp_path: Path) -> None:
    """A sparse file of 10 GB, in parts, by a client that listens only in the end; the video goes on meanwhile."""
    part = 2**20
    with (tmp_path / "huge.lgs").open("w+b") as file:
        file.truncate(10 * 2**30)
        reader, writer = await asyncio.open_connection("127.0.0.1", live.port)
        head = f"POST /uploads HTTP/1.1\r\nHost: 127.0.0.1:{live.port}\r\nTransfer-Encoding: chunked\r\n\r\n"
        writer.write(head.encode())
        n_sent = 0
        async with asyncio.timeout(10), live.socket() as socket:
            talk = await greeted(socket)
            answer = asyncio.create_task(reader.readline())
            while not answer.done():
                writer.write(b"%x\r\n%b\r\n" % (part, file.read(part)))
                n_sent += part
                await asyncio.sleep(0.01)
            assert b" 413 " in await answer
            await talk.hear("chunk")
    assert n_sent < 2**28
    writer.close()


async def test_a_foreign_page_may_not_upload(live: Live) -> None:
    answer = await live.http.post("/uploads", content=b"x", headers={"Origin": "http://evil.example"})
    assert answer.status_code == 403


def test_uploads_are_bounded() -> None:
    uploads = Uploads(max_uploads=2)
    names = [uploads.add(bytes([k])) for k in range(3)]
    with pytest.raises(Exception, match="no such upload"):
        uploads.take(names[0])
    assert uploads.take(names[2]) == bytes([2])
