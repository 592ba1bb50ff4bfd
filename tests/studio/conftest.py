"""Engines of the tiny bundle, with a text encoder that has no weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from fake_text import FakeText

from lingen_live.checkpoint import Bundle, load_bundle
from lingen_live.engine.engine import Engine

MakeEngine = Callable[..., Engine]


@pytest.fixture
def bundle(tiny_bundle: Path) -> Bundle:
    """The tiny bundle, loaded anew: a test may do with it what it likes."""
    return load_bundle(tiny_bundle)


@pytest.fixture
def make_engine(bundle: Bundle) -> MakeEngine:
    """Make engines of one bundle; options as those of `Engine`."""

    def make(**options: object) -> Engine:
        given = {"seed": 7, "prompt": "a meadow", **options}
        return Engine(bundle, FakeText(bundle.config.model.text_tokens), **given)  # type: ignore[arg-type]

    return make
