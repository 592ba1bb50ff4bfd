"""The state of training as one file: read without running code from it, and what is wrong with it in a sentence."""

from __future__ import annotations

import io
import pickle
import textwrap
from pathlib import Path
from typing import Any

import torch

from lingen_live.errors import CheckpointError

_STATE_FIELDS = {"module", "ema", "optimisers", "step", "generator", "torch_rng"}


def first_detail(error: Exception) -> str:
    """The first particular of an error that may be pages long, as `load_state_dict` makes them."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return textwrap.shorten(lines[min(1, len(lines) - 1)].strip(), 200)


def read_state(path: Path) -> dict[str, Any]:
    """What `Trainer.save` has written.

    Raises:
        CheckpointError: it is damaged, or something else.
    """
    content = io.BytesIO(path.read_bytes())  # what is wrong with the disk shows here, not below
    try:
        state = torch.load(content, map_location="cpu", weights_only=True)
        is_known = isinstance(state, dict) and state.keys() >= _STATE_FIELDS
    except (EOFError, RuntimeError, ValueError, pickle.UnpicklingError):
        is_known = False
    if not is_known:
        raise CheckpointError(f"{path} is damaged, or not a state of training; remove it to start anew.")
    return state
