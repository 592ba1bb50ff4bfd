"""The text reader: what its labels say, how words are blurred for it, and that it learns to read."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from random import Random

import pytest
import torch
from fake_text import FakeText
from safetensors.torch import load_file
from torch.nn import functional

from lingen_live.errors import ConfigError
from lingen_live.model.embed import TextProjection
from lingen_live.text import TEXT_WIDTH, WIDTH_WITH_WORDS, TextEmbedding
from lingen_live.train import reader
from lingen_live.train.codec import save_weights
from lingen_live.train.config import Recipe
from lingen_live.train.reader import (
    SupervisedReader,
    begin_reader,
    blur_words,
    caption_labels,
    draw_caption,
    train_reader,
    widened,
)
from lingen_live.world.attributes import VALUES, Attributes
from lingen_live.world.captions import Caption

SCENE = Attributes("desert", "night", "fog", "birds", "blue", "left", "fast")


class WordText(FakeText):
    """One state a word, whatever stands beside it, so that there is something to learn."""

    def encode(self, prompt: str) -> TextEmbedding:
        words = [FakeText.encode(self, word).tokens[0] for word in prompt.lower().split()[: self.max_tokens]]
        tokens = torch.zeros(self.max_tokens, TEXT_WIDTH)
        tokens[: len(words)] = torch.stack(words)
        mask = torch.arange(self.max_tokens) < len(words)
        return TextEmbedding(tokens, mask, torch.nn.functional.normalize(tokens.sum(0), dim=0))


def test_labels_are_the_values_said_and_silence_elsewhere() -> None:
    captions = [Caption("night over dunes", frozenset({"time", "biome"}), SCENE), Caption("faster", frozenset(), SCENE)]
    said, silent = caption_labels(captions).tolist()
    for index, (name, values) in enumerate(VALUES.items()):
        is_said = name in {"time", "biome"}
        assert said[index] == (values.index(getattr(SCENE, name)) if is_said else len(values))
        assert silent[index] == len(values)


def test_captions_of_the_two_splits_share_no_text() -> None:
    """Drawn with the same seeds: only the split makes them differ."""
    texts = [{draw_caption(Random(seed), split).text for seed in range(300)} for split in ("train", "held_out")]
    assert texts[0].isdisjoint(texts[1])


def test_blur_only_does_what_it_is_told(tiny_recipe: Recipe) -> None:
    torch.manual_seed(0)
    tokens, pooled = torch.randn(200, 6, 8), torch.randn(200, 8)
    mask = torch.ones(200, 6, dtype=torch.bool)
    none = dataclasses.replace(tiny_recipe.reader, word_noise=0.0, word_dropout=0.0, pooled_dropout=0.0)

    same = blur_words(tokens, mask, pooled, 1.0, none)
    assert all(torch.equal(new, old) for new, old in zip(same, (tokens, mask, pooled), strict=True))

    some = dataclasses.replace(none, word_dropout=0.25, pooled_dropout=0.5)
    _, kept, sentences = blur_words(tokens, mask, pooled, 1.0, some)
    assert kept.float().mean().item() == pytest.approx(0.875, abs=0.05)  # every second caption keeps all words
    assert (sentences == 0).all(1).float().mean().item() == pytest.approx(0.5, abs=0.1)

    noisy, _, _ = blur_words(tokens, mask, pooled, 0.5, dataclasses.replace(none, word_noise=2.0))
    by_caption = (noisy - tokens).flatten(1).std(1)  # from none to word_noise deviations
    assert by_caption.max() < 1.2
    assert by_caption.min() < 0.1


def test_some_captions_have_nothing_but_the_vectors_of_their_words(tiny_recipe: Recipe) -> None:
    torch.manual_seed(0)
    tokens, pooled = torch.randn(400, 6, WIDTH_WITH_WORDS), torch.randn(400, WIDTH_WITH_WORDS)
    mask = torch.ones(400, 6, dtype=torch.bool)
    plan = dataclasses.replace(
        tiny_recipe.reader, word_noise=2.0, word_dropout=0.0, pooled_dropout=0.0, state_dropout=0.25
    )
    noisy, _, sentences = blur_words(tokens, mask, pooled, 1.0, plan)
    bare = (noisy[..., :TEXT_WIDTH] == 0).flatten(1).all(1)
    assert torch.equal(bare, (sentences[:, :TEXT_WIDTH] == 0).all(1))
    assert bare.float().mean().item() == pytest.approx(0.25, abs=0.07)
    assert (sentences[bare, TEXT_WIDTH:] != 0).all()
    noise = (noisy - tokens)[~bare]
    assert noise[..., TEXT_WIDTH:].std() < 0.6 * noise[..., :TEXT_WIDTH].std()


def test_a_reader_begins_with_one_of_narrower_tokens(tiny_recipe: Recipe, tmp_path: Path) -> None:
    narrow = tiny_recipe.bundle.model
    wide = dataclasses.replace(narrow, text_width=narrow.text_width + 10)
    old = SupervisedReader(narrow)
    save_weights(old, tmp_path / "reader.safetensors")
    new = begin_reader(wide, tmp_path / "reader.safetensors")
    tokens, mask = torch.randn(3, narrow.text_tokens, narrow.text_width), torch.ones(3, narrow.text_tokens).bool()
    more, none = torch.randn(3, narrow.text_tokens, 10), torch.zeros(3, wide.text_width)
    was = old(tokens, mask, none[:, : narrow.text_width])
    torch.testing.assert_close(new(torch.cat((tokens, more), -1), mask, none), was)


def test_weights_of_narrower_tokens_do_the_same_with_wider_ones(tiny_recipe: Recipe) -> None:
    narrow = tiny_recipe.bundle.model
    wide = dataclasses.replace(narrow, text_width=narrow.text_width + 10)
    old, new = TextProjection(narrow), TextProjection(wide)
    new.load_state_dict(widened(old.state_dict(), wide.text_width))
    tokens, mask = torch.randn(2, narrow.text_tokens, narrow.text_width), torch.ones(2, narrow.text_tokens).bool()
    pooled, reading = torch.zeros(2, narrow.text_width), old.read(tokens, mask, torch.zeros(2, narrow.text_width))
    more = torch.randn(2, narrow.text_tokens, 10)
    torch.testing.assert_close(
        new(torch.cat((tokens, more), -1), mask, functional.pad(pooled, (0, 10)), reading).pooled,
        old(tokens, mask, pooled, reading).pooled,
    )


def test_it_learns_to_read_and_leaves_a_reader(
    tiny_recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "_HELD_OUT_CAPTIONS", 40)
    section = dataclasses.replace(
        tiny_recipe.reader, n_steps=60, batch=32, n_captions=64, learning_rate=3e-3, warmup_steps=5, word_noise=0.3
    )
    recipe = dataclasses.replace(tiny_recipe, reader=section)
    text = WordText(recipe.bundle.model.text_tokens)
    accuracy = train_reader(recipe, text, tmp_path, "cpu")
    assert accuracy.keys() == VALUES.keys()
    log = [line for line in (tmp_path / "reader" / "log.jsonl").read_text(encoding="utf-8").splitlines() if line]
    assert float(log[-1].split('"loss": ')[1].split(",")[0]) < 0.6 * float(log[0].split('"loss": ')[1].split(",")[0])
    trained = SupervisedReader(recipe.bundle.model)
    trained.load_state_dict(load_file(tmp_path / "reader.safetensors"))
    # The senses are those of its own slots: read again, each is taken for the value that it stands for.
    names = ("biome", "time")
    for index, name in enumerate(names):
        sense = trained.fields.senses[index].detach()
        assert sense.std(dim=1, correction=0) == pytest.approx(1, abs=1e-3), name
        assert len(set(trained.fields.heads[index](sense).argmax(1).tolist())) > 1


def test_other_fields_than_the_world_has_are_refused(tiny_recipe: Recipe) -> None:
    model = dataclasses.replace(tiny_recipe.bundle.model, text_fields=(5, 4))
    with pytest.raises(ConfigError, match=r"text_fields is \(5, 4\); the attributes of the world have \(5, 4, 5, 5,"):
        SupervisedReader(model)
