"""What a branch's chunks were, chunk by chunk, in a few bytes each: to tell whether a replay is exact.

Plain values: knows digests and names of arithmetic. Does not know latents or models.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

DIGEST_BYTES = 8
MAX_RECORDED_CHUNKS = 8192
"""More than an hour of half seconds; later chunks are not recorded, so that a record is bounded."""
MAX_STEPS = 16
"""Denoising steps that a chunk may be asked for."""
PATHS = ("eager", "compiled")

_WAY = re.compile(rf"({'|'.join(PATHS)})(?::([1-9]\d?))?")


def tell_way(path: str, n_steps: int | None) -> str:
    """How a chunk was made, in a word: "compiled", or "compiled:8" with other steps than the model's own."""
    return path if n_steps is None else f"{path}:{n_steps}"


def read_way(way: str) -> tuple[str, int | None] | None:
    """The reverse of `tell_way`: the path, and the steps where they are not the model's own; None if it is none."""
    match = _WAY.fullmatch(way)
    if match is None or int(match[2] or 1) > MAX_STEPS:
        return None
    return match[1], int(match[2]) if match[2] else None


@dataclass(frozen=True, slots=True)
class Record:
    """Digests of the first chunks of a branch.

    Attributes:
        digests: `DIGEST_BYTES` of every chunk from chunk 0 on.
        paths: (first chunk, way) for every change of the arithmetic; see `tell_way`.
    """

    digests: bytes = b""
    paths: tuple[tuple[int, str], ...] = ()

    def __len__(self) -> int:
        return len(self.digests) // DIGEST_BYTES

    def digest(self, chunk_index: int) -> bytes | None:
        """The digest of a chunk, if it is recorded."""
        at = chunk_index * DIGEST_BYTES
        return self.digests[at : at + DIGEST_BYTES] or None

    def path(self, chunk_index: int) -> str | None:
        """What computed a chunk, if it is recorded."""
        names = [name for first, name in self.paths if first <= chunk_index]
        return names[-1] if names and chunk_index < len(self) else None

    def before(self, chunk_index: int) -> Record:
        """Without that chunk and all after it."""
        paths = tuple((first, name) for first, name in self.paths if first < chunk_index)
        return Record(self.digests[: chunk_index * DIGEST_BYTES], paths)

    def after(self, chunk_index: int, digest: bytes, path: str) -> Record:
        """With that chunk, and with those after it only if it is what it was before."""
        if self.digest(chunk_index) == digest and self.path(chunk_index) == path:
            return self
        kept = self.before(chunk_index)
        if chunk_index != len(kept) or chunk_index >= MAX_RECORDED_CHUNKS:
            return kept
        is_change = not kept.paths or kept.paths[-1][1] != path
        paths = (*kept.paths, (chunk_index, path)) if is_change else kept.paths
        return Record(kept.digests + digest, paths)
