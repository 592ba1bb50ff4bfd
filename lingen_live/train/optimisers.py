"""Who moves which weight: Muon the hidden matrices, AdamW all else. Does not know what is trained."""

from __future__ import annotations

from typing import cast

import torch
from torch import nn

from lingen_live.train.schedule import Schedule
from lingen_live.train.sharded import MuonInParts, is_part, parts

MUON_RATE = 3.0
"""Muon's rate over AdamW's. Its updates are matched to a fifth of AdamW's size; at the same rate, trained for
an hour on a CPU, hidden layers hardly moved."""


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


def make_optimisers(module: nn.Module, schedule: Schedule, hidden_prefix: str) -> list[torch.optim.Optimizer]:
    """AdamW, and Muon if the prefix names any matrices; whole weights and weights in parts alike."""
    matrices, others = split_parameters(module, hidden_prefix)
    rate, decay = schedule.learning_rate, schedule.weight_decay
    groups = [{"params": group} for group in parts(others)]
    adamw = torch.optim.AdamW(groups, rate, betas=(0.9, 0.98), weight_decay=decay)
    if not matrices:
        return [adamw]
    muon = MuonInParts if is_part(matrices[0]) else torch.optim.Muon
    return [adamw, muon(matrices, rate, weight_decay=decay, adjust_lr_fn="match_rms_adamw")]
