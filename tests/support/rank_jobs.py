"""What two processes do for the tests of training; in a module of its own, so that they can find it by name."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from toy_training import Plan, everything, toy_trainer

from lingen_live.model.lingen import LinGen
from lingen_live.train.config import Recipe
from lingen_live.train.denoiser import flow_loss, one_chunk_each
from lingen_live.train.latents import ClipBatch
from lingen_live.train.loop import Trainer
from lingen_live.train.parallel import current_ranks
from lingen_live.train.sharded import is_part, own_part, whole

PLAN = replace(Plan(), n_steps=5)


def draw_clips(recipe: Recipe, n_clips: int, n_chunks: int, generator: torch.Generator) -> ClipBatch:
    """Noise for latents and for what two prompts say."""
    model = recipe.bundle.model
    shape = (model.chunk_latent_frames, model.latent_channels, model.latent_height, model.latent_width)
    return ClipBatch(
        latents=torch.randn(n_clips, n_chunks, *shape, generator=generator),
        tokens=torch.randn(n_clips, 2, model.text_tokens, model.text_width, generator=generator),
        mask=torch.ones(n_clips, 2, model.text_tokens, dtype=torch.bool),
        pooled=torch.randn(n_clips, 2, model.text_width, generator=generator),
        weights=torch.full((n_clips, n_chunks, 2), 0.5),
    )


def denoiser_losses(recipe: Recipe, folder: Path, *, in_shards: bool, odd: int | None = None) -> list[float]:
    """Of two steps; if one process is odd, of one, and each would make another history than the other does."""
    gradient, own = (1.0, 0.0) if odd is None else (float(odd == 0), float(odd == 1))
    section = replace(
        recipe.denoiser,
        n_steps=2 if odd is None else 1,
        learning_rate=1e-3,
        history_gradient=gradient,
        own_history=own,
    )
    torch.manual_seed(0)
    model = LinGen(recipe.bundle.model)
    losses = []

    def loss(generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        clips = draw_clips(recipe, 2, 2, generator)
        alone = one_chunk_each(draw_clips(recipe, 2, 2, generator), generator)
        value, numbers = flow_loss(model, clips, alone, section, generator, keep=0.6)
        losses.append(value.item())
        return value, numbers

    Trainer(model, loss, section, folder, hidden_prefix="blocks.", in_shards=in_shards).run()
    return losses


def told(trainer: Trainer) -> dict[str, Any]:
    """The weights as a whole, and how much of them lies in this process."""
    values = trainer.module.state_dict().values()
    return {
        "module": {name: whole(value).clone() for name, value in trainer.module.state_dict().items()},
        "ema": {name: whole(value).clone() for name, value in trainer.ema.items()},
        "step": trainer.step,
        "n_parts": sum(is_part(value) for value in values),
        "n_own": sum(own_part(value).numel() for value in values),
        "generator": trainer.generator.get_state(),
    }


def train_in_parts(index: int, folder: Path) -> None:
    """The toy whole and in parts, a run that one process began, and the denoiser whole and in parts."""
    found: dict[str, Any] = {}
    for name, in_shards in (("whole", False), ("parts", True)):
        trainer = toy_trainer(folder / name, plan=PLAN, in_shards=in_shards)
        trainer.run()
        found[name] = told(trainer)
    exported: list[dict[str, Tensor]] = []
    trainer = toy_trainer(folder / "grown", plan=replace(PLAN, n_steps=4), in_shards=True)
    found["begun"] = told(trainer)
    trainer.run(lambda: exported.append(trainer.averaged))
    found |= {"grown": told(trainer), "exported": exported}
    recipe = torch.load(folder / "recipe.pickle", weights_only=False)  # our own
    for name in ("whole", "parts"):
        found[f"losses {name}"] = denoiser_losses(recipe, folder / f"denoiser {name}", in_shards=name == "parts")
    found["losses mixed"] = denoiser_losses(recipe, folder / "denoiser mixed", in_shards=True, odd=index)
    torch.save(found, folder / f"{index}.pt")


def train(index: int, folder: Path) -> None:
    exported: list[int] = []
    trainer = toy_trainer(folder / "run", plan=PLAN)
    trainer.run(lambda: exported.append(trainer.step))
    torch.save({**everything(trainer), "exported": exported}, folder / f"{index}.pt")


def train_and_grow(index: int, folder: Path) -> None:
    """A run from its beginning, then one that a process alone began."""
    train(index, folder)
    trainer = toy_trainer(folder / "grown", plan=replace(PLAN, n_steps=4))
    begun = everything(trainer)
    begun = {name: begun[name] for name in ("generator", "torch_rng", "step")}  # of the others, training overwrites
    trainer.run()
    torch.save({"begun": begun, **everything(trainer)}, folder / f"{index}.grown.pt")


def train_interrupted(index: int, folder: Path) -> None:
    """Ctrl-C reaches the second process alone; then both go on with the wrong random numbers in hand."""
    signal.signal(signal.SIGINT, signal.default_int_handler)

    def on_step(step: int) -> None:
        if step == 2 and index == 1:
            os.kill(os.getpid(), signal.SIGINT)

    first = toy_trainer(folder / "run", on_step, plan=PLAN)
    try:
        first.run()
    except KeyboardInterrupt:
        assert first.step == 3
    else:
        raise AssertionError("nobody was interrupted")
    torch.manual_seed(999)
    train(index, folder)


def use_primitives(index: int, folder: Path) -> None:
    ranks = current_ranks()
    layers = [nn.Linear(2, 1, bias=False) for _ in range(3)]
    for layer in layers:
        nn.init.constant_(layer.weight, float(index))
    weights = [parameter for layer in layers for parameter in layer.parameters()]
    ranks.broadcast(weight.data for weight in weights)
    values = [weight.detach().clone() for weight in weights]
    weights[0].grad = torch.full_like(weights[0], 1.0 + index)
    if index:
        weights[1].grad = torch.full_like(weights[1], 4.0)
    ranks.average_gradients(weights)
    found = {
        "values": torch.stack(values),
        "gradients": [weight.grad for weight in weights],
        "any": ranks.any_of(index == 1, False),
        "mean": ranks.mean({"a": float(index), "b": 2.0}),
        "rows": ranks.gather({"n": torch.tensor(index)}),
    }
    torch.save(found, folder / f"{index}.pt")


def do_all(index: int, folder: Path) -> None:
    """All but what is interrupted: processes are slow to come."""
    train_and_grow(index, folder / "whole")
    use_primitives(index, folder / "primitives")
    train_in_parts(index, folder / "parts")


def begin_alone(recipe: Recipe, folder: Path) -> None:
    """What one process has to begin before."""
    for name in ("whole", "primitives", "parts"):
        (folder / name).mkdir()
    toy_trainer(folder / "whole" / "grown", plan=replace(PLAN, n_steps=2)).run()
    alone = toy_trainer(folder / "parts" / "grown", plan=replace(PLAN, n_steps=2), in_shards=True)
    alone.run()
    torch.save(told(alone), folder / "parts" / "alone.pt")
    torch.save(recipe, folder / "parts" / "recipe.pickle")
