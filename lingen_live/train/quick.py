"""A few captions judged in a process of its own at the lowest priority, told caption by caption as lines of JSON.

`python -m lingen_live.train.quick JSON`: the argument holds the fields of `QuickPlan`. Standard input is a lifeline:
when it closes, whoever asked is gone, and so is this.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import threading
from dataclasses import dataclass

from lingen_live.errors import ConfigError, LingenError

MAX_CAPTIONS = 200
_SEED = 2030
"""Other captions than those of the whole evaluation, so that the two say more together than one."""
_NICENESS = 19
_COLUMNS = 6


@dataclass(frozen=True, slots=True)
class QuickPlan:
    """What is judged.

    Attributes:
        n_captions: held-out captions, 1 to 200.
        checkpoint: folder of a bundle; None for the bundled one.
        device: a torch device name.
        dtype: as `EngineOptions` takes it.
        seconds: media time before a stream is judged.

    Raises:
        ConfigError: a number is out of its range.
    """

    n_captions: int
    checkpoint: str | None = None
    device: str = "cpu"
    dtype: str = "auto"
    seconds: float = 3.0

    def __post_init__(self) -> None:
        """Refuse what nobody would wait for."""
        if not 1 <= self.n_captions <= MAX_CAPTIONS:
            raise ConfigError(f"captions is {self.n_captions}; it must be 1 to {MAX_CAPTIONS}.")


def run_quick(plan: QuickPlan) -> None:
    """Judge, and tell: `n_done` and `n_captions` after each caption, then one line with everything.

    Raises:
        LingenError: the checkpoint or the probe cannot be used.
    """
    from lingen_live.engine.build import build_engine
    from lingen_live.engine.options import EngineOptions
    from lingen_live.train import evaluate, report
    from lingen_live.train.jobs import load_probe

    options = EngineOptions(plan.checkpoint, plan.device, plan.dtype, compile=False)
    engine = build_engine(options, lambda stage, fraction: None)
    chunk_s = engine.info.frames_per_chunk / engine.bundle.config.video.fps
    captions = evaluate.held_out_captions(plan.n_captions, _SEED)
    n_done = 0

    def tell_done() -> None:
        nonlocal n_done
        n_done += 1
        _tell({"n_done": n_done, "n_captions": plan.n_captions})

    _tell({"n_done": 0, "n_captions": plan.n_captions})
    n_chunks = max(1, round(plan.seconds / chunk_s))
    samples = evaluate.sample_captions(engine, load_probe(None), captions, n_chunks, tell_done)
    picture = report.grid([sample.frames[-1] for sample in samples], _COLUMNS)
    _tell(
        {
            "digest": engine.bundle.digest,
            "seconds": plan.seconds,
            "scores": report.scores_json({"model": evaluate.score_samples(samples)})["model"],
            "legend": report.captions_rows(samples, _COLUMNS),
            "picture": base64.b64encode(report.png_of(picture)).decode("ascii"),
        }
    )


def _tell(what: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def _end_with_whoever_asked() -> None:
    os.read(sys.stdin.fileno(), 1)
    os._exit(1)


def main() -> None:
    """Entry point of the process."""
    if hasattr(os, "setpriority"):
        os.setpriority(os.PRIO_PROCESS, 0, _NICENESS)
    threading.Thread(target=_end_with_whoever_asked, daemon=True).start()
    try:
        run_quick(QuickPlan(**json.loads(sys.argv[1])))
    except LingenError as error:
        _tell({"error": error.message})


if __name__ == "__main__":
    main()
