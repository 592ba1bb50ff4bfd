"""What single words mean: vectors learned from their neighbours in much text (GloVe), and their colours in names.

A sentence encoder knows what a prompt is about, but little of rare words: to it "jade" is a stone. Where such words
stand in ordinary text says more, and a list of names says what colour they are. The file is data that comes along,
not code: see docs/training.md.

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

VECTOR_WIDTH = 100
N_HUES = 12
COLOUR_WIDTH = N_HUES + 4
"""Shares of hues, of black, grey and white, and how well they are known."""
WORD_WIDTH = VECTOR_WIDTH + COLOUR_WIDTH
VOCABULARY = Path(__file__).with_name("vocabulary.safetensors")
VOCABULARY_SHA256 = "0eaa620dd39ddce66d27ef9712df046a5ceef1493ffa985ccc028665a42b8d25"
DEVIATION = 0.43
"""Of the numbers of a vector: as that of a token state of the sentence encoder."""
COLOUR_SCALE = 3.0
"""What a share of 1 is: a few numbers, of which most are zero, have to be heard beside 484 others."""


class Vocabulary:
    """Vectors by word.

    Args:
        path: a safetensors file: `words`, ASCII in lower case, one a line, as uint8; `vectors`, int8 (n, 100), of which
            each row has its direction only; `coloured`, words as before; `colours`, uint8 (m, 16), in 255ths.

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
        self._rows, self._vectors = _rows_of(tensors["words"]), tensors["vectors"]
        self._colour_rows, self._colours = _rows_of(tensors["coloured"]), tensors["colours"]

    def __len__(self) -> int:
        return len(self._rows)

    def look_up(self, words: Iterable[str]) -> Tensor:
        """(n, 116) float32: vectors of deviation `DEVIATION` about zero, then colours; zeros for what is not known."""
        wanted = [word.lower() for word in words]
        vectors = _found(self._vectors, self._rows, wanted)
        vectors *= DEVIATION * VECTOR_WIDTH**0.5 / vectors.norm(dim=-1, keepdim=True).clamp_min(1e-6)
        colours = _found(self._colours, self._colour_rows, wanted) * (COLOUR_SCALE / 255)
        return torch.cat((vectors, colours), dim=-1)


def _rows_of(words: Tensor) -> dict[str, int]:
    return {word: row for row, word in enumerate(bytes(words.numpy()).decode("ascii").split("\n"))}


def _found(table: Tensor, rows: dict[str, int], words: list[str]) -> Tensor:
    """Rows of a table as float32; zeros where there is none."""
    at = torch.tensor([rows.get(word, -1) for word in words], dtype=torch.long)
    return table[at.clamp_min(0)].float().masked_fill(at[:, None] < 0, 0.0)
