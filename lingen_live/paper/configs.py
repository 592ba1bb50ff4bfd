"""Shapes at the paper's scale (LinGen, arXiv 2412.09856): sizes of our choice, as the paper publishes none.

Latents of a video autoencoder that folds 8 x 8 pixels and 4 frames, in patches of 2 x 2: 512 x 512 px make
32 x 32 tokens a latent frame, and 17 s at 16 fps 69,632 tokens. Weights of this scale do not exist.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lingen_live.config import ModelConfig
from lingen_live.errors import ConfigError

FPS = 16
FRAMES_PER_LATENT = 4
PX_PER_TOKEN = 16
CHUNK_LATENT_FRAMES = 2
TOY = "toy"
WIDTHS = {"lingen-1b": 1536, "lingen-4b": 3072}


def paper_config(name: str, side_px: int) -> ModelConfig:
    """The denoiser of a named size for square video.

    Args:
        name: one of `WIDTHS`.
        side_px: height and width, a multiple of 128.

    Raises:
        ConfigError: the name is unknown, or the side cannot be cut into windows.
    """
    if name not in WIDTHS:
        raise ConfigError(f"There is no size named {name!r}; known are {', '.join(WIDTHS)}.")
    if side_px < 1 or side_px % 128:
        raise ConfigError(f"side_px is {side_px}; it must be a multiple of 128.")
    side = side_px // PX_PER_TOKEN
    return ModelConfig(
        latent_channels=16 * 4,
        latent_height=side,
        latent_width=side,
        chunk_latent_frames=CHUNK_LATENT_FRAMES,
        forecast_width=0,
        stem_width=0,
        width=WIDTHS[name],
        n_layers=18,
        scan_orders=4,
        expand=2,
        headdim=64,
        d_state=128,
        d_conv=4,
        attn_headdim=128,
        tesa_window=8,
        tesa_past_frames=2,
        review_pool=4,
        review_slots=3,
        ffn_expand=4,
        text_width=4096,  # UMT5-XXL
        text_tokens=256,
        text_slots=1,
        text_fields=(),
    )


def served_config(name: str, side_px: int) -> ModelConfig:
    """The same denoiser for the text encoder that comes along with this project, so that it can be served.

    Args:
        name: as in `paper_config`.
        side_px: as in `paper_config`.

    Raises:
        ConfigError: as in `paper_config`.
    """
    return replace(paper_config(name, side_px), text_width=384, text_tokens=32)


def toy_config() -> ModelConfig:
    """Every part of the paper's configuration at a size that a CPU runs in a moment: 64 x 64 px."""
    large = paper_config("lingen-1b", 128)
    small: dict[str, Any] = {
        "latent_height": 4,
        "latent_width": 4,
        "width": 32,
        "n_layers": 2,
        "headdim": 16,
        "d_state": 16,
    }
    return replace(
        large, **small, attn_headdim=16, tesa_window=2, review_pool=2, text_width=24, text_tokens=6, latent_channels=8
    )


def n_latent_frames(seconds: int) -> int:
    """Latent frames of a clip."""
    return seconds * FPS // FRAMES_PER_LATENT
