"""Formats that other programs read: Chrome's traces and Prometheus' text."""

from __future__ import annotations

import json
import re
from itertools import pairwise

from lingen_live.profile.lives import LifeBook
from lingen_live.profile.prometheus import Metric, to_text
from lingen_live.profile.spans import ChunkProfile, Span
from lingen_live.profile.trace import to_trace


def book_of(n_chunks: int) -> LifeBook:
    book = LifeBook()
    for index in range(n_chunks):
        start_s = 100.0 + 0.5 * index
        spans = (Span("denoise", 0.0, 0.2), Span("decode", 0.2, 0.1))
        life = book.open(ChunkProfile(index, spans, start_s + 0.01), start_s, start_s + 0.35, start_s - 0.2)
        book.add(life, "colour", start_s + 0.35, 0.01)
        book.play(life, 45_000 * index, start_s + 0.9)  # waits of neighbours overlap
        book.observe(45_000 * index, "encode", start_s + 0.9, 0.002)
    return book


def test_a_trace_is_what_the_format_asks_for() -> None:
    trace = json.loads(json.dumps(to_trace(book_of(5).lives())))
    events = trace["traceEvents"]
    assert {event["ph"] for event in events} == {"M", "X", "b", "e"}
    assert all(event["dur"] >= 0 and event["ts"] > 0 for event in events if event["ph"] == "X")
    names = {event["tid"]: event["args"]["name"] for event in events if event["name"] == "thread_name"}
    assert {names[event["tid"]] for event in events if event["name"] == "encode"} == {"encoder"}
    assert {names[event["tid"]] for event in events if event["name"] == "denoise"} == {"engine"}


def test_what_lies_in_one_row_does_not_overlap() -> None:
    events = to_trace(book_of(5).lives())["traceEvents"]
    for row in {event["tid"] for event in events if event["ph"] == "X"}:
        spans = sorted((e["ts"], e["ts"] + e["dur"]) for e in events if e["ph"] == "X" and e["tid"] == row)
        assert all(before[1] <= after[0] + 0.2 for before, after in pairwise(spans))


def test_every_wait_that_begins_ends() -> None:
    events = to_trace(book_of(3).lives())["traceEvents"]
    begun = {event["id"]: event["ts"] for event in events if event["ph"] == "b"}
    ended = {event["id"]: event["ts"] for event in events if event["ph"] == "e"}
    assert begun.keys() == ended.keys()
    assert len(begun) == 9  # mailbox, queue and buffer of three
    assert all(ended[id] >= begun[id] for id in begun)


def test_metrics_are_lines_that_prometheus_reads() -> None:
    text = to_text(
        [
            Metric("chunks_total", "counter", "Chunks.", [({}, 3)]),
            Metric("stage_seconds_total", "counter", "Seconds.", [({"stage": 'a "b"\\\n'}, 0.25)]),
        ]
    )
    assert text.endswith("\n")
    line = re.compile(r'# (HELP|TYPE) lingen_\w+ .+|lingen_\w+(\{\w+="(\\.|[^"\\\n])*"\})? [0-9.e+-]+')
    assert all(line.fullmatch(each) for each in text.splitlines())
    assert "lingen_chunks_total 3\n" in text
    assert r'lingen_stage_seconds_total{stage="a \"b\"\\\n"} 0.25' in text
