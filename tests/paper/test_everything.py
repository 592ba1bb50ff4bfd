"""`bench all` writes every report; a part that fails costs the others nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from lingen_kernels.benchmark.operators import OPERATORS
from lingen_live.cli import main
from lingen_live.errors import EngineError
from lingen_live.paper import everything, plots
from lingen_live.paper.everything import Part, run_everything

pytestmark = pytest.mark.usefixtures("_no_interpreter")


@pytest.fixture
def _no_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels that are interpreted are checked elsewhere; here they would only be slow."""
    monkeypatch.setattr("lingen_kernels.choice.why_no_triton", lambda: "left out by the test")


@pytest.mark.skipif(torch.cuda.is_available(), reason="the reports of a GPU take minutes")
def test_every_report_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bundled model's two parts have tests of their own and would take longest."""
    monkeypatch.setattr(everything, "_vista_parts", lambda *args: [])
    said: list[str] = []
    assert run_everything("cpu", tmp_path, said.append, is_quick=True), said
    names = {"kernels", "stream-4b-512", "stream-4b-512-float8", "latency", "flops"}
    assert names <= set(everything.PARTS)
    assert {path.stem for path in tmp_path.glob("*.md")} == names
    results = {name: json.loads((tmp_path / f"{name}.json").read_text()) for name in names}
    assert {row["operator"] for row in results["kernels"]["rows"]} == {operator.name for operator in OPERATORS}
    assert results["stream-4b-512-float8"]["float8_error"] > 0
    assert results["latency"]["clips"]
    has_plots = plots.why_no_plots() is None
    assert {path.name for path in tmp_path.glob("*.svg")} == ({"latency.svg", "streams.svg"} if has_plots else set())


def test_a_part_that_fails_is_named_and_the_rest_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> tuple[dict[str, Any], str]:
        raise EngineError("no such device")

    def wrong() -> tuple[dict[str, Any], str]:
        raise SystemExit("ssd of triton is wrong")

    parts = [Part("one", broken), Part("two", wrong), Part("three", lambda: ({"n": 3}, "# three\n"))]
    monkeypatch.setattr(everything, "_parts", lambda *args, **options: parts)
    monkeypatch.setattr(everything, "PARTS", ("one", "two", "three"))
    assert main(["bench", "all", "--quick", "--out", str(tmp_path)]) == 1
    said = capsys.readouterr().out
    assert "one: FAILED: EngineError: no such device" in said
    assert "two: FAILED: SystemExit: ssd of triton is wrong" in said
    assert json.loads((tmp_path / "three.json").read_text()) == {"n": 3}
    assert not (tmp_path / "one.json").exists()


def test_every_part_has_a_name_that_can_be_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    parts = everything._parts("cpu", lambda line: None, is_quick=False)
    assert tuple(part.name for part in parts) == everything.PARTS
    assert main(["bench", "all", "--parts", "kernels", "films"]) == 2
    assert "no part named 'films'; known are kernels, stream-4b-512" in capsys.readouterr().err


def test_plots_are_the_same_for_the_same_numbers(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    clips = [
        {"side_px": 512, "seconds": s, "model": name, "step_s": s**power}
        for name, power in (("ours", 1), ("theirs", 2))
        for s in (17, 34)
    ]
    result = {"clips": clips, "lingen": "ours", "device": "x", "dtype": "bfloat16"}
    for name in ("a.svg", "b.svg"):
        plots.plot_latency(result, tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert b"<svg" in (tmp_path / "a.svg").read_bytes()
