"""The main job: from command-line arguments to a running server and the exit code.

Light to import: this module is imported again in the worker process, which needs none of what serving takes.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lingen_live.engine.interface import EngineFactory, default_engine
from lingen_live.engine.options import DEFAULT_PROMPT, DEFAULT_SESSIONS, DTYPES, EngineOptions
from lingen_live.errors import CheckpointError, ConfigError, LingenError
from lingen_live.prompt import validate_prompt
from lingen_live.serve.console import Console
from lingen_live.serve.listen import bind
from lingen_live.serve.network_arguments import add_network_arguments, media_options
from lingen_live.serve.protocol import MAX_STEER_CHUNKS
from lingen_live.serve.secret_source import read_token

if TYPE_CHECKING:
    from lingen_live.serve.annexe import Annexe
    from lingen_live.serve.booth import OpenBooth
    from lingen_live.serve.live import MakeHost

DEFAULT_PORT = 8000
DEFAULT_TRANSITION_CHUNKS = 2

EXIT_FAILED, EXIT_USAGE = 1, 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add all options of the live server to `parser`."""
    what = parser.add_argument_group("what plays")
    what.add_argument("--prompt", default=DEFAULT_PROMPT, help='words of the first scene (default: "%(default)s")')
    what.add_argument("--seed", type=int, default=0, help="dice of the stream, 0 to 4294967295 (default: 0)")
    what.add_argument("--checkpoint", metavar="DIR", help="directory of a model (default: the one that comes along)")
    what.add_argument("--fps", type=float, help="frames a second (default: what the model was trained for)")
    what.add_argument(
        "--transition",
        type=int,
        default=DEFAULT_TRANSITION_CHUNKS,
        metavar="CHUNKS",
        help="chunks over which a new prompt blends in, 1 to 16 (default: %(default)s)",
    )
    where = parser.add_argument_group("where it is served")
    where.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: %(default)s, this machine only)"
    )
    where.add_argument(
        "--port", type=int, default=DEFAULT_PORT, help="port to listen on, 0 for any (default: %(default)s)"
    )
    where.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="one more name that the server is known by, e.g. behind a proxy; may be repeated",
    )
    where.add_argument(
        "--token",
        metavar="env:NAME|FILE",
        help="where the word is that whoever comes must know, also from this machine (default: a new one at every "
        "start, if other machines can come)",
    )
    where.add_argument(
        "--recordings", metavar="DIR", help="keep films there (default: they go when their session ends)"
    )
    where.add_argument(
        "--record-minutes", type=float, default=10.0, metavar="N", help="longest film, 0.1 to 60 (default: %(default)g)"
    )
    add_network_arguments(parser)
    _add_how(parser)


def _add_how(parser: argparse.ArgumentParser) -> None:
    how = parser.add_argument_group("how it computes")
    how.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N (default: %(default)s)")
    how.add_argument("--dtype", choices=DTYPES, default="auto", help="number format (default: what is fastest here)")
    how.add_argument("--threads", type=int, default=1, help="compute threads (default: 1, leaving a core to the video)")
    how.add_argument(
        "--sessions",
        type=int,
        default=DEFAULT_SESSIONS,
        metavar="N",
        help="streams at a time, if so many are made as fast as they play; others wait in line (default: %(default)s)",
    )
    how.add_argument(
        "--batch", type=int, metavar="N", help="streams in one forward pass (default: 1 on a CPU, 8 on a GPU)"
    )
    how.add_argument("--no-compile", action="store_true", help="do not prepare a compiled path")


def launch(
    args: argparse.Namespace,
    factory: EngineFactory = default_engine,
    annexe: Annexe | None = None,
    make_host: MakeHost | None = None,
    max_sessions: int | None = None,
    open_booth: OpenBooth | None = None,
) -> int:
    """Serve until Ctrl-C.

    Args:
        args: parsed options of `add_arguments`.
        factory: builds the engine in the worker process; picklable by name.
        annexe: what is served beside the page.
        make_host: see `run_live`.
        max_sessions: see `run_live`.
        open_booth: see `run_live`.

    Returns:
        The exit code: 0 after Ctrl-C, 1 if it could not be done, 2 if it was asked for wrongly.
    """
    console = Console(sys.stderr)
    try:
        options = _engine_options(args, annexe.n_streams if annexe else 0)
        _check_transition(args.transition)
        _check_minutes(args.record_minutes)
        media = media_options(args)
        token = None if args.token is None else read_token(args.token)
        listener = bind(args.host, args.port)
    except LingenError as error:
        console.error(error.message)
        return EXIT_USAGE
    with listener:
        try:
            # Imported here, because the worker process imports this module and needs none of it.
            from lingen_live.serve.live import run_live

            run_live(
                options,
                factory,
                listener,
                host=args.host,
                more_hosts=args.allow_host,
                token=token,
                transition_chunks=args.transition,
                recordings=args.recordings,
                record_minutes=args.record_minutes,
                media=media,
                console=console,
                annexe=annexe,
                make_host=make_host,
                max_sessions=max_sessions,
                open_booth=open_booth,
            )
        except LingenError as error:
            console.error(error.message)
            return EXIT_FAILED
        except KeyboardInterrupt:  # it came before the server listened to signals
            pass
    console.say("Ended.")
    return 0


def _engine_options(args: argparse.Namespace, n_background: int) -> EngineOptions:
    """What was asked for, checked as far as it can be without loading anything.

    Raises:
        LingenError: an option has a value that cannot be.
    """
    if args.checkpoint is not None and not (Path(args.checkpoint) / "config.json").is_file():
        raise CheckpointError(
            f"There is no model at {args.checkpoint!r}; a directory with config.json and weights is accepted."
        )
    return EngineOptions(
        checkpoint=args.checkpoint,
        device=args.device,
        dtype=args.dtype,
        n_threads=args.threads,
        seed=args.seed,
        prompt=validate_prompt(args.prompt),
        fps=args.fps,
        compile=not args.no_compile,
        n_sessions=args.sessions,
        max_batch=args.batch,
        n_background=n_background,
    )


def _check_transition(n_chunks: int) -> None:
    if not 1 <= n_chunks <= MAX_STEER_CHUNKS:
        raise ConfigError(f"transition is {n_chunks}; it must be 1 to {MAX_STEER_CHUNKS} chunks.")


def _check_minutes(minutes: float) -> None:
    if not 0.1 <= minutes <= 60:
        raise ConfigError(f"record-minutes is {minutes:g}; it must be 0.1 to 60.")
