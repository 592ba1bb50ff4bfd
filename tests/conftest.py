"""What every test shares: one compute thread, a tiny bundle of random weights, and who may be skipped."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from compiling import Compiling, begin_compiling
from fake_text import FakeText

from lingen_live.checkpoint import Bundle, load_bundle, save_bundle
from lingen_live.codec.autoencoder import VideoCodec
from lingen_live.config import BundleConfig, CodecConfig, ModelConfig, PromptField, SamplerConfig, VideoConfig
from lingen_live.engine.compile_child import find_compiler
from lingen_live.engine.engine import Engine
from lingen_live.model.lingen import LinGen

MakeEngine = Callable[..., Engine]

if not torch.cuda.is_available():
    # Before anything imports Triton, which reads it once: without a GPU its kernels run in its interpreter.
    os.environ.setdefault("TRITON_INTERPRET", "1")


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """As the engine runs: results do not depend on the cores of the machine, and barriers cannot stall."""
    torch.set_num_threads(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests marked `gpu` are skipped where there is no GPU."""
    if torch.cuda.is_available():
        return
    for item in items:
        if item.get_closest_marker("gpu"):
            item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """The Chromium on this machine; without one the test is skipped, or fails where browsers are required."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    if os.environ.get("LINGEN_REQUIRE_BROWSER") == "1":
        pytest.fail("LINGEN_REQUIRE_BROWSER is 1, but there is no Chromium")
    pytest.skip("needs Chromium")


@pytest.fixture(scope="session")
def tiny_config() -> BundleConfig:
    """The smallest bundle with every part: 32 x 32 px, 8 frames a chunk, a layer for each scan order."""
    return BundleConfig(
        name="tiny",
        video=VideoConfig(fps=16.0, height_px=32, width_px=32),
        codec=CodecConfig(
            frames_per_latent=4,
            latent_channels=8,
            encoder_mean_px=2,
            encoder_patch_px=2,
            encoder_widths=(8, 16),
            decoder_patch_px=2,
            decoder_widths=(8, 8, 16),
            n_blocks=1,
            parallax_width=8,
        ),
        model=ModelConfig(
            latent_channels=8,
            latent_height=4,
            latent_width=4,
            chunk_latent_frames=2,
            forecast_width=16,
            stem_width=16,
            width=32,
            n_layers=4,
            scan_orders=4,
            expand=2,
            headdim=16,
            d_state=8,
            d_conv=4,
            attn_headdim=16,
            tesa_window=2,
            tesa_past_frames=1,
            review_pool=2,
            review_slots=3,
            ffn_expand=2,
            text_width=384,
            text_tokens=16,
            text_slots=3,
            text_fields=(2, 3),
        ),
        sampler=SamplerConfig(n_steps=2, sigma_shift=1.0, state_keep=0.9, noise_scale=1.1, contrast=1.2),
        fields=(
            PromptField("light", ("day", "night"), ("day", "night"), 0.5),
            PromptField("pan", ("still", "left", "right"), ("still camera", "pan left", "pan right"), 0.0),
        ),
    )


@pytest.fixture(scope="session")
def tiny_bundle(tiny_config: BundleConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint directory of `tiny_config`, all weights random: no layer is silent as before training."""
    directory = tmp_path_factory.mktemp("tiny") / "bundle"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model, codec = LinGen(tiny_config.model), VideoCodec(tiny_config.codec)
        with torch.no_grad():
            for parameter in (*model.parameters(), *codec.parameters()):
                if not parameter.any():
                    parameter.normal_(std=0.02)
    save_bundle(directory, tiny_config, model, codec, dtype=torch.float32)
    return directory


@pytest.fixture
def bundle(tiny_bundle: Path) -> Bundle:
    """The tiny bundle, loaded anew: a test may do with it what it likes."""
    return load_bundle(tiny_bundle)


@pytest.fixture
def make_engine(bundle: Bundle) -> MakeEngine:
    """Make engines of one bundle; options as those of `Engine`."""

    def make(**options: object) -> Engine:
        given = {"seed": 7, "prompt": "a meadow", **options}
        return Engine(bundle, FakeText(bundle.config.model.text_tokens), **given)  # type: ignore[arg-type]

    return make


@pytest.fixture(scope="session", autouse=True)
def compiling(
    request: pytest.FixtureRequest, tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory
) -> Compiling | None:
    """Begun with the session: compiling takes a minute, at the lowest priority, so let it be beside other tests.

    None where `test_compiled.py` is not to run, or there is no compiler.
    """
    if find_compiler() is None or not any(item.path.name == "test_compiled.py" for item in request.session.items):
        return None
    return begin_compiling(load_bundle(tiny_bundle), tmp_path_factory.mktemp("cache"))
