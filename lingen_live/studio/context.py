"""What the tabs of the studio may use. Knows the server's parts; knows no Gradio.

All of it belongs to the event loop of the server; handlers of tabs run there, so they are `async` and never block it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lingen_live.engine.client import EngineHost
from lingen_live.engine.info import EngineInfo
from lingen_live.engine.options import EngineOptions
from lingen_live.serve.annexe import Backstage
from lingen_live.serve.room import Room
from lingen_live.studio.comparing import make_beside
from lingen_live.studio.desk import Desk
from lingen_live.studio.evaluation import Evaluation


@dataclass(frozen=True, slots=True)
class StudioContext:
    """What the tabs of the studio may use.

    Attributes:
        backstage: the parts of the server.
        desk: where films are made.
        evaluation: the quick evaluation of the loaded checkpoint.
    """

    backstage: Backstage
    desk: Desk
    evaluation: Evaluation

    @classmethod
    def of(cls, backstage: Backstage) -> StudioContext:
        """The context of a server."""
        return cls(backstage, Desk(partial(make_beside, backstage.host)), Evaluation())

    @property
    def host(self) -> EngineHost:
        """Opens streams; those of the studio are opened with `is_background`."""
        return self.backstage.host

    @property
    def options(self) -> EngineOptions:
        """How the engine is built."""
        return self.backstage.options

    @property
    def rooms(self) -> tuple[Room, ...]:
        """The live sessions, oldest first; `room.session.book` has the lives of their chunks."""
        return self.backstage.house.rooms

    @property
    def info(self) -> EngineInfo | None:
        """Facts about the engine, its checkpoint's digest among them; None until it is warm."""
        return self.backstage.house.info

    @property
    def checkpoint(self) -> Path | None:
        """The folder of the loaded bundle, as the person who started the server named it; None for the bundled one."""
        return None if self.options.checkpoint is None else Path(self.options.checkpoint)
