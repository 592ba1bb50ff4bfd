"""Vectors of words: what is there, what is not, and where they stand beside token states."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from caption_words import all_words
from torch.nn import functional

from lingen_live.errors import TextEncoderError
from lingen_live.text import TEXT_WIDTH, WIDTH_WITH_WORDS, TextEncoder
from lingen_live.train.colour_names import colours_of_words, memberships, oklab, read_names
from lingen_live.train.vocabulary import compress, read_vectors, write_vocabulary
from lingen_live.vocabulary import (
    COLOUR_SCALE,
    COLOUR_WIDTH,
    DEVIATION,
    VECTOR_WIDTH,
    VOCABULARY,
    WORD_WIDTH,
    Vocabulary,
)
from lingen_live.world.attributes import VALUES
from lingen_live.world.colour_words import COLOUR_WORDS


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return Vocabulary()


@pytest.fixture(scope="module")
def encoder() -> TextEncoder:
    return TextEncoder(max_tokens=12, width=WIDTH_WITH_WORDS)


def test_words_that_are_used_alike_lie_together(vocabulary: Vocabulary) -> None:
    jade, emerald, rain, drizzle = vocabulary.look_up(["jade", "emerald", "Rain", "drizzle"])[:, :VECTOR_WIDTH]
    assert len(vocabulary) > 90_000
    assert functional.cosine_similarity(jade, emerald, dim=0) > 0.4
    assert functional.cosine_similarity(rain, drizzle, dim=0) > 0.4
    assert abs(functional.cosine_similarity(jade, rain, dim=0)) < 0.3


def test_every_vector_is_of_one_length_and_unknown_words_have_none(vocabulary: Vocabulary) -> None:
    found = vocabulary.look_up(["sea", "xyzzyx", "", "green"])
    assert found.shape == (4, WORD_WIDTH)
    lengths = DEVIATION * VECTOR_WIDTH**0.5 * torch.tensor([1.0, 0.0, 0.0, 1.0])
    torch.testing.assert_close(found[:, :VECTOR_WIDTH].norm(dim=-1), lengths)
    assert not found[1:3].any()
    assert vocabulary.look_up([]).shape == (0, WORD_WIDTH)


def test_words_have_the_colours_of_their_names(vocabulary: Vocabulary) -> None:
    """Twelve hues from red on, then black, grey and white, then how well it is known."""
    words = ["scarlet", "Jade", "cobalt", "ivory", "ebony", "xyzzyx"]
    colours = vocabulary.look_up(words)[:, VECTOR_WIDTH:] / COLOUR_SCALE
    assert colours.shape == (6, COLOUR_WIDTH)
    assert colours[:, :-1].argmax(1).tolist()[:5] == [1, 6, 9, 14, 12]
    torch.testing.assert_close(colours[:5, :-1].sum(1), torch.ones(5), atol=0.02, rtol=0)
    assert colours[:5, -1].min() > 0.5
    assert not colours[5].any()


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
    with pytest.raises(TextEncoderError, match="width is 400; this encoder makes 384 or 500 a token"):
        TextEncoder(max_tokens=12, width=400)


def test_only_the_pinned_file_is_read(tmp_path: Path) -> None:
    with pytest.raises(TextEncoderError, match=r"There is no vocabulary at .*missing"):
        Vocabulary(tmp_path / "missing")
    other = tmp_path / "other.safetensors"
    shutil.copyfile(VOCABULARY, other)
    other.write_bytes(other.read_bytes()[:-1] + b"\0")
    with pytest.raises(TextEncoderError, match=r"only [0-9a-f]{64} is accepted"):
        Vocabulary(other)


def test_it_is_made_of_public_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, names = tmp_path / "vectors.json", tmp_path / "names.json"
    numbers = np.random.default_rng(0).normal(size=(4, VECTOR_WIDTH + 2)).round(3).tolist()
    text = ", ".join(f'"{word}": {row}' for word, row in zip(("sea", "7th", "jade", "café"), numbers, strict=True))
    source.write_text(f'{{"vectors": {{{text}}}}}', encoding="utf-8")
    words, vectors = read_vectors(source)
    assert words == ["sea", "jade"]
    names.write_text('[{"name": "Jade", "hex": "#00a86b"}, {"name": "Deep Sea Moss", "hex": "#123456"}]')
    colours = colours_of_words(read_names(names))
    assert list(colours) == ["jade"]  # a name of three words is too little to go by
    write_vocabulary(words, compress(vectors), colours, tmp_path / "made.safetensors")
    monkeypatch.setattr("lingen_live.vocabulary.sha256_of", lambda path: "as it should be")
    monkeypatch.setattr("lingen_live.vocabulary.VOCABULARY_SHA256", "as it should be")
    made = Vocabulary(tmp_path / "made.safetensors").look_up(["sea", "jade"])
    centred = torch.tensor(vectors - vectors.mean(0))
    assert functional.cosine_similarity(made[:, :VECTOR_WIDTH], centred).min() > 0.999
    assert not made[0, VECTOR_WIDTH:].any()
    assert made[1, VECTOR_WIDTH:].argmax() == 5


@pytest.mark.parametrize(
    ("colour", "expected"),
    [("#ff0000", 1), ("#ffff00", 4), ("#00ff00", 5), ("#0000ff", 9), ("#000000", 12), ("#666666", 13), ("#ffffff", 14)],
)
def test_a_colour_is_mostly_one_of_hues_and_greys(colour: str, expected: int) -> None:
    shares = memberships(colour)
    assert shares.sum() == pytest.approx(1.0)
    assert shares.argmax() == expected


def test_oklab_is_as_published() -> None:
    """White has lightness 1 and no chroma; the primaries of sRGB as in tables of the colour space."""
    assert oklab("#ffffff") == pytest.approx((1.0, 0.0, oklab("#ffffff")[2]), abs=1e-4)
    lightness, chroma, hue = oklab("#ff0000")
    assert (lightness, chroma, hue * 360) == pytest.approx((0.628, 0.2577, 29.23), abs=2e-2)
    lightness, chroma, hue = oklab("#0000ff")
    assert (lightness, chroma, hue * 360) == pytest.approx((0.452, 0.3132, 264.05), abs=2e-2)


def test_words_that_stand_for_colours_have_them_here_and_no_other_meaning(vocabulary: Vocabulary) -> None:
    """The reader learns from them to look where unknown colours are told."""
    words = [(colour, word) for colour, row in COLOUR_WORDS.items() for word in row]
    assert list(COLOUR_WORDS) == list(VALUES["colour"])
    assert len({word for _, word in words}) == len(words) > 400
    elsewhere = {
        word for entry in all_words() for p in (*entry.train, *entry.held_out) for word in re.findall("[a-z]+", p)
    }
    assert not elsewhere & {word for _, word in words}
    found = vocabulary.look_up(word for _, word in words)[:, VECTOR_WIDTH:]
    assert (found[:, -1] > 0).all()
    mean = {
        colour: found[[i for i, (of, _) in enumerate(words) if of == colour], :-1].mean(0) for colour in COLOUR_WORDS
    }
    assert {colour: int(mean[colour].argmax()) for colour in ("red", "yellow", "green", "blue", "white", "black")} == {
        "red": 1,
        "yellow": 3,
        "green": 5,
        "blue": 8,
        "white": 14,
        "black": 12,
    }
