"""Control messages to what the engine takes. Pure, but for uploads, which are taken once.

Knows both vocabularies. Does not know who asked or when it takes effect.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

from lingen_live.engine.control import (
    Blend,
    CancelPlan,
    Cut,
    Delete,
    EngineControl,
    Fork,
    LoadSession,
    MovePlan,
    Plan,
    PlayScenario,
    Reanchor,
    Reseed,
    Reset,
    Seek,
    Steer,
    Switch,
)
from lingen_live.engine.events import DEFAULT_STRETCH, blend_of
from lingen_live.serve import protocol

ToEngine = (
    protocol.SteerControl
    | protocol.BlendControl
    | protocol.ReanchorControl
    | protocol.CutControl
    | protocol.SeedControl
    | protocol.ResetControl
    | protocol.SeekControl
    | protocol.ForkControl
    | protocol.SwitchControl
    | protocol.DeleteControl
    | protocol.ScheduleControl
    | protocol.RescheduleControl
    | protocol.UnscheduleControl
    | protocol.ScenarioControl
    | protocol.LoadControl
)
"""Controls that the engine takes; the others are the session's own business."""


def to_engine(
    control: ToEngine, number: int, transition_chunks: int, take_upload: Callable[[str], bytes]
) -> EngineControl:
    """What the engine is asked under `number`.

    Args:
        control: what a client said.
        number: comes back in receipts.
        transition_chunks: over how many chunks words blend in, if they do not say.
        take_upload: the bytes of an upload by its name.

    Raises:
        LingenError: there is no such upload.
    """
    match control:
        case protocol.SteerControl():
            return Steer(number, control.prompt, control.chunks or transition_chunks)
        case protocol.BlendControl():
            return Blend(number, control.parts, control.chunks or transition_chunks)
        case protocol.ReanchorControl():
            return Reanchor(number, control.prompt, control.chunks or DEFAULT_STRETCH)
        case protocol.CutControl():
            return Cut(number, control.prompt)
        case protocol.SeedControl():
            return Reseed(number, control.seed)
        case protocol.ResetControl():
            return Reset(number)
        case protocol.ScheduleControl():
            n_chunks = control.chunks or transition_chunks
            words = blend_of(control.parts or [(control.prompt or "", 1.0)])
            return Plan(number, control.verb, words, control.chunk_index, n_chunks)
        case protocol.RescheduleControl():
            return MovePlan(number, control.plan_id, control.chunk_index)
        case protocol.UnscheduleControl():
            return CancelPlan(number, control.plan_id)
        case protocol.SeekControl():
            return Seek(number, control.chunk_index)
        case protocol.ForkControl():
            return Fork(number, control.chunk_index, control.name)
        case protocol.SwitchControl():
            return Switch(number, control.branch_id)
        case protocol.DeleteControl():
            return Delete(number, control.branch_id)
        case protocol.ScenarioControl():
            return PlayScenario(number, control.scenario)
        case protocol.LoadControl():
            return LoadSession(number, take_upload(control.upload))
        case _:
            assert_never(control)
