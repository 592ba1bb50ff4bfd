"""Values of files that anybody may have written: taken as they should be, or refused with their place. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from lingen_live.config import Weights
from lingen_live.errors import ProfileError
from lingen_live.profile.lives import ChunkLife

MAX_CHUNKS = 2048
MAX_SPANS = 512
"""Of one chunk; the bundled model's has about 30."""
MAX_STAGES = 32
MAX_DEVICES = 64
"""That made one session's chunks, in one file: a session moves rarely."""
_MAX_MS = 86_400_000.0
_STAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.,()/-]{0,39}")


@dataclass(frozen=True, slots=True)
class Maker:
    """What made the chunks of a file, as far as the file says; None where it does not.

    Attributes:
        weights: "trained" or "random".
        chunk_s: how long a chunk plays.
        state_bytes: all that the stream remembers.
    """

    weights: str | None = None
    chunk_s: float | None = None
    state_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class RecordedProfile:
    """What a file holds.

    Attributes:
        lives: the oldest first, one or more; of JSON lines, each counts from when it was asked for.
        maker: what made them.
    """

    lives: tuple[ChunkLife, ...]
    maker: Maker


def parse_json(text: str, where: str) -> Any:
    """JSON without NaN.

    Raises:
        ProfileError: it is none.
    """

    def refuse(word: str) -> None:
        raise ProfileError(f"{where} holds {word}, which is no number.")

    try:
        return json.loads(text, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise ProfileError(f"{where} is not JSON.") from error


def number_of(told: object, where: str, *, lowest: float = -_MAX_MS, highest: float = _MAX_MS) -> float:
    """A finite number within bounds.

    Raises:
        ProfileError: it is none.
    """
    if not isinstance(told, int | float) or isinstance(told, bool) or not lowest <= told <= highest:
        raise ProfileError(f"{where} has {told!r:.40} where a number of {lowest:g} to {highest:g} belongs.")
    return float(told)


def index_of(told: object, where: str) -> int:
    """A whole number, 0 or more.

    Raises:
        ProfileError: it is none.
    """
    if not isinstance(told, int) or isinstance(told, bool) or not 0 <= told < 2**53:
        raise ProfileError(f"{where} has {told!r:.40} where a whole number from 0 up belongs.")
    return told


def stage_of(told: object, where: str) -> str:
    """The name of a stage: letters, digits and a few marks, so that it can stand in a table and a plot as it is.

    Raises:
        ProfileError: it is none.
    """
    if not isinstance(told, str) or not _STAGE.fullmatch(told):
        raise ProfileError(f"{where} has the stage {told!r:.40}; a name has 1 to 40 letters, digits or spaces.")
    return told


def device_of(told: object, where: str) -> str | None:
    """The name of a device, of the same letters as a stage's; None if it is not said.

    Raises:
        ProfileError: it is none.
    """
    if told is None:
        return None
    if not isinstance(told, str) or not _STAGE.fullmatch(told):
        raise ProfileError(f"{where} has the device {told!r:.40}; a name has 1 to 40 letters, digits or spaces.")
    return told


def take_told(life: ChunkLife, told: Mapping[str, Any], where: str) -> None:
    """Who made a chunk, in how much memory, and how soon words were seen in it, as far as it is told.

    Raises:
        ProfileError: something of it is none.
    """
    life.device = device_of(told.get("device"), where)
    memory_bytes = told.get("memory_bytes")
    life.memory_bytes = None if memory_bytes is None else index_of(memory_bytes, where)
    photon_ms = told.get("photon_ms")
    life.photon_s = None if photon_ms is None else number_of(photon_ms, where, lowest=0.0) / 1000


def weights_of(told: object, where: str) -> str | None:
    """What the weights are; None if it is not said.

    Raises:
        ProfileError: it is no such word.
    """
    if told not in (None, *get_args(Weights)):
        raise ProfileError(f"{where} calls the weights {told!r:.40}; they are {' or '.join(get_args(Weights))}.")
    return told if isinstance(told, str) else None


def check_stages(lives: list[ChunkLife]) -> None:
    """Refuse more stages than a plot can tell apart, and more devices than one session is ever moved over.

    Raises:
        ProfileError: with both numbers.
    """
    n_devices = len({life.device for life in lives if life.device is not None})
    if n_devices > MAX_DEVICES:
        raise ProfileError(f"The file names {n_devices} devices; at most {MAX_DEVICES} are read.")
    n_stages = len({span.name for life in lives for span in life.spans})
    if n_stages > MAX_STAGES:
        raise ProfileError(f"The file has {n_stages} stages; at most {MAX_STAGES} are read.")
