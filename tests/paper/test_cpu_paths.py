"""The table of a CPU's paths: shares add up, operations are counted, and the bundled model is left as it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lingen_live.cli import main
from lingen_live.engine.options import EngineOptions
from lingen_live.paper.cpu_paths import as_markdown, run_paths


def test_shares_add_up_and_speeds_are_operations_over_time(tiny_bundle: Path) -> None:
    said: list[str] = []
    result = run_paths(EngineOptions(str(tiny_bundle), compile=False), 2, said.append)
    assert [(path["dtype"], path["path"]) for path in result["paths"]] == [("float32", "eager"), ("bfloat16", "eager")]
    assert result["clock"] == "processor time"
    for path in result["paths"]:
        stages = {stage["name"]: stage for stage in path["stages"]}
        assert {"text", "noise", "denoise", "commit", "decode"} <= stages.keys()
        assert 0.5 < sum(stage["share"] for stage in stages.values()) <= 1.01
        denoise, commit = stages["denoise"], stages["commit"]
        assert denoise["gflop_per_s"] == pytest.approx(1e3 * denoise["gflop"] / denoise["ms"])
        assert denoise["of_peak"] == pytest.approx(denoise["gflop_per_s"] / path["peak_gflop_per_s"])
        assert commit["gflop"] < denoise["gflop"] <= 2 * commit["gflop"] * 1.1
        assert stages["text"]["gflop"] is None
    table = as_markdown(result)
    assert table.count("| denoise |") == len(said) == 2
    assert json.loads(json.dumps(result)) == result


def test_the_command_writes_the_report(tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["bench", "paths", "--quick", "--chunks", "2", "--checkpoint", str(tiny_bundle), "--out", str(tmp_path)]
    assert main(argv) == 0
    assert capsys.readouterr().out.endswith((tmp_path / "cpu-paths.md").read_text())
