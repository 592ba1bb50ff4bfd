"""What colours a word stands for in names of colours: "jade" is green in most names that hold it, "sea" is several.

The names are those of npm's `color-name-list` 14.29.0 (MIT), some 32,000, with a colour each. Knows words only.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lingen_live.vocabulary import COLOUR_WIDTH, N_HUES

_GREYS = (0.25, 0.6, 0.95)
"""Lightness of black, grey and white as they are meant; what lies between is a share of both."""
_COLOURLESS, _COLOURFUL = 0.02, 0.08
"""Chroma up to which a colour is grey, and from which on it is not."""
_WEIGHT_BY_LENGTH = {1: 4.0, 2: 2.0}
"""Of names by their number of words, others 1: the fewer words, the more each says."""
_RGB_TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_CONES_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
_LEAST_WEIGHT = 3
_MOST_WEIGHT = 100.0


def read_names(path: Path) -> list[tuple[str, str]]:
    """Names, each with its colour as #rrggbb, of a JSON list of objects with `name` and `hex`."""
    return [(entry["name"], entry["hex"]) for entry in json.loads(path.read_text(encoding="utf-8"))]


def oklab(colour: str) -> tuple[float, float, float]:
    """#rrggbb as lightness in [0, 1], chroma in [0, 0.33] and hue in [0, 1) of a turn (Oklab, Ottosson 2020)."""
    coded = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    linear = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
    lightness, a, b = _CONES_TO_LAB @ np.cbrt(_RGB_TO_CONES @ linear)
    return float(lightness), float(np.hypot(a, b)), float(np.arctan2(b, a) / (2 * np.pi) % 1.0)


def memberships(colour: str) -> NDArray[np.float64]:
    """(`N_HUES` + 3,) shares of hues, the first red, and of black, grey and white; they sum to 1."""
    lightness, chroma, hue = oklab(colour)
    shares = np.zeros(N_HUES + len(_GREYS))
    colourful = float(np.clip((chroma - _COLOURLESS) / (_COLOURFUL - _COLOURLESS), 0, 1))
    place, step = divmod(hue * N_HUES, 1.0)
    shares[int(place) % N_HUES] += colourful * (1 - step)
    shares[(int(place) + 1) % N_HUES] += colourful * step
    for index in range(len(_GREYS)):
        shares[N_HUES + index] = (1 - colourful) * np.interp(lightness, _GREYS, np.eye(len(_GREYS))[index])
    return shares


def colours_of_words(names: list[tuple[str, str]]) -> dict[str, NDArray[np.uint8]]:
    """(`COLOUR_WIDTH`,) by word: shares of its names in 255ths, and last how many these are, logarithmically.

    Words of few and long names are left out.
    """
    sums: dict[str, NDArray[np.float64]] = defaultdict(lambda: np.zeros(COLOUR_WIDTH - 1))
    for name, colour in names:
        words = re.findall(r"[a-z]+", name.lower().replace("'s", ""))
        weight = _WEIGHT_BY_LENGTH.get(len(words), 1.0)
        for word in set(words):
            sums[word] += weight * memberships(colour)
    return {word: _coded(total) for word, total in sorted(sums.items()) if round(total.sum()) >= _LEAST_WEIGHT}


def _coded(total: NDArray[np.float64]) -> NDArray[np.uint8]:
    weight = total.sum()
    evidence = min(1.0, np.log1p(weight) / np.log1p(_MOST_WEIGHT))
    return np.round(255 * np.append(total / weight, evidence)).astype(np.uint8)
