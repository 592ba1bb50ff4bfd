"""The kernel benchmark runs at toy size, ends in JSON, times nothing that is wrong, survives a full memory."""

from __future__ import annotations

import argparse
import json
import warnings
from dataclasses import replace
from typing import Any

import pytest
import torch
from kernel_checks import assert_near
from row_problems import moved
from window_problem import make_window_inputs

import bench as script
import lingen_kernels
from lingen_kernels.benchmark import run
from lingen_kernels.benchmark.operators import OPERATORS, Operator, ssd_bytes, ssd_flops
from lingen_kernels.benchmark.operators import make_window_inputs as make_row
from lingen_kernels.benchmark.rivals import flex_windows
from lingen_kernels.benchmark.setting import Setting, add_arguments, setting_of
from lingen_kernels.benchmark.timing import Ceilings, times_of
from lingen_kernels.window.reference import window_attention_reference


def setting(*argv: str) -> Setting:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return setting_of(parser.parse_args(argv))


def operator(name: str) -> Operator:
    return next(operator for operator in OPERATORS if operator.name == name)


def test_quick_ends_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    before = lingen_kernels.implementation()
    assert script.main(["--quick", "--operators", "ssd", "conv", "window"]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert lingen_kernels.implementation() == before
    assert set(result["relative_errors"]) == {"ssd", "conv", "window"}
    assert set(result["relative_errors"]["ssd"]) == set(lingen_kernels.implementations())
    assert all(error < 1e-4 for errors in result["relative_errors"].values() for error in errors.values())
    timed = {(row["operator"], row["implementation"], row["mode"]) for row in result["rows"]}
    assert {("ssd", "torch", "forward"), ("ssd", "torch", "forward+backward")} <= timed
    assert {("conv", "grouped conv1d", "forward"), ("window", "torch", "forward")} <= timed
    assert all(row["median_ms"] >= row["best_ms"] > 0 for row in result["rows"])
    for row in result["rows"]:
        allowed_s = row["roofline"] * row["median_ms"] / 1e3
        by_flops = row["gflop_per_s"] * row["median_ms"] / 1e3 / result["ceilings"]["gflop_per_s"]
        assert allowed_s >= by_flops * (1 - 1e-9)


@pytest.mark.parametrize("broken", [lambda y: 1.01 * y, lambda y: torch.full_like(y, torch.nan)])
def test_a_wrong_kernel_is_not_timed(broken: Any) -> None:
    def call(**inputs: Any) -> Any:
        tokens, normed = lingen_kernels.modulate(**inputs)
        return (tokens, broken(normed)) if lingen_kernels.implementation() == "torch" else (tokens, normed)

    wrong = replace(operator("modulate"), call=call)
    with pytest.raises(SystemExit, match=r"modulate of torch is wrong: error .*Nothing was timed"):
        run.run_benchmark(setting("--quick"), [wrong], lambda line: None)


def test_a_row_that_does_not_fit_is_named_and_the_rest_is_timed() -> None:
    """What a GPU says when the form by PyTorch keeps every block of a very long sequence."""

    def call(**inputs: Any) -> Any:
        if inputs["tokens"].requires_grad:
            raise torch.OutOfMemoryError("2 GiB wanted, 1 GiB free")
        return lingen_kernels.modulate(**inputs)

    hungry = replace(operator("modulate"), call=call)
    result = run.run_benchmark(setting("--quick"), [hungry, operator("gate")], lambda line: None)
    failures = {(row["operator"], row["mode"]): row["failure"] for row in result["rows"]}
    assert failures[("modulate", "forward+backward")] == "out of memory"
    assert failures[("modulate", "forward")] is failures[("gate", "forward+backward")] is None
    assert "| forward+backward | 48 | out of memory | | | |" in run.as_markdown(result)


def test_a_form_that_cannot_run_is_named_and_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rival that raises, and one that is wrong: neither costs the others their times."""

    def raises() -> object:
        raise RuntimeError("no such backend\nand a long story")

    rivals = {"absent": raises, "wrong": lambda: torch.ones(1, 20, 32)}
    monkeypatch.setattr(run, "rivals_of", lambda *args, **options: rivals)
    said: list[str] = []
    result = run.run_benchmark(setting("--quick"), [operator("gate")], said.append)
    assert result["broken"]["gate"]["absent"] == "RuntimeError: no such backend"
    assert result["broken"]["gate"]["wrong"].startswith("gate of wrong is wrong: error")
    assert {row["implementation"] for row in result["rows"]} & rivals.keys() == set()
    assert "Not timed: gate of absent: RuntimeError: no such backend" in run.as_markdown(result)
    assert any("not timed: gate of absent" in line for line in said)


def test_the_gain_over_mamba_is_the_ratio_of_their_times() -> None:
    ceilings = {"gflop_per_s": 1e5, "gbyte_per_s": 1e3}
    row = {"operator": "ssd", "mode": "forward", "length": 2048, "gflop_per_s": 1.0, "gbyte_per_s": 1.0}
    row |= {"roofline": 0.5, "failure": None}
    rows = [
        row | {"implementation": "triton", "median_ms": 0.2},
        row | {"implementation": "mamba-ssm", "median_ms": 0.5},
    ]
    result = {"device": "x", "torch": "y", "setting": {"dtype": "bfloat16", "batch": 1}, "ceilings": ceilings}
    table = run.as_markdown(result | {"rows": rows, "missing": {}, "broken": {}})
    assert "SSD, forward, 2,048 positions: triton is 2.50 times as fast as mamba-ssm." in table


def test_costs_are_those_of_the_roofline_study() -> None:
    """25.5 KB and 9.5 MFLOP a token at 96 heads of 64, d_state 128, bfloat16, blocks of 256."""
    large = setting("--preset", "lingen-4b", "--block-len", "256")
    length = 100_000
    assert ssd_flops(large, length) / length == pytest.approx(9.5e6, rel=0.01)
    assert ssd_bytes(large, length) / length == pytest.approx(25.5e3, rel=0.02)


def test_windows_are_filled_and_every_product_is_counted() -> None:
    """100 positions take 13 windows of 2 x 2 cells in 2 frames; 8 queries and 16 keys in each."""
    small = setting("--quick", "--window", "2")
    inputs = make_row(small, 100)
    assert inputs["query"].shape[1] == operator("window").n_positions(small, 100) == 104
    assert operator("window").flops(small, 100) == 13 * 2 * (2 * 8 * 16 * 48)
    assert operator("window").minimal_bytes(small, 100) == 6 * 104 * 48 * 4


def test_no_run_begins_after_the_budget() -> None:
    now = iter(range(1000))
    calls: list[int] = []
    times = times_of(lambda: calls.append(1), 30, is_cuda=False, budget_s=12, clock=lambda: next(now))
    assert len(calls) == 8
    assert times.median_s == times.best_s == 1


@pytest.mark.parametrize("case", ["one window", "shifted"])
def test_flex_attention_computes_the_same(case: str) -> None:
    """Its slow form, as there is no fast one on a CPU."""
    inputs = make_window_inputs(case, torch.float32)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*flex_attention called without torch.compile")
        actual = flex_windows(inputs, is_compiled=False)()
    assert_near(actual, window_attention_reference(**moved(inputs, dtype=torch.float64)), 1e-5)


def test_ceilings_are_what_a_roofline_is_measured_against() -> None:
    """Half of what the machine can: a row that takes twice the time that its products need."""
    small = setting("--quick")
    flops = operator("gate").flops(small, 48)
    function_s = 2e-6
    rows = list(run.bench(operator("gate"), 48, small, Ceilings(flops / function_s / 1e9, 1e12)))
    for row in rows:
        assert row.median_ms is not None
        assert row.roofline == pytest.approx(function_s / (row.median_ms / 1e3) * (3 if "backward" in row.mode else 1))
