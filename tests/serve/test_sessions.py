"""A session against a scripted engine: receipts, states, pauses, deaths, and who gets what."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

import fake_engine
import numpy as np
import pytest
from scripted_client import ScriptedClient

from lingen_live.engine.client import ControlRefused, EngineChanged, WorkerDied, WorkerProgress, WorkerRestarted
from lingen_live.engine.control import CancelPlan, Cut, LoadSession, MovePlan, Plan, Reseed, Reset, Steer, Turn
from lingen_live.engine.events import blend_of, words_of
from lingen_live.engine.options import EngineOptions
from lingen_live.serve import protocol
from lingen_live.serve.errors import ProtocolError
from lingen_live.serve.outbox import Outbox
from lingen_live.serve.playout import Image
from lingen_live.serve.protocol import (
    AppliedEvent,
    ChunkEvent,
    ErrorEvent,
    Event,
    ReceivedEvent,
    StateEvent,
    TimelineEvent,
)
from lingen_live.serve.receipts import MAX_PENDING
from lingen_live.serve.sessions import Session

E = TypeVar("E", bound=Event)


@dataclass(eq=False)
class Sink:
    """A viewer that remembers."""

    shown: list[tuple[int, float]] = field(default_factory=list)
    has_a_chunk: asyncio.Event = field(default_factory=asyncio.Event)

    def publish(self, image: Image, media_time_s: float) -> None:
        assert isinstance(image, np.ndarray)
        self.shown.append((int(image[0, 0]), media_time_s))
        if len(self.shown) == 8:
            self.has_a_chunk.set()


@dataclass(eq=False)
class Stage:
    """A running session, its engine, and one socket."""

    session: Session
    client: ScriptedClient
    outbox: Outbox

    async def next(self, kind: type[E], accept: Callable[[E], bool] = lambda event: True) -> E:
        """The next accepted event of `kind`; others before it are dropped."""
        async with asyncio.timeout(10):
            while True:
                event = await self.outbox.next()
                if isinstance(event, kind) and accept(event):
                    return event


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    client = ScriptedClient()
    session = Session(client, id="s", prompt="a day", seed=7, transition_chunks=3)
    outbox = Outbox()
    session.add_socket(outbox)
    running = asyncio.create_task(session.run(lambda stage, fraction: None, lambda info: None))
    yield Stage(session, client, outbox)
    await client.close()
    async with asyncio.timeout(10):
        await running


async def test_warming_is_told_until_warm() -> None:
    client = ScriptedClient()
    client.may_start.clear()
    session = Session(client, id="s", prompt="a day", seed=7, transition_chunks=3)
    outbox = Outbox()
    told: list[tuple[str, float]] = []
    ready: list[str] = []
    running = asyncio.create_task(
        session.run(lambda stage, fraction: told.append((stage, fraction)), lambda info: ready.append(info.name))
    )
    await asyncio.sleep(0)
    assert client.on_progress is not None
    client.on_progress("loading", 0.25)
    session.add_socket(outbox)
    warming = await outbox.next()
    assert isinstance(warming, StateEvent)
    assert (warming.status, warming.progress, warming.fps) == (
        "warming",
        {"stage": "loading", "fraction": 0.25},
        None,
    )
    assert not session.is_warm
    client.may_start.set()
    running_state = await outbox.next()
    assert isinstance(running_state, StateEvent)
    assert (running_state.status, running_state.progress, running_state.width_px) == ("running", None, 64)
    assert told == [("loading", 0.25)]
    assert ready == ["fake"]
    await client.close()
    await running


async def test_chunks_are_announced_as_they_begin_to_play(stage: Stage) -> None:
    await stage.client.make(0)
    first = await stage.next(ChunkEvent)
    await stage.client.make(1)
    second = await stage.next(ChunkEvent)
    assert (first.chunk_index, first.pts, first.prompt) == (0, 0, "a day")
    assert set(first.profile) == {"total_ms", "spans_ms"}
    assert first.weights == stage.session.state().weights == "random"
    assert second.chunk_index == 1
    assert second.pts >= 8 * 90_000 / 120


async def test_a_steer_is_received_at_once_and_applied_with_its_first_frame(stage: Stage) -> None:
    await stage.session.control(protocol.SteerControl(41, "night"), stage.outbox)
    assert (await stage.next(ReceivedEvent)).id == 41
    assert stage.client.controls == [Steer(1, "night", 3)]
    await stage.client.make(0)
    await stage.client.make(1, prompt="night", applied_ids=(1,))
    applied = await stage.next(AppliedEvent)
    chunk = await stage.next(ChunkEvent, lambda event: event.chunk_index == 1)
    assert (applied.id, applied.chunk_index, applied.pts) == (41, 1, chunk.pts)
    assert (await stage.next(StateEvent)).prompt == "night"


async def test_controls_reach_the_engine_typed(stage: Stage) -> None:
    for control in (
        protocol.SteerControl(1, "a", 5),
        protocol.CutControl(2, "b"),
        protocol.SeedControl(3, 9),
        protocol.ResetControl(4),
    ):
        await stage.session.control(control, stage.outbox)
    assert stage.client.controls == [Steer(1, "a", 5), Cut(2, "b"), Reseed(3, 9), Reset(4)]


async def test_plans_reach_the_engine_with_their_words(stage: Stage) -> None:
    parts = (("night", 0.75), ("sea", 0.25))
    await stage.session.control(protocol.ScheduleControl(1, 9, "fog", verb="cut", chunks=1), stage.outbox)
    await stage.session.control(protocol.ScheduleControl(2, 8, parts=parts), stage.outbox)
    await stage.session.control(protocol.RescheduleControl(3, 1, 12), stage.outbox)
    await stage.session.control(protocol.UnscheduleControl(4, 1), stage.outbox)
    assert stage.client.controls == [
        Plan(1, "cut", words_of("fog"), 9, 1),
        Plan(2, "steer", blend_of(parts), 8, 3),
        MovePlan(3, 1, 12),
        CancelPlan(4, 1),
    ]


async def test_ids_belong_to_their_socket(stage: Stage) -> None:
    other = Outbox()
    stage.session.add_socket(other)
    await other.next()
    await stage.session.control(protocol.SteerControl(5, "a"), stage.outbox)
    await stage.session.control(protocol.SteerControl(5, "b"), other)
    await stage.client.make(0, applied_ids=(1, 2))
    assert (await stage.next(AppliedEvent)).id == 5
    received = [await other.next() for _ in range(2)]
    assert isinstance(received[0], ReceivedEvent)
    assert isinstance(received[1], AppliedEvent)


async def test_who_left_gets_nothing_and_harms_nothing(stage: Stage) -> None:
    other = Outbox()
    stage.session.add_socket(other)
    await stage.session.control(protocol.SteerControl(5, "b"), other)
    stage.session.remove_socket(other)
    n_events = len(other)
    await stage.client.make(0, applied_ids=(1,))
    await stage.next(ChunkEvent)
    assert len(other) == n_events


async def test_a_refused_control_is_told_to_its_sender_only(stage: Stage) -> None:
    await stage.session.control(protocol.SteerControl(6, "a"), stage.outbox)
    stage.client.say(ControlRefused((1,), "bad_prompt", "No."))
    assert await stage.next(ErrorEvent) == ErrorEvent("bad_prompt", "No.", 6)


async def test_too_many_waiting_controls_are_refused(stage: Stage) -> None:
    for id in range(MAX_PENDING):
        await stage.session.control(protocol.SteerControl(id, "a"), stage.outbox)
    with pytest.raises(ProtocolError, match=f"{MAX_PENDING} controls wait") as caught:
        await stage.session.control(protocol.SteerControl(99, "a"), stage.outbox)
    assert (caught.value.code, caught.value.id) == ("too_many_pending", 99)
    other = Outbox()
    await stage.session.control(protocol.SteerControl(1, "b"), other)  # others are not held up


async def test_a_pause_holds_requests_and_a_resume_goes_on(stage: Stage) -> None:
    await stage.client.make(0)
    await stage.next(ChunkEvent)
    await stage.client.make(1)
    await stage.session.control(protocol.PauseControl(8), stage.outbox)
    assert (await stage.next(AppliedEvent)).id == 8
    assert (await stage.next(StateEvent)).status == "paused"
    await asyncio.sleep(0.2)  # time enough for many chunks at 120 frames/s
    assert stage.client.n_requests == 2
    await stage.session.control(protocol.ResumeControl(9), stage.outbox)
    assert (await stage.next(StateEvent)).status == "running"
    await stage.client.make(2)
    assert (await stage.next(ChunkEvent, lambda event: event.chunk_index == 2)).chunk_index == 2


async def test_a_seek_in_a_pause_is_seen_at_once(stage: Stage) -> None:
    sink = Sink()
    await stage.client.make(0)
    await stage.next(ChunkEvent)
    await stage.session.control(protocol.PauseControl(1), stage.outbox)
    stage.session.add_viewer(sink)
    if stage.client.requested.is_set():  # it was asked for before the pause
        await stage.client.make(1)
    await stage.session.control(protocol.SeekControl(2, 0), stage.outbox)
    await stage.client.make(0, prompt="night", applied_ids=(1,), is_fresh=True)
    applied = await stage.next(AppliedEvent, lambda event: event.id == 2)
    assert applied.chunk_index == 0
    await asyncio.sleep(0.2)
    assert stage.session.status == "paused"
    assert len({image for image, _ in sink.shown}) == 2  # the one that was held, and one of the night
    assert not stage.client.requested.is_set()


async def test_nothing_is_requested_while_one_chunk_is_being_made(stage: Stage) -> None:
    async with asyncio.timeout(10):
        await stage.client.requested.wait()
    await asyncio.sleep(0.1)
    assert stage.client.n_requests == 1


async def test_news_about_the_engine_are_told_to_everybody(stage: Stage) -> None:
    stage.client.say(EngineChanged(replace(stage.client.info, path="compiled")))
    state = await stage.next(StateEvent, lambda event: event.model is not None and event.model["path"] == "compiled")
    assert state.status == "running"


async def test_a_death_is_told_and_the_stream_goes_on_after_it(stage: Stage) -> None:
    await stage.client.make(0)
    await stage.next(ChunkEvent)
    stage.client.say(WorkerDied("It fell over.", 0.5))
    died = await stage.next(StateEvent, lambda event: event.status == "restarting")
    assert died.progress == {"stage": "It fell over.", "fraction": 0.0}
    stage.client.say(WorkerProgress("loading", 0.5))
    assert (await stage.next(StateEvent)).progress == {"stage": "loading", "fraction": 0.5}
    stage.client.say(WorkerRestarted(stage.client.info))
    assert (await stage.next(StateEvent)).status == "running"
    await stage.client.make(0)
    await stage.next(ChunkEvent)


async def test_viewers_see_every_frame_and_newcomers_the_last_one(stage: Stage) -> None:
    first, late = Sink(), Sink()
    stage.session.add_viewer(first)
    assert first.shown == []
    await stage.client.make(0)
    await stage.next(ChunkEvent)
    stage.session.add_viewer(late)
    assert len(late.shown) == 1
    assert (await stage.next(StateEvent, lambda event: event.n_viewers == 2)).n_viewers == 2
    async with asyncio.timeout(10):
        await first.has_a_chunk.wait()
    times_s = [media_time_s for _, media_time_s in first.shown]
    assert times_s == sorted(set(times_s))
    stage.session.remove_viewer(first)
    stage.session.remove_viewer(first)
    n_shown = len(first.shown)
    await stage.client.make(1)
    await stage.next(ChunkEvent)
    assert len(first.shown) == n_shown


async def test_nothing_is_made_for_nobody() -> None:
    now_s = 0.0
    client = ScriptedClient()
    session = Session(client, id="s", prompt="a day", seed=7, transition_chunks=3, clock=lambda: now_s)
    running = asyncio.create_task(session.run(lambda stage, fraction: None, lambda info: None))
    now_s = 11.0
    await asyncio.sleep(0.05)
    assert client.n_requests == 0
    session.add_viewer(Sink())
    async with asyncio.timeout(10):
        await client.requested.wait()
    await client.close()
    await running


async def test_a_bug_in_playing_ends_the_run_instead_of_freezing_it(stage: Stage) -> None:
    class BrokenSink:
        def publish(self, image: Image, media_time_s: float) -> None:
            raise RuntimeError("a bug")

    client = ScriptedClient()
    session = Session(client, id="s", prompt="a day", seed=7, transition_chunks=3)
    session.add_viewer(BrokenSink())
    running = asyncio.create_task(session.run(lambda stage, fraction: None, lambda info: None))
    await client.make(0)
    with pytest.raises(RuntimeError, match="a bug"):
        await running


async def test_words_for_queued_chunks_turn_the_engine_back(stage: Stage) -> None:
    await stage.client.make(0)
    await stage.next(ChunkEvent)
    session = stage.session
    assert session._playout is not None
    session._playout.turning_point = lambda: Turn(1, 0)  # type: ignore[method-assign]
    await session.control(protocol.SteerControl(1, "night"), stage.outbox)
    await session.control(protocol.CutControl(2, "night"), stage.outbox)
    assert stage.client.turns == [Turn(1, 0), None]


async def test_the_timeline_is_told_with_every_chunk_and_to_newcomers(stage: Stage) -> None:
    view = fake_engine.FakeEngine(EngineOptions()).view()
    view = replace(view, chunk_index=1, moments=((0, 40), (1, 41)))
    await stage.client.make(0, timeline=view)
    told = await stage.next(TimelineEvent)
    assert (told.branch_id, told.chunk_index, told.moments) == (0, 1, [[0, 40], [1, 41]])
    newcomer = Outbox()
    stage.session.add_socket(newcomer)
    assert isinstance(await newcomer.next(), StateEvent)
    assert await newcomer.next() == told
    jpeg = stage.session.archive.thumbnails.find(f"{told.thumbnails}-41")
    assert jpeg is not None
    assert jpeg.startswith(b"\xff\xd8")
    assert stage.session.archive.thumbnails.find(f"{told.thumbnails}-40") is None
    assert stage.session.archive.thumbnails.find("another-41") is None


async def test_an_upload_is_taken_once(stage: Stage) -> None:
    await stage.client.make(0)
    name = stage.session.archive.uploads.add(b"a fake session")
    await stage.session.control(protocol.LoadControl(1, name), stage.outbox)
    await stage.session.control(protocol.LoadControl(2, name), stage.outbox)
    assert [type(control) for control in stage.client.controls] == [LoadSession]
    error = await stage.next(ErrorEvent)
    assert (error.code, error.id) == ("no_upload", 2)


async def test_after_a_restart_pictures_have_other_names(stage: Stage) -> None:
    await stage.client.make(0)
    before = (await stage.next(TimelineEvent)).thumbnails
    stage.client.say(WorkerDied("it died", 0.0))
    stage.client.say(WorkerRestarted(stage.client.info))
    await stage.next(StateEvent, lambda state: state.status == "running")
    assert stage.session.archive.thumbnails.prefix != before
