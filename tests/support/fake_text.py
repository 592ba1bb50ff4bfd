"""A text encoder without weights: the same words give the same numbers, other words others."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import torch
from torch.nn import functional

from lingen_live.text import TEXT_WIDTH, TextEmbedding, TextEncoder


class FakeText(TextEncoder):
    """One random token state a word, from the words alone."""

    def __init__(self, max_tokens: int, width: int = TEXT_WIDTH) -> None:
        self.max_tokens, self._width = max_tokens, width
        self.n_encoded = 0

    def encode(self, prompt: str) -> TextEmbedding:
        """The embedding of one prompt."""
        self.n_encoded += 1
        generator = torch.Generator().manual_seed(zlib.crc32(prompt.encode()))
        mask = torch.arange(self.max_tokens) < 2 + len(prompt.split())
        tokens = torch.randn(self.max_tokens, self._width, generator=generator) * mask[:, None]
        return TextEmbedding(tokens, mask, functional.normalize(tokens.sum(0), dim=0))

    def encode_batch(self, prompts: Sequence[str]) -> list[TextEmbedding]:
        """The embeddings of many."""
        return [self.encode(prompt) for prompt in prompts]
