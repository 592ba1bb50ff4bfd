"""A schedule of attribute changes over time, evaluated at any moment as continuous numbers.

A track is a pure function of time: the renderer can be asked for any frame alone. Attributes ease from one
value to the next with a smoothstep; the camera's position is the exact integral of its eased velocity. Knows
no pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from lingen_live.world.attributes import BIOMES, COLOURS, SUBJECTS, TIMES, WEATHERS, Attributes
from lingen_live.world.palette import SUBJECT_COLOURS

EASE_S = 1.0
"""How long a change takes by default."""

_VELOCITY = {
    ("left", "slow"): -0.10,
    ("left", "fast"): -0.26,
    ("right", "slow"): 0.10,
    ("right", "fast"): 0.26,
}


def camera_velocity(attributes: Attributes) -> float:
    """Screen heights a second that the nearest ground moves; positive when the camera travels right."""
    return _VELOCITY.get((attributes.pan, attributes.speed), 0.0)


@dataclass(frozen=True, slots=True)
class Change:
    """From `at_s` on, over `ease_s` seconds (more than 0), the scene becomes `target`."""

    at_s: float
    ease_s: float
    target: Attributes

    def __post_init__(self) -> None:
        """Refuse a change that takes no time: the camera would have no velocity in it."""
        if not self.ease_s > 0:
            raise ValueError(f"ease_s is {self.ease_s}; a change takes more than 0 seconds.")


@dataclass(frozen=True, slots=True)
class Track:
    """A scene and what becomes of it.

    Attributes:
        seed: which landscape.
        start: attributes before the first change.
        changes: in order of time; one must end before the next begins.
    """

    seed: int
    start: Attributes
    changes: tuple[Change, ...] = ()

    def __post_init__(self) -> None:
        """Refuse changes that overlap, with both times."""
        for change, following in pairwise(self.changes):
            end_s = change.at_s + change.ease_s
            if following.at_s < end_s - 1e-9:
                raise ValueError(f"a change begins at {following.at_s} s, the one before it ends at {end_s} s.")


@dataclass(frozen=True, slots=True)
class Scenes:
    """N frames as continuous numbers; all the renderer needs.

    Attributes:
        seed: (N,) int64.
        time_s: (N,) float32.
        camera: (N,) float32, screen heights travelled.
        biome, time, weather, subject: (N, n) float32 weights that sum to 1.
        colour: (N, 3) float32 in [0, 1], the subject's.
    """

    seed: Tensor
    time_s: Tensor
    camera: Tensor
    biome: Tensor
    time: Tensor
    weather: Tensor
    subject: Tensor
    colour: Tensor

    def __len__(self) -> int:
        return self.seed.shape[0]

    def select(self, index: Tensor | slice) -> Scenes:
        """The frames at `index`, in that order."""
        return Scenes(*(getattr(self, name)[index] for name in self.__slots__))

    def to(self, device: torch.device | str) -> Scenes:
        """The same on another device."""
        return Scenes(*(getattr(self, name).to(device) for name in self.__slots__))


def concatenate(parts: list[Scenes]) -> Scenes:
    """All frames of all parts, in order."""
    return Scenes(*(torch.cat([getattr(part, name) for part in parts]) for name in Scenes.__slots__))


def _one_hot(word: str, words: tuple[str, ...]) -> Tensor:
    return torch.eye(len(words), dtype=torch.float64)[words.index(word)]


def _numbers(attributes: Attributes) -> tuple[Tensor, ...]:
    """biome, time, weather, subject weights and colour of a constant scene."""
    colour = torch.tensor(SUBJECT_COLOURS[COLOURS.index(attributes.colour)], dtype=torch.float64)
    return (
        _one_hot(attributes.biome, BIOMES),
        _one_hot(attributes.time, TIMES),
        _one_hot(attributes.weather, WEATHERS),
        _one_hot(attributes.subject, SUBJECTS),
        colour,
    )


def _eased_travel(t: Tensor, ease_s: float) -> Tensor:
    """Integral of smoothstep(t / ease_s) from 0 to t, seconds."""
    u = (t / ease_s).clamp(0, 1)
    return ease_s * (u**3 - u**4 / 2) + (t - ease_s).clamp(min=0)


def evaluate(track: Track, times_s: Tensor) -> Scenes:
    """The scene of a track at the given moments.

    Args:
        track: the schedule.
        times_s: (N,) seconds, on the CPU; any order.

    Returns:
        N frames, on the CPU. Computed in float64 and rounded once, so that an hour into a landscape all still
        moves smoothly: the camera is exact to 3e-5 at 900 screen heights, the time to 1.2e-4 s at 3600 s.
    """
    t = times_s.to(torch.float64)
    camera = t * camera_velocity(track.start)
    current = track.start
    weights = [w.expand(len(t), -1) for w in _numbers(current)]
    for change in track.changes:
        u = ((t - change.at_s) / change.ease_s).clamp(0, 1)
        s = (u * u * (3 - 2 * u)).unsqueeze(1)
        weights = [
            torch.lerp(w, target.expand_as(w), s) for w, target in zip(weights, _numbers(change.target), strict=True)
        ]
        turn = camera_velocity(change.target) - camera_velocity(current)
        camera = camera + turn * _eased_travel(t - change.at_s, change.ease_s)
        current = change.target
    biome, time, weather, subject, colour = (w.to(torch.float32) for w in weights)
    return Scenes(
        seed=torch.full((len(t),), track.seed, dtype=torch.int64),
        time_s=t.to(torch.float32),
        camera=camera.to(torch.float32),
        biome=biome,
        time=time,
        weather=weather,
        subject=subject,
        colour=colour,
    )
