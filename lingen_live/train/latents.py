"""Clips rendered, encoded and captioned once, kept as safetensors shards that several processes may fill.

A shard holds, for n clips of K chunks: latents (n, K T, C, h, w) float16, normalised; text tokens (n, P, V,
S, text_width) float16 with mask and pooled, for P prompts in V wordings each; and the weight of each prompt
in each chunk (n, K, P). Training reads whatever shards exist, so it can begin before the last is written.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from tqdm import tqdm

from lingen_live.codec.autoencoder import VideoCodec
from lingen_live.errors import ConfigError
from lingen_live.train.claim import claimed
from lingen_live.train.clips import Clip, draw_clip, frame_times
from lingen_live.train.codec import travel_of
from lingen_live.train.config import Recipe
from lingen_live.world.render import render
from lingen_live.world.track import concatenate, evaluate

if TYPE_CHECKING:
    from lingen_live.text import TextEncoder

SHARD_CLIPS = 250
_BATCH_CLIPS = 10


@dataclass(frozen=True, slots=True)
class ClipBatch:
    """What one training step reads.

    Attributes:
        latents: (B, K, T, C, h, w) float32.
        tokens: (B, P, S, text_width) float32; mask: (B, P, S) bool; pooled: (B, P, text_width).
        weights: (B, K, P), rows sum to 1.
    """

    latents: Tensor
    tokens: Tensor
    mask: Tensor
    pooled: Tensor
    weights: Tensor


def build_shards(recipe: Recipe, codec: VideoCodec, text: TextEncoder, folder: Path, device: str) -> None:
    """Write the shards of a recipe that are not there yet; safe to run in several processes at once.

    Shards that another process is at work on are left to it; those of a process that died are made anew.

    Args:
        recipe: how many clips, and of what.
        codec: makes the latents; trained, on the device.
        text: embeds the prompts.
        folder: receives the shards; made if missing.
        device: where frames are rendered and encoded.
    """
    folder.mkdir(parents=True, exist_ok=True)
    n_shards = -(-recipe.denoiser.n_clips // SHARD_CLIPS)
    for index in tqdm(range(n_shards), desc="clips"):
        path = folder / f"clips-{index:04d}.safetensors"
        with claimed(path.with_suffix(".claim")) as is_ours:
            if is_ours and not path.exists():
                save_shard(_make_shard(recipe, codec, text, Random(1000 + index), device), path)


def save_shard(tensors: dict[str, Tensor], path: Path, notes: dict[str, str] | None = None) -> None:
    """Write a shard, with notes in its header, so that it is there whole or not at all, whoever else writes it."""
    partial = path.with_suffix(f".{os.getpid()}.partial")
    try:
        save_file(tensors, partial, notes)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _make_shard(recipe: Recipe, codec: VideoCodec, text: TextEncoder, rng: Random, device: str) -> dict[str, Tensor]:
    section, bundle = recipe.denoiser, recipe.bundle
    chunk_s = bundle.frames_per_chunk / bundle.video.fps
    shares = section.change_share, section.calm_share
    clips = [draw_clip(rng, section.chunks, chunk_s, *shares) for _ in range(SHARD_CLIPS)]
    latents = [
        encode_clips(recipe, codec, clips[first : first + _BATCH_CLIPS], device)
        for first in range(0, SHARD_CLIPS, _BATCH_CLIPS)
    ]
    wordings = [wording for clip in clips for prompt in clip.prompts for wording in prompt]
    embeddings = text.encode_batch(wordings)
    shape = (len(clips), len(clips[0].prompts), len(clips[0].prompts[0]))
    return {
        "latents": torch.cat(latents).half(),
        "tokens": torch.stack([e.tokens for e in embeddings]).half().unflatten(0, shape),
        "mask": torch.stack([e.mask for e in embeddings]).unflatten(0, shape),
        "pooled": torch.stack([e.pooled for e in embeddings]).half().unflatten(0, shape),
        "weights": torch.stack([clip.weights for clip in clips]),
    }


@torch.no_grad()
def encode_clips(recipe: Recipe, codec: VideoCodec, clips: list[Clip], device: str) -> Tensor:
    """Render what the encoder sees of clips, and encode it: (n, K T, C, h, w) float32 on the CPU."""
    bundle, mean_px = recipe.bundle, recipe.bundle.codec.encoder_mean_px
    n_frames = recipe.denoiser.chunks * bundle.frames_per_chunk
    scenes = concatenate([evaluate(clip.track, frame_times(clip, n_frames, bundle.video.fps)) for clip in clips])
    frames = render(scenes.to(device), bundle.video.height_px // mean_px, bundle.video.width_px // mean_px)
    travel = travel_of(scenes, bundle.codec.frames_per_latent).unflatten(0, (len(clips), -1)).to(device)
    return codec.encode_small(frames.unflatten(0, (len(clips), n_frames)), travel).cpu()


def _check_shard(path: Path, shard: dict[str, Tensor], recipe: Recipe) -> None:
    """Refuse clips of another length, size or kind, with both shapes."""
    model, n_chunks = recipe.bundle.model, recipe.denoiser.chunks
    n_latents = n_chunks * model.chunk_latent_frames
    expected = {
        "latents": (n_latents, model.latent_channels, model.latent_height, model.latent_width),
        "tokens": (model.text_tokens, model.text_width),
        "weights": (n_chunks, shard["tokens"].shape[1]),
    }
    for name, shape in expected.items():
        got = tuple(shard[name].shape[-len(shape) :])
        if got != shape:
            raise ConfigError(
                f"{path} holds {name} of shape {got}, the recipe needs {shape}; remove the clips of other recipes."
            )


class ShardReader:
    """Random batches from the shards of a folder; looks for new ones when it is told to.

    Args:
        folder: where they lie.
        recipe: what they must have been made for.
        wanted: pattern of the shards to read.
    """

    def __init__(self, folder: Path, recipe: Recipe, wanted: str = "clips-*.safetensors") -> None:
        self.folder, self.recipe, self.wanted = folder, recipe, wanted
        self.shards: dict[Path, dict[str, Tensor]] = {}
        self.refresh()
        if not self.shards:
            raise ConfigError(
                f"{folder} holds no {wanted}; make them with `lingen_live train clips` or `train videos`."
            )

    def refresh(self) -> None:
        """Load shards that appeared since the last look.

        Raises:
            ConfigError: a shard was made for another recipe.
        """
        for path in sorted(self.folder.glob(self.wanted)):
            if path not in self.shards:
                shard = load_file(path)
                _check_shard(path, shard, self.recipe)
                self.shards[path] = shard

    @property
    def n_clips(self) -> int:
        """Clips that can be drawn."""
        return sum(len(shard["latents"]) for shard in self.shards.values())

    def draw(self, batch: int, generator: torch.Generator) -> ClipBatch:
        """`batch` random clips, each prompt in a random one of its wordings."""
        shards = list(self.shards.values())
        rows = []
        for _ in range(batch):
            shard = shards[int(torch.randint(len(shards), (), generator=generator))]
            clip = int(torch.randint(len(shard["latents"]), (), generator=generator))
            wording = int(torch.randint(shard["tokens"].shape[2], (), generator=generator))
            text = (shard[name][clip, :, wording] for name in ("tokens", "mask", "pooled"))
            rows.append((shard["latents"][clip], *text, shard["weights"][clip]))
        latents, tokens, mask, pooled, weights = (torch.stack(column) for column in zip(*rows, strict=True))
        latents = latents.float().unflatten(1, (self.recipe.denoiser.chunks, -1))
        return ClipBatch(latents, tokens.float(), mask, pooled.float(), weights)


def draw_clips(reader: ShardReader, n_clips: int, generator: torch.Generator, device: str) -> ClipBatch:
    """Random clips, on a device."""
    drawn = reader.draw(n_clips, generator)
    return ClipBatch(*(getattr(drawn, name).to(device) for name in ClipBatch.__slots__))
