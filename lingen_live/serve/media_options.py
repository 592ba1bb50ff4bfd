"""How video leaves this machine, as the person who started the server wants it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from lingen_live.serve.delay import PlayoutDelay
from lingen_live.serve.ice import IcePlan
from lingen_live.serve.whip import WhipTarget


@dataclass(frozen=True, slots=True)
class MediaOptions:
    """Of all sessions alike.

    Attributes:
        ice: which servers help both sides to find each other.
        delay: how long receivers hold frames back.
        h264: which encoder makes H.264, as FFmpeg calls it.
        publish: a media server that gets the first session; None for none.
    """

    ice: IcePlan = field(default_factory=IcePlan)
    delay: PlayoutDelay = field(default_factory=PlayoutDelay)
    h264: str = "libx264"
    publish: WhipTarget | None = None
