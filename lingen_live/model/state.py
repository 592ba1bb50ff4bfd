"""StreamState: everything a stream remembers, of constant size whatever its age.

A state is a value: a commit pass returns a new one and never changes the old. Tensors hold all layers on
their first axis and the batch on their second, so stacking sessions is one concatenation. Knows no network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from lingen_live.config import ModelConfig


@dataclass(frozen=True, slots=True)
class LayerState:
    """One layer's part.

    Attributes:
        ssm: (B, n_heads, headdim, d_state) float32, forward Mamba2 state after the last committed token.
        conv: (B, d_conv - 1, inner_width + 2 d_state), last inputs of the causal convolution.
        review: (B, slots, R, D), pooled tokens of committed chunks, newest first.
        tesa: (B, past_frames * h * w, 2 D), normalised keys and values of the last committed latent frames.
    """

    ssm: Tensor
    conv: Tensor
    review: Tensor
    tesa: Tensor


@dataclass(frozen=True, slots=True)
class StreamState:
    """All layers: the tensors of `LayerState`, the layers stacked on a new first axis; the last chunk, and a forecast.

    Attributes:
        latents: (1, B, T, C, h, w), the last committed chunk itself; its first axis is there to be like the others.
        forecast: (1, B, T, C, h, w), what would follow it if all went on as it does; zeros for a model without a
            forecast.
        words: (1, B, D), the pooled prompt that it was made under; zeros before the first one.
    """

    ssm: Tensor
    conv: Tensor
    review: Tensor
    tesa: Tensor
    latents: Tensor
    forecast: Tensor
    words: Tensor

    @classmethod
    def allocate(
        cls,
        config: ModelConfig,
        batch: int,
        *,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> StreamState:
        """The empty state (zeros) that a stream begins with; `ssm` is at least float32."""
        cells = config.latent_height * config.latent_width
        shapes = {
            "ssm": (config.n_ssm_heads, config.headdim, config.d_state),
            "conv": (config.d_conv - 1, config.inner_width + 2 * config.d_state if config.expand else 0),
            "review": (config.review_slots if config.expand else 0, cells // config.review_pool**2, config.width),
            "tesa": (config.tesa_past_frames * cells if config.tesa_window else 0, 2 * config.width),
        }
        accumulate = torch.promote_types(dtype, torch.float32)
        layers = {
            name: torch.zeros(
                config.n_layers, batch, *shape, device=device, dtype=accumulate if name == "ssm" else dtype
            )
            for name, shape in shapes.items()
        }
        grid = (config.chunk_latent_frames, config.latent_channels, config.latent_height, config.latent_width)
        latents, forecast = torch.zeros(2, 1, batch, *grid, device=device, dtype=dtype).unbind()
        words = torch.zeros(1, batch, config.width, device=device, dtype=dtype)
        return cls(**layers, latents=latents, forecast=forecast, words=words)

    @classmethod
    def from_layers(cls, layers: Sequence[LayerState], latents: Tensor, forecast: Tensor, words: Tensor) -> StreamState:
        """Stack what the layers returned.

        Args:
            layers: one a layer.
            latents: (B, T, C, h, w), the chunk that they were given.
            forecast: (B, T, C, h, w), what follows it.
            words: (B, D), the pooled prompt.
        """
        stacked = [torch.stack([getattr(layer, f.name) for layer in layers]) for f in fields(LayerState)]
        ssm, conv, review, tesa = stacked
        return cls(ssm, conv, review, tesa, latents.unsqueeze(0), forecast.unsqueeze(0), words.unsqueeze(0))

    @classmethod
    def stack(cls, states: Sequence[StreamState]) -> StreamState:
        """Put sessions into one batch, in order."""
        return cls(*(torch.cat([getattr(state, f.name) for state in states], dim=1) for f in fields(cls)))

    def unstack(self) -> list[StreamState]:
        """One state of batch 1 for every row, not sharing memory with this one."""
        return [self._map(lambda t, row=row: t[:, row : row + 1].clone()) for row in range(self.batch)]

    @property
    def has_past(self) -> bool:
        """Whether a chunk has been committed, in any row."""
        return bool(self.latents.any())

    def layer(self, index: int) -> LayerState:
        """Views of one layer."""
        return LayerState(*(getattr(self, f.name)[index] for f in fields(LayerState)))

    def scaled(self, factor: float) -> StreamState:
        """A state of whose layers only a share is left: of 1 this state itself, of 0 the empty one."""
        if factor == 1:
            return self
        faded = self._map(lambda part: part * factor)
        kept = {"latents": self.latents, "forecast": self.forecast, "words": self.words}
        return replace(faded, **kept) if factor else faded

    def clone(self) -> StreamState:
        """An independent copy."""
        return self._map(Tensor.clone)

    def copy_(self, source: StreamState) -> None:
        """Overwrite in place, keeping this state's memory; shapes must agree."""
        for f in fields(StreamState):
            getattr(self, f.name).copy_(getattr(source, f.name))

    @property
    def batch(self) -> int:
        """B."""
        return self.ssm.shape[1]

    @property
    def n_bytes(self) -> int:
        """Memory held, bytes."""
        return sum(getattr(self, f.name).numel() * getattr(self, f.name).element_size() for f in fields(StreamState))

    def to_bytes(self) -> bytes:
        """All tensors as safetensors bytes."""
        from safetensors.torch import save

        tensors = {f.name: getattr(self, f.name).cpu() for f in fields(StreamState)}
        return save({name: t.clone(memory_format=torch.contiguous_format) for name, t in tensors.items()})

    @classmethod
    def from_bytes(cls, data: bytes) -> StreamState:
        """The reverse of `to_bytes`, on the CPU.

        Raises:
            ValueError: the bytes hold other tensors.
        """
        from safetensors.torch import load

        tensors = load(data)
        names = [f.name for f in fields(cls)]
        if sorted(tensors) != sorted(names):
            raise ValueError(f"got tensors {sorted(tensors)}, a state holds {sorted(names)}")
        return cls(**tensors)

    def _map(self, function: object) -> StreamState:
        assert callable(function)
        return StreamState(*(function(getattr(self, f.name)) for f in fields(StreamState)))
