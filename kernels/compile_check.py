"""Compiles every Triton kernel for Hopper (sm_90) without a GPU and reports what the machine code needs.

Shapes are those of lingen-4b: headdim 64, d_state 128, inner width 6144, width 3072. The last line on stdout is
JSON: one row a kernel with its wgmma instructions (tensor cores of Hopper), registers a thread, bytes of stack a
thread (spilled registers) and bytes of shared memory a program. Says nothing of speed.

    python kernels/compile_check.py
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

# Kernels are compiled, not interpreted; the choice is made when they are defined, so before any is imported.
os.environ.pop("TRITON_INTERPRET", None)

import torch

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).parent))  # runs from a plain checkout, too

from lingen_kernels.availability import is_installed

HEADDIM, D_STATE, INNER_WIDTH, WIDTH, ATTN_HEADDIM = 64, 128, 6144, 3072, 128


UNALIGNED = {
    "eps",
    "scale",
    "length",
    "n_blocks",
    "n_prefix",
    "n_prefix_blocks",
    "n_frames",
    "n_past",
    "window",
    "shift",
}


@dataclass(frozen=True, slots=True)
class Case:
    """A kernel with what is known when it is compiled.

    Attributes:
        name: for people.
        kernel: the Triton function.
        dtypes: of pointers that are not to float32, as Triton spells them.
        constants: values of its constexpr parameters.
        warps: of a program.
        stages: loads in flight in its loops.
    """

    name: str
    kernel: Any
    dtypes: dict[str, str]
    constants: dict[str, Any]
    warps: int
    stages: int


@dataclass(frozen=True, slots=True)
class Usage:
    """What the machine code of a case needs; units in the names, registers and stack a thread."""

    name: str
    wgmma: int
    registers: int
    stack_bytes: int
    shared_bytes: int


def ssd_cases(dtype: torch.dtype, block_len: int) -> list[Case]:
    """Both SSD kernels with the tile that the operator would take, states and a scan order present."""
    from lingen_kernels.ssd.tile import tile_for
    from lingen_kernels.ssd.triton import ssd_outputs_kernel, ssd_states_kernel

    tile = tile_for(dtype, 2048, HEADDIM, block_len)
    narrow = (
        {} if dtype == torch.float32 else dict.fromkeys(("x_ptr", "b_ptr", "c_ptr", "entering_ptr", "y_ptr"), "bf16")
    )
    shared = {"HAS_ORDER": True, "IS_INTERPRETED": False, "BL": tile.block_len, "BN": D_STATE}
    states = shared | {"HAS_FWD": True, "HAS_BWD": True, "KEEPS_ENTERING": True, "BP": tile.state_columns}
    outputs = shared | {"HEADS": tile.heads, "BP": HEADDIM}
    label = f"{str(dtype).removeprefix('torch.')} block_len {tile.block_len}"
    return [
        Case(f"ssd_states {label}", ssd_states_kernel, narrow, states, tile.states_warps, tile.states_stages),
        Case(f"ssd_outputs {label}", ssd_outputs_kernel, narrow, outputs, tile.outputs_warps, tile.outputs_stages),
    ]


def short_cases() -> list[Case]:
    """One block, and no states or order: Triton makes constants of sizes of 1 and of arguments that are None."""
    states, outputs = ssd_cases(torch.bfloat16, 64)
    absent = {"HAS_ORDER": False, "order_ptr": None, "n_blocks": 1}
    no_prefix = {"n_prefix": 0, "n_prefix_blocks": 0}
    no_states = {"HAS_FWD": False, "state_fwd_ptr": None, "HAS_BWD": False, "state_bwd_ptr": None}
    return [
        replace(states, name="ssd_states short", constants=states.constants | absent | no_states | no_prefix),
        replace(outputs, name="ssd_outputs short", constants=outputs.constants | absent),
    ]


def row_cases() -> list[Case]:
    """The convolution, the gate and the modulation, in bfloat16 with all their options."""
    from lingen_kernels.adaln.triton import modulate_kernel
    from lingen_kernels.conv.triton import BLOCK_CHANNELS, BLOCK_LEN, causal_conv1d_silu_kernel
    from lingen_kernels.gate.triton import gated_rms_norm_kernel

    conv = {"HAS_ORDER": True, "HAS_BIAS": True, "TAPS": 4, "BL": BLOCK_LEN, "BC": BLOCK_CHANNELS}
    gate = {"BC": 1 << (INNER_WIDTH - 1).bit_length()}
    adaln = dict.fromkeys(("HAS_SHIFT", "HAS_SCALE", "HAS_BRANCH", "HAS_GATE"), True)
    adaln_block = {"BD": 1 << (WIDTH - 1).bit_length()}
    interpreted = {"IS_INTERPRETED": False}
    narrow_conv = dict.fromkeys(("x_ptr", "y_ptr"), "bf16")
    narrow_gate = dict.fromkeys(("y_ptr", "x_ptr", "gate_ptr", "out_ptr"), "bf16")
    narrow_adaln = dict.fromkeys(("tokens_ptr", "branch_ptr", "sum_ptr", "out_ptr"), "bf16")
    return [
        Case("causal_conv1d_silu", causal_conv1d_silu_kernel, narrow_conv, conv | interpreted, 4, 3),
        Case("gated_rms_norm", gated_rms_norm_kernel, narrow_gate, gate | interpreted, 8, 3),
        Case("modulate", modulate_kernel, narrow_adaln, adaln | adaln_block | interpreted, 4, 3),
    ]


def window_cases() -> list[Case]:
    """Attention in shifted and in plain windows, in bfloat16 and, for checks on a GPU, in float32."""
    from lingen_kernels.window.triton import BLOCK_KEYS, BLOCK_QUERIES, window_attention_kernel

    pointers = ("query_ptr", "key_ptr", "value_ptr", "past_key_ptr", "past_value_ptr", "out_ptr")
    tile = {"IS_INTERPRETED": False, "BP": ATTN_HEADDIM}
    narrow = dict.fromkeys(pointers, "bf16") | {"region_ptr": "i64"}
    blocks = {"BQ": BLOCK_QUERIES, "BK": BLOCK_KEYS}
    shifted = tile | blocks | {"HAS_REGION": True}
    plain = tile | blocks | {"HAS_REGION": False, "region_ptr": None, "shift": 0}
    return [
        Case("window_attention bfloat16 shifted", window_attention_kernel, narrow, shifted, 8, 2),
        Case("window_attention bfloat16", window_attention_kernel, narrow, plain, 8, 2),
    ]


def compile_case(case: Case) -> Usage:
    """Compile for sm_90 as a launch would: aligned pointers, unit inner strides, other sizes multiples of 16."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    constants = dict(case.constants)
    signature, attributes = {}, {}
    for index, name in enumerate(case.kernel.arg_names):
        if re.fullmatch(r"\w+_s[pncd]|dt[fb]_sh", name):
            constants[name] = 1
        if name in constants:
            signature[name] = "constexpr"
            continue
        if name.endswith("_ptr"):
            signature[name] = "*i64" if name == "order_ptr" else f"*{case.dtypes.get(name, 'fp32')}"
        else:
            signature[name] = "fp32" if name in {"eps", "scale"} else "i32"
        if name not in UNALIGNED:
            attributes[(index,)] = [["tt.divisibility", 16]]
    compiled = triton.compile(
        ASTSource(case.kernel, signature, constants, attributes),
        target=GPUTarget("cuda", 90, 32),
        options={"num_warps": case.warps, "num_stages": case.stages, "enable_fp_fusion": True},
    )
    registers, stack_bytes = _resources(compiled.asm["cubin"])
    wgmma = compiled.asm["ptx"].count("wgmma.mma_async")
    return Usage(case.name, wgmma, registers, stack_bytes, compiled.metadata.shared)


def _resources(cubin: bytes) -> tuple[int, int]:
    """Registers and bytes of stack a thread, by the disassembler in Triton's package."""
    from triton import knobs

    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(cubin)
        file.flush()
        command = [knobs.nvidia.cuobjdump.path, "--dump-resource-usage", file.name]
        report = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"REG:(\d+) STACK:(\d+)", report)
    if found is None:
        raise RuntimeError(f"cuobjdump reported no registers: {report!r}")
    return int(found[1]), int(found[2])


def main() -> None:
    """Compile, print a table and the JSON line."""
    if not is_installed("triton"):
        sys.exit("The package triton is not installed.")
    cases = [case for block_len in (128, 64) for case in ssd_cases(torch.bfloat16, block_len)]
    cases += [*ssd_cases(torch.float32, 128), *short_cases(), *row_cases(), *window_cases()]
    usages = [compile_case(case) for case in cases]
    for usage in usages:
        sys.stdout.write(
            f"{usage.name:38} wgmma {usage.wgmma:3}  registers {usage.registers:3}  "
            f"stack {usage.stack_bytes:5} B  shared {usage.shared_bytes:6} B\n"
        )
    sys.stdout.write(json.dumps([asdict(usage) for usage in usages]) + "\n")


if __name__ == "__main__":
    main()
