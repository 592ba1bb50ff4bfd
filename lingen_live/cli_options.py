"""Options that several subcommands share."""

from __future__ import annotations

import argparse


def add_checkpoint(parser: argparse.ArgumentParser) -> None:
    """Which model."""
    parser.add_argument("--checkpoint", metavar="DIR", help="directory of a model (default: the one that comes along)")


def add_engine_options(parser: argparse.ArgumentParser) -> None:
    """Which model, and on what it runs."""
    add_checkpoint(parser)
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N (default: %(default)s)")
    parser.add_argument("--dtype", choices=("auto", "float32", "bfloat16"), default="auto", help="number format")
    parser.add_argument("--threads", type=int, default=1, help="compute threads (default: 1)")
