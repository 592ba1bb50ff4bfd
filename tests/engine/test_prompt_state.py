"""What a stream is asked for: prompts change what they name, and a blend is a straight line."""

from __future__ import annotations

import pytest
import torch

from lingen_live.config import PromptField
from lingen_live.engine.prompt_state import PromptState, blend, compose, phrases, unsaid
from lingen_live.text import null_embedding

FIELDS = (
    PromptField("light", ("day", "night"), ("day", "night"), 0.0),
    PromptField("pan", ("still", "left", "right"), ("still camera", "pan left", "pan right"), 0.0),
)
SIZES = [3, 4]
DAY_LEFT = torch.tensor([0.9, 0.1, 0.0, 0.0, 0.8, 0.1, 0.1])
NIGHT = torch.tensor([0.1, 0.6, 0.3, 0.2, 0.1, 0.1, 0.6])
ONLY_NIGHT = torch.tensor([0.0, 1.0, 0.0])


def test_a_field_that_is_named_changes_and_the_others_stay() -> None:
    after = compose(DAY_LEFT, NIGHT, SIZES)
    torch.testing.assert_close(after, torch.cat((ONLY_NIGHT, DAY_LEFT[3:])))
    assert phrases(after, FIELDS) == ("night", "pan left")


def test_what_is_half_said_is_said() -> None:
    half = torch.tensor([0.3, 0.2, 0.5, 0.0, 0.4, 0.0, 0.6])
    after = compose(unsaid(SIZES), half, SIZES)
    torch.testing.assert_close(after, torch.tensor([1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]))
    assert phrases(half, FIELDS) == ()
    assert phrases(after, FIELDS) == ("day",)


def test_no_prompt_says_nothing_and_changes_nothing() -> None:
    nothing = unsaid(SIZES)
    assert nothing.tolist() == [0, 0, 1, 0, 0, 0, 1]
    assert phrases(nothing, FIELDS) == ()
    assert torch.equal(compose(DAY_LEFT, nothing, SIZES), DAY_LEFT)
    assert torch.equal(compose(nothing, nothing, SIZES), nothing)


def test_a_model_without_fields_reads_nothing() -> None:
    empty = unsaid([])
    assert compose(empty, empty, []).shape == (0,)
    assert phrases(empty, ()) == ()


@pytest.mark.parametrize("weight", [0.0, 0.25, 1.0])
def test_a_blend_is_a_straight_line(weight: float) -> None:
    start, target = PromptState(null_embedding(3), DAY_LEFT), PromptState(null_embedding(3), NIGHT)
    between = blend(start, target, weight)
    torch.testing.assert_close(between.reading, (1 - weight) * DAY_LEFT + weight * NIGHT)
    assert (between is start, between is target) == (weight == 0, weight == 1)
