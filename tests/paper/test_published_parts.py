"""Published parts, at tiny size with random weights: Wan's autoencoder as a stream, a UMT5 encoder from its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from lingen_live.errors import CheckpointError, TextEncoderError
from lingen_live.paper.configs import TOY
from lingen_live.paper.prompt_encoder import load_prompt_encoder
from lingen_live.paper.stream_build import StreamOptions, build_stream
from lingen_live.paper.video_vae import PATCH, load_wan_decoder

WORDS = ["<pad>", "</s>", "<unk>", "a", "red", "balloon", "over", "dunes"]


@pytest.fixture(scope="module")
def vae_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    diffusers = pytest.importorskip("diffusers", reason="diffusers is not installed")
    torch.manual_seed(0)
    statistics = {"latents_mean": [0.1, -0.2], "latents_std": [1.5, 0.7]}
    vae = diffusers.AutoencoderKLWan(base_dim=8, z_dim=2, dim_mult=[1, 1, 1, 1], num_res_blocks=1, **statistics)
    folder = tmp_path_factory.mktemp("vae")
    vae.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def encoder_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import tokenizers
    import transformers

    folder = tmp_path_factory.mktemp("umt5")
    torch.manual_seed(0)
    shape: dict[str, Any] = {"d_model": 24, "d_kv": 8, "d_ff": 16, "num_layers": 2, "num_heads": 2}
    transformers.UMT5EncoderModel(transformers.UMT5Config(vocab_size=8, **shape)).save_pretrained(folder)
    vocabulary = {word: index for index, word in enumerate(WORDS)}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>").save_pretrained(folder)
    return folder


def clip(n_latent_frames: int) -> Tensor:
    """(1, T, 2 x 2 x 2 channels, 2, 2)."""
    shape = (1, n_latent_frames, 2 * PATCH**2, 2, 2)
    return torch.randn(shape, generator=torch.Generator().manual_seed(3))


def test_chunk_by_chunk_it_decodes_what_the_published_code_decodes_at_once(vae_folder: Path) -> None:
    """The stream begins after two latent frames of zeros, which make 1 and 4 frames there."""
    decoder = load_wan_decoder(vae_folder, 2, 2, "cpu", torch.float32)
    latents = clip(6)
    before = latents[:, 0]
    streamed = torch.cat([decoder(chunk, before) for chunk in latents.split(2, dim=1)], dim=1)
    assert streamed.shape == (1, 24, 32, 32, 3)
    assert streamed.dtype == torch.uint8
    vae = decoder._vae
    whole = functional.pixel_shuffle(torch.cat((torch.zeros(1, 2, 8, 2, 2), latents), 1)[0], PATCH).transpose(0, 1)[
        None
    ]
    std, mean = torch.tensor([1.5, 0.7]), torch.tensor([0.1, -0.2])
    with torch.no_grad():
        frames = vae.decode(whole * std.view(1, -1, 1, 1, 1) + mean.view(1, -1, 1, 1, 1)).sample[:, :, 5:]
    expected = ((frames + 1) * 127.5).round().permute(0, 2, 3, 4, 1)
    assert expected.float().std() > 1
    assert (streamed.float() - expected).abs().max() <= 1


def test_its_memory_stays_where_it_is_and_can_be_forgotten(vae_folder: Path) -> None:
    decoder = load_wan_decoder(vae_folder, 2, 2, "cpu", torch.float32)
    addresses = [kept.data_ptr() for kept in decoder._past if kept is not None]
    chunk = clip(2)
    first, second = (decoder(chunk, chunk[:, 0]) for _ in range(2))
    assert not torch.equal(first, second)
    decoder.reset()
    assert torch.equal(decoder(chunk, chunk[:, 0]), first)
    assert [kept.data_ptr() for kept in decoder._past if kept is not None] == addresses


def test_latents_of_another_autoencoder_are_refused(vae_folder: Path) -> None:
    decoder = load_wan_decoder(vae_folder, 2, 2, "cpu", torch.float32)
    with pytest.raises(ValueError, match="latents of 64 channels, the autoencoder takes 8"):
        decoder(torch.zeros(1, 2, 64, 2, 2), torch.zeros(1, 64, 2, 2))


def test_folders_without_an_autoencoder_are_refused(tmp_path: Path) -> None:
    pytest.importorskip("diffusers", reason="diffusers is not installed")
    with pytest.raises(CheckpointError, match="holds no autoencoder of this kind"):
        load_wan_decoder(tmp_path, 2, 2, "cpu", torch.float32)


def test_without_the_package_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "diffusers", None)
    with pytest.raises(CheckpointError, match=r"needs the package diffusers: pip install 'lingen-live\[paper\]'"):
        load_wan_decoder(tmp_path, 2, 2, "cpu", torch.float32)


def test_a_prompt_is_the_states_of_its_words(encoder_folder: Path) -> None:
    encode = load_prompt_encoder(encoder_folder, max_tokens=6, device="cpu", dtype=torch.float32)
    short, padded = encode("a red balloon"), encode("a red balloon over dunes")
    assert short.tokens.shape == (6, 24)
    assert short.mask.tolist() == [True, True, True, False, False, False]
    assert not short.tokens[3:].any()
    assert short.pooled.norm().item() == pytest.approx(1.0, abs=1e-5)
    assert torch.nn.functional.cosine_similarity(short.tokens[:3].mean(0), short.pooled, 0) == pytest.approx(1.0)
    assert padded.mask.sum() == 5
    assert not torch.allclose(short.tokens[:3], padded.tokens[:3])
    alone = load_prompt_encoder(encoder_folder, max_tokens=3, device="cpu", dtype=torch.float32)("a red balloon")
    assert torch.allclose(short.tokens[:3], alone.tokens, atol=1e-5)  # padding is not looked at


def test_a_longer_prompt_is_cut(encoder_folder: Path) -> None:
    encode = load_prompt_encoder(encoder_folder, max_tokens=2, device="cpu", dtype=torch.float32)
    assert encode("a red balloon over dunes").mask.tolist() == [True, True]


def test_a_folder_without_an_encoder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TextEncoderError, match="holds no text encoder that can be read"):
        load_prompt_encoder(tmp_path, max_tokens=2, device="cpu", dtype=torch.float32)
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(TextEncoderError, match="a model of kind 'bert'; known are t5, umt5"):
        load_prompt_encoder(tmp_path, max_tokens=2, device="cpu", dtype=torch.float32)


def test_a_stream_runs_on_both(vae_folder: Path, encoder_folder: Path) -> None:
    """Toy latents have the 8 channels of this autoencoder; its 32 px patches make 64 x 64."""
    options = StreamOptions(
        name=TOY, device="cpu", dtype="float32", vae=vae_folder, text_encoder=encoder_folder, prompt="a red balloon"
    )
    built = build_stream(options)
    built.run.chunk()
    assert built.facts["decoder"] == "a published autoencoder"
    assert built.run.host_frames.shape == (1, 8, 64, 64, 3)
    assert built.run.host_frames.float().std() > 0
