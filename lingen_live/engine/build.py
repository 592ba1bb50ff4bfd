"""Options to a warm engine: load, choose the arithmetic, warm up. The only place that decides these things."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch

from lingen_live.checkpoint import Bundle, load_bundle
from lingen_live.engine.engine import Engine
from lingen_live.engine.options import EngineOptions
from lingen_live.errors import EngineError
from lingen_live.model.state import StreamState
from lingen_live.text import TextEncoder

OnProgress = Callable[[str, float], None]

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
    device = _check_device(options.device)
    on_progress("loading the model", 0.0)
    bundle = load_bundle(options.checkpoint, device=device)
    on_progress("loading the text encoder", 0.0)
    text_encoder = TextEncoder(max_tokens=bundle.config.model.text_tokens)
    on_progress("choosing the arithmetic", 0.0)
    cast(bundle, choose_dtype(bundle, options.dtype, device))
    engine = Engine(bundle, text_encoder, seed=options.seed, prompt=options.prompt, fps=options.fps)
    engine.warm_up(on_progress)
    return engine


def _check_device(name: str) -> str:
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:
        n_gpus = torch.cuda.device_count()
        raise EngineError(
            f"The device {name!r} cannot be used ({n_gpus} CUDA devices are visible): {error}"
        ) from error
    return name


def cast(bundle: Bundle, dtype: torch.dtype) -> None:
    """Give the denoiser the dtype, in place; the codec too, laid out as its convolutions like it."""
    bundle.model.to(dtype)
    bundle.codec.to(dtype=dtype, memory_format=torch.channels_last)


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
    times_s = {dtype: _time_pass(bundle, dtype, device) for dtype in (torch.bfloat16, torch.float32)}
    return min(times_s, key=lambda dtype: times_s[dtype])


@torch.inference_mode()
def _time_pass(bundle: Bundle, dtype: torch.dtype, device: str) -> float:
    """Median seconds of one denoising pass; leaves the model as it was."""
    config, model = bundle.config.model, bundle.model
    before = model.latent_in.weight.dtype
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    model.to(dtype)
    state = StreamState.allocate(config, 1, device=device, dtype=dtype)
    shape = (1, config.chunk_latent_frames, config.latent_channels, config.latent_height, config.latent_width)
    latents, sigma = torch.zeros(shape, device=device), torch.ones(1, device=device)
    tokens = torch.zeros(1, config.text_tokens, config.text_width, device=device, dtype=dtype)
    mask = torch.zeros(1, config.text_tokens, dtype=torch.bool, device=device)
    text = model.read_text(tokens, mask, tokens[:, 0])
    times_s = []
    for _ in range(_TRIAL_PASSES):
        start_s = time.perf_counter()
        model.denoise(latents, sigma, text, state)
        times_s.append(time.perf_counter() - start_s)
    model.to(before)
    model.load_state_dict(weights)
    return statistics.median(times_s[1:])
