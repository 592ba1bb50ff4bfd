"""The opponent as a stream: a DiT that looks back through a window of keys and values, as CausVid's (2412.07772) does.

It needs a clean pass a chunk, too, to write the keys and values that later chunks look back to. What it remembers
grows with the window; here the window is full length from the start, as memory at fixed addresses, and slots that
were never written are not looked at. A chunk writes its own keys and values behind those it looks back to. Here to
be timed; it is never trained.
"""

from __future__ import annotations

import torch
from torch import Tensor

from lingen_live.config import ModelConfig
from lingen_live.paper.dit import DiT


class WindowedDiT:
    """One stream of a DiT with a bounded memory.

    Args:
        model: its table of positions covers the window and the chunk: `n_window_chunks` + 1 chunks or more.
        config: of the model; says how long a chunk is.
        n_window_chunks: how many committed chunks a chunk looks back to.
    """

    def __init__(self, model: DiT, config: ModelConfig, n_window_chunks: int) -> None:
        if model.sizes[0] < (n_window_chunks + 1) * config.chunk_latent_frames:
            raise ValueError(
                f"the model has positions for {model.sizes[0]} latent frames; a window of {n_window_chunks} chunks "
                f"and a chunk hold {(n_window_chunks + 1) * config.chunk_latent_frames}"
            )
        self._model, self._n_frames, self._n_tokens = model, config.chunk_latent_frames, config.n_tokens
        self.n_window_chunks, self._n_committed = n_window_chunks, 0
        weight = model.latent_in.weight
        # One chunk more than the window: the place of the chunk at hand.
        n_slots = (n_window_chunks + 1) * config.n_tokens
        shape = (len(model.blocks), 2, 1, config.width // config.attn_headdim, n_slots, config.attn_headdim)
        self._window = weight.new_zeros(shape)

    @property
    def n_state_bytes(self) -> int:
        """Memory of all that the stream remembers."""
        return self._window.numel() * self._window.element_size()

    def fill(self) -> None:
        """Pretend that the window is full, as it is for all but a stream's beginning."""
        self._n_committed = self.n_window_chunks

    @torch.no_grad()
    def denoise(self, latents: Tensor, sigma: Tensor, text: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """The velocity of the next chunk (1, T, C, h, w), given the window, which is only read."""
        n_past = min(self._n_committed, self.n_window_chunks)
        seen = self._window[:, :, :, :, : (n_past + 1) * self._n_tokens]
        # Positions go round with the window's slots: a chunk has the same in every pass over it.
        n_places = self._model.sizes[0] // self._n_frames
        first_frame = self._n_committed % n_places * self._n_frames
        return self._model.step(latents, sigma, text, first_frame, [(layer[0], layer[1]) for layer in seen])

    @torch.no_grad()
    def commit(self, latents: Tensor, text: tuple[Tensor, Tensor, Tensor]) -> None:
        """Take a clean chunk (1, T, C, h, w) into the window; the oldest leaves it."""
        self.denoise(latents, torch.zeros(1, device=latents.device, dtype=latents.dtype), text)
        slots = self._window.unflatten(4, (-1, self._n_tokens))
        if self._n_committed >= self.n_window_chunks:  # until then its place is its slot
            slots[:, :, :, :, self._n_committed % self.n_window_chunks] = slots[:, :, :, :, self.n_window_chunks]
        self._n_committed += 1
