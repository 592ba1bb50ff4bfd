"""Small pictures of kept moments, as JPEG, for the filmstrip. Knows PyAV; bounded, the oldest go first."""

from __future__ import annotations

import secrets
from fractions import Fraction

import av
import numpy as np
from numpy.typing import NDArray

MAX_THUMBNAILS = 512
"""More than a timeline keeps moments at the default budget."""

_QUALITY = 4  # of 2 (best) to 31


class Thumbnails:
    """JPEGs by the id of their moment.

    A restarted engine counts its moments anew; `clear` gives its pictures another prefix, so that no cache mixes them.
    """

    def __init__(self, max_thumbnails: int = MAX_THUMBNAILS) -> None:
        self._max_thumbnails = max_thumbnails
        self._images: dict[int, bytes] = {}
        self.prefix = _new_prefix()

    def add(self, moment_id: int, jpeg: bytes) -> None:
        """Keep the picture of a moment."""
        self._images[moment_id] = jpeg
        if len(self._images) > self._max_thumbnails:
            del self._images[next(iter(self._images))]

    def find(self, key: str) -> bytes | None:
        """The picture of "prefix-id", if it is kept."""
        prefix, _, number = key.rpartition("-")
        return self._images.get(int(number)) if prefix == self.prefix and number.isdecimal() else None

    def clear(self) -> None:
        """Forget all."""
        self._images = {}
        self.prefix = _new_prefix()


def to_jpeg(picture: NDArray[np.uint8]) -> bytes:
    """Encode RGB (h, w, 3); its sides must be even."""
    encoder = av.CodecContext.create("mjpeg", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.height, encoder.width = picture.shape[:2]
    encoder.pix_fmt, encoder.time_base = "yuvj420p", Fraction(1, 1)
    encoder.qmin = encoder.qmax = _QUALITY
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
    packets = [*encoder.encode(frame.reformat(format="yuvj420p")), *encoder.encode(None)]
    return b"".join(bytes(packet) for packet in packets)


def _new_prefix() -> str:
    return secrets.token_hex(4)
