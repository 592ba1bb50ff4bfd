"""All that leaves a session as coded video: one channel a codec, so that viewers do not cost encoders.

A `FrameSink` for the session. Does not know who takes part, nor how frames reach them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from lingen_live.serve.channel import Channel, FrameObserver, ignore
from lingen_live.serve.coded import CODECS, Codec
from lingen_live.serve.h264 import SOFTWARE


class Broadcast:
    """The channels of a session.

    Args:
        fps: asked when an encoder is made: nominal frames a second.
        observe: told how long encoding took.
        h264: which encoder makes H.264.
    """

    def __init__(self, fps: Callable[[], float], observe: FrameObserver = ignore, h264: str = SOFTWARE) -> None:
        self.channels: dict[Codec, Channel] = {codec: Channel(codec, fps, observe, h264=h264) for codec in CODECS}

    def publish(self, image: NDArray[np.uint8], media_time_s: float) -> None:
        """Offer yuv420p `image` (3 H / 2, W), to be shown at `media_time_s`, to all who take part."""
        for channel in self.channels.values():
            channel.publish(image, media_time_s)
