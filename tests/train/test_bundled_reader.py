"""What the bundled model reads in prompts as people type them: whose a colour is, and carelessly typed words."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from lingen_live.checkpoint import Bundle, load_bundle
from lingen_live.engine.prompt_state import compose, phrases, unsaid
from lingen_live.text import TextEncoder

EXAMPLES = re.findall(r'^  "(.+)",$', (Path(__file__).parents[2] / "web/prompts.js").read_text("utf-8"), re.MULTILINE)
Listen = Callable[[str], list[Tensor]]
Read = Callable[[str], set[str]]


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    """The bundled model."""
    return load_bundle()


@pytest.fixture(scope="module")
def listen(bundle: Bundle) -> Listen:
    """What the bundled model makes of a prompt: of every field its values' probabilities, last that it is not said."""
    model = bundle.config.model
    text = TextEncoder(max_tokens=model.text_tokens, width=model.text_width)

    @torch.no_grad()
    def hear(prompt: str) -> list[Tensor]:
        one = text.encode(prompt)
        heard = bundle.model.text.read(one.tokens[None], one.mask[None], one.pooled[None])[0]
        return list(heard.split([len(field.values) + 1 for field in bundle.config.fields]))

    return hear


@pytest.fixture(scope="module")
def read(bundle: Bundle, listen: Listen) -> Read:
    """Its phrases, as a stream takes them."""
    sizes = bundle.model.text.fields.sizes
    return lambda prompt: set(phrases(compose(unsaid(sizes), torch.cat(listen(prompt)), sizes), bundle.config.fields))


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_examples_of_the_page_are_read_without_a_doubt(listen: Listen, example: str) -> None:
    for field in listen(example):
        assert float(field.max()) > 0.75, "a word more, and it could be read as something else"


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
