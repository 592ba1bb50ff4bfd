"""Times the kernels, after they have proved right: correctness gate, then medians against measured ceilings.

Every implementation that can run here answers the same problems. First each is compared with the sequential
reference in float64, on the first positions of the problem; one that is wrong ends the program. Then all are timed,
beside what this machine reaches in a plain matrix product and a plain copy: the roofline of a row is the time those
two ceilings allow, as a share of the time it took. On a GPU a row is timed as a CUDA graph, so launches do not count,
and once more eagerly, so they do. The last line on stdout is JSON. Knows shapes and clocks; not what a video is.

    python kernels/bench.py --quick
    python kernels/bench.py --preset lingen-4b --device cuda --length 2048 8192 35000 139264
"""

from __future__ import annotations

import argparse
import functools
import json
import math
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).parent))  # runs from a plain checkout, too

import lingen_kernels
from lingen_kernels.availability import is_interpreted

GATE = {"float32": 1e-4, "bfloat16": 1e-2}  # relative error in the mean-square sense
CONV_TAPS = 4
EPS = 1e-5
PRESETS = {
    "vista": {"heads": 6, "headdim": 64, "state": 32, "width": 192, "dtype": "float32"},
    "lingen-4b": {"heads": 96, "headdim": 64, "state": 128, "width": 3072, "dtype": "bfloat16"},
}

Inputs = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator on one problem; bytes and flops are what the mathematics needs, not what is moved or done."""

    name: str
    call: Callable[..., Any]
    make: Callable[[argparse.Namespace, int], Inputs]
    flops: Callable[[argparse.Namespace, int], float]
    minimal_bytes: Callable[[argparse.Namespace, int], int]


@dataclass(frozen=True, slots=True)
class Ceilings:
    """What the machine reaches when nothing else is asked of it."""

    gflop_per_s: float
    gbyte_per_s: float


@dataclass(frozen=True, slots=True)
class Row:
    """One measured function.

    `roofline` is the time the ceilings allow over the time taken; above 1 where the data never leaves a cache.
    """

    operator: str
    implementation: str
    mode: str
    length: int
    median_ms: float
    best_ms: float
    gflop_per_s: float
    gbyte_per_s: float
    roofline: float


def parse_arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """The shapes, as in Mamba2; a preset sets what is not said."""
    parser = argparse.ArgumentParser(description="Check, then time the kernels.")
    parser.add_argument("--preset", choices=PRESETS, default="vista", help="shapes (default vista)")
    parser.add_argument("--quick", action="store_true", help="toy sizes and few repeats: shows that everything runs")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--length", type=int, nargs="+", default=[128], help="positions (default 128)")
    for name in ("heads", "headdim", "state", "width"):
        parser.add_argument(f"--{name}", type=int)
    parser.add_argument("--dtype", choices=GATE)
    parser.add_argument("--block-len", type=int, default=128, help="positions of one dense block of the SSD")
    parser.add_argument("--check-length", type=int, default=256, help="positions compared with the reference")
    parser.add_argument("--operators", nargs="+", choices=[o.name for o in OPERATORS], help="only these")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default 1)")
    parser.add_argument("--repeats", type=int, default=30)
    args = parser.parse_args(argv)
    if args.quick:
        args.length, args.heads, args.headdim, args.state, args.width = [48], 2, 16, 16, 48
        args.check_length, args.repeats = 20, 3
    for name, value in PRESETS[args.preset].items():
        if getattr(args, name) is None:
            setattr(args, name, value)
    args.operators = args.operators or [o.name for o in OPERATORS]
    return args


def draw(args: argparse.Namespace, *shape: int, dtype: torch.dtype | None = None) -> Tensor:
    """Normal numbers on the device, in the chosen dtype."""
    return torch.randn(*shape, device=args.device).to(dtype or getattr(torch, args.dtype))


def make_ssd_inputs(args: argparse.Namespace, length: int) -> Inputs:
    """Step sizes and rates as Mamba2 initialises them; x, B and C in the chosen dtype."""
    b, h, p, n = args.batch, args.heads, args.headdim, args.state

    def step_sizes() -> Tensor:
        return 0.001 * 100 ** torch.rand(b, length, h, device=args.device)  # log-uniform in [0.001, 0.1]

    return {
        "x": draw(args, b, length, h, p),
        "dt_fwd": step_sizes(),
        "dt_bwd": step_sizes(),
        "A_fwd": -1 - 15 * torch.rand(h, device=args.device),
        "A_bwd": -1 - 15 * torch.rand(h, device=args.device),
        "B": draw(args, b, length, n),
        "C": draw(args, b, length, n),
        "state_fwd": draw(args, b, h, p, n, dtype=torch.float32),
        "state_bwd": draw(args, b, h, p, n, dtype=torch.float32),
        "block_len": args.block_len,
    }


def ssd_flops(args: argparse.Namespace, length: int) -> float:
    """C B^T once; a head: M x, and for both directions a state made and a state read (Mamba2, section 6)."""
    q = min(length, args.block_len)
    h, p, n = args.heads, args.headdim, args.state
    return 2 * args.batch * length * (q * n + h * q * p + 4 * h * p * n)


def ssd_bytes(args: argparse.Namespace, length: int) -> int:
    """x, B, C and both dt in, y out; the three states."""
    h, p, n = args.heads, args.headdim, args.state
    a_position = item_bytes(args) * (2 * h * p + 2 * n) + 4 * 2 * h
    return args.batch * (length * a_position + 3 * 4 * h * p * n)


def make_conv_inputs(args: argparse.Namespace, length: int) -> Inputs:
    """x in the chosen dtype, taps and tail in float32 as the model holds them."""
    c = conv_channels(args)
    x, tail = draw(args, args.batch, length, c), draw(args, args.batch, CONV_TAPS - 1, c, dtype=torch.float32)
    weight, bias = draw(args, c, CONV_TAPS, dtype=torch.float32), draw(args, c, dtype=torch.float32)
    # Rounded, so that a form that computes in the dtype of x is given the same numbers.
    return {"x": x, "weight": weight.to(x).float(), "bias": bias.to(x).float(), "tail": tail.to(x).float()}


def make_gate_inputs(args: argparse.Namespace, length: int) -> Inputs:
    """What stands between the SSD and its output projection."""
    b, h, p = args.batch, args.heads, args.headdim
    return {
        "y": draw(args, b, length, h, p),
        "x": draw(args, b, length, h, p),
        "skip": torch.ones(h, device=args.device),
        "gate": draw(args, b, length, h * p),
        "weight": torch.ones(h * p, device=args.device),
        "eps": EPS,
    }


def make_modulate_inputs(args: argparse.Namespace, length: int) -> Inputs:
    """Everything present: residual, gate, scale, shift."""
    b, d = args.batch, args.width
    rows = {name: draw(args, b, d) for name in ("shift", "scale", "gate")}
    return {"tokens": draw(args, b, length, d), "branch": draw(args, b, length, d), **rows, "eps": EPS}


def conv_channels(args: argparse.Namespace) -> int:
    """x, B and C go through the convolution together."""
    return args.heads * args.headdim + 2 * args.state


def item_bytes(args: argparse.Namespace) -> int:
    """Of one number in the chosen dtype."""
    return getattr(torch, args.dtype).itemsize


OPERATORS = (
    Operator("ssd", lingen_kernels.ssd_bidirectional, make_ssd_inputs, ssd_flops, ssd_bytes),
    Operator(
        "conv",
        lingen_kernels.causal_conv1d_silu,
        make_conv_inputs,
        lambda args, length: 2 * CONV_TAPS * args.batch * length * conv_channels(args),
        lambda args, length: 2 * args.batch * length * conv_channels(args) * item_bytes(args),
    ),
    Operator(
        "gate",
        lingen_kernels.gated_rms_norm,
        make_gate_inputs,
        lambda args, length: 9 * args.batch * length * args.heads * args.headdim,
        lambda args, length: 4 * args.batch * length * args.heads * args.headdim * item_bytes(args),
    ),
    Operator(
        "modulate",
        lingen_kernels.modulate,
        make_modulate_inputs,
        lambda args, length: 10 * args.batch * length * args.width,
        lambda args, length: 4 * args.batch * length * args.width * item_bytes(args),
    ),
)


def tensors_of(result: Any) -> tuple[Tensor, ...]:
    """The tensors an operator returned."""
    return result if isinstance(result, tuple) else (result,)


def relative_error(actual: Any, expected: Any) -> float:
    """The largest error of the returned tensors, each relative to its size; NaN if anything is NaN."""
    errors = []
    for a, e in zip(tensors_of(actual), tensors_of(expected), strict=True):
        norm = torch.linalg.vector_norm
        errors.append((norm(a.double() - e.double()) / norm(e.double())).item())
    return math.nan if any(map(math.isnan, errors)) else max(errors)


def check(operator: Operator, args: argparse.Namespace) -> dict[str, float]:
    """The error of each implementation against the reference in float64.

    Raises:
        SystemExit: an error is above the gate: nothing is timed.
    """
    torch.manual_seed(0)
    inputs = operator.make(args, min(args.check_length, max(args.length)))
    exact = {name: value.double() if isinstance(value, Tensor) else value for name, value in inputs.items()}
    lingen_kernels.use("reference")
    expected = operator.call(**exact)
    errors = {}
    for name in lingen_kernels.implementations():
        lingen_kernels.use(name)
        errors[name] = relative_error(operator.call(**inputs), expected)
        if not errors[name] <= GATE[args.dtype]:
            sys.exit(
                f"{operator.name} of {name} is wrong: error {errors[name]:.1e}, accepted {GATE[args.dtype]:.0e}. "
                "Nothing was timed."
            )
    return errors


def times_of(function: Callable[[], object], args: argparse.Namespace) -> list[float]:
    """Seconds of `repeats` runs after three to warm up; device work included."""
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
    return times_s


def graphed(function: Callable[[], object]) -> Callable[[], object]:
    """The work of `function` as a CUDA graph, replayed without its launches."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            function()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        function()
    return graph.replay


def measure_ceilings(args: argparse.Namespace) -> Ceilings:
    """The best of a square matrix product and a copy, large enough to be limited by nothing else."""
    is_cuda = torch.device(args.device).type == "cuda"
    side = 8192 if is_cuda else (128 if args.quick else 1024)
    left, right = draw(args, side, side), draw(args, side, side)
    product_s = min(times_of(lambda: left @ right, args))
    n_bytes = 2**30 if is_cuda else (2**20 if args.quick else 2**27)
    source = torch.zeros(n_bytes, dtype=torch.uint8, device=args.device)
    target = torch.empty_like(source)
    copy_s = min(times_of(lambda: target.copy_(source), args))
    return Ceilings(2 * side**3 / product_s / 1e9, 2 * n_bytes / copy_s / 1e9)


def functions_of(operator: Operator, inputs: Inputs, args: argparse.Namespace) -> Iterator[tuple[str, Any]]:
    """What is timed of the implementation in use: mode and function."""

    def forward() -> object:
        with torch.inference_mode():
            return operator.call(**inputs)

    yield "forward", forward
    if torch.device(args.device).type == "cuda":
        yield "forward, graph", graphed(forward)
    leaves = {name: t.clone().requires_grad_() for name, t in inputs.items() if isinstance(t, Tensor)}

    def both() -> object:
        outputs = tensors_of(operator.call(**inputs | leaves))
        total = functools.reduce(torch.add, (output.float().sum() for output in outputs))
        return torch.autograd.grad(total, list(leaves.values()))

    yield "forward+backward", both


def grouped_conv(inputs: Inputs) -> Callable[[], object]:
    """PyTorch's own convolution: channels before positions, so it pays two transposes."""
    x, weight, bias = inputs["x"], inputs["weight"].to(inputs["x"]), inputs["bias"].to(inputs["x"])

    def run() -> object:
        with torch.inference_mode():
            sequence = torch.cat((inputs["tail"].to(x), x), dim=1)
            y = functional.conv1d(sequence.transpose(1, 2), weight[:, None], bias, groups=x.shape[2])
            return functional.silu(y.transpose(1, 2)), sequence[:, x.shape[1] :]

    return run


def bench(operator: Operator, length: int, args: argparse.Namespace, ceilings: Ceilings) -> Iterator[Row]:
    """Rows of every implementation that computes here; the sequential reference only where it is short."""
    torch.manual_seed(0)
    inputs = operator.make(args, length)
    flops, n_bytes = operator.flops(args, length), operator.minimal_bytes(args, length)

    def row(implementation: str, mode: str, function: Callable[[], object]) -> Row:
        factor = 3 if "backward" in mode else 1  # as much again for each of two gradients
        times_s = times_of(function, args)
        median_s = statistics.median(times_s)
        done, moved = factor * flops / 1e9, factor * n_bytes / 1e9
        allowed_s = max(done / ceilings.gflop_per_s, moved / ceilings.gbyte_per_s)
        speeds = (done / median_s, moved / median_s, allowed_s / median_s)
        return Row(operator.name, implementation, mode, length, 1e3 * median_s, 1e3 * min(times_s), *speeds)

    for name in lingen_kernels.implementations():
        if (name == "reference" and length > args.check_length) or (name == "triton" and is_interpreted()):
            continue
        lingen_kernels.use(name)
        for mode, function in functions_of(operator, inputs, args):
            yield row(name, mode, function)
    if operator.name == "conv":
        yield row("grouped conv1d", "forward", grouped_conv(inputs))


def main(argv: list[str] | None = None) -> None:
    """Check, time, print."""
    args = parse_arguments(argv)
    torch.set_num_threads(args.threads)
    operators = [operator for operator in OPERATORS if operator.name in args.operators]
    errors = {operator.name: check(operator, args) for operator in operators}
    for name, found in errors.items():
        print(f"correct: {name:9}" + "  ".join(f"{key} {error:.1e}" for key, error in found.items()))
    for name, reason in lingen_kernels.missing().items():
        print(f"not run: {name}: {reason}")
    if is_interpreted():
        print("not timed: triton: it is interpreted")
    ceilings = measure_ceilings(args)
    print(f"ceilings: {ceilings.gflop_per_s:.0f} GFLOP/s ({args.dtype}), {ceilings.gbyte_per_s:.1f} GB/s")
    rows = []
    for operator in operators:
        for length in args.length:
            for row in bench(operator, length, args, ceilings):
                rows.append(row)
                print(
                    f"{row.operator:9}{row.implementation:15}{row.mode:17}{row.length:7}  {row.median_ms:9.3f} ms "
                    f"(best {row.best_ms:.3f})  {row.gflop_per_s:8.1f} GFLOP/s  {row.gbyte_per_s:7.1f} GB/s  "
                    f"{100 * row.roofline:5.1f} % of the roofline"
                )
    is_cuda = torch.device(args.device).type == "cuda"
    result = {
        "torch": torch.__version__,
        "device": torch.cuda.get_device_name(args.device) if is_cuda else platform.processor() or platform.machine(),
        "shapes": vars(args),
        "relative_errors": errors,
        "missing": lingen_kernels.missing(),
        "ceilings": asdict(ceilings),
        "rows": [asdict(row) for row in rows],
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
