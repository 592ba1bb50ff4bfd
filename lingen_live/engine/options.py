"""What it takes to build an engine: plain values that travel to the worker process. No torch here."""

from __future__ import annotations

from dataclasses import dataclass, field

from lingen_live.errors import ConfigError

DEFAULT_PROMPT = "green hills on a clear day"
DTYPES = ("auto", "float32", "bfloat16")
MAX_SEED = 2**32 - 1
MIN_FPS, MAX_FPS = 1.0, 120.0


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
        session: a session file to go on from, if it can be; None to begin with the prompt.
    """

    checkpoint: str | None = None
    device: str = "cpu"
    dtype: str = "auto"
    n_threads: int = 1
    seed: int = 0
    prompt: str = DEFAULT_PROMPT
    fps: float | None = None
    compile: bool = True
    session: bytes | None = field(default=None, repr=False)

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
