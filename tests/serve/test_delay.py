"""The playout delay: what a person may ask for, and its three bytes."""

from __future__ import annotations

import pytest

from lingen_live.errors import ConfigError
from lingen_live.serve.delay import PlayoutDelay


@pytest.mark.parametrize(
    ("text", "bounds", "data"),
    [
        ("0", (0, 0), "000000"),
        ("120", (120, 120), "00c00c"),
        ("0:500", (0, 500), "000032"),
        ("40950", (40950,) * 2, "ffffff"),
    ],
)
def test_one_number_or_two(text: str, bounds: tuple[int, int], data: str) -> None:
    delay = PlayoutDelay.parse(text)
    assert (delay.min_ms, delay.max_ms) == bounds
    assert delay.data.hex() == data


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("soon", "'soon'; it must be MIN or MIN:MAX"),
        ("-10", "it must be MIN"),
        ("15", "15 ms; it must be 0 to 40950 in steps of 10"),
        ("40960", "40960 ms; it must be 0 to 40950"),
        ("200:100", "at least 200 and at most 100 ms"),
    ],
)
def test_what_cannot_be_is_refused_with_the_numbers(text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        PlayoutDelay.parse(text)
