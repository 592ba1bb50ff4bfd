"""Options to an engine: each is honoured, and what cannot be is told in one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from fake_text import FakeText

from lingen_live.checkpoint import Bundle
from lingen_live.engine import build
from lingen_live.engine.build import build_engine, choose_dtype
from lingen_live.engine.engine import Engine
from lingen_live.engine.options import EngineOptions
from lingen_live.engine.sampler import Denoiser
from lingen_live.engine.trial import Trial
from lingen_live.errors import CheckpointError, EngineError, PromptError
from lingen_live.model.lingen import LinGen


@pytest.fixture(autouse=True)
def _no_weights_for_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "TextEncoder", FakeText)


def options(tiny_bundle: Path, **given: object) -> EngineOptions:
    return EngineOptions(str(tiny_bundle), **{"compile": False, "dtype": "float32", **given})  # type: ignore[arg-type]


def build_quietly(given: EngineOptions) -> Engine:
    return build_engine(given, lambda stage, fraction: None)


def test_the_options_reach_the_engine(tiny_bundle: Path) -> None:
    engine = build_quietly(options(tiny_bundle, seed=11, prompt="a red desert", fps=24.0))
    assert (engine.seed, engine.prompt, engine.info.fps, engine.info.compute_threads) == (11, "a red desert", 24.0, 1)
    assert engine.tick().chunk_index == 0


def test_what_is_done_is_told_in_order(tiny_bundle: Path) -> None:
    stages: list[str] = []
    build_engine(options(tiny_bundle), lambda stage, fraction: stages.append(stage))
    assert list(dict.fromkeys(stages)) == [
        "loading the model",
        "loading the text encoder",
        "choosing the arithmetic",
        "warming up",
    ]


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_dtype_asked_for_is_the_dtype(tiny_bundle: Path, dtype: str) -> None:
    engine = build_quietly(options(tiny_bundle, dtype=dtype))
    networks = (engine.bundle.model, engine.bundle.codec)
    assert {parameter.dtype for net in networks for parameter in net.parameters()} == {getattr(torch, dtype)}
    assert engine.info.dtype == dtype
    assert engine.tick().frames.dtype == np.uint8
    assert (engine.state.conv.dtype, engine.state.ssm.dtype) == (getattr(torch, dtype), torch.float32)


@pytest.mark.parametrize(("faster", "chosen"), [(torch.bfloat16, "bfloat16"), (torch.float32, "float32")])
def test_the_faster_dtype_is_chosen(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch, faster: torch.dtype, chosen: str
) -> None:
    def time_s(trial: Trial, denoiser: LinGen) -> float:
        assert trial.state.conv.dtype == denoiser.latent_in.weight.dtype
        return 0.1 if denoiser.latent_in.weight.dtype == faster else 0.2

    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: True)
    monkeypatch.setattr(Trial, "time_s", time_s)
    before = {name: value.clone() for name, value in bundle.model.state_dict().items()}
    assert choose_dtype(bundle, "auto", "cpu") == getattr(torch, chosen)
    for name, value in bundle.model.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_a_chip_without_bfloat16_is_not_tried(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    def time_s(trial: Trial, denoiser: Denoiser) -> float:
        raise AssertionError("there is nothing to choose from")

    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: False)
    monkeypatch.setattr(Trial, "time_s", time_s)
    assert choose_dtype(bundle, "auto", "cpu") == torch.float32
    assert choose_dtype(bundle, "auto", "cuda:0") == torch.bfloat16


@pytest.mark.parametrize("device", ["cuda:77", "toaster", "", "meta"])
def test_a_device_that_cannot_be_used_is_named(tiny_bundle: Path, device: str) -> None:
    with pytest.raises(EngineError, match=f"The device '{device}' cannot be used"):
        build_quietly(options(tiny_bundle, device=device))


def test_what_cannot_be_built_says_why(tiny_bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no config\.json"):
        build_quietly(options(tmp_path))
    with pytest.raises(PromptError, match="empty"):
        build_quietly(options(tiny_bundle, prompt=""))


@pytest.mark.parametrize("is_wanted", [True, False])
def test_a_compiled_path_is_sought_only_if_wanted(
    tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch, is_wanted: bool
) -> None:
    sought: list[LinGen] = []

    def seek(model: LinGen) -> Iterator[Denoiser | None]:
        sought.append(model)
        yield model

    monkeypatch.setattr(build, "seek_compiled", seek)
    engine = build_quietly(options(tiny_bundle, compile=is_wanted, dtype="bfloat16"))
    assert engine.info.path == ("compiled" if is_wanted else "eager")  # before the first chunk
    assert sought == ([engine.bundle.model] if is_wanted else [])
    assert engine.chunk_index == 0
