"""What a training section tells the loop, and the rate that follows from it. Pure."""

from __future__ import annotations

from typing import Protocol


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


def rate_at(step: int, schedule: Schedule) -> float:
    """Share of the full learning rate: linear warm-up, constant, then linear to zero over the cooldown."""
    warm = min(1.0, (step + 1) / max(1, schedule.warmup_steps))
    left = (schedule.n_steps - step) / max(1.0, schedule.cooldown * schedule.n_steps)
    return warm * max(0.0, min(1.0, left))
