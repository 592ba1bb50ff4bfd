"""`lingen_live render`: a storyboard to a film, or to a table or scenario and back, by the endings of the names."""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import replace
from pathlib import Path

from lingen_live.engine.info import EngineInfo
from lingen_live.engine.options import MAX_SEED, EngineOptions
from lingen_live.engine.record import MAX_STEPS
from lingen_live.engine.scenario import MAX_SCENARIO_BYTES, Scenario, read_scenario
from lingen_live.errors import ScenarioError
from lingen_live.serve.console import Console
from lingen_live.studio.numbers import check_steps
from lingen_live.studio.storyboard import Grid, Row, Storyboard, check_length, from_scenario, to_scenario
from lingen_live.studio.table import read_table, write_table

TABLE, SCENARIO, FILM = ".csv", ".json", ".mp4"
DEFAULT_LENGTH_S = 60.0


def add_render_arguments(parser: argparse.ArgumentParser) -> None:
    """What `render` takes beside the options of an engine."""
    parser.add_argument(
        "storyboard", type=Path, metavar="STORYBOARD", help="a scenario (.json) as saved by the page, or a table (.csv)"
    )
    parser.add_argument(
        "out",
        type=Path,
        metavar="OUT",
        help="where the film goes (.mp4), its scenario beside it; or the storyboard as .csv to edit, or as .json",
    )
    parser.add_argument("--seed", type=int, help="dice, 0 to 4294967295 (default: the scenario's; of a table 0)")
    parser.add_argument(
        "--seconds",
        type=float,
        help=f"length, at most an hour (default: the scenario's; of a table {DEFAULT_LENGTH_S:g})",
    )
    parser.add_argument(
        "--steps", type=int, help=f"denoising steps of a chunk, 1 to {MAX_STEPS} (default: the model's own)"
    )
    parser.add_argument("--anew", action="store_true", help="forget what an earlier run has made of it")
    parser.add_argument("--no-compile", action="store_true", help="do not wait for the compiled path")


def run_render(args: argparse.Namespace) -> int:
    """Do it; returns the exit code.

    Raises:
        LingenError: it cannot be done; the message says why.
        OSError: a file cannot be read or written.
    """
    from lingen_live.engine.bench import settle
    from lingen_live.engine.build import build_engine
    from lingen_live.studio.reel import Reel
    from lingen_live.studio.render import render

    said = _read(args.storyboard)  # before anything is loaded: a mistake in it is told at once
    is_film = args.out.suffix.lower() == FILM
    if not is_film and args.out.suffix.lower() not in (TABLE, SCENARIO):
        raise ScenarioError(
            f"{args.out.name} ends with {args.out.suffix!r}; {FILM}, {TABLE} and {SCENARIO} are written."
        )
    _check_numbers(args)
    reel = Reel(args.out) if is_film else None
    if reel is not None and args.anew:
        reel.discard()
    begun_in = reel.dtype() if reel is not None else None
    options = EngineOptions(
        args.checkpoint,
        args.device,
        begun_in if begun_in and args.dtype == "auto" else args.dtype,
        args.threads,
        compile=is_film and not args.no_compile,
    )
    console = Console(sys.stderr)
    engine = build_engine(options, console.progress)
    scenario = _scenario(said, args, engine.info)
    if reel is None:
        console.say(_convert(scenario, args.out, engine.info))
        return 0
    settle(engine)
    n_frames = render(engine, scenario, reel, _Progress(console, scenario.n_chunks, engine.info))
    console.say(f"{args.out}: {n_frames} frames, {n_frames / engine.info.fps:.1f} s; {reel.told.name} beside it")
    return 0


def _read(path: Path) -> Scenario | tuple[Row, ...]:
    if path.suffix.lower() != TABLE:
        return read_scenario(path)
    if (n_bytes := path.stat().st_size) > MAX_SCENARIO_BYTES:
        raise ScenarioError(f"{path.name} has {n_bytes} bytes; a table has at most {MAX_SCENARIO_BYTES}.")
    rows = read_table(path.read_bytes())
    if not rows:
        raise ScenarioError(f"{path.name} is empty; its first row says what the film begins with.")
    return rows


def _check_numbers(args: argparse.Namespace) -> None:
    if args.seconds is not None:
        check_length(args.seconds, 0.01)  # of what a chunk is, the engine knows more
    if args.seed is not None and not 0 <= args.seed <= MAX_SEED:
        raise ScenarioError(f"The seed is {args.seed}; it must be 0 to {MAX_SEED}.")
    if args.steps is not None:
        check_steps(args.steps, "The film")


def _scenario(said: Scenario | tuple[Row, ...], args: argparse.Namespace, info: EngineInfo) -> Scenario:
    """What is to be made, of this length and with this seed."""
    grid = Grid.of(info)
    if isinstance(said, tuple):
        length_s = DEFAULT_LENGTH_S if args.seconds is None else args.seconds
        return to_scenario(Storyboard(said, args.seed or 0, length_s, args.steps), grid)
    n_chunks = said.n_chunks if args.seconds is None else grid.nearest(check_length(args.seconds, grid.chunk_s))
    seed = said.start.seed if args.seed is None else args.seed
    events = tuple(event for event in said.events if event.chunk_index <= n_chunks)
    n_steps = said.n_steps if args.steps is None else grid.steps(args.steps, "The film")
    start = replace(said.start, seed=seed)
    return replace(said, start=start, events=events, n_chunks=n_chunks, shows=None, n_steps=n_steps)


def _convert(scenario: Scenario, out: Path, info: EngineInfo) -> str:
    """Write the storyboard; returns what there is to say about it."""
    if out.suffix.lower() == SCENARIO:
        out.write_text(json.dumps(scenario.to_json(), ensure_ascii=False) + "\n", encoding="utf-8")
        return str(out)
    board = from_scenario(scenario, Grid.of(info).chunk_s)
    out.write_bytes(write_table(board.rows))
    return f"{out}: {len(board.rows)} rows, for --seed {board.seed} --seconds {board.length_s:g}"


class _Progress:
    """Says how far it is: on a terminal at every chunk, elsewhere at every tenth."""

    def __init__(self, console: Console, n_chunks: int, info: EngineInfo) -> None:
        self._console = console
        self._n_chunks = n_chunks
        self._chunk_s = info.frames_per_chunk / info.fps
        self._begun_s = time.monotonic()
        self._n_before: int | None = None
        self._tenth = -1

    def __call__(self, n_made: int) -> None:
        if self._n_before is None:
            self._n_before = n_made
            if n_made:
                self._console.say(f"Going on after {n_made * self._chunk_s:g} s that are there already.")
            return
        fraction, tenth = n_made / self._n_chunks, 10 * n_made // self._n_chunks
        if self._console.is_terminal or tenth != self._tenth:
            self._console.progress(self._line(n_made), fraction)
        self._tenth = tenth

    def _line(self, n_made: int) -> str:
        assert self._n_before is not None
        per_chunk_s = (time.monotonic() - self._begun_s) / (n_made - self._n_before)
        left_s = round(per_chunk_s * (self._n_chunks - n_made))
        return (
            f"{n_made * self._chunk_s:.1f} of {self._n_chunks * self._chunk_s:.1f} s, "
            f"{self._chunk_s / per_chunk_s:.2f} times playback, {left_s // 60}:{left_s % 60:02} left"
        )
