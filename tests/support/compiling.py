"""An engine whose compiler is at work: compiling takes a minute, at the lowest priority, so it is begun early."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from fake_text import FakeText

from lingen_live.checkpoint import Bundle
from lingen_live.engine.engine import Engine
from lingen_live.engine.upgrade import seek_compiled


@dataclass(frozen=True, slots=True)
class Compiling:
    """The engine, and the folder that its cache is in."""

    engine: Engine
    cache: Path


def begin_compiling(bundle: Bundle, cache: Path) -> Compiling:
    """Start an engine without packages, and let it make a chunk."""
    text = FakeText(bundle.config.model.text_tokens)
    engine = Engine(bundle, text, seed=7, prompt="a meadow", upgrade=seek_compiled(bundle.model))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LINGEN_CACHE", str(cache))
        engine.warm_up(lambda stage, fraction: None)  # which starts the compiler
    engine.tick()
    return Compiling(engine, cache)
