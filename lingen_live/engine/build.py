"""Options to a warm engine: load, choose the arithmetic, warm up. The only place that decides these things."""

from __future__ import annotations

import copy
import os
import statistics
from collections.abc import Callable

import torch

from lingen_live.checkpoint import Bundle, load_bundle
from lingen_live.engine.batch import StreamBatch
from lingen_live.engine.engine import Engine
from lingen_live.engine.heap import keep_freed_memory
from lingen_live.engine.options import EngineOptions
from lingen_live.engine.trial import Trial
from lingen_live.engine.upgrade import seek_compiled
from lingen_live.errors import EngineError
from lingen_live.text import TextEncoder

OnProgress = Callable[[str, float], None]

_DEVICES = ("cpu", "cuda")
_TRIAL_PASSES = 5


def build_engine(options: EngineOptions, on_progress: OnProgress) -> Engine:
    """Load everything and warm it up.

    Args:
        options: what was asked for.
        on_progress: called with a stage in words and a fraction of it, 0 to 1.

    Raises:
        LingenError: the device, the checkpoint, the text encoder or the prompt cannot be used.
    """
    torch.set_num_threads(options.n_threads)
    keep_freed_memory()
    device = _check_device(options.device)
    on_progress("loading the model", 0.0)
    bundle = load_bundle(options.checkpoint, device=device)
    on_progress("loading the text encoder", 0.0)
    text_encoder = TextEncoder(max_tokens=bundle.config.model.text_tokens, width=bundle.config.model.text_width)
    on_progress("choosing the arithmetic", 0.0)
    cast(bundle, choose_dtype(bundle, options.dtype, device))
    can_compile = options.compile and os.name == "posix" and torch.device(device).type == "cpu"
    engine = Engine(
        bundle,
        text_encoder,
        seed=options.seed,
        prompt=options.prompt,
        fps=options.fps,
        upgrade=seek_compiled(bundle.model) if can_compile else None,
    )
    engine.warm_up(on_progress)
    return engine


def build_batch(options: EngineOptions, on_progress: OnProgress) -> StreamBatch:
    """A warm engine for several streams; as `build_engine`."""
    batch = StreamBatch(build_engine(options, on_progress), options.batch_limit)
    batch.try_sizes()
    return batch


def _check_device(name: str) -> str:
    try:
        kind = torch.empty(0, device=name).device.type
    except (RuntimeError, AssertionError) as error:
        n_gpus = torch.cuda.device_count()
        raise EngineError(f"The device {name!r} cannot be used ({n_gpus} CUDA devices are visible): {error}") from error
    if kind not in _DEVICES:
        raise EngineError(f"The device {name!r} cannot be used; cpu, cuda and cuda:N can.")
    return name


def cast(bundle: Bundle, dtype: torch.dtype) -> None:
    """Give the denoiser the dtype, in place; the codec too, laid out as its convolutions like it."""
    bundle.model.to(dtype)
    bundle.codec.to(dtype).to_channels_last()


def choose_dtype(bundle: Bundle, wanted: str, device: str) -> torch.dtype:
    """The asked-for dtype, or for "auto" the faster of what the chip offers, by a trial of a second.

    A CPU that knows bfloat16 is not always faster in it: without tile instructions small products lose.
    """
    if wanted != "auto":
        return getattr(torch, wanted)
    if torch.device(device).type == "cuda":
        return torch.bfloat16
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return torch.float32
    rivals = {dtype: copy.deepcopy(bundle.model).to(dtype) for dtype in (torch.bfloat16, torch.float32)}
    trials = {dtype: Trial.draw(model) for dtype, model in rivals.items()}
    times_s: dict[torch.dtype, list[float]] = {dtype: [] for dtype in rivals}
    for _ in range(_TRIAL_PASSES):
        for dtype, model in rivals.items():  # in turn: whatever else the machine does disturbs both
            times_s[dtype].append(trials[dtype].time_s(model))
    return min(times_s, key=lambda dtype: statistics.median(times_s[dtype]))
