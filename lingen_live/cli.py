"""The command line: live | cluster | render | replay | bench | train | eval | info | protocol.

Parses; other modules do the work.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from lingen_live.bench_cli import add_bench
from lingen_live.cli_options import add_checkpoint, add_engine_options
from lingen_live.errors import LingenError


def main(argv: list[str] | None = None) -> int:
    """Run a subcommand; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="lingen_live", description="A video that never stops and bends to your words."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    _add_live(commands.add_parser("live", help="serve the live video to a browser"))
    _add_cluster(commands.add_parser("cluster", help="serve from many devices, over Ray"))
    _add_render(commands.add_parser("render", help="make a film of a storyboard"))
    _add_replay(commands.add_parser("replay", help="play a scenario again, into a film"))
    add_bench(commands.add_parser("bench", help="measure generation, stage by stage; kernels; the paper's scale"))
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


def _add_live(parser: argparse.ArgumentParser) -> None:
    from lingen_live.serve.launch import add_arguments, launch
    from lingen_live.studio.annexe import Studio

    add_arguments(parser)
    parser.set_defaults(run=lambda args: launch(args, annexe=Studio()))


def _add_render(parser: argparse.ArgumentParser) -> None:
    from lingen_live.studio.render_cli import add_render_arguments, run_render

    add_engine_options(parser)
    add_render_arguments(parser)
    parser.set_defaults(run=run_render)


def _add_cluster(parser: argparse.ArgumentParser) -> None:
    from lingen_live.cluster.commands import add_cluster

    add_cluster(parser)


def _add_replay(parser: argparse.ArgumentParser) -> None:
    add_engine_options(parser)
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


def _add_train(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "what",
        choices=(
            "codec",
            "parallax",
            "decoder",
            "reader",
            "clips",
            "forecast",
            "denoiser",
            "student",
            "probe",
            "bundle",
            "all",
            "videos",
            "ablations",
            "reread",
        ),
        help="the first ten in this order, or `all` of them; `videos` beside or in place of `clips`; `reread` puts "
        "another reader into a trained model",
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
        "--init",
        type=Path,
        metavar="FILE",
        help="with `codec`, `reader`, `denoiser` and `probe`: weights (safetensors) to begin from",
    )
    parser.add_argument(
        "--videos",
        type=Path,
        metavar="PATH",
        help="with `videos`: a folder of captioned videos or of tar shards",
    )
    parser.add_argument(
        "--shard",
        action="store_true",
        help="with `denoiser` under torchrun: each process keeps a part of the blocks' weights only (FSDP2)",
    )
    parser.set_defaults(run=_train)


def _train(args: argparse.Namespace) -> int:
    from lingen_live.train.jobs import run_job

    places = (args.out, args.init, args.videos)
    run_job(args.what, args.config, args.folder, args.device, args.threads, *places, in_shards=args.shard)
    return 0


def _add_eval(parser: argparse.ArgumentParser) -> None:
    add_engine_options(parser)
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
    add_checkpoint(parser)
    parser.set_defaults(run=_info)


def _info(args: argparse.Namespace) -> int:
    from lingen_kernels import implementation, missing
    from lingen_live.checkpoint import load_bundle
    from lingen_live.model.state import StreamState
    from lingen_live.serve.h264 import choose

    bundle = load_bundle(args.checkpoint)
    n_parameters = {
        name: sum(p.numel() for p in net.parameters())
        for name, net in (("model", bundle.model), ("codec", bundle.codec))
    }
    facts = {
        "weights": bundle.weights,
        "digest": bundle.digest,
        "parameters": n_parameters,
        "state_bytes": StreamState.allocate(bundle.config.model, 1).n_bytes,
        "h264_encoder": choose("auto"),
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
