"""Train the chunk-causal denoiser: rectified flow on every chunk of a clip, given states from commit passes.

One step: commit passes over the clean (half of the time lightly noised) chunks make the state before every
chunk; then all chunks, each with several draws of noise, are denoised in one batch, each from its own state.
Gradients flow through the commit passes in a share of the steps: they cost as much as the rest together, and
most of what writes a state (projections, B, dt, keys and values) also works inside the chunk and is trained
there.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from lingen_live.errors import CheckpointError, ConfigError
from lingen_live.model.embed import TextContext
from lingen_live.model.lingen import LinGen
from lingen_live.model.state import StreamState
from lingen_live.train.codec import save_weights
from lingen_live.train.config import DenoiserTraining, Recipe
from lingen_live.train.latents import ClipBatch, ShardReader
from lingen_live.train.loop import Trainer, first_detail

_REFRESH_EVERY = 50
_PROMPT_DROPOUT = 0.05


def blend_prompts(batch: ClipBatch, chunk: int) -> tuple[Tensor, Tensor, Tensor]:
    """Tokens, mask and pooled of the prompt that conditions a chunk, as `lingen_live.text.blend` makes it."""
    weights = batch.weights[:, chunk]  # (B, P)
    tokens = (batch.tokens * weights[:, :, None, None]).sum(1)
    mask = (batch.mask & (weights > 0)[:, :, None]).any(1)
    return tokens, mask, (batch.pooled * weights[:, :, None]).sum(1)


def read_prompts(model: LinGen, batch: ClipBatch, generator: torch.Generator) -> list[TextContext]:
    """One text context a chunk; a few clips lose their prompt, so that the null prompt means something."""
    keep = torch.rand(batch.latents.shape[0], generator=generator) >= _PROMPT_DROPOUT
    keep = keep.to(batch.tokens.device)
    contexts = []
    for chunk in range(batch.latents.shape[1]):
        tokens, mask, pooled = blend_prompts(batch, chunk)
        contexts.append(model.read_text(tokens * keep[:, None, None], mask & keep[:, None], pooled * keep[:, None]))
    return contexts


def stack_contexts(contexts: list[TextContext]) -> TextContext:
    """Chunk-major concatenation along the batch."""
    return TextContext(
        torch.cat([c.keys for c in contexts], dim=1),
        torch.cat([c.values for c in contexts], dim=1),
        torch.cat([c.mask for c in contexts]),
        torch.cat([c.pooled for c in contexts]),
    )


def states_before(model: LinGen, latents: Tensor, contexts: list[TextContext], amount: Tensor) -> list[StreamState]:
    """The state before every chunk, by commit passes over the chunks before it.

    Args:
        model: the denoiser.
        latents: (K, B, T, C, h, w) clean.
        contexts: one a chunk.
        amount: (B,) noise mixed into the history, in [0, 1].
    """
    state = StreamState.allocate(model.config, latents.shape[1], device=latents.device)
    states = [state]
    for clean, context in zip(latents[:-1], contexts[:-1], strict=True):
        history = torch.lerp(clean, torch.randn_like(clean), amount.view(-1, 1, 1, 1, 1))
        state = model.commit(history, context, state)
        states.append(state)
    return states


def forget(states: StreamState, is_forgotten: Tensor) -> StreamState:
    """Empty the state of some rows (B,): chunks that cannot lean on the past must read the prompt."""
    kept = (~is_forgotten).to(states.ssm.device)

    def masked(part: Tensor) -> Tensor:
        return part * kept.view(1, -1, *[1] * (part.dim() - 2))

    return StreamState(masked(states.ssm), masked(states.conv), masked(states.review), masked(states.tesa))


def flow_loss(
    model: LinGen, batch: ClipBatch, section: DenoiserTraining, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Mean squared error of the velocity: of the whole batch, and (K,) by chunk position."""
    latents = batch.latents.transpose(0, 1)  # (K, B, T, C, h, w)
    n_chunks, n_clips = latents.shape[:2]
    contexts = read_prompts(model, batch, generator)
    is_noised = torch.rand(n_clips, generator=generator) < 0.5
    amount = (torch.rand(n_clips, generator=generator) * section.history_noise * is_noised).to(latents.device)
    has_gradient = float(torch.rand((), generator=generator)) < section.history_gradient
    with torch.set_grad_enabled(has_gradient):
        states = StreamState.stack(states_before(model, latents, contexts, amount))
        states = forget(states, torch.rand(states.batch, generator=generator) < section.state_dropout)

    draws = section.noise_draws
    data = latents.flatten(0, 1).repeat(draws, 1, 1, 1, 1)
    noise = torch.randn_like(data)
    # Logit-normal (Esser et al. 2024), shifted a little towards noise, where a prompt decides the picture.
    sigma = torch.sigmoid(torch.randn(len(data), generator=generator) + 0.3).to(data.device)
    noisy = torch.lerp(data, noise, sigma.view(-1, 1, 1, 1, 1))
    text = stack_contexts(contexts).repeat(draws)
    velocity = model.denoise(noisy, sigma, text, StreamState.stack([states] * draws))
    error = (velocity.float() - (noise - data)).square().flatten(1).mean(1)
    by_chunk = error.unflatten(0, (draws, n_chunks, n_clips)).mean((0, 2))
    return by_chunk.mean(), by_chunk.detach()


def new_denoiser(recipe: Recipe, folder: Path, init: Path | None) -> LinGen:
    """A denoiser that already reads: the trained text reader, fixed; the rest random or from other weights.

    Args:
        recipe: shapes.
        folder: of the run, with `reader.safetensors`.
        init: weights to begin from; tensors whose name or shape differ stay random.

    Raises:
        ConfigError: the reader has not been trained.
        CheckpointError: weights are damaged, or the reader is of another architecture.
    """
    torch.manual_seed(0)
    model = LinGen(recipe.bundle.model)
    own = model.state_dict()
    if init is not None:
        held = {name: value.float() for name, value in _read_weights(init).items()}
        model.load_state_dict({k: held[k] if k in held and held[k].shape == v.shape else v for k, v in own.items()})
    path = folder / "reader.safetensors"
    if not path.is_file():
        raise ConfigError(f"{path} is not there yet; make it with `lingen_live train reader`.")
    try:
        model.text.reader.load_state_dict(_read_weights(path))
    except RuntimeError as error:
        raise CheckpointError(f"{path} does not fit the recipe: {first_detail(error)}") from error
    model.text.reader.requires_grad_(False)
    return model


def _read_weights(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except SafetensorError as error:
        raise CheckpointError(f"{path} is not a safetensors file: {error}.") from error


def train_denoiser(recipe: Recipe, folder: Path, device: str, init: Path | None = None) -> None:
    """Train or resume; leaves `model.safetensors` (EMA weights) in the folder."""
    model = new_denoiser(recipe, folder, init).to(device)
    section = recipe.denoiser
    reader = ShardReader(folder / "clips", recipe)

    def loss(generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        if trainer.step % _REFRESH_EVERY == 0:
            reader.refresh()
        drawn = reader.draw(section.batch, generator)
        batch = ClipBatch(*(getattr(drawn, name).to(device) for name in ClipBatch.__slots__))
        with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            value, by_chunk = flow_loss(model, batch, section, generator)
        return value, {f"chunk_{index}": error for index, error in enumerate(by_chunk.tolist())}

    if section.compile_blocks:
        for block in model.blocks:
            block.compile(dynamic=False)
    trainer = Trainer(model, loss, section, folder / "denoiser", hidden_prefix="blocks.")

    def export() -> None:
        trained = LinGen(recipe.bundle.model).to(device)
        trained.load_state_dict(trainer.ema)
        save_weights(trained, folder / "model.safetensors")

    trainer.run(export)
