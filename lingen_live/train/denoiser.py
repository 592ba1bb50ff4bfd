"""Train the chunk-causal denoiser: rectified flow on chunks of clips, given states from commit passes.

One step: commit passes over the clean (half of the time lightly noised) chunks of a few clips make the state
before each of their chunks, or passes over the model's own versions of them, so that it learns to put right
what it will meet in a stream; chunks of many other clips begin without a past, because a model that may always lean
on the past never learns to read. All are denoised in one batch, each from its own state. Gradients flow through the
commit passes in a share of the steps: they cost as much as the rest together, and most of what writes a state
(projections, B, dt, keys and values) also works inside the chunk and is trained there.

Over the last steps the target is guided (Tang et al. 2025, "Diffusion Models without Classifier-free Guidance"): it
is moved away from what the model makes of the null prompt, so that one pass does the work of two. Errors may be
weighed by how large they have to be (`uncertainty.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from lingen_live.engine.prompt_state import compose, unsaid
from lingen_live.errors import CheckpointError, ConfigError
from lingen_live.model.embed import TextContext
from lingen_live.model.lingen import LinGen
from lingen_live.model.state import StreamState
from lingen_live.train.codec import fill_matching, read_weights, save_weights
from lingen_live.train.config import DenoiserTraining, Recipe
from lingen_live.train.forecast import NAME as FORECAST
from lingen_live.train.history import walk_history
from lingen_live.train.latents import ClipBatch, ShardReader, draw_clips
from lingen_live.train.loop import Trainer
from lingen_live.train.precision import autocast
from lingen_live.train.reader import widened
from lingen_live.train.sharded import ranks_of
from lingen_live.train.state_file import first_detail
from lingen_live.train.uncertainty import Uncertainty, relative_error

_REFRESH_EVERY = 50
_PROMPT_DROPOUT = 0.1


def blend_prompts(batch: ClipBatch, chunk: int) -> tuple[Tensor, Tensor, Tensor]:
    """Tokens, mask and pooled of the prompt that conditions a chunk, as `lingen_live.text.blend` makes it."""
    weights = batch.weights[:, chunk]  # (B, P)
    tokens = (batch.tokens * weights[:, :, None, None]).sum(1)
    mask = (batch.mask & (weights > 0)[:, :, None]).any(1)
    return tokens, mask, (batch.pooled * weights[:, :, None]).sum(1)


@torch.no_grad()
def composed_readings(model: LinGen, batch: ClipBatch) -> Tensor:
    """(B, P, R): what each prompt leaves asked, composed on the prompts before it as the engine does in a stream."""
    shape, sizes = batch.tokens.shape[:2], model.text.fields.sizes
    said = model.text.read(batch.tokens.flatten(0, 1), batch.mask.flatten(0, 1), batch.pooled.flatten(0, 1))
    composed = [unsaid(sizes).to(said.device)]
    for prompt in said.unflatten(0, shape).unbind(1):
        composed.append(compose(composed[-1], prompt, sizes))
    return torch.stack(composed[1:], dim=1)


def read_prompts(
    model: LinGen, batch: ClipBatch, generator: torch.Generator, dropout: float = _PROMPT_DROPOUT
) -> tuple[list[TextContext], list[Tensor]]:
    """One text context and reading (B, R) a chunk; a few clips lose their prompt, so that the null prompt has sense."""
    keep = torch.rand(batch.latents.shape[0], generator=generator) >= dropout
    keep = keep.to(batch.tokens.device)
    asked, unasked = composed_readings(model, batch), null_reading(model, batch.tokens.device)
    contexts, readings = [], []
    for chunk in range(batch.latents.shape[1]):
        tokens, mask, pooled = blend_prompts(batch, chunk)
        reading = (asked * batch.weights[:, chunk, :, None]).sum(1)
        readings.append(torch.where(keep[:, None], reading, unasked))
        contexts.append(
            model.read_text(tokens * keep[:, None, None], mask & keep[:, None], pooled * keep[:, None], readings[-1])
        )
    return contexts, readings


@torch.no_grad()
def null_reading(model: LinGen, device: torch.device) -> Tensor:
    """(1, R): what no prompt says."""
    tokens, mask = _no_words(model, device)
    sizes = model.text.fields.sizes
    return compose(unsaid(sizes).to(device), model.text.read(tokens, mask, tokens[:, 0]), sizes)


def stack_contexts(contexts: list[TextContext]) -> TextContext:
    """Chunk-major concatenation along the batch."""
    return TextContext(
        torch.cat([c.keys for c in contexts], dim=1),
        torch.cat([c.values for c in contexts], dim=1),
        torch.cat([c.mask for c in contexts]),
        torch.cat([c.pooled for c in contexts]),
    )


def one_chunk_each(batch: ClipBatch, generator: torch.Generator) -> ClipBatch:
    """The clips cut down to one random chunk each, with its share of the prompts."""
    n_clips, n_chunks = batch.latents.shape[:2]
    chunks = torch.randint(n_chunks, (n_clips,), generator=generator).to(batch.latents.device)
    rows = torch.arange(n_clips, device=chunks.device)
    latents, weights = batch.latents[rows, chunks].unsqueeze(1), batch.weights[rows, chunks].unsqueeze(1)
    return ClipBatch(latents, batch.tokens, batch.mask, batch.pooled, weights)


@dataclass(frozen=True, slots=True)
class Chunks:
    """Chunks of several clips, one a row, and all that they are denoised from.

    Attributes:
        data: (R, T, C, h, w) clean latents.
        text: R prompts.
        states: R states before.
        readings: (R, fields) what the prompts were read as.
        has_past: (R,) bool, whether any chunk comes before.
        histories: what was committed before chunks of clips, (B, T, C, h, w) each.
    """

    data: Tensor
    text: TextContext
    states: StreamState
    readings: Tensor
    has_past: Tensor
    histories: list[Tensor]


def gather_chunks(
    model: LinGen,
    clips: ClipBatch,
    alone: ClipBatch,
    section: DenoiserTraining,
    generator: torch.Generator,
    keep: float = 1.0,
) -> Chunks:
    """Every chunk of `clips` with its past, chunk-major, then the chunks of `alone` (one a clip) without one."""
    latents = clips.latents.transpose(0, 1)  # (K, B, T, C, h, w)
    contexts, readings = read_prompts(model, clips, generator)
    is_noised = torch.rand(latents.shape[1], generator=generator) < 0.5
    amount = torch.rand(latents.shape[1], generator=generator) * section.history_noise * is_noised
    is_own = torch.rand(latents.shape[1], generator=generator) < section.own_history
    has_gradient = float(torch.rand((), generator=generator)) < section.history_gradient
    together = ranks_of(model.blocks)
    has_gradient, (makes_own,) = together.of_first(has_gradient), together.any_of(bool(is_own.any()))
    amount, is_own = amount.to(latents.device), is_own.to(latents.device)
    with torch.set_grad_enabled(has_gradient and torch.is_grad_enabled()):
        states, histories = walk_history(model, latents, contexts, amount, is_own, keep, makes_own=makes_own)
    states.append(StreamState.allocate(model.config, len(alone.latents), device=latents.device))
    alone_contexts, alone_readings = read_prompts(model, alone, generator)
    data = torch.cat((latents.flatten(0, 1), alone.latents.flatten(0, 1)))
    row, n_clips = torch.arange(len(data), device=data.device), latents.shape[1]
    has_past = (row >= n_clips) & (row < latents.shape[0] * n_clips) & (keep > 0)
    return Chunks(
        data,
        stack_contexts(contexts + alone_contexts),
        StreamState.stack(states),
        torch.cat(readings + alone_readings),
        has_past,
        histories,
    )


def draw_sigma(n: int, section: DenoiserTraining, generator: torch.Generator) -> Tensor:
    """(n,) noise levels: logit-normal (Esser et al. 2024, arXiv 2403.03206, section 3.1), and a share of pure noise.

    Latents this compressed are known almost wholly at sigma 0.7: what a picture shows, and how it goes on from the last
    one, is decided close to 1. A distribution made for finer latents hardly trains there (docs/lab-notes.md).
    """
    normal = torch.randn(n, generator=generator)
    sigma = torch.sigmoid(section.sigma_mean + section.sigma_deviation * normal)
    is_pure = torch.rand(n, generator=generator) < section.pure_noise_share
    return torch.where(is_pure, 1.0, sigma)


def null_context(model: LinGen, n: int, device: torch.device) -> TextContext:
    """No prompt, n times over."""
    tokens, mask = _no_words(model, device)
    return model.read_text(tokens, mask, tokens[:, 0], null_reading(model, device)).repeat(n)


def _no_words(model: LinGen, device: torch.device) -> tuple[Tensor, Tensor]:
    """Tokens (1, S, text_width) and mask (1, S) of no prompt."""
    tokens = torch.zeros(1, model.config.text_tokens, model.config.text_width, device=device)
    return tokens, torch.zeros(tokens.shape[:2], dtype=torch.bool, device=device)


def flow_loss(
    model: LinGen,
    clips: ClipBatch,
    alone: ClipBatch,
    section: DenoiserTraining,
    generator: torch.Generator,
    guidance: float = 1.0,
    keep: float = 1.0,
    uncertainty: Uncertainty | None = None,
    *,
    only_guesses: bool = False,
) -> tuple[Tensor, dict[str, float]]:
    """Mean squared error of the velocity: of all chunks, and by chunk position, for the log.

    Args:
        model: the denoiser.
        clips: B clips whose chunks are given their past.
        alone: clips of one chunk, which begins without a past.
        section: how history is noised.
        generator: source of all choices but the noise itself.
        guidance: scale that the trained model's single pass ends up with, at least 1 (none).
        keep: share of the state that each chunk hands on, as in a stream.
        uncertainty: what errors are to be expected, to weigh them by, and learns it; None to weigh all alike.
        only_guesses: whether the uncertainty alone is to learn.
    """
    chunks = gather_chunks(model, clips, alone, section, generator, keep)
    noise = torch.randn_like(chunks.data)
    sigma = draw_sigma(len(noise), section, generator).to(noise.device)
    noisy = torch.lerp(chunks.data, noise, sigma.view(-1, 1, 1, 1, 1))
    velocity = model.denoise(noisy, sigma, chunks.text, chunks.states).float()
    target = noise - chunks.data
    if guidance > 1.0:
        with torch.no_grad():
            unasked = model.denoise(noisy, sigma, null_context(model, len(noise), noise.device), chunks.states)
            # At rest v = target + weight (v - unasked), so v - unasked = guidance (target - unasked).
            push = (1 - 1 / guidance) * (velocity.detach() - unasked.float())
            push[:, :, -1] = 0  # a camera that is asked to travel is not to go two and a half times as fast
            target = target + push
    error = weighted_error(velocity - target, section.travel_weight)
    n_clips, n_chunks = clips.latents.shape[:2]
    by_chunk = error[: n_clips * n_chunks].detach().unflatten(0, (n_chunks, n_clips)).mean(1).tolist()
    numbers = {f"chunk_{index}": value for index, value in enumerate(by_chunk)}
    numbers |= {"alone": error[n_clips * n_chunks :].detach().mean().item()}
    if uncertainty is None:
        return error.mean(), numbers
    expected = uncertainty(sigma, chunks.readings, chunks.has_past)
    loss, likelihood = relative_error(velocity - target, expected, section.travel_weight)
    numbers |= {"weighed": loss.item(), "likelihood": likelihood.item()}
    return (likelihood if only_guesses else loss + likelihood), numbers


def weighted_error(difference: Tensor, travel_weight: float) -> Tensor:
    """(R,) mean square of (R, T, C, h, w); the travel counts as much as `travel_weight` other channels."""
    squares = difference.square().mean((1, 3, 4))
    return (squares[:, :-1].sum(1) + travel_weight * squares[:, -1]) / (squares.shape[1] - 1 + travel_weight)


def new_denoiser(recipe: Recipe, folder: Path, init: Path | None) -> LinGen:
    """A denoiser that already reads and forecasts: these parts are fixed; the rest random or from other weights.

    Args:
        recipe: shapes.
        folder: of the run, with `reader.safetensors` and, unless the recipe has none, `forecast.safetensors`.
        init: weights to begin from; tensors whose name or shape differ stay random.

    Raises:
        ConfigError: the reader or the forecast has not been trained.
        CheckpointError: weights are damaged, or of another architecture.
    """
    torch.manual_seed(0)
    model = LinGen(recipe.bundle.model)
    if init is not None:
        fill_matching(model, widened(read_weights(init), model.config.text_width))
    _fill(model.text.reader, folder / "reader.safetensors", "reader.")
    _fill(model.text.fields, folder / "reader.safetensors", "fields.")
    model.text.reader.requires_grad_(False)
    model.text.fields.heads.requires_grad_(False)
    if model.forecast is not None:
        _fill(model.forecast, folder / FORECAST, "")
        model.forecast.requires_grad_(False)
    return model


def _fill(part: nn.Module, path: Path, prefix: str) -> None:
    """Load what an earlier job of the same run has left."""
    if not path.is_file():
        raise ConfigError(f"{path} is not there yet; make it with `lingen_live train {path.stem}`.")
    try:
        held = read_weights(path)
        part.load_state_dict({k.removeprefix(prefix): v for k, v in held.items() if k.startswith(prefix)})
    except RuntimeError as error:
        raise CheckpointError(f"{path} does not fit the recipe: {first_detail(error)}") from error


def train_denoiser(
    recipe: Recipe, folder: Path, device: str, init: Path | None = None, *, in_shards: bool = False
) -> None:
    """Train or resume; leaves `model.safetensors` (EMA weights) in the folder.

    Args:
        recipe: shapes and schedule.
        folder: of the run.
        device: cpu or cuda.
        init: weights to begin from.
        in_shards: have each process keep a part of the blocks' weights only; they are not compiled then.
    """
    model, reader = new_denoiser(recipe, folder, init), ShardReader(folder / "clips", recipe)
    fit_denoiser(recipe, model, reader, folder, device, in_shards=in_shards)


def fit_denoiser(
    recipe: Recipe, model: LinGen, reader: ShardReader, folder: Path, device: str, *, in_shards: bool = False
) -> None:
    """The same for a model and clips that are there already."""
    model, section, keep = model.to(device), recipe.denoiser, recipe.bundle.sampler.state_keep
    learning, prefix, uncertainty = _weighed(model, section)

    def loss(generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        if trainer.step % _REFRESH_EVERY == 0:
            reader.refresh()
        clips = draw_clips(reader, section.batch, generator, device)
        alone = one_chunk_each(draw_clips(reader, section.alone, generator, device), generator)
        is_guided = trainer.step >= (1 - section.guided_share) * section.n_steps
        with autocast(device):
            return flow_loss(
                model,
                clips,
                alone,
                section,
                generator,
                section.guidance if is_guided else 1.0,
                keep,
                uncertainty,
                only_guesses=trainer.step < section.uncertainty_warmup,
            )

    if section.compile_blocks and not in_shards:
        compile_blocks(model)
    trainer = Trainer(learning, loss, section, folder / "denoiser", f"{prefix}blocks.", in_shards=in_shards)

    def export() -> None:
        trained = LinGen(recipe.bundle.model).to(device)
        own = {name: value for name, value in trainer.averaged.items() if name.startswith(prefix)}
        trained.load_state_dict({name.removeprefix(prefix): value for name, value in own.items()})
        save_weights(trained, folder / "model.safetensors")

    trainer.run(export)


def compile_blocks(model: LinGen) -> None:
    """Compile every block by itself."""
    # With and without gradients, guided or not, a few batch sizes: more variants than torch allows by default.
    torch._dynamo.config.recompile_limit = 64
    for block in model.blocks:
        block.compile(dynamic=False)


def _weighed(model: LinGen, section: DenoiserTraining) -> tuple[nn.Module, str, Uncertainty | None]:
    """What learns, how the model's tensors begin in it, and what weighs the errors, if the recipe says so."""
    if not section.uncertainty_width:
        return model, "", None
    uncertainty = Uncertainty(model.config, section.uncertainty_width).to(next(model.parameters()).device)
    return nn.ModuleDict({"denoiser": model, "uncertainty": uncertainty}), "denoiser.", uncertainty
