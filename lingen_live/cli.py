"""The command line: live | replay | bench | train | eval | info | protocol. Parses; other modules do the work."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from lingen_live.errors import LingenError


def main(argv: list[str] | None = None) -> int:
    """Run a subcommand; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="lingen_live", description="A video that never stops and bends to your words."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    _add_live(commands.add_parser("live", help="serve the live video to a browser"))
    _add_replay(commands.add_parser("replay", help="play a scenario again, into a film"))
    _add_bench(commands.add_parser("bench", help="measure generation, stage by stage"))
    _add_train(commands.add_parser("train", help="train the codec, the denoiser or the probe"))
    _add_eval(commands.add_parser("eval", help="score a model on held-out captions"))
    _add_info(commands.add_parser("info", help="say what a checkpoint holds"))
    _add_protocol(commands.add_parser("protocol", help="print the control protocol as JSON Schema"))
    args = parser.parse_args(argv)
    try:
        code: int = args.run(args)
    except LingenError as error:
        sys.stderr.write(f"{error.message}\n")
        return 1
    except OSError as error:  # a disk or a folder of the user's: no room, no right, no such place
        sys.stderr.write(f"{error.filename or 'Reading or writing'}: {error.strerror or error}.\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return code


def _add_checkpoint(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--checkpoint", metavar="DIR", help="directory of a model (default: the one that comes along)")


def _add_engine_options(parser: argparse.ArgumentParser) -> None:
    _add_checkpoint(parser)
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N (default: %(default)s)")
    parser.add_argument("--dtype", choices=("auto", "float32", "bfloat16"), default="auto", help="number format")
    parser.add_argument("--threads", type=int, default=1, help="compute threads (default: 1)")


def _add_live(parser: argparse.ArgumentParser) -> None:
    from lingen_live.serve.launch import add_arguments, launch

    add_arguments(parser)
    parser.set_defaults(run=launch)


def _add_replay(parser: argparse.ArgumentParser) -> None:
    _add_engine_options(parser)
    parser.add_argument("scenario", type=Path, metavar="SCENARIO.json", help="as saved by the page")
    parser.add_argument("film", type=Path, metavar="OUT.mp4", help="where the film goes (H.264)")
    parser.add_argument(
        "--verify", action="store_true", help="fail unless every chunk has, bit for bit, the latents that were recorded"
    )
    parser.set_defaults(run=_replay)


def _replay(args: argparse.Namespace) -> int:
    from lingen_live.engine.bench import settle
    from lingen_live.engine.build import build_engine
    from lingen_live.engine.movie import write_movie
    from lingen_live.engine.options import EngineOptions
    from lingen_live.engine.replay import options_for, replay
    from lingen_live.engine.scenario import read_scenario

    scenario = read_scenario(args.scenario)
    options = options_for(scenario, EngineOptions(args.checkpoint, args.device, args.dtype, args.threads))
    engine = build_engine(options, lambda stage, fraction: None)
    settle(engine)
    n_frames = write_movie(args.film, replay(engine, scenario, verify=args.verify), engine.info.fps)
    sys.stdout.write(f"{args.film}: {n_frames} frames, {n_frames / engine.info.fps:.1f} s\n")
    if args.verify:
        sys.stdout.write(f"All {scenario.n_chunks} chunks are what they were, bit for bit.\n")
    return 0


def _add_bench(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "what",
        nargs="?",
        choices=("stages", "sessions", "viewers", "photon", "paper"),
        default="stages",
        help="one stream by its stages, 1, 2, 4 and 8 streams at once, 0 to 50 viewers of one, how long words take "
        "to the screen, or the paper's tables (default: %(default)s)",
    )
    _add_engine_options(parser)
    parser.add_argument("--flops-only", action="store_true", help="with `paper`: count operations, time nothing")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("runs/paper"),
        metavar="DIR",
        help="with `paper`: report folder (default: %(default)s)",
    )
    parser.add_argument(
        "--chunks", type=int, default=120, help="chunks to generate, of every stream (default: %(default)s)"
    )
    parser.add_argument(
        "--seconds", type=float, default=20.0, help="with `viewers`: time for each number (default: %(default)s)"
    )
    parser.add_argument("--steers", type=int, default=100, help="with `photon`: how often (default: %(default)s)")
    parser.add_argument("--no-compile", action="store_true", help="measure without the compiled path")
    parser.add_argument(
        "--profile", action="store_true", help="with `sessions`: also where the time of batches goes, by operators"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the numbers here")
    parser.set_defaults(run=_bench)


def _bench(args: argparse.Namespace) -> int:
    match args.what:
        case "paper":
            return _bench_paper(args)
        case "viewers" | "photon":
            return _bench_live(args)
        case _:
            return _bench_engine(args)


def _bench_live(args: argparse.Namespace) -> int:
    from lingen_live.client.bench_photon import as_photon_table, run_bench_photon
    from lingen_live.client.bench_viewers import as_viewers_table, run_bench_viewers

    options = ["--device", args.device, "--dtype", args.dtype, "--threads", str(args.threads)]
    options += ["--checkpoint", args.checkpoint] if args.checkpoint else []
    options += ["--no-compile"] if args.no_compile else []
    if args.what == "viewers":
        result = run_bench_viewers((0, 1, 5, 20, 50), args.seconds, options)
        table = as_viewers_table(result)
    else:
        result = run_bench_photon(args.steers, options)
        table = as_photon_table(result)
    sys.stdout.write(table + "\n")
    _write_json(args.json, result)
    return 0


def _write_json(path: Path | None, result: object) -> None:
    if path is not None:
        path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def _bench_paper(args: argparse.Namespace) -> int:
    from lingen_live.paper.report import flops_rows, write_report

    if not args.flops_only:
        sys.stderr.write("Only operations are counted so far, latency is not timed: say --flops-only.\n")
        return 2
    sys.stdout.write(write_report(args.out, flops_rows()))
    return 0


def _bench_engine(args: argparse.Namespace) -> int:
    from lingen_live.engine.bench import as_table, run_bench, settle
    from lingen_live.engine.bench_operators import as_operator_table, profile_batches
    from lingen_live.engine.bench_sessions import as_sessions_table, run_bench_sessions
    from lingen_live.engine.build import build_engine
    from lingen_live.engine.options import EngineOptions

    if args.chunks < 2:
        sys.stderr.write(f"chunks is {args.chunks}; it must be 2 or more.\n")
        return 2
    options = EngineOptions(args.checkpoint, args.device, args.dtype, args.threads, compile=not args.no_compile)
    engine = build_engine(options, lambda stage, fraction: None)
    settle(engine)
    if args.what == "sessions":
        result = run_bench_sessions(engine, (1, 2, 4, 8), args.chunks)
        table = as_sessions_table(result)
        if args.profile:
            result["operators"] = profile_batches(engine, (1, 2, 4))
            table += "\n\n" + as_operator_table(result["operators"])
    else:
        result = run_bench(engine, args.chunks, lambda: None)
        table = as_table(result)
    sys.stdout.write(table + "\n")
    _write_json(args.json, result)
    return 0


def _add_train(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "what",
        choices=(
            "codec",
            "flow",
            "decoder",
            "reader",
            "clips",
            "denoiser",
            "probe",
            "bundle",
            "all",
            "videos",
            "ablations",
        ),
        help="the first seven in this order, or `all` of them; `videos` beside or in place of `clips`",
    )
    parser.add_argument("--config", type=Path, metavar="TOML", help="recipe (default: the bundled model's own)")
    parser.add_argument(
        "--run",
        "--folder",  # torchrun takes --run for one of its own
        type=Path,
        default=Path("runs/vista"),
        dest="folder",
        metavar="DIR",
        help="where it works and resumes (default: %(default)s)",
    )
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="compute threads (default: 1)")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="with `bundle` and `all`: the checkpoint directory to write"
    )
    parser.add_argument(
        "--init", type=Path, metavar="FILE", help="with `codec` and `denoiser`: weights (safetensors) to begin from"
    )
    parser.add_argument(
        "--videos",
        type=Path,
        metavar="PATH",
        help="with `videos`: a folder of captioned videos or of tar shards",
    )
    parser.set_defaults(run=_train)


def _train(args: argparse.Namespace) -> int:
    from lingen_live.train.jobs import run_job

    run_job(args.what, args.config, args.folder, args.device, args.threads, args.out, args.init, args.videos)
    return 0


def _add_eval(parser: argparse.ArgumentParser) -> None:
    _add_engine_options(parser)
    parser.add_argument("--probe", type=Path, metavar="FILE", help="probe weights (default: the bundled ones)")
    parser.add_argument("--captions", type=int, default=100, help="held-out captions (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=3.0, help="media time before judging (default: %(default)s)")
    parser.add_argument(
        "--changes", type=int, default=40, help="random changes of the prompt, 0 for none (default: %(default)s)"
    )
    parser.add_argument(
        "--drift-minutes",
        type=float,
        default=1.0,
        metavar="MINUTES",
        help="length of the long streams, 0 for none (default: %(default)s)",
    )
    parser.add_argument(
        "--rollouts", type=int, default=4, metavar="N", help="how many long streams (default: %(default)s)"
    )
    parser.add_argument(
        "--compare-steps",
        type=int,
        default=0,
        metavar="N",
        help="try the captions with this many denoising steps a chunk as well",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("runs/eval"),
        metavar="DIR",
        help="report folder (default: %(default)s)",
    )
    parser.set_defaults(run=_eval)


def _eval(args: argparse.Namespace) -> int:
    from lingen_live.engine.options import EngineOptions
    from lingen_live.train.evaluation import EvaluationPlan, run_evaluation

    # Not compiled: a score must not depend on when a compiler happened to finish.
    options = EngineOptions(args.checkpoint, args.device, args.dtype, args.threads, compile=False)
    plan = EvaluationPlan(
        args.captions, args.seconds, args.changes, args.drift_minutes, args.rollouts, args.compare_steps
    )
    sys.stdout.write(run_evaluation(options, args.probe, plan, args.out) + "\n")
    return 0


def _add_info(parser: argparse.ArgumentParser) -> None:
    _add_checkpoint(parser)
    parser.set_defaults(run=_info)


def _info(args: argparse.Namespace) -> int:
    from lingen_kernels import implementation, missing
    from lingen_live.checkpoint import load_bundle
    from lingen_live.model.state import StreamState

    bundle = load_bundle(args.checkpoint)
    n_parameters = {
        name: sum(p.numel() for p in net.parameters())
        for name, net in (("model", bundle.model), ("codec", bundle.codec))
    }
    facts = {
        "digest": bundle.digest,
        "parameters": n_parameters,
        "state_bytes": StreamState.allocate(bundle.config.model, 1).n_bytes,
        "kernels": implementation(),
        "kernels_missing": missing(),
        "config": bundle.config.to_json(),
    }
    sys.stdout.write(json.dumps(facts, indent=2) + "\n")
    return 0


def _add_protocol(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--write", action="store_true", help="write the schema, the reference and the page's types into a checkout"
    )
    parser.set_defaults(run=_protocol)


def _protocol(args: argparse.Namespace) -> int:
    from lingen_live.serve.schema import protocol_schema
    from lingen_live.serve.schema_files import write

    if not args.write:
        sys.stdout.write(json.dumps(protocol_schema(), indent=2) + "\n")
        return 0
    for path in write(Path(__file__).parents[1]):
        sys.stdout.write(f"{path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
