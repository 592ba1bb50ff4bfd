"""A run as numbers: what chunks took, what they missed, what was said; two runs beside each other."""

from __future__ import annotations

import csv
import io
import json

import pytest
from book import book_of

from lingen_live.profile.lives import LifeBook
from lingen_live.profile.summary import life_to_json
from lingen_live.profile.trace import to_trace
from lingen_live.studio.profile_numbers import facts, percentile_header, percentile_rows, to_csv
from lingen_live.studio.runs import Run, run_of_file

BOOK = book_of(20, slow=(7, 11), steered=(2, 5, 9))
RUN = Run("a session", BOOK.lives(), 0.5, "trained", 2**20, 3)


def jsonl_of(book: LifeBook) -> bytes:
    return "".join(json.dumps(life_to_json(life) | {"chunk_ms": 500.0}) + "\n" for life in book.lives()).encode()


def test_a_chunk_is_made_by_the_engine_and_misses_its_deadline_by_that() -> None:
    made_ms = RUN.making_ms()
    assert made_ms[6:8] == [pytest.approx(300), pytest.approx(600)]
    assert RUN.n_missed() == 2
    assert Run("without a clock", BOOK.lives()).n_missed() is None


def test_work_and_waiting_are_told_apart() -> None:
    assert RUN.work_stages == ["denoise", "decode", "transfer", "colour", "encode"]
    assert RUN.waits == ["queue", "buffer", "mailbox"]
    assert RUN.stage_ms("encode") == [pytest.approx(16)] * 20
    assert RUN.stage_ms("mailbox")[1:3] == [0, pytest.approx(210)]
    assert [position for position, _ in RUN.steers_ms()] == [2, 5, 9]
    assert [wait_ms for _, wait_ms in RUN.steers_ms()] == pytest.approx([1100] * 3)


def test_a_file_becomes_the_run_that_it_was() -> None:
    kept = run_of_file("profile.jsonl", jsonl_of(BOOK))
    assert (kept.chunk_s, kept.n_missed(), kept.state_bytes, kept.n_late_frames) == (0.5, 2, None, None)
    engine = {"fps": 24.0, "frames_per_chunk": 12, "state_bytes": 7}
    trace = json.dumps(to_trace(BOOK.lives()) | {"otherData": engine}).encode()
    traced = run_of_file("trace.json", trace)
    assert (traced.chunk_s, traced.n_missed(), traced.state_bytes) == (0.5, 2, 7)
    for mine, theirs in ((kept, RUN), (traced, RUN)):
        assert mine.making_ms() == pytest.approx(theirs.making_ms(), abs=0.01)


def test_facts_say_what_is_not_known() -> None:
    told = {name: cells for name, *cells in facts([RUN, Run("bare", book_of(2).lives())])}
    assert told["took longer to make than it plays"] == ["2 of 20", "not told"]
    assert told["late frames since it began"] == ["3", "not recorded"]
    assert told["words to the screen, by the browser that sent them"] == ["none was measured"] * 2
    assert told["memory of the engine's process"] == ["600 to 619 MiB", "600 to 601 MiB"]
    assert told["the stream remembers"] == ["1.0 MiB, always", "not recorded"]
    assert told["words to their first frame, in the server"] == ["3: p50 1100, p95 1100 ms", "nothing was said"]
    assert told["chunks"] == ["20, from 0 to 19", "2, from 0 to 1"]


def test_click_to_photon_is_told_where_a_browser_measured_it() -> None:
    book = book_of(4, steered=(1, 3))
    assert book.see(45_000, 1.25)
    assert book.see(45_000, 9.0)  # the first is believed
    assert not book.see(45_001, 1.0)
    run = Run("seen", book.lives())
    assert run.photons_ms() == [(1, 1250.0)]
    told = {name: cells for name, *cells in facts([run])}
    assert told["words to the screen, by the browser that sent them"] == ["1: p50 1250, p95 1250 ms"]
    assert [row["photon_ms"] for row in csv.DictReader(io.StringIO(to_csv([run])))] == ["", "1250.0", "", ""]


def test_a_session_that_moved_says_which_device_made_what() -> None:
    book = book_of(6)
    for life, device in zip(book.lives(), "aabbba", strict=True):
        life.device = device
    run = Run("moved", book.lives())
    told = {name: cells for name, *cells in facts([run, RUN])}
    assert told["made by"] == ["a: 2 chunks, then b: 3 chunks, then a: 1 chunk", "not told: 20 chunks"]
    assert "made by" not in [name for name, *_ in facts([RUN])]
    assert [row["device"] for row in csv.DictReader(io.StringIO(to_csv([run])))] == list("aabbba")


def test_percentiles_are_over_chunks_in_which_a_stage_occurs() -> None:
    other = Run("another", book_of(5).lives())
    assert percentile_header([RUN, other])[1:] == [f"{run} {p}" for run in "AB" for p in ("p50", "p95", "p99", "max")]
    rows = {name: cells for name, *cells in percentile_rows([RUN, other])}
    assert rows["made, in all"] == ["300.0", "600.0", "600.0", "600.0", "300.0", "300.0", "300.0", "300.0"]
    assert rows["mailbox"] == ["210.0"] * 4 + [""] * 4


def test_the_csv_holds_every_chunk_once() -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv([RUN, Run("another", book_of(5).lives())]))))
    assert [row["run"] for row in rows] == ["A"] * 20 + ["B"] * 5
    assert [row["made_ms"] for row in rows[6:8]] == ["300.000", "600.000"]
    assert [row["steered_ms"] for row in rows[1:3]] == ["", "1100.000"]
    assert (rows[24]["pts_90khz"], rows[24]["denoise ms"], rows[24]["mailbox ms"]) == ("180000", "200.000", "")
