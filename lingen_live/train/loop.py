"""One optimisation loop for every network: schedule, clipping, EMA, progress, a loss log, exact resumption.

What is saved is always the module, optimisers, EMA and random state of one and the same step, so that a run
that was interrupted goes on as if it had not been. Several processes may train one module (`parallel.py`): the
first writes everything, with the random state of all. Knows nothing of what is trained: it is given a module and a
function that makes a loss.
"""

from __future__ import annotations

import io
import json
import math
import pickle
import textwrap
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

import torch
from torch import Tensor, nn
from tqdm import tqdm

from lingen_live.errors import CheckpointError, ConfigError, TrainingError
from lingen_live.train.interrupt import InterruptGate
from lingen_live.train.parallel import current_ranks, seed_rank

SAVE_EVERY_S = 240.0
LOG_EVERY = 10
MUON_RATE = 3.0
"""Muon's rate over AdamW's. Its updates are matched to a fifth of AdamW's size; at the same rate, trained for
an hour on a CPU, hidden layers hardly moved."""
_STATE_FIELDS = {"module", "ema", "optimisers", "step", "generator", "torch_rng"}


class Schedule(Protocol):
    """The fields of a training section that the loop itself needs."""

    @property
    def n_steps(self) -> int:
        """Steps in all."""

    @property
    def learning_rate(self) -> float:
        """The highest rate."""

    @property
    def weight_decay(self) -> float:
        """Decoupled, in units of the rate."""

    @property
    def warmup_steps(self) -> int:
        """Steps over which the rate rises."""

    @property
    def cooldown(self) -> float:
        """Share of the steps over which the rate falls to zero."""

    @property
    def ema_decay(self) -> float:
        """Share of the averaged weights that a step keeps, once warm."""

    @property
    def clip_norm(self) -> float:
        """Largest norm of the whole gradient."""


LossFunction = Callable[[torch.Generator], tuple[Tensor, dict[str, float]]]
"""Draws a batch with the given CPU generator; returns the loss and numbers worth logging."""


def rate_at(step: int, schedule: Schedule) -> float:
    """Share of the full learning rate: linear warm-up, constant, then linear to zero over the cooldown."""
    warm = min(1.0, (step + 1) / max(1, schedule.warmup_steps))
    left = (schedule.n_steps - step) / max(1.0, schedule.cooldown * schedule.n_steps)
    return warm * max(0.0, min(1.0, left))


def first_detail(error: Exception) -> str:
    """The first particular of an error that may be pages long, as `load_state_dict` makes them."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return textwrap.shorten(lines[min(1, len(lines) - 1)].strip(), 200)


def split_parameters(module: nn.Module, hidden_prefix: str) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Weights of linear layers under the prefix, which Muon orthogonalises, and everything else, for AdamW.

    Muon (Jordan et al. 2024) is meant for hidden matrices only; inputs, outputs, tables and vectors are not.
    An empty prefix means no layer.
    """
    matrices: list[nn.Parameter] = [
        cast(nn.Parameter, layer.weight)
        for name, layer in module.named_modules()
        if hidden_prefix and name.startswith(hidden_prefix) and isinstance(layer, nn.Linear)
    ]
    chosen = {id(matrix) for matrix in matrices}
    return matrices, [parameter for parameter in module.parameters() if id(parameter) not in chosen]


def _read_state(path: Path) -> dict[str, Any]:
    """What `Trainer.save` has written; runs no code from it."""
    content = io.BytesIO(path.read_bytes())  # what is wrong with the disk shows here, not below
    try:
        state = torch.load(content, map_location="cpu", weights_only=True)
        is_known = isinstance(state, dict) and state.keys() >= _STATE_FIELDS
    except (EOFError, RuntimeError, ValueError, pickle.UnpicklingError):
        is_known = False
    if not is_known:
        raise CheckpointError(f"{path} is damaged, or not a state of training; remove it to start anew.")
    return state


@dataclass
class Trainer:
    """A module in training, with all that a resumed run needs.

    Attributes:
        module: what is trained, on its device.
        loss: makes one loss.
        schedule: the training section of a recipe.
        folder: receives `state.pt`, `log.jsonl`; a state that is there is resumed.
        hidden_prefix: name prefix of the layers whose matrices Muon trains; empty for none.
        seed: of the batches; the generator's state is saved too.

    Raises:
        ConfigError: the state in the folder is of another architecture or number of processes, or the processes
            do not see the same folder.
        CheckpointError: what is in the folder is no state, or damaged.
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
            self.optimisers.append(torch.optim.Muon(matrices, rate, weight_decay=decay, adjust_lr_fn="match_rms_adamw"))
        self.ema = {name: value.detach().clone() for name, value in self.module.state_dict().items()}
        self.ranks = current_ranks()
        self.generator = torch.Generator()
        seed_rank(self.generator, self.seed, self.ranks.index)
        self.step = 0
        self.device = next(self.module.parameters()).device
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.state_path.exists():
            self._resume()
        self._begin_together()
        self._random = self._random_state()
        self._is_sound = True

    @property
    def state_path(self) -> Path:
        """Where the resumable state lies."""
        return self.folder / "state.pt"

    @property
    def is_finished(self) -> bool:
        """Whether the schedule's last step has been taken."""
        return self.step >= self.schedule.n_steps

    def run(self, on_save: Callable[[], None] | None = None) -> None:
        """Train until the schedule's last step; saves every few minutes, at the end and when interrupted.

        Args:
            on_save: called after every save; its use of random numbers does not touch the training's.

        Raises:
            TrainingError: the loss or the gradient is not finite; nothing is saved then.
            KeyboardInterrupt: Ctrl-C in any of the processes, once the step it came in is finished and saved.
        """
        saved_s = time.monotonic()
        bar = tqdm(
            total=self.schedule.n_steps,
            initial=self.step,
            desc=self.folder.name,
            dynamic_ncols=True,
            disable=not self.ranks.is_first,
        )
        with InterruptGate() as gate:
            try:
                while not self.is_finished:
                    numbers = self._one_step()
                    bar.update()
                    if self.step % LOG_EVERY == 0:
                        bar.set_postfix({name: f"{value:.4f}" for name, value in numbers.items()})
                        self._log(numbers)
                    is_asked, is_due = self.ranks.any_of(gate.is_asked, time.monotonic() - saved_s > SAVE_EVERY_S)
                    self._is_sound = True  # and all of them stand here
                    if is_asked:
                        raise KeyboardInterrupt
                    if is_due:
                        self._save_all(on_save)
                        saved_s = time.monotonic()
            finally:
                bar.close()
                if self._is_sound:
                    self._save_all(on_save)

    def _begin_together(self) -> None:
        """Give every process the weights of the first, once all are known to stand at the same step."""
        steps = [int(row["step"]) for row in self.ranks.gather({"step": torch.tensor(self.step)})]
        if len(set(steps)) > 1:
            raise ConfigError(f"the processes begin at steps {steps}: {self.folder} must be one folder to all of them.")
        self.ranks.broadcast((*self.module.state_dict().values(), *self.ema.values()))

    def _save_all(self, on_save: Callable[[], None] | None) -> None:
        self._is_sound = self.ranks.is_alone  # where one process fails here, the others are already elsewhere
        self.save()
        if on_save is not None and self.ranks.is_first:
            # When a save comes depends on the clock: what it draws must not shift what training draws.
            with torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []):
                on_save()
        self.ranks.meet()  # nobody goes on, or reads what was saved, before it is written
        self._is_sound = True

    def _one_step(self) -> dict[str, float]:
        self._is_sound = self.ranks.is_alone  # several are saved only where they all stand after the same step
        share = rate_at(self.step, self.schedule)
        for optimiser in self.optimisers:
            is_muon = isinstance(optimiser, torch.optim.Muon)
            rate = self.schedule.learning_rate * share * (MUON_RATE if is_muon else 1.0)
            for group in optimiser.param_groups:
                group["lr"] = rate
            optimiser.zero_grad(set_to_none=True)
        loss, own_numbers = self.loss(self.generator)
        numbers = self.ranks.mean({"loss": loss.item(), **own_numbers})
        self._require_finite("loss", numbers["loss"])
        loss.backward()
        self.ranks.average_gradients(self.module.parameters())
        norm = nn.utils.clip_grad_norm_(self.module.parameters(), self.schedule.clip_norm).item()
        self._require_finite("norm of the gradient", norm)
        self._is_sound = False  # until all of them have taken the step
        for optimiser in self.optimisers:
            optimiser.step()
        self.ranks.broadcast(self.module.buffers())  # what a layer counts is counted over the first one's batches
        self.step += 1
        self._update_ema()
        self._random = self._random_state()
        self._is_sound = self.ranks.is_alone
        return {**numbers, "grad_norm": norm, "rate": share}

    def _require_finite(self, what: str, value: float) -> None:
        if not math.isfinite(value):
            self._is_sound = False
            raise TrainingError(
                f"The {what} is {value} at step {self.step + 1}, so training stopped; "
                "what was saved before stays as it was."
            )

    @torch.no_grad()
    def _update_ema(self) -> None:
        decay = min(self.schedule.ema_decay, self.step / (self.step + 10))
        for name, value in self.module.state_dict().items():
            if value.dtype.is_floating_point:
                self.ema[name].lerp_(value, 1 - decay)
            else:
                self.ema[name].copy_(value)

    def _log(self, numbers: dict[str, float]) -> None:
        if not self.ranks.is_first:
            return
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps({"step": self.step} | {k: round(v, 6) for k, v in numbers.items()}) + "\n")

    def _random_state(self) -> dict[str, Tensor]:
        """All that the next step's random numbers come from."""
        state = {"generator": self.generator.get_state(), "torch_rng": torch.get_rng_state()}
        if self.device.type == "cuda":
            state["cuda_rng"] = torch.cuda.get_rng_state(self.device)
        return state

    def save(self) -> None:
        """Write the resumable state after the last whole step, atomically: a kill leaves the old one."""
        first, *others = self.ranks.gather(self._random)
        if not self.ranks.is_first:
            return
        state: dict[str, Any] = {
            "module": self.module.state_dict(),
            "ema": self.ema,
            "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
            "step": self.step,
            "other_ranks": others,
            **first,
        }
        partial = self.state_path.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(self.state_path)

    def _resume(self) -> None:
        state = _read_state(self.state_path)
        random_states = [state, *state.get("other_ranks", [])]  # a state from before there were ranks has none
        if len(random_states) != self.ranks.count:
            raise ConfigError(
                f"{self.state_path} is of a run in {len(random_states)} processes, this one has {self.ranks.count}; "
                "go on with as many, or remove it to start anew."
            )
        try:
            self.module.load_state_dict(state["module"])
            for optimiser, saved in zip(self.optimisers, state["optimisers"], strict=True):
                optimiser.load_state_dict(saved)
        except (RuntimeError, ValueError) as error:
            raise ConfigError(
                f"{self.state_path} is of another architecture than the recipe ({first_detail(error)}); "
                "remove it to start anew."
            ) from error
        self.ema = {name: value.to(self.device) for name, value in state["ema"].items()}
        self._set_random_state(random_states[self.ranks.index])
        self.step = state["step"]
        if self.ranks.is_first:
            self._forget_later_numbers()

    def _set_random_state(self, state: dict[str, Tensor]) -> None:
        self.generator.set_state(state["generator"])
        torch.set_rng_state(state["torch_rng"])
        if "cuda_rng" in state and self.device.type == "cuda":  # a state from a CPU has none
            torch.cuda.set_rng_state(state["cuda_rng"], self.device)

    def _forget_later_numbers(self) -> None:
        """Drop lines of the log from after the save: those steps are about to be taken again."""
        path = self.folder / "log.jsonl"
        if path.exists():
            lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
            kept = [line for line in lines if line.endswith("\n") and json.loads(line)["step"] <= self.step]
            if len(kept) < len(lines):
                path.write_text("".join(kept), encoding="utf-8")
