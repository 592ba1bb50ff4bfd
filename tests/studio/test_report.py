"""The report beside weights: taken if it is of these weights and whole; otherwise one sentence, and no number."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from lingen_live.checkpoint import BUNDLED, CONFIG_NAME
from lingen_live.digest import sha256_of
from lingen_live.studio import shares
from lingen_live.studio.card_html import quick_html, report_html
from lingen_live.studio.report import ReportError, folder_of, read_report

PNG = b"\x89PNG\r\n\x1a\n and what follows"
SCORES = {"model": {"biome": {"right": 9, "judged": 12}, "colour": {"right": 0, "judged": 0}}}


def leave(folder: Path, **changes: Any) -> None:
    """A report as `eval` leaves it."""
    (folder / "grid.png").write_bytes(PNG)
    entry = {"sha256": hashlib.sha256(PNG).hexdigest(), "legend": [["1, 1", "<a dune>", "nothing"]]}
    (folder / "eval.json").write_text(
        json.dumps({"digest": "abc", "scores": SCORES, "pictures": {"grid.png": entry}} | changes)
    )


def test_the_bundled_report_is_of_the_bundled_weights_and_shows_all_that_it_holds() -> None:
    assert folder_of(None) == BUNDLED / "evaluation"
    report = read_report(folder_of(None), sha256_of(BUNDLED / CONFIG_NAME))
    assert set(report.pictures) == {"drift.png", "grid.png", "steering.png"}
    html = report_html(report)
    biome = report.numbers["scores"]["model"]["biome"]
    for words in (
        shares.told(biome["right"], biome["judged"]),
        "Changes of the prompt",
        "left, fast, model",
        "chunk edges",
        "rain",
    ):
        assert words in html


def test_a_report_of_other_weights_is_not_shown(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="no report lies beside them"):
        read_report(tmp_path, "abc")
    leave(tmp_path)
    with pytest.raises(ReportError, match=r"of others \(abc, these are def\)"):
        read_report(tmp_path, "def")


def test_a_report_stands_in_a_page(tmp_path: Path) -> None:
    leave(tmp_path)
    html = report_html(read_report(tmp_path, "abc"))
    assert "75 % (9/12; 47 to 91)" in html
    assert "not judged" in html
    assert "&lt;a dune&gt;" in html


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pictures": {"grid.png": {"sha256": "0"}}}, "is not the one that the report was made with"),
        ({"pictures": {"../grid.png": {}}}, "names a picture '../grid.png', which is none"),
        ({"pictures": {"lost.png": {"sha256": "0"}}}, "lost.png of the report cannot be read"),
        ({"scores": {"model": {"biome": {"right": 1}}}}, "a number is missing"),
        ({"plan": {}}, "a number is missing"),
    ],
)
def test_a_damaged_report_is_told(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    leave(tmp_path, **changes)
    with pytest.raises(ReportError, match=message):
        report_html(read_report(tmp_path, "abc"))


def test_what_is_not_json_or_too_large_is_told(tmp_path: Path) -> None:
    (tmp_path / "eval.json").write_text("[")
    with pytest.raises(ReportError, match="damaged"):
        read_report(tmp_path, "abc")
    (tmp_path / "eval.json").write_text(" " * (4 * 2**20 + 1))
    with pytest.raises(ReportError, match="more than 4194304 bytes"):
        read_report(tmp_path, "abc")


def test_few_captions_say_how_little_they_say() -> None:
    result = {"seconds": 3.0, "scores": SCORES["model"], "legend": [["1, 1", "dunes", "nothing"]] * 12, "picture": ""}
    html = quick_html(result)
    assert "12 captions, judged after 3 s of video: a first look" in html
    assert "9/12; 47 to 91" in html


@pytest.mark.parametrize(
    ("n_right", "n_judged", "low", "high"),
    [(9, 12, 0.468, 0.911), (0, 10, 0.0, 0.278), (10, 10, 0.722, 1.0), (81, 263, 0.255, 0.366)],  # Newcombe 1998
)
def test_intervals_are_wilsons(n_right: int, n_judged: int, low: float, high: float) -> None:
    assert shares.interval(n_right, n_judged) == pytest.approx((low, high), abs=6e-4)


def test_nothing_judged_leaves_no_interval() -> None:
    with pytest.raises(ValueError, match="0 were judged"):
        shares.interval(0, 0)
