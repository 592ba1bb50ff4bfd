"""What the gateway and the engine of a device say to each other. Plain values, no torch, no Ray."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib.metadata import version

from lingen_live.cluster.media import FromStage, ToStage
from lingen_live.engine.carry import Carried
from lingen_live.engine.client import EngineEvent
from lingen_live.engine.control import EngineControl, Turn
from lingen_live.engine.info import EngineInfo
from lingen_live.engine.messages import Progress


@dataclass(frozen=True, slots=True)
class Versions:
    """Of what has to be the same on all machines: messages are pickled, and replays are to be exact."""

    lingen_live: str
    torch: str
    python: str

    @classmethod
    def here(cls) -> Versions:
        """Of this process."""
        return cls(version("lingen-live"), version("torch"), platform.python_version())

    def misfit(self, node: str, here: Versions) -> str | None:
        """Why an engine on `node`, where these are, is of no use to a gateway with those of `here`; None if it is."""
        for name in ("lingen_live", "torch", "python"):
            mine, theirs = getattr(here, name), getattr(self, name)
            if mine != theirs:
                return f"{name} is {theirs} on {node} and {mine} at the gateway; all machines need the same."
        return None


@dataclass(frozen=True, slots=True)
class Facts:
    """From a device whose engine is warm.

    Attributes:
        info: about the engine.
        n_slots: streams that it has memory for.
        node: name of the machine.
        pid: of the process.
    """

    info: EngineInfo
    n_slots: int
    node: str
    pid: int


@dataclass(frozen=True, slots=True)
class Want:
    """To a device: make the next chunk of a stream that has `ready_s` left to play."""

    number: int
    ready_s: float


@dataclass(frozen=True, slots=True)
class Say:
    """To a device: have a control taken before a stream's next chunk; see `EngineClient.control`."""

    number: int
    control: EngineControl
    turn: Turn | None


@dataclass(frozen=True, slots=True)
class Leave:
    """To a device: forget a stream."""

    number: int


@dataclass(frozen=True, slots=True)
class Heard:
    """From a device: an event of a stream, or of its video there; with some chunks how the stream is after them."""

    number: int
    event: EngineEvent | FromStage
    snapshot: Carried | None = None


@dataclass(frozen=True, slots=True)
class News:
    """From a device: all since the last time, in order; nothing, when nothing came for a while.

    Attributes:
        said: what happened.
        capacity: streams that it makes as fast as they play; None while nothing was measured.
        is_leaving: somebody asked it to be drained.
        now_s: by the monotonic clock there.
    """

    said: tuple[Heard | Progress, ...]
    capacity: int | None
    is_leaving: bool
    now_s: float = 0.0


@dataclass(frozen=True, slots=True)
class DeviceStatus:
    """A device as it tells people about itself.

    Attributes:
        name: of the device.
        node: name of the machine.
        pid: of the process.
        state: "starting", "ready" or "draining".
        info: about the engine; None while it is being built.
        n_streams: open there.
        n_slots: streams that it has memory for.
        capacity: streams that it makes as fast as they play, as far as it is known.
        n_chunks: made since it was started.
    """

    name: str
    node: str
    pid: int
    state: str
    info: EngineInfo | None
    n_streams: int
    n_slots: int
    capacity: int | None
    n_chunks: int


ToDevice = Want | Say | Leave | ToStage
