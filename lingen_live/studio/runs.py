"""`Run`: what was measured of one stream, from a session that runs or from a file, ready to be told. Pure.

Knows the lives of chunks. Does not know Gradio, plots or sessions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lingen_live.profile.lives import ChunkLife, stage_names
from lingen_live.profile.read import read_profile
from lingen_live.profile.trace import row_of


@dataclass(frozen=True, slots=True)
class Run:
    """One stream's chunks, the oldest first.

    Attributes:
        source: where they come from, in words.
        lives: one or more.
        chunk_s: how long a chunk plays, which is when the next must be there; None if it is not known.
        weights: "trained" or "random"; None if it is not known.
        state_bytes: all that the stream remembers, a constant; None if it is not known.
        n_late_frames: frame slots since the stream began that no new frame was there for; None if it is not known.
    """

    source: str
    lives: Sequence[ChunkLife]
    chunk_s: float | None = None
    weights: str | None = None
    state_bytes: int | None = None
    n_late_frames: int | None = None

    @property
    def stages(self) -> list[str]:
        """Every stage, in the order of its first occurrence."""
        return stage_names(self.lives)

    @property
    def work_stages(self) -> list[str]:
        """Those in which something is done: the engine's first, then the server's and the encoder's."""
        rows = ("engine", "server", "encoder")
        return [stage for row in rows for stage in self.stages if row_of(stage) == row]

    @property
    def waits(self) -> list[str]:
        """Stages in which a chunk, or the words for it, only wait."""
        return [stage for stage in self.stages if row_of(stage) == "waiting"]

    def stage_ms(self, stage: str) -> list[float]:
        """Of every chunk, milliseconds; 0 where the stage does not occur."""
        return [1000 * life.durations_s().get(stage, 0.0) for life in self.lives]

    def making_ms(self) -> list[float]:
        """What making every chunk took in the engine, milliseconds."""
        durations = [life.durations_s() for life in self.lives]
        return [1000 * sum(v for stage, v in each.items() if row_of(stage) == "engine") for each in durations]

    def steers_ms(self) -> list[tuple[int, float]]:
        """Position of a chunk, and how long the words that it is the first to obey waited for it to play."""
        waits = [(position, life.steered_s) for position, life in enumerate(self.lives)]
        return [(position, 1000 * wait_s) for position, wait_s in waits if wait_s is not None]

    def photons_ms(self) -> list[tuple[int, float]]:
        """Position of a chunk, and how long after the key that sent its words a browser showed it."""
        known = [(position, life.photon_s) for position, life in enumerate(self.lives)]
        return [(position, 1000 * photon_s) for position, photon_s in known if photon_s is not None]

    def memory_mib(self) -> list[tuple[int, float]]:
        """Position of a chunk, and the memory of the engine's process when it was done, where that is known."""
        known = [(position, life.memory_bytes) for position, life in enumerate(self.lives)]
        return [(position, n_bytes / 2**20) for position, n_bytes in known if n_bytes is not None]

    def n_missed(self) -> int | None:
        """How many chunks took longer in the engine than they play; None if it is not known how long they play."""
        if self.chunk_s is None:
            return None
        deadline_ms = 1000 * self.chunk_s
        return sum(made_ms > deadline_ms for made_ms in self.making_ms())


def run_of_file(source: str, data: bytes) -> Run:
    """A profile or a trace that somebody kept.

    Raises:
        ProfileError: it is neither; the message names the line or the event.
    """
    told = read_profile(data)
    return Run(source, told.lives, told.maker.chunk_s, told.maker.weights, told.maker.state_bytes)
