"""Operations are counted right: against formulas at toy size; sizes are what their names say."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch

from lingen_live.cli import main
from lingen_live.config import BundleConfig, ModelConfig
from lingen_live.errors import ConfigError
from lingen_live.model.lingen import LinGen
from lingen_live.paper import report
from lingen_live.paper.configs import n_latent_frames, paper_config
from lingen_live.paper.dit import DiT
from lingen_live.paper.flops import count_dit, count_lingen
from lingen_live.paper.report import DIT_4B_LAYERS, flops_rows, growth_exponent, write_report

FREQUENCIES = 128  # sines and cosines of the noise level


def outside_blocks(config: ModelConfig, n_tokens: int) -> int:
    """Latents in and out, noise level, condition."""
    d = config.width
    return 2 * (2 * n_tokens * config.latent_channels * d + FREQUENCIES * d + d * d + 6 * d * d)


def cross_and_ffn(config: ModelConfig, n_tokens: int) -> int:
    """Of one block."""
    d, n_text = config.width, config.text_slots + config.text_tokens
    return 2 * n_tokens * (2 * d * d + 2 * n_text * d + 2 * config.ffn_expand * d * d)


def test_dit_equals_the_formula(tiny_config: BundleConfig) -> None:
    config, n_frames = tiny_config.model, 6
    d, n_tokens = config.width, n_frames * 16
    block = 2 * n_tokens * (4 * d * d + 2 * n_tokens * d) + cross_and_ffn(config, n_tokens)
    count = count_dit(config, 3, n_frames)
    assert count.n_tokens == n_tokens
    assert count.flops == outside_blocks(config, n_tokens) + 3 * block


def test_lingen_equals_the_formula(tiny_config: BundleConfig) -> None:
    """One dense block of the SSD; the states of the review tokens; windows with their carried frames."""
    config = dataclasses.replace(tiny_config.model, forecast_width=0, stem_width=0)
    d, n_tokens, n, inner, heads = config.width, config.n_tokens, config.d_state, config.inner_width, config.n_ssm_heads
    n_review = (config.review_slots + config.chunk_latent_frames) * 16 // config.review_pool**2
    mixer = 2 * (n_review + n_tokens) * d * (2 * inner + 2 * n + 2 * heads) + 2 * n_tokens * inner * d
    made_and_read = 2 * n_review * inner * n * 2 + 2 * n_tokens * inner * n * 3
    ssd = 2 * n_tokens * n_tokens * (n + inner) + made_and_read
    n_keys = (config.chunk_latent_frames + config.tesa_past_frames) * config.tesa_window**2
    tesa = 2 * n_tokens * (4 * d * d + 2 * n_keys * d)
    block = mixer + ssd + tesa + cross_and_ffn(config, n_tokens)
    what_is_new_in_a_prompt = 2 * d * d
    expected = outside_blocks(config, n_tokens) + what_is_new_in_a_prompt + config.n_layers * block
    assert count_lingen(config, config.chunk_latent_frames).flops == expected
    assert count_lingen(config, 3 * config.chunk_latent_frames + 1).flops == 4 * expected


@pytest.mark.parametrize(("name", "expected"), [("lingen-1b", 1e9), ("lingen-4b", 4e9)])
def test_sizes_are_what_their_names_say(name: str, expected: float) -> None:
    with torch.device("meta"):
        model = LinGen(paper_config(name, 512))
    assert sum(p.numel() for p in model.parameters()) == pytest.approx(expected, rel=0.03)


def test_the_opponent_is_as_large() -> None:
    with torch.device("meta"):
        model = DiT(paper_config("lingen-4b", 512), DIT_4B_LAYERS, n_latent_frames(17))
    assert sum(p.numel() for p in model.parameters()) == pytest.approx(4e9, rel=0.03)


def test_dit_runs(tiny_config: BundleConfig) -> None:
    """On numbers, not only on shapes; every latent matters to every other."""
    config = tiny_config.model
    model = DiT(config, 2, 3)
    latents = torch.randn(1, 3, config.latent_channels, 4, 4, requires_grad=True)
    n_text = config.text_slots + config.text_tokens
    keys = torch.randn(1, config.width // config.attn_headdim, n_text, config.attn_headdim)
    velocity = model(latents, torch.rand(1), (keys, keys, torch.ones(1, 1, 1, n_text, dtype=torch.bool)))
    assert velocity.shape == latents.shape
    (gradient,) = torch.autograd.grad(velocity[0, 0, 0, 0, 0], latents)
    assert (gradient != 0).any(dim=2).all()


def test_report(tmp_path: Path) -> None:
    rows = flops_rows((256,), (17, 34))
    table = write_report(tmp_path, rows)
    assert (tmp_path / "flops.md").read_text() == table
    written = json.loads((tmp_path / "flops.json").read_text())["rows"]
    assert [row["seconds"] for row in written] == [17, 34]
    assert written[0]["n_tokens"] == 17 * 4 * 256
    assert rows[1].lingen_flops == 2 * rows[0].lingen_flops
    assert rows[1].dit_4b_flops > 2 * rows[0].dit_4b_flops
    assert rows[0].paper_ratio == 2
    assert "to the power 1.00 (LinGen)" in table


def test_growth_exponent() -> None:
    assert growth_exponent((2.0, 12.0), (8.0, 192.0)) == pytest.approx(2.0)


def test_unknown_sizes_are_refused() -> None:
    with pytest.raises(ConfigError, match="no size named 'lingen-9b'; known are lingen-1b, lingen-4b"):
        paper_config("lingen-9b", 512)
    with pytest.raises(ConfigError, match="side_px is 500; it must be a multiple of 128"):
        paper_config("lingen-4b", 500)


def test_latency_is_not_claimed(capsys: pytest.CaptureFixture[str]) -> None:
    """A CPU cannot time four billion parameters, and says so."""
    assert main(["bench", "paper"]) == 2
    assert "take hours: say --device cuda, --quick or --flops-only" in capsys.readouterr().err


def test_the_command_writes_the_report(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(report, "flops_rows", lambda: flops_rows((256,), (17,)))
    assert main(["bench", "paper", "--flops-only", "--out", str(tmp_path)]) == 0
    assert capsys.readouterr().out == (tmp_path / "flops.md").read_text()
