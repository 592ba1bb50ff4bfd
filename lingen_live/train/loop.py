"""One optimisation loop for every network: schedule, clipping, EMA, progress, a loss log, exact resumption.

What is saved is always the module, optimisers, EMA and random state of one and the same step, so that a run
that was interrupted goes on as if it had not been. Several processes may train one module (`parallel.py`): the
first writes everything, with the random state of all. In another number of processes a run goes on with other random
numbers, and all else as it was. Knows nothing of what is trained: it is given a module and a
function that makes a loss.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from lingen_live.errors import ConfigError, TrainingError
from lingen_live.train.interrupt import InterruptGate
from lingen_live.train.optimisers import MUON_RATE, make_optimisers
from lingen_live.train.parallel import current_ranks, reseed_rank, seed_rank
from lingen_live.train.schedule import Schedule, rate_at
from lingen_live.train.sharded import (
    ShardFolder,
    clip_gradients,
    is_part,
    make_moments,
    moments_of,
    own_part,
    shard_layers,
    whole,
)
from lingen_live.train.state_file import first_detail, read_state

SAVE_EVERY_S = 240.0
LOG_EVERY = 10
LossFunction = Callable[[torch.Generator], tuple[Tensor, dict[str, float]]]
"""Draws a batch with the given CPU generator; returns the loss and numbers worth logging."""


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
        in_shards: keep those layers in parts, one a process, and the state in a folder of parts, `state.shards`.

    Raises:
        ConfigError: the state in the folder is of another architecture, or the processes do not see the same folder.
        CheckpointError: what is in the folder is no state, or damaged.
    """

    module: nn.Module
    loss: LossFunction
    schedule: Schedule
    folder: Path
    hidden_prefix: str = ""
    seed: int = 0
    in_shards: bool = False

    def __post_init__(self) -> None:
        """Build the optimisers and pick up an interrupted run, if there is one."""
        self.ranks = current_ranks()
        if self.in_shards and not self.ranks.is_alone:
            self.ranks.broadcast(self.module.state_dict().values())
            shard_layers(self.module.get_submodule(self.hidden_prefix.rstrip(".")).children(), self.ranks)
        self.optimisers = make_optimisers(self.module, self.schedule, self.hidden_prefix)
        self.ema = {name: value.detach().clone() for name, value in self.module.state_dict().items()}
        self.generator = torch.Generator()
        seed_rank(self.generator, self.seed, self.ranks.index)
        self.step = 0
        self.device = next(self.module.parameters()).device
        self.folder.mkdir(parents=True, exist_ok=True)
        self._shards = ShardFolder(self.folder / "state.shards", self.ranks)
        self._pick_up()
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
        self.averaged = self.ema
        steps = [int(row["step"]) for row in self.ranks.gather({"step": torch.tensor(self.step)})]
        if len(set(steps)) > 1:
            raise ConfigError(f"the processes begin at steps {steps}: {self.folder} must be one folder to all of them.")
        values = (*self.module.state_dict().values(), *self.ema.values())
        self.ranks.broadcast(value for value in values if not is_part(value))

    def _save_all(self, on_save: Callable[[], None] | None) -> None:
        self._is_sound = self.ranks.is_alone  # where one process fails here, the others are already elsewhere
        self.save()
        self._average()
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
        self.ranks.average_gradients(one for one in self.module.parameters() if not is_part(one))
        norm = self._clip()
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

    def _clip(self) -> float:
        """Limit the gradient; its norm before."""
        if self.in_shards and not self.ranks.is_alone:
            return clip_gradients(self.module.parameters(), self.schedule.clip_norm, self.ranks).item()
        return nn.utils.clip_grad_norm_(self.module.parameters(), self.schedule.clip_norm).item()

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
                own_part(self.ema[name]).lerp_(own_part(value), 1 - decay)
            else:
                self.ema[name].copy_(value)

    def _average(self) -> None:
        """Bring the averaged weights together in the first process, which exports them."""
        if self.ranks.is_alone or not self.in_shards:
            self.averaged = self.ema
            return
        self.averaged = {}
        for name, value in self.ema.items():
            gathered = whole(value)
            if self.ranks.is_first:
                self.averaged[name] = gathered.cpu()

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
        if self.in_shards:
            rows = enumerate((first, *others))
            random = {f"random.{rank}.{name}": value for rank, row in rows for name, value in row.items()}
            self._shards.write(self._in_parts() | random)
            return
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

    def _in_parts(self) -> dict[str, Tensor]:
        """All but random states, as this process holds it."""
        return {
            **{f"module.{name}": value for name, value in self.module.state_dict().items()},
            **{f"ema.{name}": value for name, value in self.ema.items()},
            **moments_of(dict(self.module.named_parameters()), self.optimisers),
            "step": torch.tensor(self.step),
        }

    def _pick_up(self) -> None:
        """Go on with what the folder holds, if it holds anything."""
        has_whole, has_parts = self.state_path.exists(), self._shards.found is not None
        if (has_whole and self.in_shards) or (has_parts and not self.in_shards):
            how = "without --shard" if has_whole else "with --shard"
            raise ConfigError(f"{self.folder} holds a run {how}; go on with it so, or remove it to start anew.")
        if has_whole:
            self._resume()
        elif has_parts:
            self._resume_parts()

    def _resume_parts(self) -> None:
        sizes = self._shards.sizes()
        make_moments(sizes, dict(self.module.named_parameters()), self.optimisers)
        random = {
            name: torch.empty(size, dtype=torch.uint8) for name, size in sizes.items() if name.startswith("random.")
        }
        state = self._in_parts() | random
        self._shards.read(state)
        rows: dict[int, dict[str, Tensor]] = {}
        for name in random:
            _, rank, what = name.split(".")
            rows.setdefault(int(rank), {})[what] = state[name]
        self._go_on(int(state["step"]), [rows[rank] for rank in sorted(rows)])

    def _resume(self) -> None:
        state = read_state(self.state_path)
        random_states = [state, *state.get("other_ranks", [])]  # a state from before there were ranks has none
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
        self._go_on(state["step"], random_states)

    def _go_on(self, step: int, random_states: list[dict[str, Any]]) -> None:
        """Stand after a step, with the random states of the processes that saved it."""
        self.step = step
        if len(random_states) == self.ranks.count:
            self._set_random_state(random_states[self.ranks.index])
        else:
            reseed_rank(self.generator, self.seed, self.step, self.ranks.index)
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
