"""Problems for every implementation of the SSD operators."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(slots=True)
class Problem:
    """Arguments of `ssd_bidirectional`, by name."""

    x: Tensor
    dt_fwd: Tensor
    dt_bwd: Tensor
    A_fwd: Tensor
    A_bwd: Tensor
    B: Tensor
    C: Tensor
    state_fwd: Tensor | None
    state_bwd: Tensor | None

    def arguments(self) -> dict[str, Any]:
        """All fields, to be unpacked into `ssd_bidirectional`."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def forward_arguments(self) -> dict[str, Any]:
        """The arguments of `ssd_state` for the forward direction."""
        return {
            "x": self.x,
            "dt": self.dt_fwd,
            "A": self.A_fwd,
            "B": self.B,
            "initial_state": self.state_fwd,
        }

    def to(self, dtype: torch.dtype) -> Problem:
        """The same problem with x, B and C rounded to `dtype`, the rest at least float32."""
        wide = torch.promote_types(dtype, torch.float32)
        rounded: dict[str, Any] = {
            name: None if value is None else value.to(dtype if name in {"x", "B", "C"} else wide)
            for name, value in self.arguments().items()
        }
        return Problem(**rounded)


def make_problem(length: int, *, batch: int = 2, step: float = 1.0) -> Problem:
    """A float64 problem of 3 heads, headdim 8, d_state 5, whose heads forget slowly to very fast."""
    generator = torch.Generator().manual_seed(length)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    rates = torch.tensor([-0.01, -1.0, -16.0], dtype=torch.float64)
    return Problem(
        x=draw(batch, length, 3, 8),
        dt_fwd=step * functional.softplus(draw(batch, length, 3)),
        dt_bwd=step * functional.softplus(draw(batch, length, 3)),
        A_fwd=rates,
        A_bwd=rates.flip(0),
        B=draw(batch, length, 5),
        C=draw(batch, length, 5),
        state_fwd=draw(batch, 3, 8, 5),
        state_bwd=draw(batch, 3, 8, 5),
    )
