"""One optimisation loop for every network: schedule, clipping, EMA, progress, a loss log, exact resumption.

Knows nothing of what is trained: it is given a module and a function that makes a loss.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from tqdm import tqdm

from lingen_live.errors import ConfigError

SAVE_EVERY_S = 240.0
LOG_EVERY = 10


class Schedule(Protocol):
    """The fields of a training section that the loop itself needs."""

    @property
    def n_steps(self) -> int: ...
    @property
    def learning_rate(self) -> float: ...
    @property
    def weight_decay(self) -> float: ...
    @property
    def warmup_steps(self) -> int: ...
    @property
    def cooldown(self) -> float: ...
    @property
    def ema_decay(self) -> float: ...
    @property
    def clip_norm(self) -> float: ...


LossFunction = Callable[[torch.Generator], tuple[Tensor, dict[str, float]]]
"""Draws a batch with the given CPU generator; returns the loss and numbers worth logging."""


def rate_at(step: int, schedule: Schedule) -> float:
    """Share of the full learning rate: linear warm-up, constant, then linear to zero over the cooldown."""
    warm = min(1.0, (step + 1) / max(1, schedule.warmup_steps))
    left = (schedule.n_steps - step) / max(1.0, schedule.cooldown * schedule.n_steps)
    return warm * max(0.0, min(1.0, left))


def split_parameters(module: nn.Module, hidden_prefix: str) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Weights of linear layers under the prefix, which Muon orthogonalises, and everything else, for AdamW.

    Muon (Jordan et al. 2024) is meant for hidden matrices only; inputs, outputs, tables and vectors are not.
    An empty prefix means no layer.
    """
    matrices = [
        layer.weight
        for name, layer in module.named_modules()
        if hidden_prefix and name.startswith(hidden_prefix) and isinstance(layer, nn.Linear)
    ]
    chosen = {id(matrix) for matrix in matrices}
    return matrices, [parameter for parameter in module.parameters() if id(parameter) not in chosen]


@dataclass
class Trainer:
    """A module in training, with all that a resumed run needs.

    Attributes:
        module: what is trained, on its device.
        loss: makes one loss.
        schedule: the training section of a recipe.
        folder: receives `state.pt`, `log.jsonl`.
        hidden_prefix: name prefix of the layers whose matrices Muon trains; empty for none.
        seed: of the batches; the generator's state is saved too.
    """

    module: nn.Module
    loss: LossFunction
    schedule: Schedule
    folder: Path
    hidden_prefix: str = ""
    seed: int = 0

    def __post_init__(self) -> None:
        """Build the optimisers and pick up an interrupted run, if there is one."""
        matrices, others = split_parameters(self.module, self.hidden_prefix)
        rate, decay = self.schedule.learning_rate, self.schedule.weight_decay
        self.optimisers: list[torch.optim.Optimizer] = [
            torch.optim.AdamW(others, rate, betas=(0.9, 0.98), weight_decay=decay)
        ]
        if matrices:
            self.optimisers.append(
                torch.optim.Muon(matrices, rate, weight_decay=decay, adjust_lr_fn="match_rms_adamw")
            )
        self.ema = {name: value.detach().clone() for name, value in self.module.state_dict().items()}
        self.generator = torch.Generator().manual_seed(self.seed)
        self.step = 0
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.state_path.exists():
            self._resume()

    @property
    def state_path(self) -> Path:
        """Where the resumable state lies."""
        return self.folder / "state.pt"

    def run(self, on_save: Callable[[], None] | None = None) -> None:
        """Train until the schedule's last step; saves every few minutes, at the end and when interrupted."""
        saved_s = time.monotonic()
        bar = tqdm(total=self.schedule.n_steps, initial=self.step, desc=self.folder.name, dynamic_ncols=True)
        try:
            while self.step < self.schedule.n_steps:
                numbers = self._one_step()
                bar.update()
                if self.step % LOG_EVERY == 0:
                    bar.set_postfix({name: f"{value:.4f}" for name, value in numbers.items()})
                    self._log(numbers)
                if time.monotonic() - saved_s > SAVE_EVERY_S:
                    self._save_all(on_save)
                    saved_s = time.monotonic()
        finally:
            # Also on Ctrl-C, which costs at most the step it interrupts.
            bar.close()
            self._save_all(on_save)

    def _save_all(self, on_save: Callable[[], None] | None) -> None:
        self.save()
        if on_save is not None:
            on_save()

    def _one_step(self) -> dict[str, float]:
        share = rate_at(self.step, self.schedule)
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = self.schedule.learning_rate * share
            optimiser.zero_grad(set_to_none=True)
        loss, numbers = self.loss(self.generator)
        value = loss.item()
        if not math.isfinite(value):
            raise FloatingPointError(
                f"The loss is {value} at step {self.step}; resume from {self.state_path}."
            )
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.module.parameters(), self.schedule.clip_norm)
        for optimiser in self.optimisers:
            optimiser.step()
        self.step += 1
        self._update_ema()
        return {"loss": value, **numbers, "grad_norm": float(norm), "rate": share}

    @torch.no_grad()
    def _update_ema(self) -> None:
        decay = min(self.schedule.ema_decay, self.step / (self.step + 10))
        for name, value in self.module.state_dict().items():
            if value.dtype.is_floating_point:
                self.ema[name].lerp_(value, 1 - decay)
            else:
                self.ema[name].copy_(value)

    def _log(self, numbers: dict[str, float]) -> None:
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps({"step": self.step} | {k: round(v, 6) for k, v in numbers.items()}) + "\n")

    def save(self) -> None:
        """Write the resumable state atomically: a kill leaves the old one."""
        state: dict[str, Any] = {
            "module": self.module.state_dict(),
            "ema": self.ema,
            "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
            "generator": self.generator.get_state(),
            "torch_rng": torch.get_rng_state(),
            "step": self.step,
        }
        partial = self.state_path.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(self.state_path)

    def _resume(self) -> None:
        state = torch.load(self.state_path, map_location="cpu", weights_only=True)
        try:
            self.module.load_state_dict(state["module"])
        except RuntimeError as error:
            raise ConfigError(
                f"{self.state_path} is of another architecture than the recipe: {error}"
            ) from error
        for optimiser, saved in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
        device = next(self.module.parameters()).device
        self.ema = {name: value.to(device) for name, value in state["ema"].items()}
        self.generator.set_state(state["generator"])
        torch.set_rng_state(state["torch_rng"])
        self.step = state["step"]
