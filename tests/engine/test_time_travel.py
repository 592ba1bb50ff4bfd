"""Back, forth and aside: moments, branches and epochs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from lingen_live.engine.engine import Engine
from lingen_live.engine.events import Start, words_of
from lingen_live.engine.timeline import TimelineLimits
from lingen_live.errors import TimelineError

MakeEngine = Callable[..., Engine]


def test_going_back_shows_again_what_was_shown(make_engine: MakeEngine) -> None:
    engine = make_engine()
    lived = []
    for index in range(6):
        if index == 2:
            engine.steer("a sea of ice", 2)
        if index == 4:
            engine.cut("night")
        lived.append(engine.tick())
    engine.seek(1)
    again = [engine.tick() for _ in range(5)]
    assert [chunk.digest for chunk in again] == [chunk.digest for chunk in lived[1:]]
    assert [chunk.prompt for chunk in again] == [chunk.prompt for chunk in lived[1:]]
    assert all(np.array_equal(a.frames, b.frames) for a, b in zip(again, lived[1:], strict=True))


def test_one_can_go_forward_again(make_engine: MakeEngine) -> None:
    engine = make_engine()
    for _ in range(5):
        engine.tick()
    there = engine.state.to_bytes()
    engine.seek(1)
    engine.tick()
    engine.seek(5)
    assert engine.state.to_bytes() == there


def test_words_in_the_past_make_another_future(make_engine: MakeEngine) -> None:
    engine = make_engine()
    for _ in range(3):
        engine.tick()
    engine.steer("a sea of ice")
    engine.tick()
    engine.seek(1)
    engine.steer("night")
    assert [event.words for event in engine.timeline.current.events] == [words_of("night")]
    assert engine.timeline.current.tip_index == 1
    with pytest.raises(TimelineError, match="before chunk 3"):
        engine.seek(3)


def test_a_seek_to_what_is_not_kept_names_what_is(make_engine: MakeEngine) -> None:
    engine = make_engine()
    engine.tick()
    before = engine.moment
    with pytest.raises(TimelineError, match=r"before chunk 9 of branch 'main' is not kept; 2 of 0 to 1 are"):
        engine.seek(9)
    assert engine.moment is before


def test_a_fork_leaves_the_branch_that_it_leaves_alone(make_engine: MakeEngine) -> None:
    engine = make_engine()
    for _ in range(4):
        engine.tick()
    there = engine.state.to_bytes()
    branch_id = engine.fork(2, "at night")
    engine.steer("night")
    engine.tick()
    assert engine.state.to_bytes() != there
    branch = engine.timeline.current
    assert (branch.id, branch.name, branch.parent_id, branch.forked_at) == (branch_id, "at night", 0, 2)
    assert [one.chunk_index for one in branch.snapshots] == [0, 1, 2, 3]
    engine.switch(0)
    assert engine.state.to_bytes() == there
    assert engine.chunk_index == 4


def test_a_fork_past_the_limit_says_both_numbers(make_engine: MakeEngine) -> None:
    engine = make_engine(limits=TimelineLimits(max_branches=2))
    engine.fork()
    before = engine.timeline.current
    with pytest.raises(TimelineError, match="There are 2 branches; at most 2 may be"):
        engine.fork()
    assert engine.timeline.current is before


@pytest.mark.parametrize(("name", "words"), [("", "0 characters"), ("x" * 41, "41 characters"), ("a/b", "slash")])
def test_names_that_no_branch_has(make_engine: MakeEngine, name: str, words: str) -> None:
    engine = make_engine()
    with pytest.raises(TimelineError, match=words):
        engine.fork(name=name)
    assert len(engine.timeline.branches) == 1


def test_a_branch_is_deleted_and_its_children_hang_on_what_is_left(make_engine: MakeEngine) -> None:
    engine = make_engine()
    engine.tick()
    middle = engine.fork(1)
    engine.tick()
    child = engine.fork(2)
    engine.delete(middle)
    branch = engine.timeline.current
    assert (branch.id, branch.parent_id, branch.forked_at) == (child, 0, 1)
    with pytest.raises(TimelineError, match="The stream is on branch"):
        engine.delete(child)
    with pytest.raises(TimelineError, match=f"no branch {middle}; there are 0, {child}"):
        engine.switch(middle)


def test_what_voids_queued_frames_moves_the_epoch(make_engine: MakeEngine) -> None:
    engine = make_engine()
    epochs = [engine.timeline.epoch]
    steps: list[Callable[[], object]] = [
        engine.tick,
        lambda: engine.steer("night"),
        lambda: engine.cut("night"),
        lambda: engine.seek(0),
        lambda: engine.fork(0),
        lambda: engine.switch(0),
        lambda: engine.switch(0),
        engine.reset,
    ]
    for step in steps:
        step()
        epochs.append(engine.timeline.epoch)
    assert np.diff(epochs).tolist() == [0, 0, 1, 1, 1, 1, 0, 1]


def test_a_reset_forgets_the_past_and_what_was_asked_for_stays(make_engine: MakeEngine) -> None:
    engine = make_engine()
    engine.tick()
    engine.steer("night")
    engine.tick()
    scene = engine.understanding.scene
    engine.reset()
    assert engine.timeline.current.events == ()
    assert isinstance(engine.timeline.current.start, Start)
    assert engine.timeline.current.start.asked[-1] == words_of("night")
    assert engine.understanding.scene == scene
    assert [one.chunk_index for one in engine.timeline.current.snapshots] == [0]
