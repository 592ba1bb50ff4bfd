"""How the last chunks ended in pictures, so that a stream that goes on from one need not decode it again.

Nothing of a stream: only saves work. What was forgotten, or is of another process, is made anew from the latents, with
the same bits. Knows latents and a codec.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict

import torch
from torch import Tensor

from lingen_live.codec.autoencoder import Ending, VideoCodec
from lingen_live.engine.record import DIGEST_BYTES

MAX_ENDINGS = 16


class Endings:
    """Of one codec, by the latents of the chunk; the `MAX_ENDINGS` last used are kept."""

    def __init__(self, codec: VideoCodec) -> None:
        self._codec = codec
        self._endings: OrderedDict[bytes, Ending] = OrderedDict()

    def of(self, latents: Tensor) -> Ending | None:
        """How the chunk (1, T, C, h, w) ended; None of a chunk of zeros, which stands for no past."""
        key = digest_of(latents)
        if key not in self._endings:
            if not latents.any():
                return None
            self.keep(latents, self._codec.ending(latents))
        self._endings.move_to_end(key)
        return self._endings[key]

    def keep(self, latents: Tensor, ending: Ending) -> None:
        """Remember how a chunk ended."""
        self._endings[digest_of(latents)] = ending
        if len(self._endings) > MAX_ENDINGS:
            self._endings.popitem(last=False)


def digest_of(latents: Tensor) -> bytes:
    """A digest of every bit of the latents of a chunk."""
    raw = latents.detach().contiguous().cpu().view(-1).view(torch.uint8).numpy()
    return hashlib.blake2b(raw.tobytes(), digest_size=DIGEST_BYTES).digest()
