"""Whether a stream stays as good as it began: attribute scores and a distance to renders, window by window.

Streams of held-out captions run for minutes. A window is a minute of media time, or a sixth of a stream that is shorter
than six, but ten seconds at least: the first, and those that end at minute 1, 10 and 60 and at the end, as far as the
stream goes. The distance is Frechet's (Heusel et al. 2017, equation 6) between the probe's features of a window's
chunks and those of renders of the same scenes.

The chunks of a window are few, and neighbours are alike, so the 256 features are first projected on the main axes
of the renders, at most a quarter as many as the window has chunks. Every window has equally many chunks, so that
the bias of a small sample (Chong and Forsyth 2020) is the same in all and the ratio to the first is fair; the
distance of as many fresh renders is told beside it, as a floor.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lingen_live.config import BundleConfig
from lingen_live.train.evaluate import Sample, Score, score_samples, to_unit
from lingen_live.train.lockstep import Lockstep
from lingen_live.train.probe import AttributeProbe, chunk_of, judge
from lingen_live.train.rendered import Stream
from lingen_live.world.attributes import VALUES
from lingen_live.world.captions import Caption, describe, sample_scene

_SHORTEST_S, _LONGEST_S, _WINDOW_PART = 10.0, 60.0, 1 / 6
SEED = 2029
_MARKS_MIN = (1, 10, 60)
_REFERENCE_CHUNKS = 256
_MAX_AXES = 32
_BATCH = 16


@dataclass(frozen=True, slots=True)
class WindowSpan:
    """Chunks [first, last) of a stream, and when they end in seconds of media time."""

    first: int
    last: int
    end_s: float


@dataclass(frozen=True, slots=True)
class Window:
    """What all streams showed in a span.

    Attributes:
        span: which chunks.
        samples: every chunk of it as the probe judged it; their frames are the last frame alone.
        features: (N, 256) float32, the probe's.
        pictures: (H, W, 3) uint8, the last frame of each stream.
    """

    span: WindowSpan
    samples: list[Sample]
    features: Tensor
    pictures: list[NDArray[np.uint8]]


@dataclass(frozen=True, slots=True)
class DriftResult:
    """A window's scores.

    Attributes:
        end_s: when the window ends, seconds of media time.
        scores: right answers, by attribute.
        right: all attributes together.
        distance: Frechet, to renders of the same scenes; at least 0.
        ratio: of the distance to that of the first window.
    """

    end_s: float
    scores: dict[str, Score]
    right: Score
    distance: float
    ratio: float


def drift_captions(n: int, seed: int = SEED) -> list[Caption]:
    """Held-out words that say all that is visible; every second scene is of a combination never trained on."""
    rng = Random(seed)
    scenes = (sample_scene(rng, split="held_out" if index % 2 else "train") for index in range(n))
    return [describe(scene, rng, min_mentions=len(VALUES), split="held_out") for scene in scenes]


def window_spans(minutes: float, chunk_s: float) -> list[WindowSpan]:
    """The windows of a stream of this length, in order; they overlap where it is short.

    Args:
        minutes: length of the stream.
        chunk_s: media time of a chunk, seconds.
    """
    length_s = minutes * 60
    window_s = min(max(_SHORTEST_S, length_s * _WINDOW_PART), _LONGEST_S, length_s)
    n_window = max(1, round(window_s / chunk_s))
    marks = [round(mark * 60 / chunk_s) for mark in _MARKS_MIN if mark <= minutes]
    ends = sorted({n_window, *marks, max(n_window, round(length_s / chunk_s))})
    return [WindowSpan(end - n_window, end, end * chunk_s) for end in ends]


class DriftLog:
    """Collects what streams show in some spans; holds judgements and a picture, not video."""

    def __init__(self, probe: AttributeProbe, spans: Sequence[WindowSpan]) -> None:
        self.spans = spans
        self._probe = probe
        self._samples: list[list[Sample]] = [[] for _ in spans]
        self._features: list[list[Tensor]] = [[] for _ in spans]
        self._pictures: list[list[NDArray[np.uint8]]] = [[] for _ in spans]

    @property
    def n_chunks(self) -> int:
        """Chunks to the end of the last span."""
        return self.spans[-1].last

    def wants(self, chunk_index: int) -> bool:
        """Whether this chunk lies in a span."""
        return any(span.first <= chunk_index < span.last for span in self.spans)

    @torch.no_grad()
    def note(self, caption: Caption, chunk_index: int, frames: NDArray[np.uint8]) -> None:
        """Judge the chunk (F, H, W, 3) of the stream that began with a caption."""
        chunk, last = to_unit(frames).unsqueeze(0), frames[-1:].copy()
        sample, features = Sample(caption, last, judge(self._probe, chunk)[0]), self._probe.features(chunk)
        for row, span in enumerate(self.spans):
            if span.first <= chunk_index < span.last:
                self._samples[row].append(sample)
                self._features[row].append(features)
                if chunk_index == span.last - 1:
                    self._pictures[row].append(last[0])

    def windows(self) -> list[Window]:
        """One a span."""
        rows = zip(self.spans, self._samples, self._features, self._pictures, strict=True)
        return [Window(span, samples, torch.cat(features), pictures) for span, samples, features, pictures in rows]


def record_drift(
    stream: Stream, captions: Sequence[Caption], log: DriftLog, on_chunk: Callable[[], object]
) -> list[Window]:
    """Run one stream a caption, one after the other, to the end of the last span."""
    for index, caption in enumerate(captions):
        stream.cut(caption.text)
        stream.reseed(index)
        for chunk_index in range(log.n_chunks):
            frames = stream.tick().frames
            if log.wants(chunk_index):
                log.note(caption, chunk_index, frames)
            on_chunk()
    return log.windows()


def record_drift_together(
    streams: Lockstep, captions: Sequence[Caption], log: DriftLog, on_chunk: Callable[[], object]
) -> list[Window]:
    """Run a model's streams of all captions side by side; what no span asks for is not even decoded."""
    for chunk_index in range(log.n_chunks):
        frames = streams.tick(is_shown=log.wants(chunk_index))
        if frames is not None:
            for caption, shown in zip(captions, frames, strict=True):
                log.note(caption, chunk_index, shown)
        on_chunk()
    return log.windows()


@torch.no_grad()
def reference_features(
    config: BundleConfig, probe: AttributeProbe, captions: Sequence[Caption], seed: int = 97
) -> Tensor:
    """The probe's features (N, 256) of renders of the captions' scenes, in many landscapes and moments."""
    rng = Random(seed)
    scenes = [captions[index % len(captions)].target for index in range(_REFERENCE_CHUNKS)]
    parts = [
        probe.features(chunk_of(config, scenes[first : first + _BATCH], rng, "cpu")[0])
        for first in range(0, len(scenes), _BATCH)
    ]
    return torch.cat(parts)


def score_drift(windows: Sequence[Window], reference: Tensor) -> list[DriftResult]:
    """Scores of every window, and its distance to the reference (N, 256)."""
    distances = [frechet_on_main_axes(window.features, reference) for window in windows]
    out = []
    for window, distance in zip(windows, distances, strict=True):
        scores = score_samples(window.samples)
        right = Score(sum(s.n_right for s in scores.values()), sum(s.n_judged for s in scores.values()))
        ratio = distance / distances[0] if distances[0] > 0 else math.nan
        out.append(DriftResult(window.span.end_s, scores, right, distance, ratio))
    return out


def frechet_on_main_axes(features: Tensor, reference: Tensor) -> float:
    """Frechet distance after projecting both on the main axes of the reference.

    Args:
        features: (N, d).
        reference: (M, d).

    Returns:
        At least 0; over min(N / 4, M / 4, 32) axes, at least one, so that no covariance lacks rank.

    Raises:
        ValueError: fewer than two rows on a side; the message holds both numbers.
    """
    if min(len(features), len(reference)) < 2:
        raise ValueError(f"got {len(features)} and {len(reference)} samples; a covariance takes 2 or more.")
    n_axes = max(1, min(len(features) // 4, len(reference) // 4, _MAX_AXES, features.shape[1]))
    centred = reference.double() - reference.double().mean(0)
    axes = torch.linalg.svd(centred, full_matrices=False).Vh[:n_axes].T
    return frechet_distance(features.double() @ axes, reference.double() @ axes)


def frechet_distance(first: Tensor, second: Tensor) -> float:
    """Frechet distance of the Gaussians with the means and covariances of two samples (Heusel et al. 2017, eq. 6).

    |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)), where the trace of the root is the sum of the roots of the
    eigenvalues of the symmetric C1^(1/2) C2 C1^(1/2). Computed in float64.

    Args:
        first: (N, d), N >= 2.
        second: (M, d), M >= 2.

    Returns:
        At least 0.
    """
    first, second = first.double(), second.double()
    cov_first, cov_second = (torch.cov(sample.T).reshape(sample.shape[1], -1) for sample in (first, second))
    values, vectors = torch.linalg.eigh(cov_first)
    root = (vectors * values.clamp(min=0).sqrt()) @ vectors.T
    between = torch.linalg.eigvalsh(root @ cov_second @ root).clamp(min=0).sqrt().sum()
    spread = cov_first.trace() + cov_second.trace() - 2 * between
    distance = (first.mean(0) - second.mean(0)).square().sum() + spread
    return max(0.0, float(distance))
