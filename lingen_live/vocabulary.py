"""Vectors of single words, learned from what stands beside what in much text (GloVe), beside the states of a sentence.

A sentence encoder knows what a prompt is about, but little of rare words: to it "jade" is a stone. Where such words
stand in ordinary text says more. The file is data that comes along, not code: see docs/training.md.

Knows words and vectors. Does not know tokens, nor what is made of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from lingen_live.digest import sha256_of
from lingen_live.errors import TextEncoderError

WORD_WIDTH = 100
VOCABULARY = Path(__file__).with_name("vocabulary.safetensors")
VOCABULARY_SHA256 = "a5a3651aa254a794352c05e89336d0892bd89e9e9f59545b7f90ed861d62b584"
DEVIATION = 0.43
"""Of the numbers of a vector: as that of a token state of the sentence encoder."""


class Vocabulary:
    """Vectors by word.

    Args:
        path: a safetensors file: `words`, ASCII in lower case, one a line, as uint8; `vectors`, int8 (n, 100), of which
            each row has its direction only.

    Raises:
        TextEncoderError: the file is missing, or not the pinned one.
    """

    def __init__(self, path: Path = VOCABULARY) -> None:
        if not path.is_file():
            raise TextEncoderError(f"There is no vocabulary at {path}.")
        if (digest := sha256_of(path)) != VOCABULARY_SHA256:
            raise TextEncoderError(f"{path} has sha256 {digest}; only {VOCABULARY_SHA256} is accepted.")
        try:
            tensors = load_file(path)
        except SafetensorError as error:
            raise TextEncoderError(f"The vocabulary {path} cannot be read: {error}") from error
        words = bytes(tensors["words"].numpy()).decode("ascii").split("\n")
        self._rows = {word: row for row, word in enumerate(words)}
        self._vectors = tensors["vectors"]

    def __len__(self) -> int:
        return len(self._rows)

    def look_up(self, words: Iterable[str]) -> Tensor:
        """(n, 100) float32, each of deviation `DEVIATION` about zero; zeros for a word that is not there."""
        rows = torch.tensor([self._rows.get(word.lower(), -1) for word in words], dtype=torch.long)
        found = self._vectors[rows.clamp_min(0)].float()
        found *= DEVIATION * WORD_WIDTH**0.5 / found.norm(dim=-1, keepdim=True).clamp_min(1e-6)
        return found.masked_fill(rows[:, None] < 0, 0.0)
