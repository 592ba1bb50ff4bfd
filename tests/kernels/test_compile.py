"""Every Triton kernel compiles for Hopper without a GPU: on tensor cores, within shared memory, without spills."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("triton", reason="Triton is not installed")

ROOT = Path(__file__).parents[2]
SHARED_BYTES_LIMIT = 232_448  # a program on sm_90: 227 KiB (CUDA C++ programming guide, compute capabilities)
SPILL_BYTES = 128  # a few numbers around a loop; a spilled tile takes hundreds


@pytest.fixture(scope="module")
def usages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What `kernels/compile_check.py` reports: a process of its own, as kernels here may be interpreted."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "kernels" / "compile_check.py")],
        env={"PYTHONPATH": ":".join(sys.path), "TRITON_CACHE_DIR": str(tmp_path_factory.mktemp("triton"))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {usage["name"]: usage for usage in json.loads(done.stdout.splitlines()[-1])}


def test_nothing_is_left_out(usages: dict[str, dict[str, Any]]) -> None:
    """Every kernel of the package, by the name its source gives it."""
    defined = {
        line.removeprefix("def ").split("_kernel(")[0]
        for path in (ROOT / "kernels" / "lingen_kernels").rglob("triton.py")
        for line in path.read_text().splitlines()
        if line.startswith("def ") and "_kernel(" in line
    }
    assert defined == {name.split()[0] for name in usages}


def test_all_fit_the_shared_memory(usages: dict[str, dict[str, Any]]) -> None:
    assert all(usage["shared_bytes"] <= SHARED_BYTES_LIMIT for usage in usages.values()), usages


def test_matrix_products_run_on_tensor_cores(usages: dict[str, dict[str, Any]]) -> None:
    narrow = [usage for name, usage in usages.items() if "bfloat16" in name]
    assert len(narrow) == 6
    assert all(usage["wgmma"] > 0 for usage in narrow), narrow


def test_nothing_spills_but_float32_outputs(usages: dict[str, dict[str, Any]]) -> None:
    """Outputs in float32, there to check the mathematics on a GPU, do not fit: three products stand for one."""
    for name, usage in usages.items():
        if not name.startswith("ssd_outputs float32"):
            assert usage["stack_bytes"] <= SPILL_BYTES, usage
