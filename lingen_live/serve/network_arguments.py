"""Options of the live server about networks and encoders, and what they come to.

Light to import, as `launch` is.
"""

from __future__ import annotations

import argparse
import re

from lingen_live.errors import ConfigError
from lingen_live.serve.delay import PlayoutDelay
from lingen_live.serve.destination import Destination
from lingen_live.serve.ice import DEFAULT_LIFETIME_S, IcePlan
from lingen_live.serve.media_options import MediaOptions
from lingen_live.serve.secret_source import read_secret

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
    group.add_argument("--publish", metavar="URL", help="push the first stream to a media server, over WHIP")
    group.add_argument("--publish-token", metavar=_SECRET, help="where the token is that it asks for")


def destination(args: argparse.Namespace) -> Destination | None:
    """Where to push the stream; None for nowhere.

    Raises:
        ConfigError: the address is none, or there is no token where one should be.
    """
    if args.publish is None:
        if args.publish_token is not None:
            raise ConfigError("--publish-token is of no use without --publish.")
        return None
    if not re.fullmatch(r"https?://[^/\s?#]+\S*", args.publish):
        raise ConfigError(f"{args.publish[:80]!r} is no WHIP endpoint; http://HOST/... or https://HOST/... is.")
    token = None if args.publish_token is None else read_secret(args.publish_token, "--publish-token")
    return Destination(args.publish, token)


def media_options(args: argparse.Namespace) -> MediaOptions:
    """What the options come to.

    Raises:
        ConfigError: one has a value that cannot be.
    """
    secret = None if args.turn_secret is None else read_secret(args.turn_secret, "--turn-secret")
    plan = IcePlan(tuple(args.ice_server), tuple(args.turn), secret, args.turn_lifetime)
    return MediaOptions(plan, PlayoutDelay.parse(args.playout_delay))
