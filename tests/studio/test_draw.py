"""Drawing in a process of its own: what comes back, and what it refuses."""

from __future__ import annotations

import pytest
from book import book_of

pytest.importorskip("matplotlib")

import json

from lingen_live.errors import ProfileError
from lingen_live.profile.summary import life_to_json
from lingen_live.studio.child import ChildError, ask_child
from lingen_live.studio.draw import Question, draw_elsewhere, page_of, read_runs


def question(n_chunks: int, **facts: object) -> Question:
    lines = [json.dumps(life_to_json(life) | {"chunk_ms": 500.0}) for life in book_of(n_chunks, slow=(2,)).lives()]
    return {"source": "<kept>", "text": "\n".join(lines), "facts": facts}


async def test_two_runs_come_back_as_plots_and_tables() -> None:
    html = await draw_elsewhere([question(6, n_late_frames=4), question(5, chunk_s=1.0)])
    assert html.count("<svg") == 4  # nobody steered
    assert html.count('.png"') == 4
    assert 'download="profile.csv"' in html
    assert "<td>1 of 6</td><td>0 of 5</td>" in html
    assert "&lt;kept&gt;" in html


def test_what_a_file_does_not_hold_is_taken_from_who_asks() -> None:
    (run,) = read_runs([question(4, n_late_frames=4, state_bytes=2**20, weights="random")])
    assert (run.n_late_frames, run.state_bytes, run.weights, run.chunk_s) == (4, 2**20, "random", 0.5)
    assert "1.0 MiB, always" in page_of([run])


async def test_the_run_that_is_wrong_is_named() -> None:
    with pytest.raises(ProfileError, match=r"^B: Line 1 is not JSON\.$"):
        await draw_elsewhere([question(2), {"source": "x", "text": "?", "facts": {}}])


async def test_a_process_that_says_nothing_is_told() -> None:
    with pytest.raises(ChildError, match="ended with exit code 1"):
        await ask_child("lingen_live.no_such_module", [], 30.0)
