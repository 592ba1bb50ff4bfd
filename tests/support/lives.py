"""What can happen to a stream, drawn at random and done; and what must be true of it afterwards."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import cast

import pytest
from alone import run_tick
from hypothesis import strategies as st

from lingen_live.engine.branch import Branch
from lingen_live.engine.control import (
    Blend,
    CancelPlan,
    Cut,
    Delete,
    EngineControl,
    Fork,
    MovePlan,
    Order,
    Plan,
    Reanchor,
    Reseed,
    Reset,
    Seek,
    Steer,
    Switch,
    Turn,
)
from lingen_live.engine.engine import Engine
from lingen_live.engine.events import blend_of
from lingen_live.engine.interface import AbandonedError
from lingen_live.engine.timeline import TimelineLimits
from lingen_live.errors import LingenError

# The tiny state has 35 KiB: room for 27 moments, so that long lives are thinned.
LIMITS = TimelineLimits(memory_bytes=2**20, max_branches=4)
STAGES = ("text", "noise", "denoise 0", "denoise 1", "commit", "decode", "thumbnail", "push")
PROMPTS = ("a meadow", "a sea of ice", "night", "a red desert")


class ToldToFailError(Exception):
    """Raised where a test wants a failure."""


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


def fail_at(engine: Engine, stage: str, tick: Callable[[], object] | None = None) -> None:
    """One tick that fails at a stage."""
    with pytest.MonkeyPatch.context() as patch:
        match stage:
            case "text":
                patch.setattr(engine.words, "context", fail)
            case "noise":
                patch.setattr("lingen_live.engine.generate.chunk_noise", fail)
            case "decode":
                patch.setattr(engine.bundle.codec, "decode_onward", fail)
            case "thumbnail":
                patch.setattr("lingen_live.engine.engine.thumbnail_of", fail)
            case "push":
                patch.setattr(engine.timeline, "_over_budget", fail)
            case _:
                calls = ("denoise 0", "denoise 1", "commit")
                patch.setattr(engine, "denoiser", FailingDenoiser(engine, calls.index(stage)))
        with pytest.raises(ToldToFailError):
            (tick or engine.tick)()


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


def _plan(verb: str, parts: list[tuple[str, float]], chunk_index: int) -> Plan:
    return Plan(0, "cut" if verb == "cut" else "steer", blend_of(parts), chunk_index, 2)


prompts = st.sampled_from(PROMPTS)
chunks = st.integers(0, 12)
parts = st.lists(st.tuples(prompts, st.floats(0.1, 3.0)), min_size=1, max_size=3)
CONTROLS: st.SearchStrategy[EngineControl] = st.one_of(
    st.builds(Steer, st.just(0), prompts, st.integers(1, 4)),
    st.builds(Blend, st.just(0), parts.map(tuple), st.integers(1, 4)),
    st.builds(Cut, st.just(0), prompts),
    st.builds(Reanchor, st.just(0), prompts, st.integers(1, 4)),
    st.builds(Reset, st.just(0)),
    st.builds(Reseed, st.just(0), st.integers(0, 2**32 - 1)),
    st.builds(Seek, st.just(0), chunks),
    st.builds(Fork, st.just(0), st.one_of(st.none(), chunks)),
    st.builds(Switch, st.just(0), st.integers(0, 4)),
    st.builds(Delete, st.just(0), st.integers(0, 4)),
    st.builds(_plan, st.sampled_from(["steer", "cut"]), parts, chunks),
    st.builds(MovePlan, st.just(0), st.integers(1, 3), chunks),
    st.builds(CancelPlan, st.just(0), st.integers(1, 3)),
)
"""All that can be asked, but for whole streams: those are operations."""

OPERATIONS = st.one_of(
    st.tuples(st.just("tick"), st.integers(1, 4)),
    # What a host does: orders, perhaps a turn back first, perhaps a failure on the way.
    st.tuples(
        st.just("order"),
        st.lists(CONTROLS, min_size=1, max_size=3),
        st.one_of(st.none(), st.integers(1, 3)),
        st.one_of(st.none(), st.none(), st.sampled_from(STAGES)),
    ),
    st.tuples(st.just("say"), CONTROLS),
    st.tuples(st.just("plan"), st.sampled_from(["steer", "cut"]), parts, st.integers(0, 6)),
    st.tuples(st.just("turn_back"), st.integers(0, 3)),
    st.tuples(st.just("abandon"), st.integers(0, 1)),
    st.tuples(st.just("pause")),
    st.tuples(st.just("fail"), st.sampled_from(STAGES)),
    st.tuples(st.just("save_and_load")),
    st.tuples(st.just("play_scenario")),
)


def do(engine: Engine, name: str, *arguments: object) -> None:
    """One operation; one that is refused or fails must leave everything as it was."""
    before = _all_of(engine)
    try:
        match name:
            case "tick":
                for _ in range(cast(int, arguments[0])):
                    engine.tick()
            case "order":
                controls, n_back, stage = arguments
                _order(engine, cast(list[EngineControl], controls), cast(int | None, n_back), cast(str | None, stage))
            case "say":
                _say(engine, cast(EngineControl, arguments[0]))
            case "plan":
                verb, said, ahead = arguments
                chunk_index = engine.chunk_index + cast(int, ahead)
                _say(engine, _plan(str(verb), cast(list[tuple[str, float]], said), chunk_index))
            case "turn_back":
                engine.turn_back(engine.chunk_index - cast(int, arguments[0]), engine.timeline.epoch)
            case "abandon":
                answers = iter([False] * cast(int, arguments[0]) + [True])
                with pytest.raises(AbandonedError):
                    engine.tick(lambda: next(answers))
                assert _all_of(engine) == before
            case "pause":
                assert _all_of(engine) == before  # a stream that is held is asked for nothing
            case "fail":
                fail_at(engine, str(arguments[0]))
                assert _all_of(engine) == before
            case "save_and_load":
                engine.load_session(engine.save_session())
            case "play_scenario":
                engine.load_scenario(engine.scenario())
            case _:
                raise NotImplementedError(name)
    except LingenError:
        assert _all_of(engine) == before


def _all_of(engine: Engine) -> tuple[object, ...]:
    return engine.timeline.current, engine.timeline.branches, engine.timeline.epoch


def _order(engine: Engine, controls: list[EngineControl], n_back: int | None, stage: str | None) -> None:
    """A tick of a host; refusals of single orders leave the others in force."""
    orders = tuple(Order(control, (k,)) for k, control in enumerate(controls))
    turn = None if n_back is None else Turn(engine.chunk_index - n_back, engine.timeline.epoch)
    before = _all_of(engine)
    if stage is None:
        tick = run_tick(engine, orders, turn)
        told = {*tick.applied_ids, *(id for refusal in tick.refusals for id in refusal.ids)}
        assert told == set(range(len(orders)))
        return
    fail_at(engine, stage, lambda: run_tick(engine, orders, turn))
    assert _all_of(engine) == before


def _say(engine: Engine, control: EngineControl) -> None:
    """One verb, without a chunk after it."""
    match control:
        case Steer():
            engine.steer(control.prompt, control.n_chunks)
        case Blend():
            engine.blend(control.parts, control.n_chunks)
        case Cut():
            engine.cut(control.prompt)
        case Reanchor():
            engine.reanchor(control.prompt, control.n_chunks)
        case Reset():
            engine.reset()
        case Reseed():
            engine.reseed(control.seed)
        case Seek():
            engine.seek(control.chunk_index)
        case Fork():
            engine.fork(control.chunk_index)
        case Switch():
            engine.switch(control.branch_id)
        case Delete():
            engine.delete(control.branch_id)
        case Plan():
            engine.plan(control.verb, control.words, control.chunk_index, control.n_chunks)
        case MovePlan():
            engine.move_plan(control.plan_id, control.chunk_index)
        case CancelPlan():
            engine.cancel_plan(control.plan_id)
        case _:
            raise NotImplementedError(control)
