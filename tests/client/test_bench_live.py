"""What half an hour of frames is judged by, on frames that were made up."""

from __future__ import annotations

import pytest

from lingen_live.client.bench_live import Presented, judge, run_bench_live
from lingen_live.client.bench_viewers import BenchError

_START = 2**32 - 90_000  # media time wraps after a second


def _frames(shown_ms: list[float], media_ms: list[float]) -> list[Presented]:
    return [
        Presented(shown, index + 7, round(_START + 90 * media) % 2**32)
        for index, (shown, media) in enumerate(zip(shown_ms, media_ms, strict=True))
    ]


def test_an_even_stream_neither_freezes_nor_falls_behind() -> None:
    times = [62.5 * index for index in range(16 * 180 + 1)]
    result = judge(_frames([1000 + each for each in times], times))
    assert result["fps"] == pytest.approx(16)
    assert result["n_freezes"] == 0
    assert result["longest_ms"] == pytest.approx(62.5)
    assert result["lag_ms"] == pytest.approx([0, 0, 0], abs=0.1)


def test_a_frame_that_stands_is_a_freeze_and_what_comes_later_is_lag() -> None:
    media = [62.5 * index for index in range(16 * 120)]
    shown = [each + (300 if each > 70_000 else 0) for each in media]
    result = judge(_frames(shown, media))
    assert result["n_freezes"] == 1
    assert result["longest_ms"] == pytest.approx(362.5)
    assert result["lag_growth_ms"] == pytest.approx(300, abs=0.1)


def test_frames_of_which_the_page_was_not_told_were_shown_nevertheless() -> None:
    frames = [Presented(0, 1, 0), Presented(62.5, 2, 5625), Presented(375, 7, 33_750)]
    result = judge(frames)
    assert (result["n_frames"], result["n_freezes"]) == (6, 0)
    assert result["fps"] == pytest.approx(16)


def test_what_cannot_be_measured_is_said() -> None:
    with pytest.raises(BenchError, match="1 frames were shown; 2"):
        judge([Presented(0, 1, 0)])
    with pytest.raises(BenchError, match=r"minutes is 0; it must be 0\.2 to 1440"):
        run_bench_live(0)
