"""`lingen_live cluster start | status | drain | simulate`: parses, connects, and lets others do the work.

Light to import: Ray is imported only by what is asked for.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lingen_live.engine.interface import EngineFactory, default_engine
from lingen_live.engine.options import EngineOptions
from lingen_live.errors import ClusterError
from lingen_live.serve.launch import add_arguments, launch

if TYPE_CHECKING:
    from lingen_live.cluster.keeping import Keeper
    from lingen_live.cluster.link import Link
    from lingen_live.cluster.scaling import ScalingPlan
    from lingen_live.engine.client import EngineHost
    from lingen_live.serve.media_options import MediaOptions

MAX_DEVICES = 1024
MAX_SNAPSHOT_CHUNKS = 64
MAX_SESSIONS = 4096
"""Of all devices together; how many really get in is measured."""


def add_cluster(parser: argparse.ArgumentParser) -> None:
    """Add the three commands to `parser`."""
    commands = parser.add_subparsers(dest="cluster_command", required=True)
    start = commands.add_parser("start", help="serve the page, with an engine on each of several devices")
    add_arguments(start)
    where = start.add_argument_group("what it computes on; --sessions and --threads are those of one device")
    _add_address(where, "a Ray cluster: auto for the one of this machine, or HOST:PORT (default: one of its own)")
    _add_devices(where)
    where.add_argument(
        "--snapshot-chunks",
        type=int,
        default=4,
        metavar="N",
        help="chunks between two snapshots of a session, at most; it goes on from one if its device dies "
        "(default: %(default)s)",
    )
    where.add_argument(
        "--snapshots",
        metavar="PLACE",
        help="keep every session there until it ends, and bring back those of a gateway that died: a folder, or a URL "
        "that fsspec knows (default: sessions are kept in memory only)",
    )
    where.add_argument(
        "--media",
        choices=("engine", "gateway"),
        default="engine",
        help="from which machine video goes to browsers: the one that makes it, so that the gateway carries none, or "
        "the gateway, where browsers cannot reach the others (default: %(default)s)",
    )
    start.set_defaults(run=start_cluster)
    status = commands.add_parser("status", help="say what runs where")
    _add_address(status, "as of `start` (default: auto)", default="auto")
    status.set_defaults(run=_status)
    drain = commands.add_parser("drain", help="move all sessions away from a device, then end its engine")
    drain.add_argument("device", metavar="NAME", help="of the device, as `status` tells it")
    _add_address(drain, "as of `start` (default: auto)", default="auto")
    drain.set_defaults(run=_drain)
    simulate = commands.add_parser(
        "simulate", help="a made-up day of a large cluster, by the rule that places sessions"
    )
    simulate.add_argument("--seed", type=int, default=0, help="dice of the day (default: 0)")
    simulate.add_argument(
        "--out",
        type=Path,
        default=Path("docs"),
        metavar="DIR",
        help="where benchmarks/ and images/ are (default: docs)",
    )
    simulate.set_defaults(run=_simulate)


def start_cluster(args: argparse.Namespace, factory: EngineFactory = default_engine) -> int:
    """Serve until Ctrl-C; the exit code as of `launch`.

    Raises:
        ClusterError: there is no such cluster.
        ConfigError: an option has a value that cannot be.
    """
    _check("devices", args.devices, MAX_DEVICES)
    _check("snapshot-chunks", args.snapshot_chunks, MAX_SNAPSHOT_CHUNKS)
    from lingen_live.cluster.scaling import ScalingPlan

    least = args.devices if args.least_devices is None else args.least_devices
    scaling = ScalingPlan(least, args.devices, args.spare)
    from lingen_live.cluster.connect import connected
    from lingen_live.cluster.keeping import Keeper
    from lingen_live.cluster.remote_booth import open_remote_booth
    from lingen_live.cluster.store import Store, open_shelf

    keeper = Keeper.of(Store(open_shelf(args.snapshots))) if args.snapshots else Keeper()
    n_gpus = args.devices if args.device.startswith("cuda") else 0
    # Before the server holds signals back: all that is started here would hold them back as well.
    with connected(args.address, n_cpus=args.devices * max(1, args.threads), n_gpus=n_gpus):
        return launch(
            args,
            factory,
            make_host=lambda options: _make_host(
                options, factory, scaling, args.snapshot_chunks, keeper, _media_of_engines(args)
            ),
            max_sessions=MAX_SESSIONS,
            open_booth=open_remote_booth if args.media == "engine" else None,
        )


def _media_of_engines(args: argparse.Namespace) -> MediaOptions | None:
    """How video leaves engines' machines; None if it does not. What is published leaves from the gateway."""
    if args.media == "gateway":
        return None
    from lingen_live.serve.network_arguments import media_options

    return replace(media_options(args), publish=None)


def _make_host(
    options: EngineOptions,
    factory: EngineFactory,
    scaling: ScalingPlan,
    snapshot_chunks: int,
    keeper: Keeper,
    media: MediaOptions | None,
) -> EngineHost:
    from lingen_live.cluster.host import ClusterHost
    from lingen_live.cluster.ray_link import RayLink

    lives = itertools.count()

    def connect(name: str, dtype: str | None) -> Link:
        return RayLink(
            name, replace(options, dtype=dtype or options.dtype), factory, snapshot_chunks, next(lives), media
        )

    names = [f"engine-{k}" for k in range(scaling.most)]
    # What is fastest is measured, and may come out otherwise than last time; who comes back needs the same.
    dtype = keeper.dtype if options.dtype == "auto" else options.dtype
    return ClusterHost(names, connect, dtype=dtype, keeper=keeper, scaling=scaling)


def _status(args: argparse.Namespace) -> int:
    from lingen_live.cluster.connect import connected

    with connected(args.address):
        from lingen_live.cluster.overview import all_devices, describe

        sys.stdout.write(describe(all_devices()))
    return 0


def _drain(args: argparse.Namespace) -> int:
    from lingen_live.cluster.connect import connected

    with connected(args.address):
        from lingen_live.cluster.overview import drain

        drain(args.device, lambda line: print(line, flush=True))  # noqa: T201
    return 0


def _simulate(args: argparse.Namespace) -> int:
    from lingen_live.cluster.simulation import DayPlan
    from lingen_live.cluster.simulation_report import write_report

    sys.stdout.write(write_report(args.out / "benchmarks", args.out / "images", DayPlan(), args.seed))
    return 0


def _add_devices(where: argparse._ActionsContainer) -> None:
    where.add_argument("--devices", type=int, default=1, metavar="N", help="engines, at most (default: %(default)s)")
    where.add_argument(
        "--least-devices",
        type=int,
        metavar="N",
        help="engines that always run; more are started and ended as places are taken and given back, for which Ray "
        "may start and end machines (default: all run)",
    )
    where.add_argument(
        "--spare", type=int, default=1, metavar="N", help="places that are to be free then (default: %(default)s)"
    )


def _add_address(parser: argparse._ActionsContainer, help: str, default: str | None = None) -> None:
    parser.add_argument("--address", metavar="ADDRESS", default=default, help=help)


def _check(name: str, value: int, most: int) -> None:
    if not 1 <= value <= most:
        raise ClusterError(f"{name} is {value}; it must be 1 to {most}.")
