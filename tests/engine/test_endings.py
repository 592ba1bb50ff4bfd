"""What is remembered of decoded chunks, and that forgetting it changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from lingen_live.codec.autoencoder import Ending
from lingen_live.engine.endings import MAX_ENDINGS, Endings
from lingen_live.engine.engine import Engine

MakeEngine = Callable[..., Engine]


def test_what_was_forgotten_is_made_anew_to_the_bit(make_engine: MakeEngine) -> None:
    engine, forgetful = make_engine(), make_engine()
    for _ in range(3):
        forgetful.maker = replace(forgetful.maker, endings=Endings(forgetful.bundle.codec))
        assert np.array_equal(engine.tick().frames, forgetful.tick().frames)


def test_zeros_are_no_past_and_only_so_many_endings_are_kept(make_engine: MakeEngine) -> None:
    codec = make_engine().bundle.codec
    endings = Endings(codec)
    chunks = torch.randn(MAX_ENDINGS + 1, 1, 2, codec.config.latent_channels, 2, 2)
    kept = [Ending(torch.full((1,), float(index)), torch.zeros(1)) for index in range(len(chunks))]
    for chunk, ending in zip(chunks, kept, strict=True):
        endings.keep(chunk, ending)
    assert endings.of(chunks[-1]) is kept[-1]
    assert endings.of(chunks[1]) is kept[1]
    assert endings.of(torch.zeros_like(chunks[0])) is None
    forgotten = endings.of(chunks[0])
    assert forgotten is not None
    assert forgotten.picture.ndim == 5
