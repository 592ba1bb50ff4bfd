"""run_live.py with the fake engine, for tests of the whole process: `python fake_live.py --port 0 ...`."""

import argparse
import sys

import fake_engine

from lingen_live.serve.launch import add_arguments, launch

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    sys.exit(launch(parser.parse_args(), fake_engine.make_fake))
