"""`lingen_live cluster start` with small engines, as a process: `python tiny_cluster.py --port 0 --devices 2 ...`."""

import argparse
import sys

from tiny_engine import make_tiny

from lingen_live.cluster.commands import add_cluster, start_cluster

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    add_cluster(parser)
    sys.exit(start_cluster(parser.parse_args(["start", *sys.argv[1:]]), make_tiny))
