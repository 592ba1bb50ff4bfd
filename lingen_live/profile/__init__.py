"""Where the time of a chunk went. Knows clocks and names; does not know what is being timed."""

from lingen_live.profile.lives import ChunkLife, LifeBook
from lingen_live.profile.spans import ChunkProfile, Span, SpanRecorder

__all__ = ["ChunkLife", "ChunkProfile", "LifeBook", "Span", "SpanRecorder"]
