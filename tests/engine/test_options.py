"""Options that no engine can take are refused with both numbers."""

from __future__ import annotations

import pickle

import pytest

from lingen_live.engine.options import EngineOptions
from lingen_live.errors import ConfigError


def test_the_limits_themselves_pass_and_travel() -> None:
    options = EngineOptions(seed=2**32 - 1, fps=120.0, n_threads=64, dtype="bfloat16")
    assert pickle.loads(pickle.dumps(options)) == options  # noqa: S301 (our own bytes)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"dtype": "int8"}, "dtype is 'int8'; it must be one of auto, float32, bfloat16"),
        ({"n_threads": 0}, "n_threads is 0; it must be 1 or more"),
        ({"seed": -1}, "seed is -1; it must be 0 to 4294967295"),
        ({"seed": 2**32}, "seed is 4294967296"),
        ({"fps": 0.5}, "fps is 0.5; it must be 1 to 120"),
        ({"fps": float("nan")}, "fps is nan"),
        ({"fps": float("inf")}, "fps is inf"),
    ],
)
def test_others_do_not(values: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        EngineOptions(**values)  # type: ignore[arg-type]
