"""A book of chunks as a server fills it, with times that are easy to add up."""

from __future__ import annotations

from collections.abc import Sequence

from lingen_live.profile.lives import LifeBook
from lingen_live.profile.spans import ChunkProfile, Span

MEMORY_BYTES = 600 * 2**20
DENOISE_S, DECODE_S, QUEUE_S, TRANSFER_S, COLOUR_S, ENCODE_S = 0.2, 0.1, 0.01, 0.04, 0.005, 0.002
CHUNK_PTS = 45_000


def book_of(n_chunks: int, slow: Sequence[int] = (), steered: Sequence[int] = ()) -> LifeBook:
    """Chunks of half a second, each made in 0.3 s; the `slow` take 0.6 s, the `steered` obey words 0.2 s old."""
    book = LifeBook(max_lives=4096)
    for index in range(n_chunks):
        start_s = 100.0 + 0.5 * index
        more_s = 0.3 if index in slow else 0.0
        spans = (Span("denoise", 0.0, DENOISE_S + more_s), Span("decode", DENOISE_S + more_s, DECODE_S))
        begun_s = start_s + QUEUE_S
        received_s = begun_s + DENOISE_S + more_s + DECODE_S + TRANSFER_S
        asked_s = start_s - 0.2 if index in steered else None
        life = book.open(
            ChunkProfile(index, spans, begun_s, memory_bytes=MEMORY_BYTES + index * 2**20), start_s, received_s, asked_s
        )
        book.add(life, "colour", received_s, COLOUR_S)
        book.play(life, CHUNK_PTS * index, start_s + 0.9)
        for _ in range(8):
            book.observe(CHUNK_PTS * index, "encode", start_s + 0.9, ENCODE_S)
    return book
