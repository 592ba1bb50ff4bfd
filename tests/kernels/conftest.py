"""What the kernel tests share."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import pytest
import torch


@pytest.fixture
def poisoned_memory() -> Iterator[None]:
    """New memory holds NaN: an output that no kernel writes is seen."""
    torch.use_deterministic_algorithms(True, warn_only=True)
    assert torch.empty(3).isnan().all()
    with warnings.catch_warnings():
        # On a GPU the torch path of a gradient warns of sums that are not deterministic; only the poison is wanted.
        warnings.filterwarnings("ignore", message=".*eterministic")
        yield
    torch.use_deterministic_algorithms(False)
