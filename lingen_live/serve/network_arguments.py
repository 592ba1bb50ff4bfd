"""Options of the live server about networks and encoders, and what they come to.

Light to import, as `launch` is.
"""

from __future__ import annotations

import argparse

from lingen_live.errors import ConfigError
from lingen_live.serve.delay import PlayoutDelay
from lingen_live.serve.ice import DEFAULT_LIFETIME_S, IcePlan
from lingen_live.serve.media_options import MediaOptions
from lingen_live.serve.secret_source import read_secret
from lingen_live.serve.whip import WhipTarget

_SECRET = "env:NAME|FILE"


def add_network_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options to `parser`."""
    group = parser.add_argument_group("how the video gets through (docs/networks.md)")
    group.add_argument(
        "--ice-server", action="append", default=[], metavar="URL", help="STUN server, stun:HOST:PORT; may be repeated"
    )
    group.add_argument(
        "--turn", action="append", default=[], metavar="URL", help="TURN server, turn:HOST:PORT; may be repeated"
    )
    group.add_argument("--turn-secret", metavar=_SECRET, help="where the secret is that the TURN server shares")
    group.add_argument(
        "--turn-lifetime",
        type=int,
        default=DEFAULT_LIFETIME_S,
        metavar="SECONDS",
        help="how long a TURN credential opens a connection (default: %(default)s)",
    )
    group.add_argument(
        "--playout-delay",
        default="0",
        metavar="MIN[:MAX]",
        help="milliseconds that receivers hold frames back; for rough networks (default: %(default)s)",
    )
    group.add_argument(
        "--encoder",
        default="auto",
        metavar="NAME",
        help="of H.264: auto takes hardware that works, else software; or h264_nvenc, ... (default: %(default)s)",
    )
    group.add_argument("--publish", metavar="URL", help="WHIP endpoint that the first session is pushed to")
    group.add_argument("--publish-token", metavar=_SECRET, help="where the token is that the endpoint wants (Bearer)")


def media_options(args: argparse.Namespace) -> MediaOptions:
    """What the options come to.

    Raises:
        ConfigError: one has a value that cannot be.
    """
    secret = None if args.turn_secret is None else read_secret(args.turn_secret, "--turn-secret")
    plan = IcePlan(tuple(args.ice_server), tuple(args.turn), secret, args.turn_lifetime)
    delay = PlayoutDelay.parse(args.playout_delay)
    target = _target(args.publish, args.publish_token)
    # Imported here, because the worker process imports this module and needs no PyAV.
    from lingen_live.serve.h264 import choose

    return MediaOptions(plan, delay, choose(args.encoder), target)


def _target(url: str | None, token_source: str | None) -> WhipTarget | None:
    if url is None and token_source is not None:
        raise ConfigError("--publish-token is of no use without --publish.")
    if url is None:
        return None
    return WhipTarget(url, None if token_source is None else read_secret(token_source, "--publish-token"))
