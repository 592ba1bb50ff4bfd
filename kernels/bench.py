"""Times the kernels, after they have proved right: correctness gate, then medians, GFLOP/s and bytes.

Compares every implementation with the sequential reference, and the convolution with PyTorch's grouped
conv1d. The last line on stdout is JSON. Knows shapes and clocks; does not know what a video is.

    python kernels/bench.py --batch 1 --length 128 --heads 6 --headdim 64 --state 32
"""

from __future__ import annotations

import argparse
import functools
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).parent))  # runs from a plain checkout, too

import lingen_kernels

GATE = {torch.float32: 1e-5, torch.bfloat16: 4e-2}
CONV_TAPS = 4


@dataclass(frozen=True, slots=True)
class Timing:
    """One measured function; bytes and flops are what the mathematics needs, not what is moved or done."""

    name: str
    median_ms: float
    best_ms: float
    gflop_per_s: float
    minimal_bytes: int


def parse_arguments() -> argparse.Namespace:
    """The shapes, as in Mamba2."""
    parser = argparse.ArgumentParser(description="Check, then time the SSD and convolution kernels.")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--length", type=int, default=128, help="positions (default 128)")
    parser.add_argument("--heads", type=int, default=6)
    parser.add_argument("--headdim", type=int, default=64)
    parser.add_argument("--state", type=int, default=32, help="state size of one channel (default 32)")
    parser.add_argument("--block-len", type=int, default=128, help="positions of one dense block")
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default 1)")
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--skip-reference", action="store_true", help="do not time the sequential reference")
    return parser.parse_args()


def make_ssd_inputs(args: argparse.Namespace) -> dict[str, Any]:
    """Step sizes and rates as Mamba2 initialises them; x, B and C in the chosen dtype."""
    torch.manual_seed(0)
    b, length, h, p, n = args.batch, args.length, args.heads, args.headdim, args.state
    dtype = getattr(torch, args.dtype)

    def step_sizes() -> Tensor:
        return 0.001 * 100 ** torch.rand(b, length, h)  # log-uniform in [0.001, 0.1]

    inputs = {
        "x": torch.randn(b, length, h, p).to(dtype),
        "dt_fwd": step_sizes(),
        "dt_bwd": step_sizes(),
        "A_fwd": -1 - 15 * torch.rand(h),
        "A_bwd": -1 - 15 * torch.rand(h),
        "B": torch.randn(b, length, n).to(dtype),
        "C": torch.randn(b, length, n).to(dtype),
        "state_fwd": torch.randn(b, h, p, n),
    }
    return {name: value.to(args.device) for name, value in inputs.items()} | {"state_bwd": None}


def check(actual: tuple[Tensor, Tensor], expected: tuple[Tensor, Tensor], dtype: torch.dtype) -> float:
    """The largest error relative to the largest value; ends the program when it is above the gate."""
    errors = [
        ((a.double() - e.double()).abs().max() / e.double().abs().max()).item()
        for a, e in zip(actual, expected, strict=True)
    ]
    if not max(errors) <= GATE[dtype]:
        sys.exit(f"The kernel is wrong: error {max(errors):.1e}, accepted {GATE[dtype]:.0e}. Nothing was timed.")
    return max(errors)


def measure(
    name: str, function: Callable[[], object], args: argparse.Namespace, flops: float, minimal_bytes: int
) -> Timing:
    """Median and best of `repeats` runs after three to warm up."""
    is_cuda = torch.device(args.device).type == "cuda"
    times_s = []
    for run in range(args.repeats + 3):
        if is_cuda:
            torch.cuda.synchronize()
        start = time.perf_counter()
        function()
        if is_cuda:
            torch.cuda.synchronize()
        if run >= 3:
            times_s.append(time.perf_counter() - start)
    median_s = statistics.median(times_s)
    return Timing(name, 1e3 * median_s, 1e3 * min(times_s), flops / median_s / 1e9, minimal_bytes)


def with_backward(function: Callable[[], tuple[Tensor, Tensor]], leaves: list[Tensor]) -> Callable[[], object]:
    """Forward, then the gradient of a plain sum."""

    def run() -> object:
        y, state = function()
        return torch.autograd.grad(y.float().sum() + state.float().sum(), leaves)

    return run


def bench_ssd(args: argparse.Namespace) -> tuple[list[Timing], float]:
    """Every implementation, forward alone and with backward."""
    inputs = make_ssd_inputs(args)
    lingen_kernels.use("reference")
    exact: dict[str, Any] = {name: None if t is None else t.double() for name, t in inputs.items()}
    expected = lingen_kernels.ssd_bidirectional(**exact)
    b, length, h, p, n = args.batch, args.length, args.heads, args.headdim, args.state
    q = min(length, args.block_len)
    # C B^T, then a head: M x, one state made, one state read.
    flops = 2 * b * length * (q * n + h * q * p + 2 * h * p * n)
    tensors = [t for t in inputs.values() if t is not None]
    moved = sum(t.numel() * t.element_size() for t in [*tensors, inputs["x"], inputs["state_fwd"]])
    timings, worst = [], 0.0
    for name in lingen_kernels.implementations():
        if name == "reference" and args.skip_reference:
            continue
        lingen_kernels.use(name)
        forward = functools.partial(lingen_kernels.ssd_bidirectional, block_len=args.block_len)
        worst = max(worst, check(forward(**inputs), expected, inputs["x"].dtype))
        with torch.inference_mode():
            run = functools.partial(forward, **inputs)
            timings.append(measure(f"ssd {name} forward", run, args, flops, moved))
        leaves = {key: None if t is None else t.clone().requires_grad_() for key, t in inputs.items()}
        both = with_backward(functools.partial(forward, **leaves), [t for t in leaves.values() if t is not None])
        timings.append(measure(f"ssd {name} forward+backward", both, args, 3 * flops, 2 * moved))
    return timings, worst


def bench_conv(args: argparse.Namespace) -> tuple[list[Timing], float]:
    """The shifted multiply-adds against PyTorch's grouped convolution."""
    lingen_kernels.use("torch")
    channels = args.heads * args.headdim + 2 * args.state
    options = {"dtype": getattr(torch, args.dtype), "device": args.device}
    x = torch.randn(args.batch, args.length, channels, **options)
    weight, bias = torch.randn(channels, CONV_TAPS, **options), torch.randn(channels, **options)
    tail = torch.randn(args.batch, CONV_TAPS - 1, channels, **options)

    def shifted() -> tuple[Tensor, Tensor]:
        return lingen_kernels.causal_conv1d_silu(x, weight, bias, tail)

    def grouped() -> tuple[Tensor, Tensor]:
        sequence = torch.cat((tail, x), dim=1)
        y = functional.conv1d(sequence.transpose(1, 2), weight[:, None], bias, groups=channels)
        return functional.silu(y.transpose(1, 2)), sequence[:, args.length :]

    worst = check(shifted(), grouped(), x.dtype)
    flops, moved = 2 * CONV_TAPS * x.numel(), 2 * x.numel() * x.element_size()
    with torch.inference_mode():
        timings = [
            measure("conv torch forward", shifted, args, flops, moved),
            measure("conv grouped conv1d forward", grouped, args, flops, moved),
        ]
    return timings, worst


def main() -> None:
    """Check, time, print."""
    args = parse_arguments()
    torch.set_num_threads(args.threads)
    ssd_timings, ssd_error = bench_ssd(args)
    conv_timings, conv_error = bench_conv(args)
    print(f"correct: relative error of ssd {ssd_error:.1e}, of the convolution {conv_error:.1e}")
    timings = ssd_timings + conv_timings
    for timing in timings:
        print(
            f"{timing.name:34} {timing.median_ms:9.3f} ms (best {timing.best_ms:.3f})  "
            f"{timing.gflop_per_s:7.1f} GFLOP/s  {timing.minimal_bytes / 1e6:.2f} MB at least"
        )
    result = {
        "torch": torch.__version__,
        "processor": platform.processor() or platform.machine(),
        "shapes": vars(args),
        "timings": [asdict(timing) for timing in timings],
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
