"""The paper's table of latency, from our own models: rows, ratios beside the paper's, growth; JSON and Markdown."""

from __future__ import annotations

import gc
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch

import lingen_kernels
from lingen_live.config import ModelConfig
from lingen_live.paper.attention import choose_attention
from lingen_live.paper.configs import TOY, n_latent_frames, paper_config, toy_config
from lingen_live.paper.hardware import choose_kernels, device_name
from lingen_live.paper.latency import LinGenTimer, Machine, time_dits, time_windowed_dit
from lingen_live.paper.report import DIT_4B_LAYERS, SECONDS, SIDES_PX

# Printed on the paper's figure 6 (arXiv 2412.09856), DiT-4B over LinGen-4B.
PAPER_RATIOS = {(256, 17): 1.1, (512, 17): 2.0, (512, 34): 3.9, (512, 68): 11.5}


@dataclass(frozen=True, slots=True)
class LatencyPlan:
    """What is timed.

    Attributes:
        name: of the LinGen.
        config_of: its configuration at a side, px.
        sides_px: of clips.
        seconds: of clips.
        dits: layers of the opponents, by name; the first has LinGen's depth.
        stream_side_px: of the streams.
        window_chunks: that a streaming DiT looks back to.
    """

    name: str
    config_of: Callable[[int], ModelConfig]
    sides_px: tuple[int, ...]
    seconds: tuple[int, ...]
    dits: dict[str, int]
    stream_side_px: int
    window_chunks: tuple[int, ...]


def paper_plan() -> LatencyPlan:
    """LinGen-4B and DiT, as in the paper; windows of 5, 17 and 68 seconds."""
    name = "lingen-4b"
    depth = paper_config(name, 512).n_layers
    dits = {"DiT, same depth": depth, "DiT-4B": DIT_4B_LAYERS}
    return LatencyPlan(name, lambda side: paper_config(name, side), SIDES_PX, SECONDS, dits, 512, (10, 34, 136))


def toy_plan() -> LatencyPlan:
    """Everything once at a size that a CPU runs in a moment; its numbers mean nothing."""
    dits = {"DiT, same depth": toy_config().n_layers, "DiT, deeper": 3}
    return LatencyPlan(TOY, lambda side: toy_config(), (64,), (1, 2), dits, 64, (2,))


def run_latency(plan: LatencyPlan, machine: Machine, say: Callable[[str], object]) -> dict[str, Any]:
    """Time everything.

    Args:
        plan: what.
        machine: where.
        say: told every row as it is known.

    Returns:
        JSON-able numbers.
    """
    choose_kernels(machine.device)
    largest = plan.config_of(plan.stream_side_px)
    machine = replace(machine, attention=choose_attention(largest, machine.device, machine.dtype))
    clips, streams = [], []
    for side_px in plan.sides_px:
        config = plan.config_of(side_px)
        timer = LinGenTimer(plan.name, config, machine)
        lingen = [timer.clip(n_latent_frames(length)) for length in plan.seconds]
        if side_px == plan.stream_side_px:
            streams.append(asdict(timer.chunk()))
        del timer
        _release(machine)
        for length, ours in zip(plan.seconds, lingen, strict=True):
            theirs = time_dits(plan.dits, config, n_latent_frames(length), machine)
            clips += [{"side_px": side_px, "seconds": length, **asdict(row)} for row in (ours, *theirs)]
            say(
                f"{side_px} px, {length} s: "
                + ", ".join(f"{r['model']} {_s(r['step_s'])}" for r in clips[-1 - len(theirs) :])
            )
            _release(machine)
    config = plan.config_of(plan.stream_side_px)
    for name, depth in plan.dits.items():
        for n_chunks in plan.window_chunks:
            row = time_windowed_dit(name, config, depth, n_chunks, machine)
            streams.append(asdict(row))
            say(f"streaming, {row.model}, {row.how}: {_s(row.step_s)}")
            _release(machine)
    return {
        "device": device_name(machine.device),
        "torch": torch.__version__,
        "dtype": str(machine.dtype).removeprefix("torch."),
        "kernels": lingen_kernels.implementation(),
        "attention": machine.attention.name,
        "weights": "random",
        "lingen": plan.name,
        "clips": clips,
        "streams": streams,
        "growth": _growth(clips),
    }


def as_markdown(result: dict[str, Any]) -> str:
    """Tables for people."""
    names = list(dict.fromkeys(row["model"] for row in result["clips"]))
    ours, theirs = names[0], names[1:]
    header = ["side, px", "seconds", "tokens", *names, *(f"ratio, {name}" for name in theirs), "paper", "how"]
    lines = [
        "# Seconds of one denoising step, measured",
        "",
        f"{result['device']}, torch {result['torch']}, {result['dtype']}, kernels {result['kernels']}, batch 1, no "
        f"guidance, random weights. LinGen runs chunk by chunk; DiT attends over the whole clip "
        f"({result['attention']}).",
        "A row that was timed by one block or chunk, times how many there are, says so.",
        "",
        f"| {' | '.join(header)} |",
        "|---" * (6 + 2 * len(theirs)) + "|",
    ]
    for side_px, length in dict.fromkeys((row["side_px"], row["seconds"]) for row in result["clips"]):
        rows = {r["model"]: r for r in result["clips"] if (r["side_px"], r["seconds"]) == (side_px, length)}
        base = rows[ours]["step_s"]
        ratios = [None if base is None or rows[n]["step_s"] is None else rows[n]["step_s"] / base for n in theirs]
        cells = [f"{side_px}", f"{length}", f"{rows[ours]['n_tokens']:,}"]
        cells += [_s(rows[name]["step_s"], rows[name]["failure"]) for name in names]
        cells += ["" if ratio is None else f"{ratio:.1f}" for ratio in ratios]
        paper = PAPER_RATIOS.get((side_px, length))
        cells += ["" if paper is None else f"{paper:g}", "; ".join(rows[name]["how"] for name in names)]
        lines.append(f"| {' | '.join(cells)} |")
    lines.append("")
    for side_px, powers in result["growth"].items():
        said = ", ".join(f"{power:.2f} ({name})" for name, power in powers.items())
        lines.append(f"At {side_px} px time grows with length to the power {said}.")
    lines += [
        "",
        "| one chunk of a stream | how | tokens | seconds a step | remembered, MiB |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {row['model']} | {row['how']} | {row['n_tokens']:,} | {_s(row['step_s'], row['failure'])} | "
        f"{row['state_bytes'] / 2**20:,.1f} |"
        for row in result["streams"]
    ]
    return "\n".join(lines) + "\n"


def fitted_power(points: Sequence[tuple[float, float]]) -> float:
    """The power with which a cost grows with a length: the slope of a straight line through their logarithms.

    Args:
        points: (length, cost), 2 or more lengths.
    """
    logs = [(math.log(length), math.log(cost)) for length, cost in points]
    mean_x, mean_y = (sum(values) / len(logs) for values in zip(*logs, strict=True))
    covariance = sum((x - mean_x) * (y - mean_y) for x, y in logs)
    return covariance / sum((x - mean_x) ** 2 for x, _ in logs)


def _growth(clips: Sequence[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Fitted powers by side and model, where two clips or more were timed."""
    found: dict[str, dict[str, float]] = {}
    for side_px, model in dict.fromkeys((row["side_px"], row["model"]) for row in clips):
        points = [
            (float(row["seconds"]), row["step_s"])
            for row in clips
            if (row["side_px"], row["model"]) == (side_px, model) and row["step_s"] is not None
        ]
        if len(points) > 1:
            found.setdefault(str(side_px), {})[model] = fitted_power(points)
    return found


def _release(machine: Machine) -> None:
    """Give a GPU's memory back before the next model is made."""
    gc.collect()
    if machine.is_cuda:
        torch.cuda.empty_cache()


def _s(seconds: float | None, failure: str | None = None) -> str:
    return failure or "failed" if seconds is None else f"{seconds:.3g}"
