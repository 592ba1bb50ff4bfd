"""Times the kernels, after they have proved right: correctness gate, then medians against measured ceilings.

Every implementation that can run here answers the same problems. First each is compared with the sequential
reference in float64, on the first positions of the problem; one that is wrong ends the program. Then all are timed,
beside what this machine reaches in a plain matrix product and a plain copy: the roofline of a row is the time those
two ceilings allow, as a share of the time it took. On a GPU a row is timed as a CUDA graph, so launches do not count,
and once more eagerly, so they do. A row that does not fit the memory says so, and the next is timed. The last line
on stdout is JSON. Knows shapes and clocks; not what a video is.

    python kernels/bench.py --quick
    python kernels/bench.py --preset lingen-4b --device cuda --length 2048 8192 35000 139264
"""

from __future__ import annotations

import argparse
import functools
import json
import math
import platform
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

import lingen_kernels
from lingen_kernels.availability import is_interpreted
from lingen_kernels.benchmark.operators import OPERATORS, Inputs, Operator
from lingen_kernels.benchmark.rivals import rivals_of
from lingen_kernels.benchmark.setting import GATE, Setting, add_arguments, setting_of
from lingen_kernels.benchmark.timing import Ceilings, graphed, measure_ceilings, times_of

Say = Callable[[str], object]

_ROW_BUDGET_S = 1.5


@dataclass(frozen=True, slots=True)
class Row:
    """One measured function; numbers are None where it failed, and `failure` says why.

    `roofline` is the time the ceilings allow over the time taken; above 1 where the data never leaves a cache.
    """

    operator: str
    implementation: str
    mode: str
    length: int
    median_ms: float | None = None
    best_ms: float | None = None
    gflop_per_s: float | None = None
    gbyte_per_s: float | None = None
    roofline: float | None = None
    failure: str | None = None


def run_benchmark(setting: Setting, operators: Sequence[Operator], say: Say) -> dict[str, Any]:
    """Check, then time.

    Args:
        setting: shapes and device.
        operators: which.
        say: told every line as it is known.

    Returns:
        JSON-able numbers.

    Raises:
        SystemExit: an implementation is wrong; nothing was timed.
    """
    before = lingen_kernels.implementation()
    try:
        checked = {operator.name: check(operator, setting) for operator in operators}
        for name, found in checked.items():
            say(f"correct: {name:9}" + "  ".join(f"{key} {error:.1e}" for key, error in found.errors.items()))
            for key, reason in found.broken.items():
                say(f"not timed: {name} of {key}: {reason}")
        for name, reason in lingen_kernels.missing().items():
            say(f"not run: {name}: {reason}")
        if is_interpreted():
            say("not timed: triton: it is interpreted")
        ceilings = measure_ceilings(setting)
        say(f"ceilings: {ceilings.gflop_per_s:.0f} GFLOP/s ({setting.dtype}), {ceilings.gbyte_per_s:.1f} GB/s")
        rows = []
        for operator in operators:
            for length in setting.lengths:
                for row in bench(operator, length, setting, ceilings, checked[operator.name].broken):
                    rows.append(row)
                    say(_line(row))
    finally:
        lingen_kernels.use(before)
    return {
        "torch": torch.__version__,
        "device": _device_name(setting),
        "setting": asdict(setting),
        "relative_errors": {name: found.errors for name, found in checked.items()},
        "broken": {name: found.broken for name, found in checked.items() if found.broken},
        "missing": lingen_kernels.missing(),
        "ceilings": asdict(ceilings),
        "rows": [asdict(row) for row in rows],
    }


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of the comparison of one operator with the reference in float64.

    Attributes:
        errors: of each form that ran.
        broken: forms that did not run, or rivals that are wrong, and why; they are not timed.
    """

    errors: dict[str, float]
    broken: dict[str, str]


def check(operator: Operator, setting: Setting) -> Checked:
    """Compare every form of an operator with the reference.

    Raises:
        SystemExit: an implementation of this package is wrong: nothing is timed.
    """
    torch.manual_seed(0)
    inputs = operator.make(setting, min(setting.check_length, max(setting.lengths)))
    exact = {name: _widened(value) for name, value in inputs.items()}
    lingen_kernels.use("reference")
    expected = operator.call(**exact)
    forms: dict[str, Callable[[], object]] = {}
    for name in lingen_kernels.implementations():
        forms[name] = functools.partial(_called, name, operator, inputs)
    rivals = rivals_of(operator.name, inputs, is_cuda=setting.is_cuda)
    checked = Checked({}, {})
    for name, form in (forms | rivals).items():
        try:
            error = relative_error(form(), expected)
        except Exception as failure:  # what cannot run here must not cost the rest their times
            checked.broken[name] = _reason(failure)
            continue
        checked.errors[name] = error
        if error <= GATE[setting.dtype]:
            continue
        wrong = f"{operator.name} of {name} is wrong: error {error:.1e}, accepted {GATE[setting.dtype]:.0e}."
        if name not in rivals:
            sys.exit(f"{wrong} Nothing was timed.")
        checked.broken[name] = wrong
    return checked


def relative_error(actual: Any, expected: Any) -> float:
    """The largest error of the returned tensors, each relative to its size; NaN if anything is NaN."""
    errors = []
    for a, e in zip(_tensors_of(actual), _tensors_of(expected), strict=True):
        norm = torch.linalg.vector_norm
        errors.append((norm(a.double() - e.double()) / norm(e.double())).item())
    return math.nan if any(map(math.isnan, errors)) else max(errors)


def bench(
    operator: Operator, length: int, setting: Setting, ceilings: Ceilings, broken: Collection[str] = ()
) -> Iterator[Row]:
    """Rows of every form that is not broken here; the sequential reference only where it is short."""
    torch.manual_seed(0)
    try:
        inputs = operator.make(setting, length)
    except torch.OutOfMemoryError:
        yield Row(operator.name, "all", "inputs", length, failure="out of memory")
        return
    measure = functools.partial(_row, operator, length, setting, ceilings)
    for name in lingen_kernels.implementations():
        is_too_slow = (name == "reference" and length > setting.check_length) or (name == "triton" and is_interpreted())
        if is_too_slow or name in broken:
            continue
        lingen_kernels.use(name)
        for mode, make in _functions_of(operator, inputs, setting):
            yield measure(name, mode, make)
    for name, function in rivals_of(operator.name, inputs, is_cuda=setting.is_cuda).items():
        if name in broken:
            continue
        yield measure(name, "forward", functools.partial(_itself, function))
        if setting.is_cuda:
            yield measure(name, "forward, graph", functools.partial(graphed, function))


def as_markdown(result: dict[str, Any]) -> str:
    """A table for people; failures are named in their row."""
    ceilings, setting = result["ceilings"], result["setting"]
    lines = [
        f"{result['device']}, torch {result['torch']}, {setting['dtype']}, batch {setting['batch']}. "
        f"Ceilings, measured: {ceilings['gflop_per_s'] / 1e3:,.3g} TFLOP/s, {ceilings['gbyte_per_s']:,.4g} GB/s.",
        "",
        "| operator | implementation | mode | positions | median, ms | TFLOP/s | GB/s | of the roofline |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in result["rows"]:
        names = f"| {row['operator']} | {row['implementation']} | {row['mode']} | {row['length']:,} |"
        if row["failure"]:
            lines.append(f"{names} {row['failure']} | | | |")
            continue
        lines.append(
            f"{names} {row['median_ms']:.3f} | {row['gflop_per_s'] / 1e3:.3g} | {row['gbyte_per_s']:.4g} | "
            f"{100 * row['roofline']:.0f} % |"
        )
    missing = [f"Not run: {name}: {reason}." for name, reason in result["missing"].items()]
    for operator, reasons in result["broken"].items():
        missing += [f"Not timed: {operator} of {name}: {reason}" for name, reason in reasons.items()]
    return "\n".join([*lines, "", *missing, *_fused_gain(result["rows"])]) + "\n"


def main(argv: list[str] | None = None) -> int:
    """Check, time, print; returns the exit code."""
    parser = argparse.ArgumentParser(description="Check, then time the kernels.")
    add_arguments(parser)
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default 1)")
    parser.add_argument("--operators", nargs="+", choices=[o.name for o in OPERATORS], help="only these")
    args = parser.parse_args(argv)
    torch.set_num_threads(args.threads)
    chosen = [operator for operator in OPERATORS if args.operators is None or operator.name in args.operators]
    result = run_benchmark(setting_of(args), chosen, lambda line: sys.stdout.write(line + "\n"))
    sys.stdout.write(json.dumps(result) + "\n")
    return 0


def _row(
    operator: Operator,
    length: int,
    setting: Setting,
    ceilings: Ceilings,
    implementation: str,
    mode: str,
    make: Callable[[], Callable[[], object]],
) -> Row:
    """Time one function; what it cannot do is a row, too."""
    n_positions = operator.n_positions(setting, length)
    names = (operator.name, implementation, mode, n_positions)
    try:
        times = times_of(make(), setting.repeats, is_cuda=setting.is_cuda, budget_s=_ROW_BUDGET_S)
    except torch.OutOfMemoryError:
        if setting.is_cuda:
            torch.cuda.empty_cache()
        return Row(*names, failure="out of memory")
    except RuntimeError as failure:  # such as a compiler that gives up on a rival; the next row may well run
        return Row(*names, failure=_reason(failure))
    factor = 3 if "backward" in mode else 1  # as much again for each of two gradients
    done = factor * operator.flops(setting, length) / 1e9
    moved = factor * operator.minimal_bytes(setting, length) / 1e9
    allowed_s = max(done / ceilings.gflop_per_s, moved / ceilings.gbyte_per_s)
    speeds = (done / times.median_s, moved / times.median_s, allowed_s / times.median_s)
    return Row(*names, 1e3 * times.median_s, 1e3 * times.best_s, *speeds)


def _functions_of(
    operator: Operator, inputs: Inputs, setting: Setting
) -> Iterator[tuple[str, Callable[[], Callable[[], object]]]]:
    """What is timed of the implementation in use: mode, and what makes the function."""

    def forward() -> object:
        with torch.inference_mode():
            return operator.call(**inputs)

    yield "forward", lambda: forward
    if setting.is_cuda:
        yield "forward, graph", lambda: graphed(forward)

    def both() -> Callable[[], object]:
        leaves = {
            n: t.clone().requires_grad_() for n, t in inputs.items() if isinstance(t, Tensor) and t.is_floating_point()
        }

        def run() -> object:
            outputs = _tensors_of(operator.call(**inputs | leaves))
            total = functools.reduce(torch.add, (output.float().sum() for output in outputs))
            return torch.autograd.grad(total, list(leaves.values()))

        return run

    yield "forward+backward", both


def _called(name: str, operator: Operator, inputs: Inputs) -> object:
    lingen_kernels.use(name)
    with torch.inference_mode():
        return operator.call(**inputs)


def _reason(failure: Exception) -> str:
    """One line."""
    return f"{type(failure).__name__}: {str(failure).strip().partition(chr(10))[0][:200]}"


def _itself(function: Callable[[], object]) -> Callable[[], object]:
    return function


def _tensors_of(result: Any) -> tuple[Tensor, ...]:
    return result if isinstance(result, tuple) else (result,)


def _widened(value: Any) -> Any:
    return value.double() if isinstance(value, Tensor) and value.is_floating_point() else value


def _device_name(setting: Setting) -> str:
    if setting.is_cuda:
        return torch.cuda.get_device_name(setting.device)
    return f"{platform.processor() or platform.machine()} (CPU, {torch.get_num_threads()} thread)"


def _line(row: Row) -> str:
    names = f"{row.operator:9}{row.implementation:15}{row.mode:17}{row.length:7}  "
    if row.median_ms is None or row.gflop_per_s is None or row.gbyte_per_s is None or row.roofline is None:
        return names + str(row.failure)
    return names + (
        f"{row.median_ms:9.3f} ms (best {row.best_ms:.3f})  {row.gflop_per_s:8.1f} GFLOP/s  "
        f"{row.gbyte_per_s:7.1f} GB/s  {100 * row.roofline:5.1f} % of the roofline"
    )


def _fused_gain(rows: list[dict[str, Any]]) -> list[str]:
    """How many times faster the fused SSD is than two scans of mamba-ssm with flips, where both were timed."""
    found: dict[tuple[str, int], dict[str, float]] = {}
    for row in rows:
        if row["operator"] == "ssd" and row["median_ms"] is not None:
            found.setdefault((row["mode"], row["length"]), {})[row["implementation"]] = row["median_ms"]
    return [
        f"SSD, {mode}, {length:,} positions: triton is {times['mamba-ssm'] / times['triton']:.2f} times as fast as "
        "mamba-ssm."
        for (mode, length), times in found.items()
        if {"triton", "mamba-ssm"} <= times.keys()
    ]
