"""Sessions as files: the same stream afterwards, bit for bit, and a clear sentence for every bad file."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from alone import run_tick
from safetensors.torch import load, save

from lingen_live.engine import session_file
from lingen_live.engine.control import EngineControl, Fork, LoadSession, Order, Seek, Switch
from lingen_live.engine.engine import Engine
from lingen_live.engine.events import blend_of, words_of
from lingen_live.engine.limits import max_session_bytes
from lingen_live.engine.session_file import load_session, save_session
from lingen_live.errors import SessionFileError, TimelineError

MakeEngine = Callable[..., Engine]


@pytest.fixture
def lived(make_engine: MakeEngine) -> Engine:
    """A stream on its way from one prompt to the next, with words that no chunk was made under yet."""
    engine = make_engine()
    engine.tick()
    engine.steer("a sea of ice", 4)
    engine.tick()
    engine.tick()
    engine.blend([("night", 1), ("a red desert", 2)], 3)
    return engine


def test_loaded_it_goes_on_as_if_it_had_never_stopped(lived: Engine, make_engine: MakeEngine) -> None:
    data = save_session(lived)
    other = make_engine(seed=3, prompt="something else")
    other.tick()
    load_session(other, data)
    for _ in range(3):
        ours, theirs = lived.tick(), other.tick()
        assert ours.digest == theirs.digest
        assert (ours.prompt, ours.blend, ours.seed, ours.chunk_index) == (
            theirs.prompt,
            theirs.blend,
            theirs.seed,
            theirs.chunk_index,
        )
        assert ours.understanding == theirs.understanding
    for engine in (lived, other):
        engine.steer("a meadow", 2)
    assert lived.tick().digest == other.tick().digest
    assert lived.state.to_bytes() == other.state.to_bytes()
    assert other.scenario() == lived.scenario()


def test_of_a_moment_that_is_past_it_goes_on_as_the_stream_did(lived: Engine, make_engine: MakeEngine) -> None:
    digests = [lived.tick().digest for _ in range(2)]
    before = lived.scenario()
    data = save_session(lived, 3)
    assert lived.scenario() == before
    other = make_engine(seed=3)
    load_session(other, data)
    assert [other.tick().digest for _ in range(2)] == digests
    with pytest.raises(TimelineError, match="The moment before chunk 99"):
        save_session(lived, 99)


def test_a_loaded_session_is_one_more_branch(lived: Engine) -> None:
    lived.fork(name="by night")
    branch_id = load_session(lived, save_session(lived))
    assert [branch.name for branch in lived.timeline.branches] == ["main", "by night", "by night"]
    assert lived.timeline.current.id == branch_id
    assert [one.chunk_index for one in lived.timeline.current.snapshots] == [3]


def test_what_is_to_be_said_later_is_saved_too(lived: Engine, make_engine: MakeEngine) -> None:
    """Plans, and words that are replayed because the stream turned back before them."""
    lived.tick()
    lived.cut("night")
    lived.tick()
    lived.plan("steer", blend_of([("a meadow", 3), ("night", 1)]), 6, 2)
    plan_id = lived.plan("cut", words_of("a red desert"), 5)
    lived.seek(2)
    other = make_engine()
    load_session(other, save_session(lived))
    assert other.view().plan == lived.view().plan
    for engine in (lived, other):
        engine.move_plan(plan_id, 7)
    assert [lived.tick().digest for _ in range(7)] == [other.tick().digest for _ in range(7)]
    assert other.scenario() == lived.scenario()
    assert len(other.scenario().events) == 5
    assert not other.view().plan


def test_a_file_of_the_first_version_is_read(lived: Engine, make_engine: MakeEngine) -> None:
    other = make_engine()
    load_session(other, forged(save_session(lived), version=1, later=None, plan=None))
    assert other.tick().digest == lived.tick().digest


def test_a_file_of_a_file_is_the_same(lived: Engine, make_engine: MakeEngine) -> None:
    other = make_engine()
    first = save_session(lived)
    load_session(other, first)
    again = make_engine()
    load_session(again, save_session(other))
    assert again.state.to_bytes() == lived.state.to_bytes()
    assert again.tick().digest == lived.tick().digest


def test_a_past_that_was_just_told_anew_waits_for_a_chunk(make_engine: MakeEngine) -> None:
    engine = make_engine()
    for _ in range(3):
        engine.tick()
    engine.reanchor("night", 2)
    with pytest.raises(SessionFileError, match="after the next chunk"):
        save_session(engine)
    engine.tick()
    other = make_engine()
    load_session(other, save_session(engine))
    assert other.tick().digest == engine.tick().digest


def told_in(data: bytes) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    n_header = struct.unpack("<Q", data[:8])[0]
    return json.loads(json.loads(data[8 : 8 + n_header])["__metadata__"]["lgs"]), load(data)


def forged(data: bytes, **changes: object) -> bytes:
    """The file with other content and a digest that fits it: what a stranger can always make."""
    told, tensors = told_in(data)
    told.update(changes)
    for name in [name for name, value in told.items() if value is None]:
        del told[name]
    told.pop("sha256", None)
    return save(tensors, {"lgs": json.dumps({**told, "sha256": session_file._digest(told, tensors)})})


def with_tensor(data: bytes, name: str, tensor: torch.Tensor | None) -> bytes:
    told, tensors = told_in(data)
    tensors[name] = tensor if tensor is not None else tensors[name]
    if tensor is None:
        del tensors[name]
    told.pop("sha256")
    return save(tensors, {"lgs": json.dumps({**told, "sha256": session_file._digest(told, tensors)})})


def changed_byte(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def bad_files(data: bytes) -> Iterator[tuple[str, bytes, str]]:
    told, tensors = told_in(data)
    scenario = told["scenario"]
    yield "empty", b"", "cut short"
    yield "half", data[: len(data) // 2], "cut short or damaged"
    yield "short by one", data[:-1], "cut short or damaged"
    yield "a huge header", struct.pack("<Q", 2**40) + data[8:], "cut short, or is no session file"
    yield "a picture", b"\x89PNG\r\n\x1a\n" + bytes(100), "no session file"
    yield "other tensors", save({"x": torch.zeros(1)}), "damaged, or is no session file"
    yield "too long", data + bytes(max_session_bytes(0) + len(data)), "has at most"
    yield "a bit flipped in the state", changed_byte(data, len(data) - 9), "does not have its SHA-256"
    yield "a newer version", forged(data, version=3), "of version 3; this program reads 1 to 2"
    yield "an older version with a newer field", forged(data, version=1), "'later'"
    yield "another format", forged(data, format="x"), "no session file"
    yield "a field more", forged(data, more=1), "'more'"
    yield "a field less", forged(data, asked=None), "'asked'"
    yield "another model", forged(data, config="0" * 64), "of another configuration"
    made = {**scenario["made_with"], "checkpoint_digest": "f" * 64}
    yield "other weights", forged(data, scenario={**scenario, "made_with": made}), "the weights ffffffffffff"
    made = {**scenario["made_with"], "dtype": "bfloat16"}
    yield "other arithmetic", forged(data, scenario={**scenario, "made_with": made}), "start it with --dtype bfloat16"
    yield "a path as name", forged(data, name="../../etc/passwd"), "slash"
    yield "a path as prompt", forged(data, asked=["a\x00/etc"]), "control character"
    yield "no words", forged(data, asked=[]), "asked is a list of 0"
    yield "a past where later words go", forged(data, later=[[1, "steer", "night", 1]]), r"later\[\d\]\[0\] is 1"
    yield "no list of later words", forged(data, later={}), "they are a list"
    yield "a plan for what was made", forged(data, plan=[[1, 2, "steer", "night", 1]]), "an integer of 3 to"
    yield "two plans of one id", forged(data, plan=[[1, 9, "cut", "night", 1]] * 2), r"plan\[1\]"
    yield "a plan to tell anew", forged(data, plan=[[1, 9, "reanchor", "night", 1]]), "steer or cut"
    yield "too many plans", forged(data, plan=[[k, 9, "cut", "night", 1] for k in range(1, 66)]), "a list of 65"
    yield "no history", forged(data, scenario={}), "not a scenario"
    yield "a transition past its end", forged(data, transition={"n_chunks": 2, "n_done": 3}), "3 of 2 chunks"
    yield "no transition", forged(data, transition=[]), "a transition that is none"
    yield "a tensor more", with_tensor(data, "../x", torch.zeros(1)), "'../x'"
    yield "a tensor less", with_tensor(data, "state.ssm", None), "'state.ssm'"
    yield "a tensor of another shape", with_tensor(data, "state.ssm", torch.zeros(2)), "this model needs"
    nan = torch.full_like(tensors["state.ssm"], float("nan"))
    yield "not a number", with_tensor(data, "state.ssm", nan), "not finite"


def test_a_bad_file_is_named_and_the_stream_goes_on(lived: Engine, make_engine: MakeEngine) -> None:
    data = save_session(lived)
    engine = make_engine()
    engine.tick()
    before = engine.timeline.current, engine.timeline.branches, engine.timeline.epoch
    for name, bad, words in bad_files(data):
        with pytest.raises(SessionFileError, match=words) as caught:
            load_session(engine, bad)
        assert "\n" not in caught.value.message, name
        assert (engine.timeline.current, engine.timeline.branches, engine.timeline.epoch) == before, name


def test_refusals_cost_the_running_stream_nothing(lived: Engine, make_engine: MakeEngine) -> None:
    """All bad files, a moment that is not kept, a branch too many: the stream is as if nobody had asked."""
    engine, alone = make_engine(), make_engine()
    for one in (engine, alone):
        one.tick()
        while len(one.timeline.branches) < one.timeline.limits.max_branches:
            one.fork()
    controls: list[EngineControl] = [LoadSession(0, bad) for _, bad, _ in bad_files(save_session(lived))]
    controls += [LoadSession(0, save_session(lived)), Seek(0, 99), Fork(0), Switch(0, 99)]
    tick = run_tick(engine, tuple(Order(control, (k,)) for k, control in enumerate(controls)))
    assert [refusal.ids for refusal in tick.refusals] == [(k,) for k in range(len(controls))]
    assert (tick.applied_ids, tick.is_fresh, tick.is_turned) == ((), False, False)
    undisturbed = run_tick(alone, ())
    assert np.array_equal(tick.chunk.frames, undisturbed.chunk.frames)
    assert tick.timeline.epoch == undisturbed.timeline.epoch
    assert tick.timeline.branches == undisturbed.timeline.branches


def test_any_flipped_bit_is_noticed(lived: Engine, make_engine: MakeEngine) -> None:
    data, engine = save_session(lived), make_engine()
    for at in range(0, len(data), len(data) // 60):
        with pytest.raises(SessionFileError):
            load_session(engine, changed_byte(data, at))


def test_no_room_for_one_more_branch(lived: Engine) -> None:
    data = save_session(lived)
    while len(lived.timeline.branches) < lived.timeline.limits.max_branches:
        lived.fork()
    before = lived.timeline.current
    with pytest.raises(TimelineError, match="at most 8 may be"):
        load_session(lived, data)
    assert lived.timeline.current is before
