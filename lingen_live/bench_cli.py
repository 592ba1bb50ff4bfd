"""`lingen_live bench`: parses; other modules measure."""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lingen_live.cli_options import add_engine_options

if TYPE_CHECKING:
    from lingen_live.engine.engine import Engine

_DEFAULT_CHUNKS = 120
_BESIDE_TURNS = 3
_HOUR_MINUTES, _LIVE_MINUTES = 60.0, 30.0
_WHAT = {
    "stages": "one stream by its stages",
    "sessions": "1, 2, 4 and 8 streams at once",
    "viewers": "0 to 50 viewers of one stream, by what they cost the server",
    "photon": "how long words take to the screen, in headless Chromium",
    "beside": "a live stream with and without a film made beside it: late frames, and how soon words are obeyed",
    "live": "half an hour in headless Chromium: frames shown, freezes, and whether the picture falls behind",
    "steer": "the ways to say something, by how soon they are obeyed and what they keep",
    "hour": "an hour of video: whether anything grows with a stream's age",
    "paths": "float32 and bfloat16, compiled or not, against what the CPU can multiply",
    "kernels": "every kernel against its rivals",
    "stream": "one stream of the paper's scale by its stages",
    "paper": "the paper's tables: operations, and seconds of a step",
    "all": "every table of a GPU, in ten minutes",
    "checkpoint": "no measurement: write a checkpoint of random weights (--out), which `live` and `info` take",
}


def add_bench(parser: argparse.ArgumentParser) -> None:
    """The options of `bench`."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = "\n".join(f"{name:10} {text}" for name, text in _WHAT.items())
    parser.add_argument("what", nargs="?", choices=tuple(_WHAT), default="stages", help="(default: %(default)s)")
    add_engine_options(parser)
    parser.add_argument(
        "--chunks", type=int, help=f"chunks to generate, of every stream (default: {_DEFAULT_CHUNKS}; `paths` 30)"
    )
    parser.add_argument("--no-compile", action="store_true", help="measure without the compiled path")
    parser.add_argument(
        "--profile", action="store_true", help="with `sessions`: also where the time of batches goes, by operators"
    )
    parser.add_argument(
        "--json",
        type=Path,
        metavar="FILE",
        help="with `stages`, `sessions`, `viewers`, `photon`, `live`, `beside`, `steer`, `hour`: numbers go here, too",
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=20.0,
        help="with `viewers` and `beside`: time for each number (default: %(default)s)",
    )
    parser.add_argument("--steers", type=int, default=100, help="with `photon`: how often (default: %(default)s)")
    parser.add_argument(
        "--changes", type=int, default=100, help="with `steer`: random changes of the prompt (default: %(default)s)"
    )
    parser.add_argument(
        "--minutes", type=float, help="with `hour` and `live`: length of the video (default: 60 and 30)"
    )
    parser.add_argument("--picture", type=Path, metavar="SVG", help="with `hour`: also draw the curves here")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("runs/bench"),
        metavar="DIR",
        help="with the others: report folder (default: %(default)s)",
    )
    parser.add_argument("--quick", action="store_true", help="toy sizes: shows that everything runs")
    parser.add_argument("--parts", nargs="+", metavar="NAME", help="with `all`: only these reports")
    parser.add_argument("--flops-only", action="store_true", help="with `paper`: count operations, time nothing")
    _add_stream(parser.add_argument_group("with `stream`, `kernels` and `checkpoint`"))
    parser.set_defaults(run=_bench)


def _add_stream(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--name", choices=("lingen-1b", "lingen-4b"), default="lingen-4b", help="(default: %(default)s)")
    group.add_argument("--side", type=int, default=512, metavar="PX", help="height and width (default: %(default)s)")
    group.add_argument("--random-weights", action="store_true", help="speed without a checkpoint; frames are noise")
    group.add_argument("--float8", action="store_true", help="8-bit linear layers; their error is measured")
    group.add_argument("--no-graphs", action="store_true", help="launch kernels one by one on a GPU")
    group.add_argument("--vae", type=Path, metavar="DIR", help="published video autoencoder (Wan, diffusers layout)")
    group.add_argument("--text-encoder", type=Path, metavar="DIR", help="published T5 or UMT5 encoder")
    group.add_argument("--prompt", default="a red balloon over dunes at dusk", help="(default: %(default)s)")
    group.add_argument("--length", type=int, nargs="+", metavar="L", help="positions (default: 2048 8192 35000 139264)")


def _bench(args: argparse.Namespace) -> int:
    runs = {
        "viewers": _live,
        "photon": _live,
        "live": _live,
        "beside": _beside,
        "paths": _paths,
        "kernels": _kernels,
        "stream": _stream,
        "paper": _paper,
        "all": _all,
        "checkpoint": _checkpoint,
    }
    return runs.get(args.what, _engine)(args)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _n_chunks(args: argparse.Namespace, default: int, least: int) -> int | None:
    """How many chunks; None after saying what is wrong."""
    n_chunks: int = default if args.chunks is None else args.chunks
    if n_chunks >= least:
        return n_chunks
    sys.stderr.write(f"chunks is {n_chunks}; it must be {least} or more.\n")
    return None


def _report(args: argparse.Namespace, name: str, report: tuple[dict[str, Any], str]) -> int:
    from lingen_live.paper.everything import write

    write(args.out, name, *report)
    sys.stdout.write(report[1])
    return 0


def _write_json(path: Path | None, result: object) -> None:
    if path is not None:
        path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def _live(args: argparse.Namespace) -> int:
    from lingen_live.client.bench_live import as_live_table, run_bench_live
    from lingen_live.client.bench_photon import as_photon_table, run_bench_photon
    from lingen_live.client.bench_viewers import as_viewers_table, run_bench_viewers

    options = ["--device", args.device, "--dtype", args.dtype, "--threads", str(args.threads)]
    options += ["--checkpoint", args.checkpoint] if args.checkpoint else []
    options += ["--no-compile"] if args.no_compile else []
    if args.what == "viewers":
        result = run_bench_viewers((0, 1, 5, 20, 50), args.seconds, options)
        table = as_viewers_table(result)
    elif args.what == "live":
        result = run_bench_live(_LIVE_MINUTES if args.minutes is None else args.minutes, options)
        table = as_live_table(result)
    else:
        result = run_bench_photon(args.steers, options)
        table = as_photon_table(result)
    sys.stdout.write(table + "\n")
    _write_json(args.json, result)
    return 0


def _beside(args: argparse.Namespace) -> int:
    from lingen_live.engine.options import EngineOptions
    from lingen_live.serve.console import Console
    from lingen_live.studio.bench_beside import as_beside_table, run_bench_beside

    options = EngineOptions(
        args.checkpoint,
        args.device,
        args.dtype,
        args.threads,
        compile=not args.no_compile,
        n_sessions=1,
        n_background=1,
    )
    result = run_bench_beside(options, args.seconds, _BESIDE_TURNS, Console(sys.stderr).progress)
    sys.stdout.write(as_beside_table(result) + "\n")
    _write_json(args.json, result)
    return 0


def _engine(args: argparse.Namespace) -> int:
    from lingen_live.engine.bench import settle
    from lingen_live.engine.build import build_engine
    from lingen_live.engine.options import EngineOptions

    n_chunks = _n_chunks(args, _DEFAULT_CHUNKS, 2)
    if n_chunks is None:
        return 2
    if args.changes < 1:
        sys.stderr.write(f"changes is {args.changes}; it must be 1 or more.\n")
        return 2
    options = EngineOptions(args.checkpoint, args.device, args.dtype, args.threads, compile=not args.no_compile)
    engine = build_engine(options, lambda stage, fraction: None)
    settle(engine)
    result, table = _measure(engine, args, n_chunks)
    sys.stdout.write(table + "\n")
    _write_json(args.json, result)
    return 0


def _measure(engine: Engine, args: argparse.Namespace, n_chunks: int) -> tuple[dict[str, Any], str]:
    """The numbers of one of the measurements of an engine, and the same for people."""
    match args.what:
        case "sessions":
            return _sessions(engine, args, n_chunks)
        case "steer":
            from lingen_live.train.bench_steer import as_steer_table, run_bench_steer
            from lingen_live.train.jobs import load_probe

            result = run_bench_steer(engine, load_probe(None), args.changes, _counted("changes"))
            return result, as_steer_table(result)
        case "hour":
            from lingen_live.engine.bench_hour import as_hour_table, hour_picture, run_bench_hour

            minutes = _HOUR_MINUTES if args.minutes is None else args.minutes
            result = run_bench_hour(engine, minutes, _counted("chunks"))
            if args.picture is not None:
                args.picture.write_text(hour_picture(result), encoding="utf-8")
            return result, as_hour_table(result)
        case _:
            from lingen_live.engine.bench import as_table, run_bench

            result = run_bench(engine, n_chunks, lambda: None)
            return result, as_table(result)


def _sessions(engine: Engine, args: argparse.Namespace, n_chunks: int) -> tuple[dict[str, Any], str]:
    from lingen_live.engine.bench_operators import as_operator_table, profile_batches
    from lingen_live.engine.bench_sessions import as_sessions_table, run_bench_sessions

    result = run_bench_sessions(engine, (1, 2, 4, 8), n_chunks)
    table = as_sessions_table(result)
    if args.profile:
        result["operators"] = profile_batches(engine, (1, 2, 4))
        table += "\n\n" + as_operator_table(result["operators"])
    return result, table


def _counted(what: str) -> Callable[[int], None]:
    """Tells a person at a terminal how far a long measurement is."""
    done = itertools.count(1)

    def on_done(n_all: int) -> None:
        n_done = next(done)
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{n_done} of {n_all} {what}" + ("\n" if n_done == n_all else ""))

    return on_done


def _paths(args: argparse.Namespace) -> int:
    from lingen_live.engine.options import EngineOptions
    from lingen_live.paper import cpu_paths

    n_chunks = _n_chunks(args, 3 if args.quick else 30, 2)
    if n_chunks is None:
        return 2
    options = EngineOptions(args.checkpoint, "cpu", "auto", args.threads, compile=not (args.no_compile or args.quick))
    result = cpu_paths.run_paths(options, n_chunks, _say)
    return _report(args, "cpu-paths", (result, cpu_paths.as_markdown(result)))


def _kernels(args: argparse.Namespace) -> int:
    from lingen_kernels.benchmark.setting import preset
    from lingen_live.paper.everything import KERNEL_LENGTHS, kernel_part

    lengths = tuple(args.length or KERNEL_LENGTHS)
    setting = preset("vista" if args.quick else args.name, args.device, lengths, is_quick=args.quick)
    return _report(args, "kernels", kernel_part(setting, _say))


def _stream(args: argparse.Namespace) -> int:
    from lingen_live.paper.configs import TOY
    from lingen_live.paper.everything import stream_part
    from lingen_live.paper.stream_build import StreamOptions

    if args.checkpoint is None and not args.random_weights:
        sys.stderr.write("No trained weights of this scale exist: say --random-weights, or --checkpoint DIR.\n")
        return 2
    n_chunks = _n_chunks(args, 8 if args.quick else _DEFAULT_CHUNKS, 4)
    if n_chunks is None:
        return 2
    dtype = args.dtype if args.dtype != "auto" else ("float32" if args.device == "cpu" else "bfloat16")
    options = StreamOptions(
        name=TOY if args.quick else args.name,
        side_px=args.side,
        device=args.device,
        dtype=dtype,
        is_float8=args.float8,
        checkpoint=None if args.checkpoint is None else Path(args.checkpoint),
        vae=args.vae,
        text_encoder=args.text_encoder,
        prompt=args.prompt,
        has_graphs=not args.no_graphs,
    )
    return _report(args, "stream", stream_part(options, n_chunks, float("inf")))


def _paper(args: argparse.Namespace) -> int:
    import torch

    from lingen_live.paper.everything import latency_part
    from lingen_live.paper.report import flops_rows, write_report

    if args.flops_only:
        sys.stdout.write(write_report(args.out, flops_rows()))
        return 0
    if torch.device(args.device).type == "cpu" and not args.quick:
        sys.stderr.write("Billions of parameters on a CPU take hours: say --device cuda, --quick or --flops-only.\n")
        return 2
    if not args.quick:
        sys.stdout.write(write_report(args.out, flops_rows()))
    return _report(args, "latency", latency_part(args.device, _say, is_quick=args.quick))


def _all(args: argparse.Namespace) -> int:
    from lingen_live.paper.everything import PARTS, run_everything

    only = args.parts or PARTS
    if unknown := sorted(set(only) - set(PARTS)):
        sys.stderr.write(f"There is no part named {unknown[0]!r}; known are {', '.join(PARTS)}.\n")
        return 2
    return 0 if run_everything(args.device, args.out, _say, is_quick=args.quick, only=only) else 1


def _checkpoint(args: argparse.Namespace) -> int:
    from lingen_live.paper.random_weights import write_random_checkpoint

    config = write_random_checkpoint(args.name, args.side, args.out)
    _say(f"{args.out}: {config.name}. Its frames are noise; its speed is that of trained weights.")
    return 0
