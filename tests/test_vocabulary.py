"""Vectors of words: what is there, what is not, and where they stand beside token states."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from lingen_live.errors import TextEncoderError
from lingen_live.text import TEXT_WIDTH, WIDTH_WITH_WORDS, TextEncoder
from lingen_live.train.vocabulary import compress, read_vectors, write_vocabulary
from lingen_live.vocabulary import DEVIATION, VOCABULARY, WORD_WIDTH, Vocabulary


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return Vocabulary()


@pytest.fixture(scope="module")
def encoder() -> TextEncoder:
    return TextEncoder(max_tokens=12, width=WIDTH_WITH_WORDS)


def test_words_that_are_used_alike_lie_together(vocabulary: Vocabulary) -> None:
    jade, emerald, rain, drizzle = vocabulary.look_up(["jade", "emerald", "Rain", "drizzle"])
    assert len(vocabulary) > 90_000
    assert functional.cosine_similarity(jade, emerald, dim=0) > 0.4
    assert functional.cosine_similarity(rain, drizzle, dim=0) > 0.4
    assert abs(functional.cosine_similarity(jade, rain, dim=0)) < 0.3


def test_every_vector_is_of_one_length_and_unknown_words_have_none(vocabulary: Vocabulary) -> None:
    found = vocabulary.look_up(["sea", "xyzzyx", "", "green"])
    assert found.shape == (4, WORD_WIDTH)
    lengths = DEVIATION * WORD_WIDTH**0.5 * torch.tensor([1.0, 0.0, 0.0, 1.0])
    torch.testing.assert_close(found.norm(dim=-1), lengths)
    assert vocabulary.look_up([]).shape == (0, WORD_WIDTH)


def test_they_stand_beside_the_states_of_all_tokens_of_a_word(encoder: TextEncoder, vocabulary: Vocabulary) -> None:
    prompt = "Cerulean birds, at dusk"
    alone, both = TextEncoder(max_tokens=12).encode(prompt), encoder.encode(prompt)
    assert both.tokens.shape == (12, WIDTH_WITH_WORDS)
    assert torch.equal(both.tokens[:, :TEXT_WIDTH], alone.tokens)
    assert torch.equal(both.mask, alone.mask)
    tokens = encoder._tokenizer.convert_ids_to_tokens(encoder._tokenizer(prompt)["input_ids"])
    n_parts = next(n for n, token in enumerate(tokens[2:], 1) if not token.startswith("##"))
    assert n_parts > 1  # a rare word is several tokens
    words = ["", *["cerulean"] * n_parts, "birds", "", "at", "dusk", ""]
    torch.testing.assert_close(both.tokens[: len(words), TEXT_WIDTH:], vocabulary.look_up(words))
    assert not both.tokens[len(words) :].any()
    assert float(both.pooled.norm()) == pytest.approx(1.0)
    assert encoder.encode_batch([prompt])[0].tokens.shape == both.tokens.shape


def test_only_two_widths_can_be_made() -> None:
    with pytest.raises(TextEncoderError, match="width is 400; this encoder makes 384 or 484 a token"):
        TextEncoder(max_tokens=12, width=400)


def test_only_the_pinned_file_is_read(tmp_path: Path) -> None:
    with pytest.raises(TextEncoderError, match=r"There is no vocabulary at .*missing"):
        Vocabulary(tmp_path / "missing")
    other = tmp_path / "other.safetensors"
    shutil.copyfile(VOCABULARY, other)
    other.write_bytes(other.read_bytes()[:-1] + b"\0")
    with pytest.raises(TextEncoderError, match=r"only [0-9a-f]{64} is accepted"):
        Vocabulary(other)


def test_it_is_made_of_public_vectors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "vectors.json"
    numbers = np.random.default_rng(0).normal(size=(4, WORD_WIDTH + 2)).round(3).tolist()
    text = ", ".join(f'"{word}": {row}' for word, row in zip(("sea", "7th", "jade", "café"), numbers, strict=True))
    source.write_text(f'{{"vectors": {{{text}}}}}', encoding="utf-8")
    words, vectors = read_vectors(source)
    assert words == ["sea", "jade"]
    write_vocabulary(words, compress(vectors), tmp_path / "made.safetensors")
    monkeypatch.setattr("lingen_live.vocabulary.sha256_of", lambda path: "as it should be")
    monkeypatch.setattr("lingen_live.vocabulary.VOCABULARY_SHA256", "as it should be")
    made = Vocabulary(tmp_path / "made.safetensors").look_up(["sea", "jade"])
    centred = torch.tensor(vectors - vectors.mean(0))
    assert functional.cosine_similarity(made, centred).min() > 0.999
