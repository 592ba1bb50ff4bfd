"""How video leaves this machine, as the person who started the server wants it. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from lingen_live.serve.coded import Codec
from lingen_live.serve.delay import PlayoutDelay
from lingen_live.serve.ice import IcePlan

SOFTWARE_H264 = "libx264"


@dataclass(frozen=True, slots=True)
class MediaOptions:
    """Of all sessions alike.

    Attributes:
        ice: which servers help both sides to find each other.
        delay: how long receivers hold frames back.
        h264: name of the H.264 encoder.
    """

    ice: IcePlan = IcePlan()
    delay: PlayoutDelay = PlayoutDelay()
    h264: str = SOFTWARE_H264

    @property
    def preferred(self) -> Codec:
        """VP8, which every browser takes, unless this machine has an encoder for the other that costs nothing."""
        return "VP8" if self.h264 == SOFTWARE_H264 else "H264"
