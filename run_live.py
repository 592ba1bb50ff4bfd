"""The main job: `python run_live.py`, then open the address that it prints."""

import argparse
import sys

from lingen_live.serve.launch import add_arguments, launch
from lingen_live.studio.annexe import Studio


def main() -> int:
    """Serve until Ctrl-C; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="run_live.py",
        description="A video that never stops and bends to your words, served to your browser.",
    )
    add_arguments(parser)
    return launch(parser.parse_args(), annexe=Studio())


if __name__ == "__main__":
    sys.exit(main())
