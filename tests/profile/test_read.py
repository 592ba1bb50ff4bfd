"""Profiles read back: what was written comes back, and everything else is refused with its place."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from book import MEMORY_BYTES, book_of

from lingen_live.errors import ProfileError
from lingen_live.profile.lives import ChunkLife
from lingen_live.profile.read import MAX_FILE_BYTES, read_profile
from lingen_live.profile.strict import MAX_CHUNKS, Maker
from lingen_live.profile.summary import life_to_json
from lingen_live.profile.trace import to_trace

LIVES = book_of(5, slow=(3,), steered=(1, 4)).lives()
ENGINE = {"fps": 16.0, "frames_per_chunk": 8, "state_bytes": 1_700_000, "weights": "trained", "device": "cpu"}


def lines_of(lives: list[ChunkLife]) -> list[dict[str, Any]]:
    made = {"weights": "trained", "chunk_ms": 500.0, "state_bytes": 1_700_000}
    return [{**life_to_json(life), **made} for life in lives]


def as_jsonl(lines: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


def as_trace(**changes: object) -> bytes:
    return json.dumps(to_trace(LIVES) | {"otherData": ENGINE} | changes).encode()


@pytest.mark.parametrize("data", [as_jsonl(lines_of(LIVES)), as_trace()], ids=["jsonl", "trace"])
def test_what_was_written_comes_back(data: bytes) -> None:
    told = read_profile(data)
    assert told.maker == Maker("trained", 0.5, 1_700_000)
    assert [life.chunk_index for life in told.lives] == [0, 1, 2, 3, 4]
    for life, original in zip(told.lives, LIVES, strict=True):
        assert [span.name for span in life.spans] == [span.name for span in original.spans]
        for span, before in zip(life.spans, original.spans, strict=True):
            assert span.start_s == pytest.approx(before.start_s, abs=2e-6)
            assert span.duration_s == pytest.approx(before.duration_s, abs=2e-6)
    steered = [life.steered_s for life in told.lives]
    assert steered == [None, pytest.approx(1.1), None, None, pytest.approx(1.1)]


def test_what_a_file_does_not_say_is_not_known() -> None:
    assert [life.pts for life in read_profile(as_jsonl(lines_of(LIVES))).lives] == [45_000 * k for k in range(5)]
    assert [life.pts for life in read_profile(as_trace()).lives] == [None] * 5
    bare = as_jsonl([life_to_json(life) for life in LIVES])  # as servers wrote it before they said what made it
    assert read_profile(bare).maker == read_profile(as_trace(otherData={})).maker == Maker()


def test_who_made_a_chunk_is_told_by_both_files_and_each_device_has_a_row() -> None:
    book = book_of(5)
    for life in book.lives():
        life.device = "engine-0" if life.chunk_index < 3 else "engine-1"
    lives = book.lives()
    trace = to_trace(lives)
    for data in (as_jsonl(lines_of(lives)), json.dumps(trace).encode()):
        assert [life.memory_bytes for life in read_profile(data).lives] == [MEMORY_BYTES + k * 2**20 for k in range(5)]
        assert [life.device for life in read_profile(data).lives] == ["engine-0"] * 3 + ["engine-1"] * 2
    rows = {event["tid"]: event["args"]["name"] for event in trace["traceEvents"] if event["name"] == "thread_name"}
    decoded = [rows[event["tid"]] for event in trace["traceEvents"] if event["name"] == "decode"]
    assert decoded == ["engine engine-0"] * 3 + ["engine engine-1"] * 2


def _broken(change: Callable[[dict[str, Any]], object]) -> bytes:
    lines = lines_of(LIVES)
    change(lines[2])
    return as_jsonl(lines)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "The file is empty"),
        (b" \n\n", "The file is empty"),
        (b"\xff\xfe{}", "not UTF-8 text: byte 0"),
        (b"x" * (MAX_FILE_BYTES + 1), f"has {MAX_FILE_BYTES + 1} bytes; a profile has at most {MAX_FILE_BYTES}"),
        (b"{}\n" * (MAX_CHUNKS + 1), f"has {MAX_CHUNKS + 1} lines; at most {MAX_CHUNKS}"),
        (b"[" * 100_000, "Line 1 is not JSON"),
        (as_jsonl(lines_of(LIVES)) + b"{chunk", "Line 6 is not JSON"),
        (b"[1, 2]", "Line 1 is not a chunk of a profile"),
        (b'{"some": "json"}', "Line 1 is not a chunk of a profile"),
        (_broken(lambda line: line.update(spans="x")), "Line 3 has no list of spans"),
        (_broken(lambda line: line.update(spans=[["a", 0, 1]] * 513)), "Line 3 has 513 spans; .* at most 512"),
        (_broken(lambda line: line["spans"].append(["a", 1])), "Line 3 has a span that is not"),
        (_broken(lambda line: line["spans"].append(["a", 0, -1])), "Line 3 has -1 where a number of 0 to"),
        (_broken(lambda line: line["spans"].append(["a", 0, float("nan")])), "Line 3 holds NaN"),
        (_broken(lambda line: line["spans"].append(["a", 0, 10**400])), "Line 3 has 1000.* where a number"),
        (_broken(lambda line: line["spans"].append(["<script>", 0, 1])), "Line 3 has the stage '<script>'"),
        (_broken(lambda line: line["spans"].append(["=1+1", 0, 1])), "Line 3 has the stage '=1"),
        (_broken(lambda line: line.update(chunk_index=-1)), "Line 3 has -1 where a whole number"),
        (_broken(lambda line: line.update(pts=True)), "Line 3 has True where a whole number"),
        (_broken(lambda line: line.update(weights="best")), "Line 3 calls the weights 'best'"),
        (_broken(lambda line: line.update(weights="random")), "of different weights, lengths of a chunk or states"),
        (_broken(lambda line: line.update(chunk_ms=0)), "Line 3 has 0 where a number of 1 to"),
        (_broken(lambda line: line.update(state_bytes=0.5)), "Line 3 has 0.5 where a whole number"),
        (_broken(lambda line: line.update(memory_bytes=-1)), "Line 3 has -1 where a whole number from 0 up belongs"),
        (_broken(lambda line: line.update(device=3)), "Line 3 has the device 3; a name has 1 to 40"),
        (
            as_jsonl([{**lines_of(LIVES)[0], "device": f"engine-{k}"} for k in range(65)]),
            "names 65 devices; at most 64",
        ),
        (
            _broken(lambda line: line.update(spans=[], steered_ms=3)),
            "Line 3 has steered_ms without a span of the buffer",
        ),
        (
            _broken(lambda line: line["spans"].extend([f"stage {k}", 0, 1] for k in range(40))),
            "has 48 stages; at most 32",
        ),
    ],
    ids=range(28),
)
def test_what_is_wrong_with_lines_is_told_with_the_line(data: bytes, message: str) -> None:
    with pytest.raises(ProfileError, match=message):
        read_profile(data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (as_trace(traceEvents={}), "no list of events"),
        (as_trace(traceEvents=[]), "The trace has no chunks"),
        (as_trace()[:-1], "The trace is not JSON"),
        (as_trace(traceEvents=[{"ph": "Q"}]), "Event 1 is none that this program writes"),
        (as_trace(traceEvents=[{"ph": "X", "name": "a", "ts": 0, "dur": 1}]), "Event 1 has None where a whole number"),
        (
            as_trace(traceEvents=[{"ph": "X", "name": "a", "ts": 0, "dur": 1, "args": {"chunk": 7}}]),
            "Event 1 is of chunk 7, of which no wait came before it",
        ),
        (as_trace(traceEvents=[{"ph": "e", "name": "queue", "ts": 0}]), "Event 1 ends a wait, queue, that never"),
        (as_trace(traceEvents=[{"ph": "b", "name": "queue", "ts": "now"}]), "Event 1 has 'now' where a number"),
        (as_trace(otherData=[]), "otherData is no object"),
        (as_trace(otherData={"fps": 0, "frames_per_chunk": 8}), "otherData's fps has 0 where a number of 1 to 120"),
        (as_trace(otherData={"weights": 3}), "otherData calls the weights 3"),
    ],
    ids=range(11),
)
def test_what_is_wrong_with_a_trace_is_told_with_the_event(data: bytes, message: str) -> None:
    with pytest.raises(ProfileError, match=message):
        read_profile(data)
