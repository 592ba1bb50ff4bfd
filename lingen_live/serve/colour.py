"""RGB frames to the planes that video encoders take, once for all viewers. Knows PyAV; knows no stream."""

from __future__ import annotations

from typing import cast

import numpy as np
from av import VideoFrame
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray


class ColourConverter:
    """One long-lived scaler; a fresh one a frame was measured at twice the cost, its threads fighting."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()

    def to_yuv420p(self, frames: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
        """Convert RGB frames (F, H, W, 3) to F images (3 H / 2, W): BT.601, limited range, planar 4:2:0.

        Raises:
            ValueError: height or width is odd, which 4:2:0 cannot hold.
        """
        height_px, width_px = frames.shape[1:3]
        if height_px % 2 or width_px % 2:
            raise ValueError(f"Frames are {width_px} x {height_px} px; 4:2:0 video needs even sizes.")
        return [self._convert(np.ascontiguousarray(frame)) for frame in frames]

    def _convert(self, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        rgb = VideoFrame.from_numpy_buffer(frame, format="rgb24")
        planar = self._reformatter.reformat(rgb, format="yuv420p", threads=1)
        return cast(NDArray[np.uint8], planar.to_ndarray())
