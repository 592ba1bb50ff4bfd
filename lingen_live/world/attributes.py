"""The vocabulary of the vista world: what a scene can be, as words. Knows nothing of pixels or sentences."""

from __future__ import annotations

from dataclasses import dataclass, fields
from random import Random

BIOMES = ("meadow", "desert", "snow", "sea", "city")
TIMES = ("dawn", "day", "dusk", "night")
WEATHERS = ("clear", "cloudy", "rain", "snowfall", "fog")
SUBJECTS = ("none", "balloon", "sailboat", "birds", "saucer")
COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "white", "black")
PANS = ("left", "still", "right")
SPEEDS = ("slow", "fast")

VALUES: dict[str, tuple[str, ...]] = {
    "biome": BIOMES,
    "time": TIMES,
    "weather": WEATHERS,
    "subject": SUBJECTS,
    "colour": COLOURS,
    "pan": PANS,
    "speed": SPEEDS,
}


@dataclass(frozen=True, slots=True)
class Attributes:
    """One complete description of a scene; every field is a word of `VALUES`.

    `colour` has no visible effect while `subject` is "none", nor `speed` while `pan` is "still".
    """

    biome: str
    time: str
    weather: str
    subject: str
    colour: str
    pan: str
    speed: str

    def __post_init__(self) -> None:
        """Refuse a word the world does not know."""
        for field in fields(self):
            word = getattr(self, field.name)
            if word not in VALUES[field.name]:
                raise ValueError(f"{field.name} is {word!r}; the world knows {', '.join(VALUES[field.name])}.")

    def indices(self) -> tuple[int, ...]:
        """Position of every word in its tuple of `VALUES`, in field order."""
        return tuple(VALUES[field.name].index(getattr(self, field.name)) for field in fields(self))

    def visible(self) -> dict[str, str]:
        """The attributes that can be seen in a picture or a clip of this scene."""
        words = {field.name: getattr(self, field.name) for field in fields(self)}
        if self.subject == "none":
            del words["colour"]
        if self.pan == "still":
            del words["speed"]
        return words


def sample_attributes(rng: Random) -> Attributes:
    """A uniformly random scene."""
    return Attributes(**{name: rng.choice(words) for name, words in VALUES.items()})
