"""What a field says can be said louder than it was learned; what it does not say cannot."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from lingen_live.config import BundleConfig
from lingen_live.errors import ConfigError
from lingen_live.model.embed import PromptFields


@pytest.fixture
def fields(tiny_config: BundleConfig) -> PromptFields:
    """Of light (day, night) and pan (still, left, right)."""
    return PromptFields(tiny_config.model)


def test_a_sense_is_moved_on_from_not_said(fields: PromptFields, tiny_config: BundleConfig) -> None:
    slots = torch.randn(1, tiny_config.model.text_slots, tiny_config.model.width)
    night_left = torch.tensor([[0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0]])
    nothing = torch.tensor([[0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]])
    said, silent = fields.write(night_left, slots), fields.write(nothing, slots)
    louder = fields.write(night_left, slots, (0.5, 0.0))
    torch.testing.assert_close(louder[:, 0], said[:, 0] + 0.5 * (said[:, 0] - silent[:, 0]))
    assert torch.equal(louder[:, 1:], said[:, 1:])
    torch.testing.assert_close(fields.write(nothing, slots, (0.5, 0.5)), silent)


@pytest.mark.parametrize("emphasis", [-0.1, float("inf"), float("nan")])
def test_an_emphasis_that_is_no_share_is_refused(tiny_config: BundleConfig, emphasis: float) -> None:
    with pytest.raises(ConfigError, match=f"emphasis of field 'light' is {emphasis}"):
        dataclasses.replace(tiny_config.fields[0], emphasis=emphasis)
