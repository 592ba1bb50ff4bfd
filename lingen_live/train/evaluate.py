"""How well the bundled model does what the words say: prompts in words never trained on, judged by the probe.

Every score stands beside the probe's own score on renders and on renders passed through the codec: no model
can be judged better than its judge.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import Random

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lingen_live.codec.autoencoder import VideoCodec
from lingen_live.config import BundleConfig
from lingen_live.engine.engine import Engine
from lingen_live.train.probe import JUDGED, AttributeProbe, chunk_of, judge
from lingen_live.world.attributes import Attributes
from lingen_live.world.captions import Caption, describe, sample_scene

_CEILING_CHUNKS = 400
_BATCH = 40


@dataclass(frozen=True, slots=True)
class Score:
    """How often an attribute was right, of how many that could be judged."""

    n_right: int
    n_judged: int

    @property
    def share(self) -> float:
        """In [0, 1]; NaN when nothing was judged."""
        return self.n_right / self.n_judged if self.n_judged else math.nan


@dataclass(frozen=True, slots=True)
class Sample:
    """One held-out caption and what the model made of it.

    Attributes:
        caption: the prompt and what it fixes.
        frames: (F, H, W, 3) uint8, the last chunk.
        seen: the probe's words.
    """

    caption: Caption
    frames: NDArray[np.uint8]
    seen: dict[str, str]


def held_out_captions(n: int, seed: int = 2026) -> list[Caption]:
    """Captions in reserved phrasings and synonyms; every second one of a combination never trained on."""
    rng = Random(seed)
    return [
        describe(sample_scene(rng, split="held_out" if index % 2 else "train"), rng, split="held_out")
        for index in range(n)
    ]


def sample_captions(
    engine: Engine,
    probe: AttributeProbe,
    captions: list[Caption],
    n_chunks: int,
    on_done: Callable[[], object],
) -> list[Sample]:
    """Start a fresh stream for each caption and judge its last chunk."""
    samples = []
    for index, caption in enumerate(captions):
        engine.cut(caption.text)
        engine.reseed(index)
        for _ in range(n_chunks):
            frames = engine.tick().frames
        samples.append(Sample(caption, frames, judge(probe, to_unit(frames).unsqueeze(0))[0]))
        on_done()
    return samples


def to_unit(frames: NDArray[np.uint8]) -> Tensor:
    """(F, H, W, 3) uint8 to (F, 3, H, W) in [0, 1]."""
    return torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 255


def score_samples(samples: Iterable[Sample]) -> dict[str, Score]:
    """Right answers among the attributes that each caption fixes."""
    return _scores((sample.seen, _fixed(sample.caption)) for sample in samples)


def _fixed(caption: Caption) -> dict[str, str]:
    visible = caption.target.visible()
    return {name: visible[name] for name in JUDGED if name in caption.mentions and name in visible}


def _scores(pairs: Iterable[tuple[dict[str, str], dict[str, str]]]) -> dict[str, Score]:
    right, judged = dict.fromkeys(JUDGED, 0), dict.fromkeys(JUDGED, 0)
    for seen, wanted in pairs:
        for name, word in wanted.items():
            judged[name] += 1
            right[name] += seen[name] == word
    return {name: Score(right[name], judged[name]) for name in JUDGED}


@torch.no_grad()
def score_renders(
    bundle: BundleConfig, probe: AttributeProbe, codec: VideoCodec | None, seed: int = 99
) -> dict[str, Score]:
    """The probe on renders of held-out and ordinary scenes, passed through the codec when there is one."""
    rng = Random(seed)
    scenes = [sample_scene(rng, split="held_out" if i % 2 else "train") for i in range(_CEILING_CHUNKS)]
    pairs: list[tuple[dict[str, str], dict[str, str]]] = []
    for first in range(0, len(scenes), _BATCH):
        batch = scenes[first : first + _BATCH]
        frames, travel = chunk_of(bundle, batch, rng, "cpu")
        if codec is not None:
            frames = codec.decode(codec.encode(frames, travel))
        pairs += zip(judge(probe, frames), [_judged(scene) for scene in batch], strict=True)
    return _scores(pairs)


def _judged(scene: Attributes) -> dict[str, str]:
    return {name: word for name, word in scene.visible().items() if name in JUDGED}
