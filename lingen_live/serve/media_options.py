"""How video leaves this machine, as the person who started the server wants it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from lingen_live.serve.coded import Codec
from lingen_live.serve.delay import PlayoutDelay
from lingen_live.serve.h264 import SOFTWARE
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
    h264: str = SOFTWARE
    publish: WhipTarget | None = None

    @property
    def preferred(self) -> Codec:
        """What a viewer gets who takes both codecs: what hardware makes, if it does, and else the cheaper one."""
        return "VP8" if self.h264 == SOFTWARE else "H264"
