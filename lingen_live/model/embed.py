"""Embeddings: noise level, position, and text as keys and values for every layer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from lingen_live.config import ModelConfig

_FREQUENCIES = 64


class SigmaEmbedding(nn.Module):
    """sigma (B,) in [0, 1] to (B, D): sines of sigma at frequencies 1 to 1000, then two linear layers."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(2 * _FREQUENCIES, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, sigma: Tensor) -> Tensor:
        """Embed the noise level; computed in float32 at least."""
        frequencies = torch.exp(torch.linspace(0, math.log(1000), _FREQUENCIES, device=sigma.device, dtype=sigma.dtype))
        angles = sigma[:, None] * frequencies
        dtype = cast(nn.Linear, self.layers[0]).weight.dtype
        return self.layers(torch.cat((angles.sin(), angles.cos()), dim=-1).to(dtype))


class PositionEmbedding(nn.Module):
    """Learned and factorised over time, height and width: one table an axis, summed to (1, L, D)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.time = nn.Parameter(torch.randn(config.chunk_latent_frames, 1, 1, config.width) * 0.02)
        self.row = nn.Parameter(torch.randn(config.latent_height, 1, config.width) * 0.02)
        self.column = nn.Parameter(torch.randn(config.latent_width, config.width) * 0.02)

    def forward(self) -> Tensor:
        """The table of a whole chunk."""
        return (self.time + self.row + self.column).flatten(0, 2).unsqueeze(0)


@dataclass(frozen=True, slots=True)
class TextContext:
    """A batch of prompts, ready for every layer: computed once a tick, not once a step.

    Attributes:
        keys, values: (n_layers, B, heads, text_slots + S, headdim); the slots are always there.
        mask: (B, 1, 1, text_slots + S) bool, True where there is a slot or a token.
        pooled: (B, D), added to the noise embedding.
    """

    keys: Tensor
    values: Tensor
    mask: Tensor
    pooled: Tensor

    @classmethod
    def stack(cls, contexts: Sequence[TextContext]) -> TextContext:
        """Several batches as one, in order."""
        return cls(
            torch.cat([one.keys for one in contexts], dim=1),
            torch.cat([one.values for one in contexts], dim=1),
            torch.cat([one.mask for one in contexts]),
            torch.cat([one.pooled for one in contexts]),
        )

    def rows(self, which: slice) -> TextContext:
        """Some of the batch."""
        return TextContext(self.keys[:, which], self.values[:, which], self.mask[which], self.pooled[which])

    def repeat(self, n: int) -> TextContext:
        """The batch n times over."""
        return TextContext(
            self.keys.repeat(1, n, 1, 1, 1),
            self.values.repeat(1, n, 1, 1, 1),
            self.mask.repeat(n, 1, 1, 1),
            self.pooled.repeat(n, 1),
        )


class TextReader(nn.Module):
    """A prompt of any length to a fixed number of slots that say what was asked.

    Learned queries attend to the frozen encoder's token states, twice. It is trained first and alone, on captions
    with known attributes (`lingen_live/train/reader.py`), and stays fixed while the denoiser learns: a few thousand
    sentences teach the words far sooner than video could.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width = config.width
        self.headdim = config.attn_headdim
        self.token = nn.Linear(config.text_width, width)
        self.absent = nn.Parameter(torch.randn(1, 1, width) * 0.02)
        self.slots = nn.Parameter(torch.randn(1, config.text_slots, width))
        self.layers = nn.ModuleList(
            nn.ModuleDict(
                {
                    "query": nn.Linear(width, width, bias=False),
                    "kv": nn.Linear(width, 2 * width, bias=False),
                    "out": nn.Linear(width, width, bias=False),
                    "ffn": nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)),
                }
            )
            for _ in range(2)
        )

    def forward(self, tokens: Tensor, mask: Tensor, pooled: Tensor) -> Tensor:
        """Read prompts; shapes as in `TextProjection.forward`. Returns (B, text_slots, D), layer-normalised."""
        batch = tokens.shape[0]
        # Unit vectors of 384 numbers are too faint beside token states.
        words = torch.cat((pooled.unsqueeze(1) * pooled.shape[-1] ** 0.5, tokens), dim=1)
        words = torch.cat((self.absent.expand(batch, -1, -1), self.token(words)), dim=1)
        words = functional.layer_norm(words, words.shape[-1:])
        present = functional.pad(mask, (2, 0), value=True)[:, None, None, :]
        slots = self.slots.expand(batch, -1, -1)
        for layer in self.layers:
            assert isinstance(layer, nn.ModuleDict)
            query = self._heads(layer["query"](functional.layer_norm(slots, slots.shape[-1:])))
            key, value = layer["kv"](words).chunk(2, dim=-1)
            read = functional.scaled_dot_product_attention(query, self._heads(key), self._heads(value), present)
            slots = slots + layer["out"](read.transpose(1, 2).flatten(2))
            slots = slots + layer["ffn"](functional.layer_norm(slots, slots.shape[-1:]))
        return functional.layer_norm(slots, slots.shape[-1:])

    def _heads(self, x: Tensor) -> Tensor:
        """(B, n, D) to (B, heads, n, headdim)."""
        return x.unflatten(-1, (-1, self.headdim)).transpose(1, 2)


class PromptFields(nn.Module):
    """What slots say, field by field, as probabilities; and slots that say it in the model's own words.

    A reading is (B, sum of n_values + 1): for each field the probabilities of its values, then that of "not said".
    Because the denoiser sees slots written from a reading and never the reader's own, a synonym that was read right
    looks to it like every word it was trained on; and what was said can be shown, kept, changed and blended.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.width = config.width
        self.sizes = [n_values + 1 for n_values in config.text_fields]
        self.heads = nn.ModuleList(nn.Linear(config.width, size) for size in self.sizes)
        self.senses = nn.ParameterList(torch.randn(size, config.width) for size in self.sizes)

    def logits(self, slots: Tensor) -> list[Tensor]:
        """Of every field (B, n_values + 1), from slots (B, text_slots, D) of the reader."""
        return [head(slots[:, index]) for index, head in enumerate(self.heads)]

    def read(self, slots: Tensor) -> Tensor:
        """The reading of slots (B, text_slots, D); twice as sure as the heads, which were trained on blurred words."""
        if not self.sizes:
            return slots.new_zeros(len(slots), 0)
        return torch.cat([torch.softmax(2 * logits.float(), -1) for logits in self.logits(slots)], dim=-1)

    def write(self, reading: Tensor, slots: Tensor, emphasis: Sequence[float] = ()) -> Tensor:
        """Slots (B, text_slots, D) whose first ones are mixed from the senses of a reading; the rest stay.

        Args:
            reading: (B, R).
            slots: the reader's own.
            emphasis: by how much of its distance to "not said" each field is moved on; none for as it was learned.
        """
        parts = reading.to(slots.dtype).split(self.sizes, dim=-1) if self.sizes else ()
        written = [part @ sense for part, sense in zip(parts, self.senses, strict=True)]
        if not written:
            return slots
        told = functional.layer_norm(torch.stack(written, dim=1), (self.width,))
        if any(emphasis):
            silent = functional.layer_norm(torch.stack([sense[-1] for sense in self.senses]), (self.width,))
            told = told + told.new_tensor(emphasis).unsqueeze(1) * (told - silent)
        return torch.cat((told, slots[:, len(written) :]), dim=1)


class TextProjection(nn.Module):
    """Slots and token states of a prompt to cross-attention keys and values of all layers."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.n_layers, self.headdim, self.n_slots = config.n_layers, config.attn_headdim, config.text_slots
        self.reader = TextReader(config)
        self.fields = PromptFields(config)
        self.token = nn.Linear(config.text_width, config.width)
        self.pooled = nn.Linear(config.text_slots * config.width, config.width)
        self.to_kv = nn.Linear(config.width, 2 * config.n_layers * config.width, bias=False)

    def read(self, tokens: Tensor, mask: Tensor, pooled: Tensor) -> Tensor:
        """What prompts say: a reading as in `PromptFields`; arguments as in `forward`."""
        return self.fields.read(self.reader(tokens, mask, pooled))

    def forward(
        self,
        tokens: Tensor,
        mask: Tensor,
        pooled: Tensor,
        reading: Tensor | None = None,
        emphasis: Sequence[float] = (),
    ) -> TextContext:
        """Project prompts.

        Args:
            tokens: (B, S, text_width).
            mask: (B, S) bool.
            pooled: (B, text_width), unit length, or zero for the null prompt.
            reading: what is asked for, as in `PromptFields`; None for what these prompts say by themselves.
            emphasis: as in `PromptFields.write`.
        """
        slots = self.reader(tokens, mask, pooled)
        slots = self.fields.write(self.fields.read(slots) if reading is None else reading, slots, emphasis)
        hidden = functional.layer_norm(self.token(tokens), (slots.shape[-1],))
        kv = self.to_kv(torch.cat((slots, hidden), dim=1)).unflatten(-1, (self.n_layers, 2, -1, self.headdim))
        keys, values = kv.permute(2, 3, 0, 4, 1, 5).unbind(1)  # each: layers, B, heads, slots + S, headdim
        present = functional.pad(mask, (self.n_slots, 0), value=True)[:, None, None, :]
        return TextContext(keys, values, present, self.pooled(slots.flatten(1)))
