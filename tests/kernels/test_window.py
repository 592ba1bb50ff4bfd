"""Window attention: the reference against plain attention, the torch form against the reference, bad shapes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from kernel_checks import assert_near, gradients_of
from row_problems import moved, split_leaves
from torch.nn import functional
from window_problem import CASES, make_window_inputs

from lingen_kernels import window_attention
from lingen_kernels.window.reference import window_attention_reference
from lingen_kernels.window.torch_window import window_attention_torch


def test_one_window_is_plain_attention() -> None:
    """A window as large as the plane: attention over all cells of all frames, in float64."""
    inputs = make_window_inputs("one window", torch.float64)
    keys, values = (torch.cat((inputs[f"past_{n}"], inputs[n]), dim=1).transpose(1, 2) for n in ("key", "value"))
    bias = (
        (inputs["time_bias"][:, :, None, :, None] + inputs["place_bias"][:, None, :, None, :]).flatten(3).flatten(1, 2)
    )
    expected = functional.scaled_dot_product_attention(inputs["query"].transpose(1, 2), keys, values, bias)
    assert_near(window_attention_reference(**inputs), expected.transpose(1, 2), 1e-12)


def test_a_shift_is_a_roll_of_the_plane() -> None:
    """Attention of a plane rolled back is the attention rolled back."""
    inputs = make_window_inputs("shifted", torch.float64)
    planes = ("query", "key", "value", "past_key", "past_value")

    def rolled(tensor: torch.Tensor, by: int) -> torch.Tensor:
        return tensor.unflatten(1, (-1, 4, 6)).roll((by, by), (2, 3)).flatten(1, 3)

    straight = inputs | {name: rolled(inputs[name], -1) for name in planes} | {"shift": 0}
    assert_near(window_attention_reference(**inputs), rolled(window_attention_reference(**straight), 1), 1e-12)


def test_windows_do_not_see_each_other() -> None:
    inputs = make_window_inputs("four windows", torch.float64)
    before = window_attention_reference(**inputs)
    changed = inputs["key"].clone()
    changed.unflatten(1, (2, 4, 6))[:, :, :2, :2] += 1  # keys of the first window
    moved_by = (window_attention_reference(**inputs | {"key": changed}) - before).abs().amax((0, 2, 3)).view(2, 4, 6)
    assert (moved_by[:, :2, :2] > 1e-6).all()
    assert moved_by[:, 2:].max() == moved_by[:, :, 2:].max() == 0


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 2e-6), (torch.bfloat16, 2e-2)]
)
@pytest.mark.parametrize("case", CASES)
def test_torch_equals_the_reference(case: str, dtype: torch.dtype, tolerance: float) -> None:
    inputs = make_window_inputs(case, dtype)
    actual = window_attention_torch(**inputs)
    assert actual.dtype == dtype
    assert_near(actual, window_attention_reference(**moved(inputs, dtype=torch.float64)), tolerance)


def test_gradients_equal_the_reference() -> None:
    inputs = make_window_inputs("shifted", torch.float64) | {"region": None}
    gradients = []
    for function in (window_attention_reference, window_attention_torch):
        arguments, leaves = split_leaves(inputs)
        gradients.append(gradients_of(function(**arguments).pow(3).sum(), leaves))
    for name, expected in gradients[0].items():
        assert_near(gradients[1][name], expected, 1e-11)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"window": 5}, "48 positions of 4 x 6 cells cannot be cut into windows of 5"),
        ({"height": 5}, "48 positions of 5 x 6 cells"),
        (
            {"past_key": torch.zeros(2, 25, 2, 5)},
            r"past_key has shape \(2, 25, 2, 5\); the others ask for \(2, 24, 2, 5\)",
        ),
        ({"time_bias": torch.zeros(2, 2, 2)}, r"time_bias has shape \(2, 2, 2\); the others ask for \(2, 2, 3\)"),
        ({"region": torch.ones(6, 5)}, r"region has shape \(6, 5\); the others ask for \(6, 4\)"),
    ],
)
def test_wrong_shapes_are_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        window_attention(**make_window_inputs("four windows", torch.float32) | change)
