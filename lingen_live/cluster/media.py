"""What the gateway and an engine say to each other about video that leaves the engine's machine.

Plain values, no torch, no Ray, no aiortc.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lingen_live.engine.carry import Carried
from lingen_live.serve.coded import Codec, CodedFrame

if TYPE_CHECKING:
    from lingen_live.serve.trickle import Fragment

# To the device, of the stream `number`.


@dataclass(frozen=True, slots=True)
class Show:
    """An image is on the screens from `media_time_s` on: the `index`th of the chunk that was kept under `key`."""

    number: int
    key: str
    index: int
    media_time_s: float


@dataclass(frozen=True, slots=True)
class Trickle:
    """Late candidates of a viewer."""

    number: int
    viewer_id: str
    fragment: Fragment


@dataclass(frozen=True, slots=True)
class HangUp:
    """Let a viewer go."""

    number: int
    viewer_id: str


@dataclass(frozen=True, slots=True)
class Tap:
    """Send coded frames here as well from now on, for those who take them at the gateway; or not any more."""

    number: int
    codec: Codec
    is_open: bool


@dataclass(frozen=True, slots=True)
class WantKeyframe:
    """Somebody at the gateway lost too much to go on."""

    number: int
    codec: Codec


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a receiver at the gateway believes that it can take, bits a second."""

    number: int
    codec: Codec
    bitrate_bps: int


ToStage = Show | Trickle | HangUp | Tap | WantKeyframe | Estimate


@dataclass(frozen=True, slots=True)
class Met:
    """The answer to a viewer's offer; or why there is none, as of `HttpError`."""

    answer: str
    status: int = 0
    code: str = ""
    message: str = ""
    retry_after_s: int | None = None


# From the device.


@dataclass(frozen=True, slots=True)
class Arrived:
    """A viewer is connected, and gets what is shown from now on."""

    viewer_id: str


@dataclass(frozen=True, slots=True)
class Left:
    """A viewer is gone."""

    viewer_id: str


@dataclass(frozen=True, slots=True)
class Tapped:
    """A coded frame."""

    codec: Codec
    frame: CodedFrame


@dataclass(frozen=True, slots=True)
class Worked:
    """Something was done to the image of `pts`; `start_s` is of the device's own monotonic clock."""

    pts: int
    name: str
    start_s: float
    duration_s: float


@dataclass(frozen=True, slots=True)
class OutletCounts:
    """Of one codec at a device, since the stream came there; see `Outlet`."""

    n_frames: int
    n_keyframes: int
    n_bytes: int
    bitrate_bps: int
    n_sinks: int
    encoder_name: str


@dataclass(frozen=True, slots=True)
class Counted:
    """How a stream's video fares, told now and then."""

    outlets: Mapping[Codec, OutletCounts]
    n_dropped_frames: int


FromStage = Arrived | Left | Tapped | Worked | Counted


@dataclass(frozen=True, slots=True, eq=False)
class Luggage:
    """A stream on its way to another device, with the images that may still be shown, so that nobody sees a gap.

    Attributes:
        stream: for an engine; None if its words say all.
        images: yuv420p, (3 H / 2, W), by the keys of their chunks, the oldest first.
    """

    stream: Carried | None
    images: Mapping[str, tuple[NDArray[np.uint8], ...]]
