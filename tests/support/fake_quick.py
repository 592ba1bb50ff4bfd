"""Tells what `lingen_live.train.quick` tells, as it is told to: the checkpoint says how it ends."""

from __future__ import annotations

import json
import os
import sys
import time


def _tell(what: object) -> None:
    sys.stdout.write((what if isinstance(what, str) else json.dumps(what)) + "\n")
    sys.stdout.flush()


def main() -> None:
    plan = json.loads(sys.argv[1])
    for n_done in range(3):
        _tell({"n_done": n_done, "n_captions": plan["n_captions"]})
    match plan["checkpoint"]:
        case "waits":
            _tell({"n_done": os.getpid(), "n_captions": 0})
            time.sleep(60)
        case "fails":
            _tell({"error": "There is no checkpoint directory."})
        case "babbles":
            _tell("hello")
        case "dies":
            sys.exit(3)
        case digest:
            _tell({"digest": digest, "seconds": 3.0, "scores": {}, "legend": [], "picture": ""})


if __name__ == "__main__":
    main()
