"""The implementation is chosen once, by environment or by name, and says which it is."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import lingen_kernels
from lingen_kernels import availability


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
    with pytest.raises(ValueError, match=r"named 'cuda'; known are torch, reference, triton, mamba-ssm, auto"):
        lingen_kernels.use("cuda")


def test_every_name_is_usable_or_says_why_not() -> None:
    usable, missing = lingen_kernels.implementations(), lingen_kernels.missing()
    assert set(usable) | set(missing) == {"torch", "reference", "triton", "mamba-ssm"}
    assert not set(usable) & set(missing)
    for name, reason in missing.items():
        with pytest.raises(ValueError, match=f"The kernels '{name}' cannot run here: {reason}"):
            lingen_kernels.use(name)


@pytest.mark.parametrize(
    ("packages", "has_gpu", "is_interpreted", "triton", "mamba"),
    [
        ({"triton", "mamba_ssm", "einops"}, True, False, None, None),
        ({"triton"}, True, False, None, "the package mamba_ssm is not installed"),
        ({"triton"}, False, True, None, "the package mamba_ssm is not installed"),
        ({"triton", "mamba_ssm"}, True, False, None, "the package einops is not installed"),
        ({"triton", "mamba_ssm", "einops"}, False, True, None, "there is no CUDA device"),
        (set(), True, False, "the package triton is not installed", "the package mamba_ssm is not installed"),
        (
            {"triton", "mamba_ssm", "einops"},
            False,
            False,
            "there is no CUDA device, and TRITON_INTERPRET is not 1",
            "there is no CUDA device",
        ),
    ],
)
def test_what_is_missing_depends_on_the_machine(
    monkeypatch: pytest.MonkeyPatch,
    packages: set[str],
    has_gpu: bool,
    is_interpreted: bool,
    triton: str | None,
    mamba: str | None,
) -> None:
    monkeypatch.setattr(availability, "is_installed", lambda package: package in packages)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: has_gpu)
    monkeypatch.setenv("TRITON_INTERPRET", "1" if is_interpreted else "0")
    expected = {name: reason for name, reason in (("triton", triton), ("mamba-ssm", mamba)) if reason}
    assert lingen_kernels.missing() == expected


def test_auto_never_interprets(monkeypatch: pytest.MonkeyPatch) -> None:
    """The interpreter is for tests: thousands of times slower than the torch form."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    lingen_kernels.use("auto")
    assert lingen_kernels.implementation() == "torch"


def test_auto_takes_triton_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("triton", reason="Triton is not installed")
    lingen_kernels.use("triton")  # defined interpreted if they must be, before the machine pretends
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setenv("TRITON_INTERPRET", "0")
    lingen_kernels.use("auto")
    assert lingen_kernels.implementation() == "triton"
    with pytest.raises(ValueError, match="x is on cpu; the Triton kernels take tensors on a CUDA device"):
        lingen_kernels.causal_conv1d_silu(torch.zeros(1, 3, 2), torch.zeros(2, 1), None, torch.zeros(1, 0, 2))


def test_environment_chooses_and_triton_stays_out() -> None:
    """In one fresh interpreter, as the choice is made at import and torch is slow to load."""
    code = """
import importlib, os, sys
for name in ("reference", "", "fastest"):
    os.environ["LINGEN_KERNELS"] = name
    for module in [m for m in sys.modules if m.startswith("lingen_kernels")]:
        del sys.modules[module]
    print(importlib.import_module("lingen_kernels").implementation(), "triton" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == ["reference", "False", "torch", "False"]
    assert done.returncode != 0
    assert "no kernels named 'fastest'; known are torch, reference" in done.stderr


def test_triton_is_imported_only_in_files_of_that_name() -> None:
    """Read from the source: a machine without Triton imports all the rest."""
    root = Path(next(iter(lingen_kernels.__path__)))
    for path in root.rglob("*.py"):
        imported = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(str(node.module).split(".")[0])
        assert ("triton" in imported) == (path.name == "triton.py"), path
