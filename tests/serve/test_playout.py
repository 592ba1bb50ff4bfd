"""The queue of frames: order, bounds, cuts and receipts, by an invented clock."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from lingen_live.engine.control import Turn
from lingen_live.profile.spans import ChunkProfile
from lingen_live.serve.playout import ChunkInfo, Image, Playout, Step

FPS, F = 16.0, 8
SLOT_S = 1 / FPS


def chunk(index: int, ids: tuple[int, ...] = (), *, is_fresh: bool = False, is_turned: bool = False) -> ChunkInfo:
    profile = ChunkProfile(index, ())
    return ChunkInfo(index, f"prompt {index}", 1.0, 0, profile, ids, is_fresh, epoch=5, is_turned=is_turned)


def images(index: int) -> list[NDArray[np.uint8]]:
    """Frames that can be told apart: 100 index + position."""
    return [np.array([100 * index + i], np.uint8) for i in range(F)]


def tag(image: Image | None) -> int:
    """What an image is told apart by."""
    assert isinstance(image, np.ndarray)
    return int(image[0])


class Player:
    """Steps a playout through its slots, and asks for chunks as a session does."""

    def __init__(self) -> None:
        self.playout = Playout(FPS, F)
        self.slot = 0

    def play(self, n_slots: int, *, is_paused: bool = False) -> Iterator[Step]:
        for _ in range(n_slots):
            yield self.playout.step(self.slot * SLOT_S, is_paused)
            self.slot += 1

    def shown(self, n_slots: int) -> list[int]:
        return [tag(step.image) for step in self.play(n_slots) if step.image is not None]


def test_frames_play_in_order_and_chunks_are_announced_with_their_first() -> None:
    player = Player()
    player.playout.push(chunk(0), images(0), 0.0)
    player.playout.push(chunk(1), images(1), 0.0)
    steps = list(player.play(16))
    assert [tag(step.image) for step in steps if step.image is not None] == [*range(8), *range(100, 108)]
    assert [(i, step.started.chunk_index) for i, step in enumerate(steps) if step.started] == [(0, 0), (8, 1)]
    assert steps[8].media_time_s == 8 * SLOT_S
    assert steps[8].buffer_s == F / FPS


def test_a_dry_queue_repeats_the_last_image_and_counts() -> None:
    player = Player()
    player.playout.push(chunk(0), images(0), 0.0)
    assert player.shown(10) == [0, 1, 2, 3, 4, 5, 6, 7, 7, 7]
    assert player.playout.n_late_frames == 2
    player.playout.push(chunk(1), images(1), 1.0)
    assert player.shown(1) == [100]


def test_a_pause_keeps_the_queue() -> None:
    player = Player()
    player.playout.push(chunk(0), images(0), 0.0)
    player.shown(3)
    held = [tag(step.image) for step in player.play(20, is_paused=True) if step.image is not None]
    assert set(held) == {2}
    assert player.shown(2) == [3, 4]
    assert player.playout.n_late_frames == 0


def test_one_chunk_is_asked_for_at_a_time() -> None:
    playout = Playout(FPS, F)
    assert playout.needs_chunk()
    playout.note_request(0.0)
    assert not playout.needs_chunk()
    playout.forget_request()
    assert playout.needs_chunk()


@pytest.mark.parametrize(("generation_s", "most_s"), [(0.0, 0.6), (0.2, 0.65), (0.45, 1.0), (3.0, 1.0)])
def test_what_is_buffered_stays_bounded(generation_s: float, most_s: float) -> None:
    """One chunk plays, at most one waits; the faster the engine, the less waits."""
    player = Player()
    playout = player.playout
    done_s: float | None = None
    index = 0
    buffers_s = []
    for slot in range(2000):
        now_s = slot * SLOT_S
        if done_s is not None and now_s >= done_s:
            playout.push(chunk(index), images(index % 2), now_s)
            index, done_s = index + 1, None
        list(player.play(1))
        if playout.needs_chunk():
            playout.note_request(now_s)
            done_s = now_s + generation_s
        buffers_s.append(playout.buffer_s)
    assert max(buffers_s[100:]) <= most_s
    if generation_s < 0.3:
        assert playout.n_late_frames <= 8  # until the lead is known


def test_a_fresh_chunk_replaces_what_waits_and_inherits_its_receipts() -> None:
    player = Player()
    playout = player.playout
    playout.push(chunk(0, (1,)), images(0), 0.0)
    assert player.shown(3) == [0, 1, 2]
    playout.push(chunk(1, (2, 3)), images(1), 0.2)
    playout.push(chunk(2, (4,), is_fresh=True), images(2), 0.2)
    step = next(player.play(1))
    assert step.started is not None
    assert step.started.chunk_index == 2
    assert step.started.applied_ids == (2, 3, 4)
    assert playout.buffer_s == 7 / FPS


def test_a_cut_hurries_the_next_request() -> None:
    playout = Playout(FPS, F)
    playout.note_request(0.0)
    playout.push(chunk(0), images(0), 0.0)
    assert not playout.needs_chunk()  # the engine is quick and there is a whole chunk
    playout.hurry()
    assert playout.needs_chunk()
    playout.note_request(0.1)
    playout.push(chunk(1, is_fresh=True), images(1), 0.1)
    assert not playout.needs_chunk()


def test_where_a_seek_leads_is_seen_in_a_pause_and_no_more_of_it() -> None:
    player = Player()
    playout = player.playout
    observe(playout, 0.1)
    player.shown(3)
    list(player.play(20, is_paused=True))
    assert not playout.needs_chunk(is_paused=True)
    playout.hurry()
    assert playout.needs_chunk(is_paused=True)
    playout.note_request(1.0)
    playout.push(chunk(3, (6,), is_fresh=True), images(2), 1.1)
    (first, *later) = player.play(20, is_paused=True)
    assert first.image is not None
    assert (tag(first.image), first.started and first.started.applied_ids) == (200, (6,))
    assert {tag(step.image) for step in later if step.image is not None} == {200}
    assert not playout.needs_chunk(is_paused=True)
    assert player.shown(2) == [201, 202]


def test_what_follows_a_refusal_is_not_seen_in_a_pause_and_refusals_pile_nothing_up() -> None:
    player = Player()
    playout = player.playout
    observe(playout, 0.1)
    player.shown(3)
    n_asked = 0
    for index in range(1, 30):
        playout.hurry()
        if playout.needs_chunk(is_paused=True):
            n_asked += 1
            playout.note_request(1.0)
            playout.push(chunk(index), images(1), 1.1)
    assert n_asked == 2
    assert {tag(step.image) for step in player.play(20, is_paused=True) if step.image is not None} == {2}
    assert player.shown(6) == [3, 4, 5, 6, 7, 100]


def test_measured_fps() -> None:
    player = Player()
    assert player.playout.measured_fps(0.0) == 0.0
    for index in range(8):
        player.playout.push(chunk(index), images(index % 2), 0.0)
    list(player.play(64))
    assert player.playout.measured_fps(63 * SLOT_S) == pytest.approx(FPS)
    assert player.playout.measured_fps(100.0) == 0.0


def test_a_turned_chunk_replaces_what_has_not_begun_and_inherits_its_receipts() -> None:
    player = Player()
    for index in range(3):
        player.playout.push(chunk(index, (index,)), images(index), 0.0)
    assert player.shown(3) == [0, 1, 2]
    player.playout.push(chunk(1, (9,), is_turned=True), [*(image + 50 for image in images(1))], 0.2)
    steps = list(player.play(13))
    shown = [tag(step.image) for step in steps if step.image is not None]
    assert shown == [3, 4, 5, 6, 7, *range(150, 158)]
    assert [step.started.applied_ids for step in steps if step.started] == [(1, 2, 9)]


def test_a_turned_chunk_whose_elder_plays_takes_over_at_once() -> None:
    player = Player()
    for index in range(2):
        player.playout.push(chunk(index), images(index), 0.0)
    player.shown(10)
    player.playout.push(chunk(1, is_turned=True), [*(image + 50 for image in images(1))], 0.7)
    assert player.shown(2) == [150, 151]


def observe(playout: Playout, duration_s: float) -> None:
    """A chunk that took so long."""
    playout.note_request(0.0)
    playout.push(chunk(0), images(0), duration_s)


def test_words_count_from_the_first_chunk_that_can_be_made_anew_in_time() -> None:
    player = Player()
    observe(player.playout, 0.2)
    for index in range(1, 3):
        player.playout.push(chunk(index), images(index), 0.2)
    player.shown(3)  # five frames of chunk 0 are left: 0.31 s
    assert player.playout.turning_point() == Turn(1, 5)
    player.shown(3)  # two are left: too late for chunk 1
    assert player.playout.turning_point() == Turn(2, 5)


def test_what_is_being_made_is_made_anew_if_there_is_time() -> None:
    player = Player()
    observe(player.playout, 0.2)
    player.shown(2)
    assert player.playout.turning_point() is None  # nothing is being made: the next chunk is as early as can be
    player.playout.note_request(0.125)
    assert player.playout.turning_point() == Turn(1, 5)
    player.playout.turn(0.2)
    assert not player.playout.needs_chunk()
    player.shown(3)
    assert player.playout.turning_point() is None  # it would come too late


def test_a_turn_asks_for_a_chunk_at_once() -> None:
    player = Player()
    observe(player.playout, 0.1)
    player.playout.push(chunk(1), images(1), 0.1)
    assert not player.playout.needs_chunk()
    player.playout.turn(0.1)
    assert player.playout.needs_chunk()
