"""LinGen, causal by chunks: the velocity of one chunk of latents, given a prompt and a constant-size state.

`denoise` reads the state and returns a velocity. `commit` reads the state and returns the next one. Nothing
else makes a state, so a discarded chunk changes nothing. Knows latents, not pixels; embeddings, not words.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from lingen_live.config import ModelConfig
from lingen_live.model.embed import SigmaEmbedding, TextContext, TextProjection
from lingen_live.model.forecast import Forecast
from lingen_live.model.mate import Block
from lingen_live.model.state import LayerState, StreamState
from lingen_live.model.stem import ConvStem


class LinGen(nn.Module):
    """The denoiser of one chunk (B, T, C, h, w).

    Rectified flow: x_sigma = (1 - sigma) data + sigma noise, velocity = noise - data, sigma in [0, 1]; 1 is
    noise.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.latent_in = nn.Linear(config.latent_channels, config.width)
        self.forecast = Forecast(config) if config.forecast_width else None
        self.stem = ConvStem(config) if config.stem_width else None
        self.lean = nn.Linear(config.width, config.latent_channels) if config.forecast_width else None
        self.sigma = SigmaEmbedding(config.width)
        self.text = TextProjection(config)
        self.turn = nn.Linear(config.width, config.width, bias=False)
        self.condition = nn.Linear(config.width, 6 * config.width)
        self.blocks = nn.ModuleList(Block(config, layer) for layer in range(config.n_layers))
        self.latent_out = nn.Linear(config.width, config.latent_channels)
        nn.init.zeros_(self.turn.weight)
        for layer in (self.condition, self.latent_out, *([self.lean] if self.lean else [])):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def read_text(
        self,
        tokens: Tensor,
        mask: Tensor,
        pooled: Tensor,
        reading: Tensor | None = None,
        emphasis: Sequence[float] = (),
    ) -> TextContext:
        """Prepare prompts for all layers; arguments as in `TextProjection.forward`."""
        return self.text(tokens, mask, pooled, reading, emphasis)

    def denoise(self, latents: Tensor, sigma: Tensor, text: TextContext, state: StreamState) -> Tensor:
        """The velocity at noisy latents.

        Args:
            latents: (B, T, C, h, w).
            sigma: (B,) in [0, 1].
            text: prompts.
            state: what came before; only read.

        Returns:
            (B, T, C, h, w).

        Raises:
            ValueError: the latents are not of the configured shape.
        """
        asked = self._asked(sigma, text, state)
        tokens, _ = self._run(latents, asked, text, state)
        tokens = self.latent_out(functional.layer_norm(tokens, tokens.shape[-1:]))
        velocity = tokens.unflatten(1, self._grid()).permute(0, 1, 4, 2, 3)
        if self.lean is None:
            return velocity
        # Were the forecast the data, the velocity would be its distance from here over sigma.
        distance = (latents - state.forecast[0]).to(velocity.dtype)
        return torch.addcmul(velocity, self.lean(asked)[:, None, :, None, None], distance)

    def commit(self, latents: Tensor, text: TextContext, state: StreamState) -> StreamState:
        """The state after a clean chunk (B, T, C, h, w), by one pass at sigma 0; the old one is only read."""
        sigma = torch.zeros(latents.shape[0], device=latents.device)
        layers = self._run(latents, self._asked(sigma, text, state), text, state)[1]
        latents, words = latents.to(state.latents.dtype), text.pooled.to(state.words.dtype)
        if self.forecast is None:
            return StreamState.from_layers(layers, latents, torch.zeros_like(latents), words)
        following = self.forecast(latents.to(self.latent_in.weight.dtype)).to(latents.dtype)
        return StreamState.from_layers(layers, latents, following, words)

    def _asked(self, sigma: Tensor, text: TextContext, state: StreamState) -> Tensor:
        """(B, D): noise level, prompt, and what in it is new: the past says that things go on as they did."""
        news = self.turn(text.pooled - state.words[0].to(text.pooled.dtype))
        return functional.silu(self.sigma(sigma) + text.pooled + news)

    def _grid(self) -> tuple[int, int, int]:
        return self.config.chunk_latent_frames, self.config.latent_height, self.config.latent_width

    def _run(
        self, latents: Tensor, asked: Tensor, text: TextContext, state: StreamState
    ) -> tuple[Tensor, list[LayerState]]:
        n_frames, height, width = self._grid()
        expected = (n_frames, self.config.latent_channels, height, width)
        if tuple(latents.shape[1:]) != expected:
            raise ValueError(f"got latents of shape {tuple(latents.shape[1:])}, the chunk holds {expected}")
        latents = latents.to(self.latent_in.weight.dtype)
        tokens = self.latent_in(latents.permute(0, 1, 3, 4, 2).flatten(1, 3))
        if self.stem is not None:
            before, forecast = (part[0].to(latents.dtype) for part in (state.latents, state.forecast))
            tokens = tokens + self.stem(latents, before, forecast, asked)
        condition = self.condition(asked).unflatten(-1, (6, -1))
        following = []
        for index, block in enumerate(self.blocks):
            layer_text = (text.keys[index], text.values[index], text.mask)
            tokens, layer_state = block(tokens, condition, layer_text, state.layer(index))
            following.append(layer_state)
        return tokens, following
