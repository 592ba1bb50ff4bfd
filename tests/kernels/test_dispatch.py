"""The implementation is chosen once, by environment or by name, and says which it is."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
import torch

import lingen_kernels


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    before = lingen_kernels.implementation()
    yield
    lingen_kernels.use(before)


def test_every_implementation_agrees_through_the_front_door() -> None:
    x, dt = torch.randn(1, 9, 2, 4), torch.rand(1, 9, 2)
    A, B, C = -torch.rand(2), torch.randn(1, 9, 3), torch.randn(1, 9, 3)
    results = []
    for name in lingen_kernels.implementations():
        lingen_kernels.use(name)
        assert lingen_kernels.implementation() == name
        results.append(lingen_kernels.ssd_bidirectional(x, dt, dt, A, A, B, C, None, None))
    for other in results[1:]:
        torch.testing.assert_close(other, results[0])


def test_unknown_name_lists_the_known() -> None:
    with pytest.raises(ValueError, match="no kernels named 'cuda'; known are torch, reference"):
        lingen_kernels.use("cuda")


def test_environment_chooses() -> None:
    """In one fresh interpreter, as the choice is made at import and torch is slow to load."""
    code = """
import importlib, os, sys
for name in ("reference", "", "fastest"):
    os.environ["LINGEN_KERNELS"] = name
    for module in [m for m in sys.modules if m.startswith("lingen_kernels")]:
        del sys.modules[module]
    print(importlib.import_module("lingen_kernels").implementation())
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == ["reference", "torch"]
    assert done.returncode != 0
    assert "no kernels named 'fastest'; known are torch, reference" in done.stderr
