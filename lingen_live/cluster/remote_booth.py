"""`RemoteBooth`: the booth of a stream that is coded where it is made, as the gateway sees it. It follows the stream.

Viewers' connections end at the engine's machine; what the gateway has of them are their ids. Knows devices and the
place of its stream. Does not know HTTP, nor what is shown.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from contextlib import suppress
from typing import assert_never

from lingen_live.cluster.client import ClusterClient
from lingen_live.cluster.device import Device
from lingen_live.cluster.link import LinkGoneError
from lingen_live.cluster.media import (
    Arrived,
    Counted,
    FromStage,
    HangUp,
    Left,
    Show,
    Tapped,
    ToStage,
    Trickle,
    Worked,
)
from lingen_live.cluster.remote_outlet import RemoteOutlet
from lingen_live.engine.client import EngineClient
from lingen_live.serve.booth import Desk
from lingen_live.serve.coded import CODECS, Codec
from lingen_live.serve.errors import HttpError
from lingen_live.serve.mp4 import Sample
from lingen_live.serve.playout import Image, KeptImage
from lingen_live.serve.trickle import Fragment
from lingen_live.serve.viewer import Outlet

HANDOVER_S = 3.0
"""So long a stream that is to move waits for its viewers to connect to where it goes."""
MEET_S = 12.0
"""A little more than a booth takes to refuse an offer."""


class RemoteBooth:
    """A `Booth`.

    Args:
        client: the stream.
    """

    def __init__(self, client: ClusterClient) -> None:
        self._client = client
        client.booth = self
        self._outlets = {codec: RemoteOutlet(client.number, codec, self._tell, self._last) for codec in CODECS}
        self._desk: Desk | None = None
        self._homes: dict[str, Device] = {}
        self._connected: set[str] = set()
        self._places: dict[str, Device] = {}
        self._has_news = asyncio.Event()
        self._counted_at: Device | None = None
        self._is_lost = False
        self._n_dropped_before = self._n_dropped_now = 0

    # The Booth interface.

    @property
    def outlets(self) -> Mapping[Codec, Outlet]:
        """What leaves where the stream is."""
        return self._outlets

    @property
    def n_dropped_frames(self) -> int:
        """Frames that viewers lost because they were slow, as far as it was told."""
        return self._n_dropped_before + self._n_dropped_now

    def serve(self, desk: Desk) -> None:
        """Tell `desk` of viewers."""
        self._desk = desk

    def publish(self, image: Image, media_time_s: float) -> None:
        """Have an image shown from where it is kept."""
        assert isinstance(image, KeptImage), "frames that came here are shown from here"
        self._tell(Show(self._client.number, image.key, image.index, media_time_s))

    def expects(self, place: str) -> bool:
        """Where the stream is, and where it is about to go."""
        return place == "" or place in self._places

    async def answer(self, viewer_id: str, offer_sdp: str, place: str = "") -> tuple[str, bool]:
        """Let a viewer in at the engine's machine.

        Raises:
            HttpError: the offer cannot be taken, or the stream is nowhere just now.
        """
        device = self._places.get(place) if place else self._client.seat
        if device is None:
            raise _on_its_way()
        try:
            async with asyncio.timeout(MEET_S):
                met = await device.link.meet(self._client.number, viewer_id, offer_sdp)
        except (LinkGoneError, TimeoutError) as error:
            raise _on_its_way() from error
        if met.status:
            raise HttpError(met.status, met.code, met.message, met.retry_after_s)
        is_here = device is self._client.seat
        if self._client.is_closed or not (is_here or device in self._places.values()):
            device.tell(HangUp(self._client.number, viewer_id))
            raise _on_its_way()
        self._homes[viewer_id] = device
        return met.answer, is_here

    async def trickle(self, viewer_id: str, fragment: Fragment) -> None:
        """Late candidates of a viewer."""
        if (home := self._homes.get(viewer_id)) is not None:
            home.tell(Trickle(self._client.number, viewer_id, fragment))

    async def hang_up(self, viewer_id: str) -> None:
        """Let a viewer go."""
        if (home := self._homes.pop(viewer_id, None)) is not None:
            home.tell(HangUp(self._client.number, viewer_id))
        self._connected.discard(viewer_id)

    async def close(self) -> None:
        """Let all go."""
        for viewer_id in list(self._homes):
            await self.hang_up(viewer_id)
            self._hear_left(viewer_id)

    # What the stream and its host do with it.

    async def invite(self, target: Device) -> None:
        """Have viewers connect to where the stream is about to go, and wait until they have, or for `HANDOVER_S`."""
        self._places = {secrets.token_urlsafe(12): target}
        if self._desk is None or not self._n_at(self._client.device):
            return
        self._desk.hear_moving(next(iter(self._places)), is_gone=False)
        with suppress(TimeoutError):
            async with asyncio.timeout(HANDOVER_S):
                while self._n_at(target) < self._n_at(self._client.device):
                    self._has_news.clear()
                    await self._has_news.wait()

    def settle(self, device: Device) -> None:
        """The stream is at `device` now: whoever is there watches, all others are let go."""
        if device is not self._counted_at:  # else it did not move after all, and all counts go on there
            self._counted_at = device
            for outlet in self._outlets.values():
                outlet.move()
            self._n_dropped_before, self._n_dropped_now = self.n_dropped_frames, 0
        self._places = {place: home for place, home in self._places.items() if home is device}
        for viewer_id, home in sorted(self._homes.items(), key=lambda item: item[1] is not device):
            if home is device and self._desk is not None:
                self._desk.hear_here(viewer_id)
            elif home is not device:
                home.tell(HangUp(self._client.number, viewer_id))
                self._hear_left(viewer_id)
        if self._is_lost and self._desk is not None:
            self._desk.hear_moving("", is_gone=True)
        self._is_lost = False

    def lose(self, device: Device) -> None:
        """A device is gone, with whoever watched there."""
        self._places = {place: home for place, home in self._places.items() if home is not device}
        for viewer_id in [id for id, home in self._homes.items() if home is device]:
            self._hear_left(viewer_id)
        if device is self._client.device:
            self._is_lost, self._counted_at = True, None

    def hear(self, device: Device, event: FromStage) -> None:
        """Something happened to the video at `device`."""
        match event:
            case Arrived():
                self._connected.add(event.viewer_id)
                self._has_news.set()
            case Left():
                self._hear_left(event.viewer_id)
            case Tapped():
                if device is self._client.device:
                    self._outlets[event.codec].deliver(event.frame)
            case Counted():
                if device is self._client.device:
                    self._n_dropped_now = event.n_dropped_frames
                    for codec, counts in event.outlets.items():
                        self._outlets[codec].note(counts)
            case Worked():
                if self._desk is not None:
                    self._desk.hear_work(event.pts, event.name, event.start_s, event.duration_s)
            case _:
                assert_never(event)

    def _hear_left(self, viewer_id: str) -> None:
        self._homes.pop(viewer_id, None)
        self._connected.discard(viewer_id)
        self._has_news.set()
        if self._desk is not None:
            self._desk.hear_left(viewer_id)

    def _n_at(self, device: Device | None) -> int:
        """How many are connected to it."""
        return sum(self._homes.get(viewer_id) is device for viewer_id in self._connected)

    def _tell(self, message: ToStage) -> None:
        if (device := self._client.device) is not None:
            device.tell(message)

    async def _last(self, codec: Codec, seconds: float) -> list[Sample]:
        if (device := self._client.seat) is None:
            return []
        try:
            return await device.link.last(self._client.number, codec, seconds)
        except LinkGoneError:
            return []


def open_remote_booth(client: EngineClient) -> RemoteBooth:
    """The booth of a stream of a cluster."""
    assert isinstance(client, ClusterClient)
    return RemoteBooth(client)


def _on_its_way() -> HttpError:
    return HttpError(503, "moving", "The session is on its way to another machine; try again in a moment.", 1)
