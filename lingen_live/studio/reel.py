"""A film made in parts, each of which survives a kill: films, and the stream as it was after the last of them.

The folder lies beside the film and is gone when that is whole. Knows files. Does not know engines or time.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

from lingen_live.engine.limits import max_session_bytes
from lingen_live.engine.movie import check_name, join_movies
from lingen_live.engine.scenario import Scenario, read_scenario
from lingen_live.errors import ScenarioError, SessionFileError

PART_CHUNKS = 20
"""What a kill may cost: of the bundled model ten seconds of film, three of work."""

_PART = re.compile(r"(\d{7})-(\d{7})\.mp4")
_SESSION = re.compile(r"(\d{7})\.lgs")


class Reel:
    """The folder of a film that is being made.

    Args:
        film: where the film will lie; ends with .mp4.

    Raises:
        EngineError: its name is that of no film.
    """

    def __init__(self, film: Path) -> None:
        check_name(film)
        self.film = film
        self.told = film.with_suffix(".scenario.json")
        self.folder = film.with_name(f"{film.name}.parts")
        self._plan = self.folder / "storyboard.json"
        self._parts: list[Path] = []

    def discard(self) -> None:
        """Forget what there is."""
        if self.folder.exists():
            shutil.rmtree(self.folder)

    def dtype(self) -> str | None:
        """The number format of what there is; None if there is nothing.

        Raises:
            ScenarioError: what lies there is damaged.
        """
        return read_scenario(self._plan).made_with.dtype if self._plan.exists() else None

    def open(self, scenario: Scenario) -> int:
        """Begin, or go on; returns how many chunks there are already.

        Raises:
            ScenarioError: the parts of another film lie there.
            OSError: nothing can be written there.
        """
        plan = _plan_of(scenario)
        if self._plan.exists() and _plan_of(read_scenario(self._plan)) != plan:
            raise ScenarioError(
                f"{self.folder.name} holds the beginning of another film, or of one by another model; "
                "remove it, or begin anew with --anew."
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self._plan.exists():
            _write(self._plan, json.dumps(plan).encode())
        n_made, self._parts = self._find()
        self._clear(n_made)
        return n_made

    def part(self, first: int, last: int) -> Path:
        """Where the film of chunks `first` to before `last` belongs."""
        return self.folder / f"{first:07}-{last:07}.mp4"

    def keep(self, part: Path, n_chunks: int, session: bytes) -> None:
        """A part is there: keep the stream as it is after it, and no longer as it was before."""
        _write(self._session(n_chunks), session)
        self.add(part)
        self._clear(n_chunks)

    def add(self, part: Path) -> None:
        """A part is there, of a film that nobody goes on with after a kill."""
        self._parts.append(part)

    def session(self, n_chunks: int, state_bytes: int) -> bytes:
        """The stream as it was kept after so many chunks.

        Raises:
            SessionFileError: it is too large to be one.
            OSError: it cannot be read.
        """
        path, limit = self._session(n_chunks), max_session_bytes(state_bytes)
        if (n_bytes := path.stat().st_size) > limit:
            raise SessionFileError(f"{path.name} has {n_bytes} bytes; a session of this model has at most {limit}.")
        return path.read_bytes()

    def finish(self, scenario: Scenario) -> int:
        """Put the parts together, and the scenario beside them; returns how many frames there are.

        Raises:
            EngineError: the parts do not fit together.
            OSError: it cannot be written there.
        """
        n_frames = join_movies(self.film, self._parts)
        _write(self.told, (json.dumps(scenario.to_json(), ensure_ascii=False) + "\n").encode())
        self.discard()
        return n_frames

    def _session(self, n_chunks: int) -> Path:
        return self.folder / f"{n_chunks:07}.lgs"

    def _find(self) -> tuple[int, list[Path]]:
        """Up to where there are both a film and the stream after it: how many chunks, and the parts."""
        parts: list[Path] = []
        best: tuple[int, list[Path]] = (0, [])
        end = 0
        for path in sorted(self.folder.iterdir()):
            match = _PART.fullmatch(path.name)
            if match and int(match[1]) == end < int(match[2]):
                end = int(match[2])
                parts.append(path)
                if self._session(end).exists():
                    best = (end, list(parts))
        return best

    def _clear(self, n_chunks: int) -> None:
        """Remove what is half written, and all streams but the one after `n_chunks`."""
        for path in self.folder.iterdir():
            part, session = _PART.fullmatch(path.name), _SESSION.fullmatch(path.name)
            is_late = part is not None and int(part[2]) > n_chunks
            is_old = session is not None and int(session[1]) != n_chunks
            if is_late or is_old or path.suffix == ".partial":
                path.unlink()


def _plan_of(scenario: Scenario) -> dict[str, Any]:
    return scenario.to_json(has_digests=False)


def _write(path: Path, data: bytes) -> None:
    """Have the file there whole, or as it was."""
    partial = path.with_name(f"{path.name}.partial")
    partial.write_bytes(data)
    partial.replace(path)
