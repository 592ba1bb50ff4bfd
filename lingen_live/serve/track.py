"""The video track of one viewer: frames that were encoded once for all, handed to aiortc as they are.

Does not know who watches, how frames are encoded, nor when they are due: it is fed.
"""

from __future__ import annotations

from collections.abc import Callable

from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

from lingen_live.serve.coded import CodedFrame
from lingen_live.serve.packets import PacketQueue


class ViewerTrack(MediaStreamTrack):
    """A queue of coded frames, as a track.

    Args:
        ask_for_keyframe: called when the viewer cannot go on without one.
    """

    kind = "video"

    def __init__(self, ask_for_keyframe: Callable[[], None]) -> None:
        super().__init__()
        self.queue = PacketQueue(ask_for_keyframe)

    # aiortc takes anything that is no frame to the sender's packer, which is ours and takes these.
    async def recv(self) -> CodedFrame:  # type: ignore[override]
        """The next frame to send, when there is one.

        Raises:
            MediaStreamError: the track was stopped.
        """
        frame = await self.queue.next()
        if frame is None:
            raise MediaStreamError
        return frame

    def stop(self) -> None:
        """End the track and whoever waits for its next frame."""
        super().stop()
        self.queue.close()
