"""`bench stream` at toy size: spans add up, random weights are said everywhere, options that cannot be are refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from lingen_live.checkpoint import load_bundle
from lingen_live.cli import main
from lingen_live.config import BundleConfig
from lingen_live.engine.build import build_engine
from lingen_live.engine.options import EngineOptions
from lingen_live.engine.scenario import scenario_from_json
from lingen_live.errors import ConfigError
from lingen_live.paper import configs
from lingen_live.paper.random_weights import serving_config, stand_in_codec, write_random_checkpoint
from lingen_live.paper.stream_bench import SPANS, as_markdown, run_stream
from lingen_live.paper.stream_build import StreamOptions, build_stream

TOY = StreamOptions(name=configs.TOY, device="cpu", dtype="float32")


def test_numbers_add_up_and_say_that_weights_are_random() -> None:
    built = build_stream(TOY)
    result = run_stream(built.run, built.tick, built.config, built.speak, 5, built.facts)
    assert result["n_chunks"] == 5
    assert result["media_s"] == 5 * 8 / 16
    chunk = result["stages_ms"]["chunk"]
    assert 0 < chunk["p50"] <= chunk["p95"] <= chunk["p99"] <= chunk["max"]
    assert result["frames_per_s"] == pytest.approx(8e3 / chunk["p50"])
    last = result["last_chunk"]
    assert last["chunk_index"] == 4
    assert sum(last["spans_ms"].values()) <= last["chunk_ms"]
    assert set(last["spans_ms"]) == set(SPANS)
    assert result["state_bytes"] == built.tick.state.n_bytes > 0
    assert result["weights"] == last["weights"] == "random"
    assert "random weights" in result["name"]
    table = as_markdown(result)
    assert "**random weights: the frames are noise" in table.splitlines()[0]
    assert all(f"| {name} |" in table for name in (*SPANS, "chunk"))
    assert json.loads(json.dumps(result)) == result


def test_the_same_chunks_come_again_after_a_restart() -> None:
    built = build_stream(TOY)
    first = [(built.run.chunk().chunk_index, built.run.host_frames.clone()) for _ in range(2)]
    built.run.restart()
    for index, frames in first:
        assert built.run.chunk().chunk_index == index
        assert torch.equal(built.run.host_frames, frames)


def test_no_chunk_begins_after_the_budget() -> None:
    built = build_stream(TOY)
    now = iter(range(1000))
    result = run_stream(
        built.run, built.tick, built.config, built.speak, 500, built.facts, budget_s=9, clock=lambda: float(next(now))
    )
    assert result["n_chunks"] == 11
    assert result["first_chunk_ms"] == 1000


def test_8_bit_layers_run_and_their_error_is_measured() -> None:
    built = build_stream(StreamOptions(name=configs.TOY, device="cpu", dtype="bfloat16", is_float8=True))
    error = built.facts["float8_error"]
    assert 1e-4 < error < 0.1
    result = run_stream(built.run, built.tick, built.config, built.speak, 4, built.facts)
    assert f"velocity differs from bfloat16 by {error:.2%}" in as_markdown(result)


def test_a_checkpoint_of_trained_weights_is_not_called_random(tiny_bundle: Path) -> None:
    built = build_stream(StreamOptions(device="cpu", dtype="float32", checkpoint=tiny_bundle))
    assert built.run.chunk().weights == "trained"
    assert built.facts["decoder"] == "this project's, trained"


def test_a_checkpoint_of_random_weights_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By a word of its own, in its name, to `info`, to whoever hosts the engine, and in scripts of its streams."""
    monkeypatch.setitem(configs.WIDTHS, "lingen-1b", 128)
    config = write_random_checkpoint("lingen-1b", 128, tmp_path / "random")
    bundle = load_bundle(tmp_path / "random")
    assert (bundle.config, bundle.weights) == (config, "random")
    assert main(["info", "--checkpoint", str(tmp_path / "random")]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["config"]["name"] == "lingen-1b (random weights)"
    assert facts["weights"] == "random"
    engine = build_engine(EngineOptions(str(tmp_path / "random"), dtype="float32", compile=False), lambda *_: None)
    assert engine.tick().frames.shape == (8, 128, 128, 3)
    assert (engine.info.name, engine.info.weights) == ("lingen-1b (random weights)", "random")
    assert scenario_from_json(engine.scenario().to_json()).made_with.weights == "random"
    built = build_stream(StreamOptions(device="cpu", dtype="bfloat16", checkpoint=tmp_path / "random"))
    assert built.run.chunk().weights == "random"


@pytest.mark.parametrize("side_px", [512, 1024])
def test_a_whole_bundle_fits_together(side_px: int) -> None:
    config: BundleConfig = serving_config("lingen-4b", side_px)
    assert config.frames_per_chunk == 8
    assert config.codec == stand_in_codec(64)
    assert config.model.latent_height * config.codec.spatial_stride == side_px


def test_impossible_options_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ConfigError, match="no size named 'lingen-9b'; known are lingen-1b, lingen-4b, toy"):
        build_stream(StreamOptions(name="lingen-9b", device="cpu"))
    assert main(["bench", "stream", "--quick"]) == 2
    assert "say --random-weights, or --checkpoint DIR" in capsys.readouterr().err
    assert main(["bench", "stream", "--quick", "--random-weights", "--chunks", "3"]) == 2
    assert "chunks is 3; it must be 4 or more" in capsys.readouterr().err


def test_the_command_writes_the_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["bench", "stream", "--quick", "--random-weights", "--chunks", "4", "--out", str(tmp_path)]
    assert main(argv) == 0
    assert capsys.readouterr().out == (tmp_path / "stream.md").read_text()
    assert json.loads((tmp_path / "stream.json").read_text())["n_chunks"] == 4
