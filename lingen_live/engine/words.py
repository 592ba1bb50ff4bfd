"""From words to what conditions a chunk: reads prompts with the model, and adds them up.

Knows the text encoder and the model's reader. Does not know streams, chunks or transitions.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import torch
from torch import Tensor

from lingen_live.checkpoint import Bundle
from lingen_live.engine.events import Words
from lingen_live.engine.prompt_state import PromptState, blend, compose, is_said, phrases, unsaid
from lingen_live.engine.understanding import Understanding
from lingen_live.model.embed import TextContext
from lingen_live.text import TextEmbedding, TextEncoder

_MAX_CONTEXTS = 16


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """Words since the last cut, and the fields for which they still count.

    Attributes:
        words: what was asked for.
        fields: indices of the fields that nothing said since has taken over wholly.
    """

    words: Words
    fields: frozenset[int]


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """Words as the model reads them on top of those before.

    Attributes:
        understanding: for people.
        state: for the model.
        asked: the words that made it, oldest first: read again from nothing they give the same state. Words of which
            nothing is left are not among them, so they are at most one more than there are fields.
    """

    understanding: Understanding
    state: PromptState
    asked: tuple[Asked, ...]


class WordReader:
    """Reads words for one model.

    Args:
        bundle: whose model reads.
        text_encoder: embeds prompts; gives as many tokens as the model's configuration says.
    """

    def __init__(self, bundle: Bundle, text_encoder: TextEncoder) -> None:
        self._model = bundle.model
        self._fields, self._emphasis = bundle.config.fields, bundle.config.emphasis
        self._sizes = bundle.model.text.fields.sizes
        self._text_encoder = text_encoder
        weight = bundle.model.latent_in.weight
        self._device, self._dtype = weight.device, weight.dtype
        self._contexts: OrderedDict[PromptState, TextContext] = OrderedDict()

    @torch.inference_mode()
    def read(self, words: Words, before: Reading | None = None) -> Reading:
        """What words say, on top of a reading before them; None for nothing before."""
        under = unsaid(self._sizes) if before is None else before.state.reading
        embedded = [self._text_encoder.encode(part.prompt) for part in words]
        read = [self._model.text.read(*self._on_device(one))[0].float().cpu() for one in embedded]
        said = [compose(unsaid(self._sizes), one, self._sizes) for one in read]
        state = PromptState(embedded[0], compose(under, said[0], self._sizes))
        heard, pooled, total = said[0], embedded[0].pooled, words[0].weight
        for part, one, says in zip(words[1:], embedded[1:], said[1:], strict=True):
            total += part.weight
            weight = min(1.0, part.weight / total)
            state = blend(state, PromptState(one, compose(under, says, self._sizes)), weight)
            heard, pooled = torch.lerp(heard, says, weight), torch.lerp(pooled, one.pooled, weight)
        asked = self._add_up(() if before is None else before.asked, words, said)
        return Reading(self._understand(heard, state.reading, pooled), state, asked)

    def read_all(self, asked: tuple[Words, ...]) -> Reading:
        """What several words say, each on top of the ones before; at least one."""
        reading = None
        for words in asked:
            reading = self.read(words, reading)
        assert reading is not None
        return reading

    def context(self, state: PromptState) -> TextContext:
        """Keys and values of a prompt for all layers; the last ones are kept."""
        if state not in self._contexts:
            reading = state.reading.to(self._device).unsqueeze(0)
            words = self._on_device(state.words)
            self._contexts[state] = self._model.read_text(*words, reading, self._emphasis)
            if len(self._contexts) > _MAX_CONTEXTS:
                self._contexts.popitem(last=False)
        self._contexts.move_to_end(state)
        return self._contexts[state]

    def _understand(self, heard: Tensor, reading: Tensor, pooled: Tensor) -> Understanding:
        told = phrases(heard, self._fields)
        similarity = float(pooled @ self._text_encoder.encode(", ".join(told)).pooled) if told else 0.0
        return Understanding(phrases(reading, self._fields), told, max(0.0, similarity))

    def _add_up(self, before: tuple[Asked, ...], words: Words, said: list[Tensor]) -> tuple[Asked, ...]:
        """The words that still count, those just said among them."""
        by_part = [is_said(one, self._sizes) for one in said]
        touched = frozenset(field for fields in by_part for field in fields)
        taken = frozenset.intersection(*by_part)
        older = (Asked(one.words, one.fields - taken) for one in before)
        return (*(one for one in older if one.fields), Asked(words, touched))

    def _on_device(self, words: TextEmbedding) -> tuple[Tensor, Tensor, Tensor]:
        """Tokens, mask and pooled as the model takes them, a batch of one."""
        tokens, pooled = (t.to(self._device, self._dtype).unsqueeze(0) for t in (words.tokens, words.pooled))
        return tokens, words.mask.to(self._device).unsqueeze(0), pooled
