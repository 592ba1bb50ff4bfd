"""A small deterministic engine for tests of everything that hosts one; where a worker can import it.

Frames are one flat colour that tells the prompt. Certain prompts make it misbehave.
"""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lingen_live.engine.info import EngineInfo
from lingen_live.engine.interface import OnProgress
from lingen_live.engine.options import EngineOptions
from lingen_live.engine.understanding import Understanding
from lingen_live.errors import CheckpointError, PromptError
from lingen_live.profile.spans import ChunkProfile, SpanRecorder

HEIGHT_PX, WIDTH_PX, FRAMES_PER_CHUNK = 64, 64, 8

REFUSE, RAISE, KILL, HANG = "refuse this", "raise now", "kill yourself", "hang for ever"
GET_FASTER = "get faster"


@dataclass(frozen=True)
class FakeChunk:
    frames: NDArray[np.uint8]
    chunk_index: int
    prompt: str
    blend: float
    seed: int
    profile: ChunkProfile
    understanding: Understanding


class FakeEngine:
    def __init__(self, options: EngineOptions, tick_s: float = 0.0) -> None:
        self.prompt = options.prompt
        self.seed = options.seed
        self.chunk_index = 0
        self.log: list[str] = []
        self._tick_s = tick_s
        self._recorder = SpanRecorder()
        self.info = EngineInfo(
            name="fake",
            checkpoint_digest="0" * 64,
            n_parameters=3,
            state_bytes=4,
            device="cpu",
            dtype="float32",
            fps=options.fps or 16.0,
            width_px=WIDTH_PX,
            height_px=HEIGHT_PX,
            frames_per_chunk=FRAMES_PER_CHUNK,
            n_steps=1,
            compute_threads=options.n_threads,
            path="eager",
        )

    def steer(self, prompt: str, n_chunks: int = 1) -> None:
        if prompt == REFUSE:
            raise PromptError("This engine refuses that.")
        self.log.append(f"steer {prompt} {n_chunks}")
        self.prompt = prompt

    def cut(self, prompt: str) -> None:
        self.log.append(f"cut {prompt}")
        self.prompt = prompt

    def reset(self) -> None:
        self.log.append("reset")
        self.chunk_index = 0

    def reseed(self, seed: int) -> None:
        self.log.append(f"reseed {seed}")
        self.seed = seed

    def tick(self) -> FakeChunk:
        with self._recorder.span("denoise"):
            time.sleep(self._tick_s)
            if self.prompt == RAISE:
                self.prompt = "after the exception"
                raise RuntimeError("told to raise")
            if self.prompt == KILL:
                os.kill(os.getpid(), signal.SIGKILL)
            if self.prompt == GET_FASTER:
                self.info = replace(self.info, path="compiled")
            if self.prompt == HANG:
                time.sleep(3600)
            colour = colour_of(self.prompt)
            frames = np.broadcast_to(np.array(colour, np.uint8), (FRAMES_PER_CHUNK, HEIGHT_PX, WIDTH_PX, 3)).copy()
        chunk = FakeChunk(
            frames,
            self.chunk_index,
            self.prompt,
            1.0,
            self.seed,
            self._recorder.finish(self.chunk_index),
            Understanding(("a fake",), (self.prompt,), 0.5),
        )
        self.chunk_index += 1
        return chunk


def colour_of(prompt: str) -> tuple[int, int, int]:
    """Bright for a prompt with "day", dark for one with "night", else grey."""
    level = 220 if "day" in prompt else 30 if "night" in prompt else 128
    return level, level, level


def make_fake(options: EngineOptions, on_progress: OnProgress) -> FakeEngine:
    if options.checkpoint == "missing":
        raise CheckpointError("There is no checkpoint at 'missing'.")
    if options.checkpoint == "broken":
        raise RuntimeError("a bug while building")
    on_progress("loading", 0.5)
    on_progress("warming up", 1.0)
    return FakeEngine(options)


def make_slow_fake(options: EngineOptions, on_progress: OnProgress) -> FakeEngine:
    return FakeEngine(options, tick_s=0.1)


def report_environment(options: EngineOptions, on_progress: OnProgress) -> FakeEngine:
    """Says through its progress in what surroundings the worker runs."""
    ignores_ctrl_c = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    is_unblocked = signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, set())
    on_progress(f"OMP_NUM_THREADS={os.environ.get('OMP_NUM_THREADS')}", 1.0)
    on_progress(f"OMP_WAIT_POLICY={os.environ.get('OMP_WAIT_POLICY')}", 1.0)
    on_progress(f"ctrl-c ignored={ignores_ctrl_c and is_unblocked}", 1.0)
    return FakeEngine(options)
