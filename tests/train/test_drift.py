"""Drift: which windows are looked at, and a distance that is zero, or known, where it must be."""

from __future__ import annotations

import pytest
import torch

from lingen_live.config import BundleConfig
from lingen_live.train import drift
from lingen_live.train.drift import (
    DriftLog,
    WindowSpan,
    drift_captions,
    frechet_distance,
    frechet_on_main_axes,
    record_drift,
    reference_features,
    score_drift,
    window_spans,
)
from lingen_live.train.probe import AttributeProbe
from lingen_live.train.rendered import RenderedStream


def test_windows_are_minutes_at_the_marks_and_the_end_or_less_of_a_shorter_stream() -> None:
    assert window_spans(60, 0.5) == [
        WindowSpan(0, 120, 60.0),
        WindowSpan(1080, 1200, 600.0),
        WindowSpan(7080, 7200, 3600.0),
    ]
    assert window_spans(2, 0.5) == [WindowSpan(0, 40, 20.0), WindowSpan(80, 120, 60.0), WindowSpan(200, 240, 120.0)]
    assert [span.end_s for span in window_spans(1, 0.5)] == [10.0, 60.0]
    assert [span.end_s for span in window_spans(0.3, 0.5)] == [10.0, 18.0]
    assert window_spans(0.05, 0.5) == [WindowSpan(0, 6, 3.0)]
    assert window_spans(0.001, 0.5) == [WindowSpan(0, 1, 0.5)]


def test_equal_sets_have_no_distance() -> None:
    sample = torch.randn(60, 7, generator=torch.Generator().manual_seed(0))
    assert frechet_distance(sample, sample) == pytest.approx(0.0, abs=1e-9)
    assert frechet_on_main_axes(sample, sample) == pytest.approx(0.0, abs=1e-9)


def test_a_shift_costs_its_square_and_a_stretch_the_difference_of_the_spreads() -> None:
    sample = torch.randn(80, 5, generator=torch.Generator().manual_seed(1)).double()
    shift = torch.tensor([1.0, -2.0, 0.0, 0.5, 3.0], dtype=torch.float64)
    assert frechet_distance(sample, sample + shift) == pytest.approx(float(shift.square().sum()), rel=1e-9)
    spread = float(torch.cov(sample.T).trace())
    assert frechet_distance(sample, 3 * (sample - sample.mean(0)) + sample.mean(0)) == pytest.approx(4 * spread)
    other = torch.randn(50, 5, generator=torch.Generator().manual_seed(2)).double()
    assert frechet_distance(sample, other) == pytest.approx(frechet_distance(other, sample))


def test_few_samples_of_many_features_are_compared_on_few_axes() -> None:
    generator = torch.Generator().manual_seed(3)
    reference = torch.randn(100, 256, generator=generator)
    reference[:, 0] *= 50  # the main axis
    sample = torch.randn(8, 256, generator=generator)
    sample[:, 0] = reference[:8, 0] + 1000
    near = sample.clone()
    near[:, 0] -= 1000
    assert frechet_on_main_axes(sample, reference) > 100 * frechet_on_main_axes(near, reference)
    with pytest.raises(ValueError, match="got 1 and 100 samples"):
        frechet_on_main_axes(sample[:1], reference)


def test_a_stream_that_changes_is_farther_from_renders_than_one_that_stays(
    tiny_config: BundleConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drift, "_REFERENCE_CHUNKS", 16)
    captions = drift_captions(2)
    assert captions == drift_captions(2)

    class Fading(RenderedStream):
        """White in its second window."""

        n_ticks = 0

        def reseed(self, seed: int) -> None:
            super().reseed(seed)
            self.n_ticks = 0

        def tick(self):  # type: ignore[no-untyped-def]
            chunk = super().tick()
            self.n_ticks += 1
            if self.n_ticks > 5:
                chunk.frames[:] = 255
            return chunk

    torch.manual_seed(0)
    probe, spans = AttributeProbe(), [WindowSpan(0, 4, 2.0), WindowSpan(5, 9, 4.5)]
    scenes = {caption.text: caption.target for caption in captions}
    done: list[None] = []
    log = DriftLog(probe, spans)
    windows = record_drift(Fading(tiny_config, scenes), captions, log, lambda: done.append(None))
    assert len(done) == 2 * 9
    assert [len(window.samples) for window in windows] == [8, 8]
    assert all(window.features.shape == (8, 256) for window in windows)
    assert [picture.shape for picture in windows[0].pictures] == [(32, 32, 3)] * 2
    assert (windows[1].pictures[0] == 255).all()

    reference = reference_features(tiny_config, probe, captions)
    assert reference.shape == (16, 256)
    first, second = score_drift(windows, reference)
    assert first.ratio == 1.0
    assert second.ratio == second.distance / first.distance > 2
    assert first.right.n_judged == sum(score.n_judged for score in first.scores.values()) > 0
