"""What a session has for people to go back to: the timeline, its pictures, files out and files in.

Knows the engine as an `EngineClient`. Does not know HTTP, sockets or playback.
"""

from __future__ import annotations

import asyncio

from lingen_live.engine.client import ChunkReady, EngineClient
from lingen_live.engine.scenario import Scenario
from lingen_live.engine.view import NO_TIMELINE, TimelineView
from lingen_live.serve.protocol import TimelineEvent
from lingen_live.serve.shown import Shown
from lingen_live.serve.thumbnails import Thumbnails, to_jpeg
from lingen_live.serve.uploads import Uploads


class Archive:
    """The past of one session."""

    def __init__(self, client: EngineClient) -> None:
        self._client = client
        self._timeline = NO_TIMELINE
        self.thumbnails = Thumbnails()
        self.uploads = Uploads()
        self._shown = Shown()

    async def save(self, chunk_index: int | None = None) -> bytes:
        """The stream as a session file, as it is or as it was at a kept moment of its branch.

        Raises:
            LingenError: it cannot be saved now, or the moment is not kept.
        """
        return await self._client.save(chunk_index)

    @property
    def timeline(self) -> TimelineView:
        """As it is after the chunk that plays."""
        return self._timeline

    async def scenario(self) -> Scenario:
        """The stream, to be played again.

        Raises:
            LingenError: it cannot be told.
        """
        return await self._client.scenario()

    async def scenario_of(self, begin_pts: int, end_pts: int) -> Scenario:
        """What leads to what was shown from `begin_pts` until before `end_pts`, and where in it that is.

        If that was not one stretch of the branch where the stream is, all that led to this moment.

        Raises:
            LingenError: it cannot be told.
        """
        stretch = self._shown.between(begin_pts, end_pts)
        scenario = await self.scenario()
        if stretch is None or stretch.branch_id != self._timeline.branch_id:
            return scenario
        if stretch.first + stretch.n_chunks > scenario.n_chunks:  # somebody just went back
            return scenario
        return scenario.showing(stretch.first, stretch.n_chunks)

    @property
    def title(self) -> str:
        """A name for what is saved now."""
        here = [branch.name for branch in self._timeline.branches if branch.id == self._timeline.branch_id]
        return f"{here[0] if here else 'stream'} {self._timeline.chunk_index}"

    async def keep(self, chunk: ChunkReady) -> None:
        """Keep the picture of the moment after a chunk, if that moment is kept."""
        moment_id = dict(chunk.timeline.moments).get(chunk.chunk_index + 1)
        if moment_id is not None and chunk.thumbnail is not None:
            self.thumbnails.add(moment_id, await asyncio.to_thread(to_jpeg, chunk.thumbnail))

    def show(self, timeline: TimelineView, pts: int) -> TimelineEvent:
        """What is told when a chunk plays, from `pts` on, after which the timeline is this."""
        self._timeline = timeline
        self._shown.note(pts, timeline.branch_id, timeline.chunk_index - 1)
        return self.event()

    def event(self) -> TimelineEvent:
        """What is told of the timeline."""
        return TimelineEvent(**self._timeline.to_json(), thumbnails=self.thumbnails.prefix)
