"""What the bundled model reads in prompts as people type them: whose a colour is, and carelessly typed words."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from lingen_live.checkpoint import load_bundle
from lingen_live.engine.prompt_state import phrases
from lingen_live.text import TextEncoder

Read = Callable[[str], set[str]]


@pytest.fixture(scope="module")
def read() -> Read:
    """The phrases that the bundled model makes of a prompt."""
    bundle = load_bundle()
    model = bundle.config.model
    text = TextEncoder(max_tokens=model.text_tokens, width=model.text_width)

    @torch.no_grad()
    def say(prompt: str) -> set[str]:
        one = text.encode(prompt)
        heard = bundle.model.text.read(one.tokens[None], one.mask[None], one.pooled[None])[0]
        return set(phrases(heard, bundle.config.fields))

    return say


@pytest.mark.parametrize(
    ("prompt", "same"),
    [
        ("a red balloon over dunes at dusk", "a crimson balloon over the desert at sunset"),
        ("a balloon over red dunes", "a balloon over the desert"),
        ("a green balloon over red dunes", "a green balloon over the desert"),
        ("a blue boat on the blue sea", "a blue sailboat on the ocean"),
        ("yellow birds over green fields", "yellow birds over grassland"),
        ("birds over white hills", "birds over snowy mountains"),
        ("red balloon, sunset, storm", "a red balloon at dusk in the rain"),
        ("red ballon", "a red balloon"),
        ("now rain", "make it rain"),
        ("snow!", "let it snow"),
        ("stop", "the camera holds still"),
        ("too fast", "slow down"),
    ],
)
def test_a_prompt_is_read_as_what_it_means(read: Read, prompt: str, same: str) -> None:
    heard = read(prompt)
    assert heard
    assert heard == read(same)
