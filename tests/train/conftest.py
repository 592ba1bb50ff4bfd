"""A recipe that trains in a second, and what its jobs leave to each other."""

from __future__ import annotations

import dataclasses
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from fake_text import FakeText
from rank_jobs import begin_alone, do_all
from two_ranks import run_two

from lingen_live.codec.autoencoder import VideoCodec
from lingen_live.config import BundleConfig
from lingen_live.model.lingen import LinGen
from lingen_live.train.config import AblationTraining, Recipe, load_recipe


@pytest.fixture(scope="session")
def tiny_recipe(tiny_config: BundleConfig) -> Recipe:
    """The bundled recipe made small: `tiny_config`, two steps of everything, eight clips of three chunks."""
    whole = load_recipe(None)
    model = dataclasses.replace(tiny_config.model, text_slots=8, text_fields=whole.bundle.model.text_fields)
    bundle = dataclasses.replace(tiny_config, model=model, fields=whole.bundle.fields, camera=whole.bundle.camera)
    codec = dataclasses.replace(whole.codec, n_steps=2, batch=2, warmup_steps=1)
    return dataclasses.replace(
        whole,
        bundle=bundle,
        codec=codec,
        parallax=dataclasses.replace(whole.parallax, n_steps=2, batch=2, warmup_steps=1, n_scenes=17),
        decoder=codec,
        reader=dataclasses.replace(whole.reader, n_steps=2, batch=4, warmup_steps=1, n_captions=12),
        forecast=dataclasses.replace(whole.forecast, n_steps=2, batch=4, warmup_steps=1),
        denoiser=dataclasses.replace(
            whole.denoiser,
            n_steps=2,
            batch=2,
            chunks=3,
            warmup_steps=1,
            n_clips=8,
            history_noise=0.3,
            own_history=0.0,
            uncertainty_width=0,
            uncertainty_warmup=1,
            history_gradient=0.5,
            alone=3,
            guidance=2.0,
            guided_share=0.5,
            change_share=0.65,
            calm_share=0.2,
            compile_blocks=False,
        ),
        student=dataclasses.replace(whole.student, n_steps=2, batch=2, alone=3, warmup_steps=1),
        probe=dataclasses.replace(whole.probe, n_steps=2, batch=4, warmup_steps=1),
        ablations=AblationTraining(width=32, n_layers=4, n_steps=2, batch=2, alone=3),
    )


@pytest.fixture(scope="session")
def two_ranks(tiny_recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where two processes have trained whole weights (whole), and in parts (parts), and told each other things."""
    folder = tmp_path_factory.mktemp("two")
    begin_alone(tiny_recipe, folder)
    run_two(do_all, folder)
    return folder


@pytest.fixture
def tiny_codec(tiny_recipe: Recipe) -> VideoCodec:
    """Random weights."""
    torch.manual_seed(0)
    return VideoCodec(tiny_recipe.bundle.codec).eval()


@pytest.fixture
def tiny_model(tiny_recipe: Recipe) -> LinGen:
    """Random weights everywhere: no layer is silent, as the gates are before training."""
    torch.manual_seed(0)
    model = LinGen(tiny_recipe.bundle.model)
    with torch.no_grad():
        for parameter in model.parameters():
            if not parameter.any():
                parameter.normal_(std=0.05)
    return model


@pytest.fixture
def fake_text(tiny_recipe: Recipe) -> FakeText:
    """Embeddings of the right shape without the pretrained encoder."""
    return FakeText(tiny_recipe.bundle.model.text_tokens)


@pytest.fixture
def plain_ctrl_c() -> Iterator[None]:
    """Python's own handling of SIGINT, which a test run in the background does not begin with."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
