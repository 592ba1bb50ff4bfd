"""Back, forth and aside: whatever is done to a stream, each branch equals a straight replay of its own events."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from fake_text import FakeText
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from lingen_live.checkpoint import load_bundle
from lingen_live.engine.branch import Branch
from lingen_live.engine.engine import Engine
from lingen_live.engine.events import Start, words_of
from lingen_live.engine.interface import AbandonedError
from lingen_live.engine.timeline import TimelineLimits
from lingen_live.errors import LingenError, PromptError, TimelineError

MakeEngine = Callable[..., Engine]

STAGES = ("text", "noise", "denoise 0", "denoise 1", "commit", "decode", "thumbnail", "push")
PROMPTS = ("a meadow", "a sea of ice", "night", "a red desert")


class ToldToFailError(Exception):
    pass


class FailingDenoiser:
    """Fails at the given one of its calls since it was made."""

    def __init__(self, engine: Engine, fails_at: int) -> None:
        self._denoiser = engine.denoiser
        self._calls = itertools.count()
        self._fails_at = fails_at

    def __getattr__(self, name: str) -> Callable[..., object]:
        if next(self._calls) == self._fails_at:
            raise ToldToFailError
        return getattr(self._denoiser, name)


def fail(*args: object, **options: object) -> None:
    raise ToldToFailError


def fail_at(engine: Engine, stage: str) -> None:
    """One tick that fails at a stage."""
    with pytest.MonkeyPatch.context() as patch:
        match stage:
            case "text":
                patch.setattr(engine.words, "context", fail)
            case "noise":
                patch.setattr("lingen_live.engine.generate.chunk_noise", fail)
            case "decode":
                patch.setattr(engine.bundle.codec, "decode_pictures", fail)
            case "thumbnail":
                patch.setattr("lingen_live.engine.engine.thumbnail_of", fail)
            case "push":
                patch.setattr(engine.timeline, "_over_budget", fail)
            case _:
                calls = ("denoise 0", "denoise 1", "commit")
                patch.setattr(engine, "denoiser", FailingDenoiser(engine, calls.index(stage)))
        with pytest.raises(ToldToFailError):
            engine.tick()


def replay(engine: Engine, branch: Branch) -> None:
    """Live the life of a branch up to its head, on a fresh engine, without turning back."""
    start = branch.start
    engine.timeline.restart(start, engine._begin(start))
    for event in branch.events[: branch.n_applied]:
        while engine.chunk_index < event.chunk_index:
            engine.tick()
        engine._tell(event)
    while engine.chunk_index < branch.head.chunk_index:
        engine.tick()


def assert_equal_to_replay(engine: Engine, branch: Branch, fresh: Engine) -> None:
    replay(fresh, branch)
    assert fresh.state.to_bytes() == branch.head.state.to_bytes()
    assert (fresh.prompt, fresh.seed, fresh.understanding) == (
        branch.head.prompt,
        branch.head.seed,
        branch.head.reading.understanding,
    )
    assert fresh.transition.weight == branch.head.transition.weight
    assert fresh.timeline.current.record == branch.record.before(branch.head.chunk_index)
    engine.timeline.switch(branch.id)
    for planned in branch.plan:
        engine.cancel_plan(planned.id)
    for event in branch.due:
        fresh._tell(event)
    assert fresh.tick().digest == engine.tick().digest


OPERATIONS = st.one_of(
    st.tuples(st.just("tick"), st.integers(1, 4)),
    st.tuples(st.just("steer"), st.sampled_from(PROMPTS), st.integers(1, 4)),
    st.tuples(st.just("blend"), st.sampled_from(PROMPTS), st.sampled_from(PROMPTS), st.floats(0.1, 3.0)),
    st.tuples(st.just("cut"), st.sampled_from(PROMPTS)),
    st.tuples(st.just("reanchor"), st.sampled_from(PROMPTS), st.integers(1, 4)),
    st.tuples(st.just("reset")),
    st.tuples(st.just("reseed"), st.integers(0, 2**32 - 1)),
    st.tuples(st.just("seek"), st.integers(0, 12)),
    st.tuples(st.just("fork"), st.one_of(st.none(), st.integers(0, 12))),
    st.tuples(st.just("switch"), st.integers(0, 4)),
    st.tuples(st.just("delete"), st.integers(0, 4)),
    st.tuples(st.just("plan"), st.sampled_from(["steer", "cut"]), st.sampled_from(PROMPTS), st.integers(0, 6)),
    st.tuples(st.just("move_plan"), st.integers(1, 3), st.integers(0, 12)),
    st.tuples(st.just("cancel_plan"), st.integers(1, 3)),
    st.tuples(st.just("turn_back"), st.integers(0, 3)),
    st.tuples(st.just("abandon"), st.integers(0, 1)),
    st.tuples(st.just("tidy")),  # what a paused stream does
    st.tuples(st.just("fail"), st.sampled_from(STAGES)),
)


def do(engine: Engine, name: str, *arguments: object) -> None:
    """One operation; one that is refused must leave everything as it was."""
    before = engine.timeline.current, engine.timeline.branches, engine.timeline.epoch
    try:
        match name:
            case "tick":
                for _ in range(int(str(arguments[0]))):
                    engine.tick()
            case "blend":
                first, second, weight = arguments
                engine.blend([(str(first), 1.0), (str(second), float(str(weight)))], 2)
            case "plan":
                verb, prompt, ahead = arguments
                steer_or_cut: Literal["steer", "cut"] = "cut" if verb == "cut" else "steer"
                engine.plan(steer_or_cut, words_of(str(prompt)), engine.chunk_index + int(str(ahead)), 2)
            case "turn_back":
                engine.turn_back(engine.chunk_index - int(str(arguments[0])), engine.timeline.epoch)
            case "abandon":
                answers = iter([False] * int(str(arguments[0])) + [True])
                with pytest.raises(AbandonedError):
                    engine.tick(lambda: next(answers))
                assert (engine.timeline.current, engine.timeline.branches, engine.timeline.epoch) == before
            case "fail":
                fail_at(engine, str(arguments[0]))
                assert (engine.timeline.current, engine.timeline.branches, engine.timeline.epoch) == before
            case _:
                getattr(engine, name)(*arguments)
    except TimelineError:
        assert (engine.timeline.current, engine.timeline.branches, engine.timeline.epoch) == before


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    database=None,
    phases=[Phase.generate],
)
@given(operations=st.lists(OPERATIONS, min_size=4, max_size=16))
def test_every_branch_equals_a_straight_replay_of_its_own_events(
    tiny_bundle: Path, operations: list[tuple[object, ...]]
) -> None:
    bundle = load_bundle(tiny_bundle)
    text = FakeText(bundle.config.model.text_tokens)

    def make() -> Engine:
        return Engine(bundle, text, seed=7, prompt="a meadow", limits=LIMITS)

    engine = make()
    for name, *arguments in operations:
        do(engine, str(name), *arguments)
        assert engine.timeline.n_bytes <= LIMITS.memory_bytes
    for branch in engine.timeline.branches:
        assert_equal_to_replay(engine, branch, make())


# The tiny state has 35 KiB: room for 27 moments, so that long lives are thinned.
LIMITS = TimelineLimits(memory_bytes=2**20, max_branches=4)


@pytest.mark.parametrize("stage", STAGES)
def test_a_failure_at_any_stage_leaves_everything_as_it_was(make_engine: MakeEngine, stage: str) -> None:
    engine, twin = make_engine(), make_engine()
    for one in (engine, twin):
        one.tick()
        one.steer("a sea of ice", 3)
        one.tick()
    branch, content = engine.timeline.current, engine.state.to_bytes()
    fail_at(engine, stage)
    assert engine.timeline.current is branch
    assert engine.state.to_bytes() == content
    assert np.array_equal(engine.tick().frames, twin.tick().frames)


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


def test_a_blend_is_between_its_prompts(make_engine: MakeEngine) -> None:
    engine = make_engine()
    engine.blend([("night", 3), ("a sea of ice", 1)])
    assert engine.prompt == "75 % night + 25 % a sea of ice"
    night, ice = (engine.text_encoder.encode(one).pooled for one in ("night", "a sea of ice"))
    np.testing.assert_allclose(engine.transition.target.words.pooled, 0.75 * night + 0.25 * ice, atol=1e-6)


@pytest.mark.parametrize(
    ("parts", "words"),
    [([], "0 prompts"), ([("a", 1.0)] * 5, "5 prompts"), ([("a", 0.0)], "weight of 0"), ([("a", float("nan"))], "nan")],
)
def test_blends_that_cannot_be(make_engine: MakeEngine, parts: list[tuple[str, float]], words: str) -> None:
    engine = make_engine()
    before = engine.moment
    with pytest.raises(PromptError, match=words):
        engine.blend(parts)
    assert engine.moment is before


def test_a_reanchor_is_at_the_words_and_remembers_under_them(make_engine: MakeEngine) -> None:
    engine, steered = make_engine(), make_engine()
    for one in (engine, steered):
        for _ in range(4):
            one.tick()
    engine.reanchor("night", 3)
    steered.steer("night")
    assert engine.state.to_bytes() != steered.state.to_bytes()
    chunk = engine.tick()
    assert (chunk.prompt, chunk.blend, chunk.chunk_index) == ("night", 1.0, 4)
    assert chunk.digest != steered.tick().digest


def test_a_reanchor_under_the_same_words_changes_nothing(make_engine: MakeEngine) -> None:
    engine = make_engine()
    for _ in range(4):
        engine.tick()
    before = engine.state.to_bytes()
    engine.reanchor("a meadow", 3)
    assert engine.state.to_bytes() == before


@pytest.mark.parametrize("n_chunks", [0, 3, 6])
def test_a_reanchor_beyond_the_scene_is_refused(make_engine: MakeEngine, n_chunks: int) -> None:
    engine = make_engine()
    engine.tick()
    engine.cut("night")
    for _ in range(3):
        engine.tick()
    before = engine.timeline.current
    with pytest.raises(LingenError, match=f"{n_chunks} chunks cannot be told anew: the scene has 2"):
        engine.reanchor("a sea of ice", n_chunks)
    assert engine.timeline.current is before


def test_turning_back_says_again_what_was_typed(make_engine: MakeEngine) -> None:
    engine, straight = make_engine(), make_engine()
    for _ in range(2):
        engine.tick()
        straight.tick()
    engine.tick()
    engine.steer("a sea of ice", 2)
    engine.tick()
    epoch = engine.timeline.epoch
    assert engine.turn_back(2, epoch)
    assert engine.timeline.epoch == epoch + 1
    engine.steer("night")
    straight.steer("a sea of ice", 2)
    straight.steer("night")
    assert [engine.tick().digest for _ in range(2)] == [straight.tick().digest for _ in range(2)]
    assert engine.scenario() == straight.scenario()


def test_turning_back_voids_what_was_replayed_and_plans_again_what_was_planned(make_engine: MakeEngine) -> None:
    engine = make_engine()
    engine.tick()
    engine.steer("a sea of ice")  # at chunk 1
    for _ in range(3):
        engine.tick()
    engine.seek(0)
    engine.plan("steer", words_of("night"), 2)
    for _ in range(3):
        engine.tick()
    assert [event.chunk_index for event in engine.timeline.current.events] == [1, 2]
    assert not engine.timeline.current.plan
    assert engine.turn_back(1, engine.timeline.epoch)
    assert engine.timeline.current.events == ()
    assert [one.event.chunk_index for one in engine.timeline.current.plan] == [2]
    engine.tick()
    engine.tick()
    assert engine.prompt == "night"


def test_turning_back_is_for_what_is_there(make_engine: MakeEngine) -> None:
    engine = make_engine()
    engine.tick()
    before = engine.timeline.current
    epoch = engine.timeline.epoch
    assert not engine.turn_back(0, epoch + 1)
    assert not engine.turn_back(1, epoch)
    assert not engine.turn_back(5, epoch)
    assert engine.timeline.current is before


def test_a_plan_comes_true_with_its_chunk(make_engine: MakeEngine) -> None:
    engine, straight = make_engine(), make_engine()
    first = engine.plan("steer", words_of("night"), 2, 2)
    second = engine.plan("cut", words_of("a sea of ice"), 1)
    third = engine.plan("cut", words_of("a red desert"), 1)
    engine.move_plan(second, 3)
    engine.cancel_plan(third)
    assert [one.id for one in engine.timeline.current.plan] == [first, second]
    for index in range(5):
        if index == 2:
            straight.steer("night", 2)
        if index == 3:
            straight.cut("a sea of ice")
        assert engine.tick().digest == straight.tick().digest
    assert not engine.timeline.current.plan


def test_plans_that_cannot_be(make_engine: MakeEngine) -> None:
    engine = make_engine()
    engine.tick()
    plan_id = engine.plan("steer", words_of("night"), 4)
    mistakes: list[tuple[Callable[[], object], str]] = [
        (lambda: engine.plan("steer", words_of("night"), 0), "Chunk 0 was made already; the next is 1"),
        (lambda: engine.move_plan(plan_id, 0), "Chunk 0 was made already"),
        (lambda: engine.move_plan(9, 2), f"no plan 9; there are {plan_id}"),
        (lambda: engine.cancel_plan(9), "no plan 9"),
    ]
    for wrong, words in mistakes:
        with pytest.raises(TimelineError, match=words):
            wrong()
    for _ in range(63):
        engine.plan("steer", words_of("night"), 4)
    with pytest.raises(TimelineError, match="64 prompts are planned; at most 64 may be"):
        engine.plan("steer", words_of("night"), 4)
