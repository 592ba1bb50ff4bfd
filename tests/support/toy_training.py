"""A small network, a loss that draws from every source of randomness, and a trainer for both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lingen_live.train.loop import Trainer


@dataclass(frozen=True)
class Plan:
    """A schedule of six steps."""

    n_steps: int = 6
    learning_rate: float = 0.05
    weight_decay: float = 0.01
    warmup_steps: int = 2
    cooldown: float = 0.5
    ema_decay: float = 0.9
    clip_norm: float = 1.0


class Toy(nn.Module):
    """An input layer, a hidden one for Muon, and a buffer of integers."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.first = nn.Linear(4, width)
        self.norm = nn.BatchNorm1d(width)
        self.hidden = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.hidden(self.norm(self.first(x)))


OnStep = Callable[[int], None]


def toy_trainer(
    folder: Path,
    on_step: OnStep = lambda step: None,
    *,
    device: str = "cpu",
    width: int = 8,
    plan: Plan = Plan(),
    hidden_prefix: str = "hidden.",
    in_shards: bool = False,
) -> Trainer:
    """A trainer whose loss draws from the batch generator, from torch's own and from the device's."""
    torch.manual_seed(0)
    module = Toy(width).to(device)

    def loss(generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        x = torch.randn(16, 4, generator=generator)
        y = x.prod(1, keepdim=True) + 0.1 * torch.randn(16, 1)
        on_step(trainer.step)  # in the middle: an interruption here must give back what was drawn
        out = module(x.to(device)) + 0.1 * torch.randn(16, 1, device=device)
        return (out - y.to(device)).square().mean(), {"mean": out.mean().item()}

    trainer = Trainer(module, loss, plan, folder, hidden_prefix=hidden_prefix, in_shards=in_shards)
    return trainer


def everything(trainer: Trainer) -> dict[str, Any]:
    """All that a later step depends on."""
    return {
        "module": trainer.module.state_dict(),
        "ema": trainer.ema,
        "optimisers": [optimiser.state_dict()["state"] for optimiser in trainer.optimisers],
        "rates": [optimiser.param_groups[0]["lr"] for optimiser in trainer.optimisers],
        "generator": trainer.generator.get_state(),
        "torch_rng": torch.get_rng_state(),
        "step": trainer.step,
    }


def interrupt_at(step: int) -> OnStep:
    def on_step(now: int) -> None:
        if now == step:
            raise KeyboardInterrupt

    return on_step
