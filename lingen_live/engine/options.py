"""What it takes to build an engine: plain values that travel to the worker process. No torch here."""

from __future__ import annotations

from dataclasses import dataclass

from lingen_live.errors import ConfigError

DEFAULT_PROMPT = "green hills on a clear day"
DTYPES = ("auto", "float32", "bfloat16")
MAX_SEED = 2**32 - 1
MIN_FPS, MAX_FPS = 1.0, 120.0
DEFAULT_SESSIONS = 4
"""What one thread of an ordinary processor plays of the bundled model, and a little more (docs/scheduler.md)."""
MAX_SESSIONS, MAX_BATCH = 256, 64
_GPU_BATCH = 8


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """How to build an engine.

    Attributes:
        checkpoint: directory of a bundle; None takes the bundled one.
        device: a torch device name, such as "cpu" or "cuda:0".
        dtype: "auto" (bfloat16 where the chip computes in it, else float32), "float32" or "bfloat16".
        n_threads: compute threads; two or more fight with the video encoder on two cores.
        seed: 0 to 2**32 - 1.
        prompt: words of the first chunk.
        fps: frames a second of playback; None takes the bundle's own.
        compile: whether a compiled path may be prepared when a compiler is there.
        n_sessions: the most streams at a time; each has memory of its own.
        max_batch: the most streams of one forward pass; None for what pays on such a device.
        n_background: streams beside those, that nobody watches made.
    """

    checkpoint: str | None = None
    device: str = "cpu"
    dtype: str = "auto"
    n_threads: int = 1
    seed: int = 0
    prompt: str = DEFAULT_PROMPT
    fps: float | None = None
    compile: bool = True
    n_sessions: int = DEFAULT_SESSIONS
    max_batch: int | None = None
    n_background: int = 0

    def __post_init__(self) -> None:
        """Refuse values that no engine can take, with both numbers.

        Raises:
            ConfigError: a value is out of its range.
        """
        if self.dtype not in DTYPES:
            raise ConfigError(f"dtype is {self.dtype!r}; it must be one of {', '.join(DTYPES)}.")
        if self.n_threads < 1:
            raise ConfigError(f"n_threads is {self.n_threads}; it must be 1 or more.")
        if not 0 <= self.seed <= MAX_SEED:
            raise ConfigError(f"seed is {self.seed}; it must be 0 to {MAX_SEED}.")
        if self.fps is not None and not MIN_FPS <= self.fps <= MAX_FPS:
            raise ConfigError(f"fps is {self.fps:g}; it must be {MIN_FPS:g} to {MAX_FPS:g}.")
        if not 1 <= self.n_sessions <= MAX_SESSIONS:
            raise ConfigError(f"sessions is {self.n_sessions}; it must be 1 to {MAX_SESSIONS}.")
        if not 0 <= self.n_background <= MAX_SESSIONS:
            raise ConfigError(f"n_background is {self.n_background}; it must be 0 to {MAX_SESSIONS}.")
        if self.max_batch is not None and not 1 <= self.max_batch <= MAX_BATCH:
            raise ConfigError(f"batch is {self.max_batch}; it must be 1 to {MAX_BATCH}.")

    @property
    def n_streams(self) -> int:
        """The most streams at a time, watched or not."""
        return self.n_sessions + self.n_background

    @property
    def batch_limit(self) -> int:
        """The most streams of one forward pass: on a CPU one, where batches gain nothing (docs/scheduler.md)."""
        default = 1 if self.device.startswith("cpu") else _GPU_BATCH
        return min(self.n_sessions, self.max_batch or default)
