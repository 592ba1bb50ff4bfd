"""The real engine of a small bundle with a text encoder without weights, where a worker can import it."""

from __future__ import annotations

import torch
from fake_text import FakeText

from lingen_live.checkpoint import load_bundle
from lingen_live.engine.batch import StreamBatch
from lingen_live.engine.engine import Engine
from lingen_live.engine.interface import OnProgress
from lingen_live.engine.options import EngineOptions
from lingen_live.engine.timeline import TimelineLimits

TINY_LIMITS = TimelineLimits(memory_bytes=2**21)


def make_tiny(options: EngineOptions, on_progress: OnProgress) -> StreamBatch:
    torch.set_num_threads(1)
    bundle = load_bundle(options.checkpoint)
    engine = Engine(bundle, FakeText(bundle.config.model.text_tokens), seed=options.seed, prompt=options.prompt)
    return StreamBatch(engine, options.batch_limit, TINY_LIMITS)
