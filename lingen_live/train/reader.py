"""Train the text reader: captions with known attributes, without a single frame.

Slot i learns to hold attribute i of `VALUES`: a linear head reads from it which value the words fix, or that they
say nothing of it (`PromptFields`). Spare slots are left to the denoiser. The senses, which the denoiser sees in place
of slots, begin as means of slots.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from random import Random

import torch
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from lingen_live.config import ModelConfig
from lingen_live.errors import CheckpointError, ConfigError
from lingen_live.model.embed import PromptFields, TextReader
from lingen_live.model.lingen import LinGen
from lingen_live.text import TEXT_WIDTH, TextEmbedding, TextEncoder
from lingen_live.train.codec import fill_matching, read_weights, save_weights
from lingen_live.train.config import ReaderTraining, Recipe
from lingen_live.train.loop import Trainer
from lingen_live.train.parallel import current_ranks
from lingen_live.world.attributes import VALUES
from lingen_live.world.captions import Caption, Split, describe, instruct, sample_change, sample_scene
from lingen_live.world.typed import type_prompt

_HELD_OUT_CAPTIONS = 500
_ENCODE_BATCH = 256
_TYPED_PART = 0.6


class SupervisedReader(nn.Module):
    """A reader with the fields of its first slots, one for each attribute of `VALUES`."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        wanted = tuple(len(words) for words in VALUES.values())
        if config.text_fields != wanted:
            raise ConfigError(f"text_fields is {config.text_fields}; the attributes of the world have {wanted} values.")
        self.reader = TextReader(config)
        self.fields = PromptFields(config)

    def forward(self, tokens: Tensor, mask: Tensor, pooled: Tensor) -> list[Tensor]:
        """Logits (B, n_values + 1) of every attribute; the last class is "not said"."""
        return self.fields.logits(self.reader(tokens, mask, pooled))

    @torch.no_grad()
    def settle_senses(self, embedded: TextEmbedding, truth: Tensor) -> None:
        """Make every sense the mean slot of the captions that say it (or do not)."""
        device = self.reader.absent.device
        slots = torch.cat(
            [
                self.reader(tokens.float().to(device), mask.to(device), pooled.float().to(device))
                for tokens, mask, pooled in zip(
                    embedded.tokens.split(_ENCODE_BATCH),
                    embedded.mask.split(_ENCODE_BATCH),
                    embedded.pooled.split(_ENCODE_BATCH),
                    strict=True,
                )
            ]
        )
        for index, sense in enumerate(self.fields.senses):
            for value in range(len(sense)):
                rows = truth[:, index] == value
                if rows.any():
                    mean = slots[rows.to(device), index].mean(0)
                    sense[value] = functional.layer_norm(mean, mean.shape)


def draw_caption(rng: Random, split: Split) -> Caption:
    """A description or, two times in five, an instruction; in training most are prompts as people type them."""
    scene = sample_scene(rng, split="train")
    if split == "train" and rng.random() < _TYPED_PART:
        return type_prompt(scene, sample_change(scene, rng), rng)
    if rng.random() < 0.6:
        return describe(scene, rng, split=split)
    return instruct(scene, sample_change(scene, rng), rng, split=split)


def caption_labels(captions: list[Caption]) -> Tensor:
    """(n, n_attributes) class indices; n_values of an attribute where the words do not fix it."""
    rows = []
    for caption in captions:
        words = dict(zip(VALUES, caption.target.indices(), strict=True))
        rows.append([words[name] if name in caption.mentions else len(VALUES[name]) for name in VALUES])
    return torch.tensor(rows)


def embed_captions(text: TextEncoder, captions: list[Caption]) -> TextEmbedding:
    """All captions as one embedding with a batch axis; tokens in float16 to save memory."""
    parts: list[TextEmbedding] = []
    for first in tqdm(
        range(0, len(captions), _ENCODE_BATCH), desc="embedding captions", disable=not current_ranks().is_first
    ):
        batch = text.encode_batch([caption.text for caption in captions[first : first + _ENCODE_BATCH]])
        parts.append(
            TextEmbedding(
                torch.stack([e.tokens for e in batch]).half(),
                torch.stack([e.mask for e in batch]),
                torch.stack([e.pooled for e in batch]),
            )
        )
    return TextEmbedding(
        torch.cat([p.tokens for p in parts]),
        torch.cat([p.mask for p in parts]),
        torch.cat([p.pooled for p in parts]),
    )


def blur_words(
    tokens: Tensor, mask: Tensor, pooled: Tensor, deviation: float, section: ReaderTraining
) -> tuple[Tensor, Tensor, Tensor]:
    """Noise, from none to `word_noise` deviations a caption, and words and sentence vectors left out at random.

    Without it the reader learns the training vocabulary by heart and takes an unknown synonym for silence. Half of
    all captions have less than a quarter of that noise, and half keep all words: noise hides whose a colour is before
    it hides the colour. Vectors of single words have half of the noise, for what is like them is near them; and
    some captions have nothing but them, so that much is learnt of them although the states say it as well.
    """
    n = len(tokens)
    strength = section.word_noise * torch.rand(n, 1, 1).square()
    scale = torch.where(torch.arange(tokens.shape[-1]) < TEXT_WIDTH, 1.0, 0.5)
    tokens = tokens + strength * deviation * scale * torch.randn_like(tokens)
    pooled = pooled + strength[:, 0] * pooled.std() * torch.randn_like(pooled)
    dropout = section.word_dropout * torch.randint(0, 2, (n, 1))
    kept = mask & (torch.rand(mask.shape) >= dropout)
    pooled = pooled * (torch.rand(n, 1) >= section.pooled_dropout)
    if tokens.shape[-1] > TEXT_WIDTH:
        bare = torch.rand(n) < section.state_dropout
        tokens[bare, :, :TEXT_WIDTH] = 0.0
        pooled[bare, :TEXT_WIDTH] = 0.0
    return tokens, kept, pooled


def begin_reader(config: ModelConfig, init: Path | None) -> SupervisedReader:
    """A reader to be trained: random, or with the weights of another one."""
    module = SupervisedReader(config)
    if init is not None:
        fill_matching(module, widened(read_weights(init), config.text_width))
    return module


def train_reader(
    recipe: Recipe, text: TextEncoder, folder: Path, device: str, init: Path | None = None
) -> dict[str, float]:
    """Train or resume; leaves `reader.safetensors` in the folder.

    Args:
        recipe: shapes and schedule.
        text: embeds captions.
        folder: of the run.
        device: cpu or cuda.
        init: weights of a reader to begin from; it may be of narrower token states.

    Returns:
        The accuracy on held-out words, by attribute.

    Raises:
        CheckpointError: `init` is no safetensors file.
    """
    torch.manual_seed(0)
    section = recipe.reader
    module = begin_reader(recipe.bundle.model, init).to(device)
    rng = Random(7)
    captions = [draw_caption(rng, "train") for _ in range(section.n_captions)]
    embedded, truth = embed_captions(text, captions), caption_labels(captions)

    deviation = embedded.tokens[embedded.mask].float().std().item()

    def loss(generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        rows = torch.randint(len(captions), (section.batch,), generator=generator)
        tokens, mask, pooled = blur_words(
            embedded.tokens[rows].float(), embedded.mask[rows], embedded.pooled[rows], deviation, section
        )
        logits = module(tokens.to(device), mask.to(device), pooled.to(device))
        labels = truth[rows].to(device)
        losses = [functional.cross_entropy(logit, labels[:, i]) for i, logit in enumerate(logits)]
        by_name = {name: value.item() for name, value in zip(VALUES, losses, strict=True)}
        return torch.stack(losses).sum(), by_name

    trainer = Trainer(module, loss, section, folder / "reader")

    def export() -> None:
        module_ema = SupervisedReader(recipe.bundle.model)
        module_ema.load_state_dict(trainer.ema)
        module_ema.settle_senses(embedded, truth)
        save_weights(module_ema, folder / "reader.safetensors")

    trainer.run(export)
    module.load_state_dict(trainer.ema)
    return reader_accuracy(module, text, device)


@torch.no_grad()
def reader_accuracy(module: SupervisedReader, text: TextEncoder, device: str) -> dict[str, float]:
    """Share of held-out captions whose every attribute is read as meant ("not said" included), by attribute."""
    rng = Random(8)
    captions = [draw_caption(rng, "held_out") for _ in range(_HELD_OUT_CAPTIONS)]
    embedded, truth = embed_captions(text, captions), caption_labels(captions)
    logits = module(embedded.tokens.float().to(device), embedded.mask.to(device), embedded.pooled.to(device))
    return {name: (logits[i].argmax(1).cpu() == truth[:, i]).float().mean().item() for i, name in enumerate(VALUES)}


def widened(held: Mapping[str, Tensor], text_width: int) -> dict[str, Tensor]:
    """Weights that were trained on narrower token states, for wider ones; what is added says nothing to them yet."""
    return {
        name: functional.pad(value, (0, max(0, text_width - value.shape[-1])))
        if name.split(".")[-2:] == ["token", "weight"]
        else value
        for name, value in held.items()
    }


def put_reader(model: LinGen, path: Path) -> None:
    """Have a model read with another reader and its heads. Its senses stay: they are what its denoiser was trained on.

    Args:
        model: of any training.
        path: a `reader.safetensors`.

    Raises:
        CheckpointError: the file is no safetensors file, or not a reader of this model's shape.
    """
    held = read_weights(path)
    own = model.text.state_dict()
    wanted = {name for name in own if name.startswith(("reader.", "fields.heads."))}
    for name in sorted(wanted):
        if name not in held or held[name].shape != own[name].shape:
            got = list(held[name].shape) if name in held else "missing"
            raise CheckpointError(f"{path} is no reader for this model: {name} is {got}, not {list(own[name].shape)}.")
    model.text.load_state_dict(own | {name: held[name].float() for name in wanted})
