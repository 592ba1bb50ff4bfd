"""From one prompt to the next: the first chunk moves, the last is there."""

from __future__ import annotations

import pytest
import torch

from lingen_live.engine.prompt_state import PromptState
from lingen_live.engine.transition import Transition
from lingen_live.text import TextEmbedding, null_embedding

N_TOKENS = 3


def prompt(value: float, n_tokens: int) -> PromptState:
    like = null_embedding(N_TOKENS)
    mask = torch.arange(N_TOKENS) < n_tokens
    words = TextEmbedding(torch.full_like(like.tokens, value), mask, torch.full_like(like.pooled, value))
    return PromptState(words, torch.tensor([1 - value, value]))


START, TARGET = prompt(0.0, 1), prompt(1.0, 2)


@pytest.mark.parametrize("n_chunks", [1, 2, 4, 16])
def test_weights_rise_evenly_to_one_and_stay(n_chunks: int) -> None:
    transition = Transition(START, TARGET, n_chunks)
    weights = []
    for _ in range(n_chunks + 2):
        weights.append(transition.weight)
        transition = transition.advanced()
    assert weights[:n_chunks] == pytest.approx([(k + 1) / n_chunks for k in range(n_chunks)])
    assert weights[n_chunks - 1 :] == [1.0, 1.0, 1.0]


def test_the_way_is_a_straight_line() -> None:
    state = Transition(START, TARGET, 2).prompt()
    assert state.reading.tolist() == [0.5, 0.5]
    halfway = state.words
    torch.testing.assert_close(halfway.tokens, torch.full_like(halfway.tokens, 0.5))
    torch.testing.assert_close(halfway.pooled, torch.full_like(halfway.pooled, 0.5))
    assert halfway.mask.tolist() == [True, True, False]


def test_the_end_is_the_target_itself() -> None:
    transition = Transition(START, TARGET, 3).advanced().advanced()
    assert transition.prompt() is TARGET
    assert transition.advanced().advanced().prompt() is TARGET


def test_it_does_not_count_for_ever() -> None:
    transition = Transition(START, TARGET, 2)
    for _ in range(10):
        transition = transition.advanced()
    assert transition.n_done == 2
