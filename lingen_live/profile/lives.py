"""The life of each chunk, from being asked for to its last frame being handed out, on one monotonic clock.

Knows the spans of the engine and those that are added later. Does not know what it is asked for, nor by whom.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from lingen_live.profile.spans import ChunkProfile, Span

MAX_LIVES = 256
_MAX_PLAYING = 8  # frames come back from the encoder while their chunk plays, or just after


@dataclass(slots=True, eq=False)
class ChunkLife:
    """One chunk.

    Attributes:
        chunk_index: of the chunk; not unique, since one may go back.
        origin_s: monotonic, when it was asked for; spans count from here.
        spans: in the order in which they ended.
        asked_s: monotonic, when the oldest of the controls arrived that it is the first to obey; None if there is none.
        played_s: monotonic, when its first frame was due.
        pts: of its first frame, 90 kHz.
        device: of a cluster, that made it; None on a server of one machine.
        memory_bytes: that the engine's process had when it was done; None where it is not known.
        photon_s: from the key that sent the words that it is the first to obey to its first frame on the screen, as the
            browser of who said them measured it; None if none did.
    """

    chunk_index: int
    origin_s: float
    spans: list[Span] = field(default_factory=list)
    asked_s: float | None = None
    played_s: float | None = None
    pts: int | None = None
    device: str | None = None
    memory_bytes: int | None = None
    photon_s: float | None = None

    @property
    def steered_s(self) -> float | None:
        """From a control's arrival to the first frame made under it; None if no control took effect here."""
        return None if self.asked_s is None or self.played_s is None else self.played_s - self.asked_s

    def durations_s(self) -> dict[str, float]:
        """Seconds by stage; spans of one name are added up."""
        total: dict[str, float] = {}
        for span in self.spans:
            total[span.name] = total.get(span.name, 0.0) + span.duration_s
        return total


class LifeBook:
    """The last lives, and sums over all.

    Args:
        max_lives: kept.
    """

    def __init__(self, max_lives: int = MAX_LIVES) -> None:
        self._lives: deque[ChunkLife] = deque(maxlen=max_lives)
        self._playing: deque[ChunkLife] = deque(maxlen=_MAX_PLAYING)
        self.n_chunks = 0
        self.sums_s: dict[str, float] = {}

    def open(self, profile: ChunkProfile, requested_s: float, received_s: float, asked_s: float | None) -> ChunkLife:
        """Begin a life with what the engine measured.

        Args:
            profile: of the chunk; its origin is taken for monotonic time if it lies between the other two times.
            requested_s: when the chunk was asked for.
            received_s: when it was there.
            asked_s: when the oldest control arrived that it is the first to obey.
        """
        life = ChunkLife(profile.chunk_index, requested_s, asked_s=asked_s)
        life.device, life.memory_bytes = profile.device, profile.memory_bytes
        begun_s = profile.origin_s
        if not requested_s <= begun_s <= begun_s + profile.total_s <= received_s:
            # Not one clock, as across machines; or made anew, and so asked for while it was made.
            begun_s = received_s - profile.total_s
        if asked_s is not None:
            self.add(life, "mailbox", asked_s, max(0.0, begun_s - asked_s))
        self.add(life, "queue", requested_s, max(0.0, begun_s - requested_s))
        for span in profile.spans:
            self.add(life, span.name, begun_s + span.start_s, span.duration_s)
        self.add(life, "transfer", begun_s + profile.total_s, max(0.0, received_s - begun_s - profile.total_s))
        self._lives.append(life)
        self.n_chunks += 1
        return life

    def add(self, life: ChunkLife, name: str, start_s: float, duration_s: float) -> None:
        """Something was done to a chunk at `start_s` of the monotonic clock."""
        life.spans.append(Span(name, start_s - life.origin_s, duration_s))
        self.sums_s[name] = self.sums_s.get(name, 0.0) + duration_s

    def play(self, life: ChunkLife, pts: int, now_s: float) -> None:
        """The first frame of a chunk plays, at `pts` (90 kHz)."""
        ready_s = life.origin_s + max((span.start_s + span.duration_s for span in life.spans), default=0.0)
        self.add(life, "buffer", ready_s, max(0.0, now_s - ready_s))
        life.played_s, life.pts = now_s, pts
        self._playing.append(life)

    def see(self, pts: int, photon_s: float) -> bool:
        """A browser has shown the frame of `pts` so long after the words for it; whether a chunk began there.

        The first who says so is believed.
        """
        for life in reversed(self._lives):
            if life.pts == pts:
                life.photon_s = photon_s if life.photon_s is None else life.photon_s
                return True
        return False

    def observe(self, pts: int, name: str, start_s: float, duration_s: float) -> None:
        """Something was done to the frame of `pts`; it counts for the chunk that played then, if that is known."""
        for life in reversed(self._playing):
            if life.pts is not None and life.pts <= pts:
                self.add(life, name, start_s, duration_s)
                return

    def lives(self, n: int = MAX_LIVES) -> list[ChunkLife]:
        """The last `n` that are kept, the oldest first."""
        return list(self._lives)[-n:]


def stage_names(lives: Iterable[ChunkLife]) -> list[str]:
    """Every stage that occurs, in the order of its first occurrence."""
    return list(dict.fromkeys(span.name for life in lives for span in life.spans))
