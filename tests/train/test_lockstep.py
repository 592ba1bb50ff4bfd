"""Streams in lockstep are the streams that an engine makes one by one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from fake_text import FakeText

from lingen_live.checkpoint import load_bundle
from lingen_live.engine.engine import Engine
from lingen_live.train.lockstep import Lockstep

PROMPTS = ["a day", "one more day", "night"]


def test_streams_side_by_side_are_those_that_an_engine_makes(tiny_bundle: Path) -> None:
    bundle = load_bundle(tiny_bundle, dtype=torch.float64)
    text = FakeText(bundle.config.model.text_tokens)
    together = Lockstep(bundle, text, PROMPTS)
    made = [together.tick(is_shown=index != 1) for index in range(3)]
    assert made[1] is None
    for seed, prompt in enumerate(PROMPTS):
        engine = Engine(bundle, text, seed=seed, prompt=prompt)
        for chunk in made:
            frames = engine.tick().frames
            if chunk is not None:
                np.testing.assert_array_equal(chunk[seed], frames)
