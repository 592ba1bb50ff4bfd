"""A coded video frame, and the codecs that there are. Pure: knows no encoder and no network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Codec = Literal["VP8", "H264"]
CODECS: tuple[Codec, ...] = ("VP8", "H264")


@dataclass(frozen=True, slots=True, eq=False)
class CodedFrame:
    """A frame as it goes over the network, the same object for everybody.

    Attributes:
        data: as the encoder wrote it (H.264: Annex B).
        pts: 90 kHz, in the session's media time.
        is_key: whether a decoder can begin with it.
        payloads: `data` cut into RTP payloads.
    """

    data: bytes
    pts: int
    is_key: bool
    payloads: tuple[bytes, ...]
