"""Travel and parallax: what a flow does to pictures, a head that moves nothing at first, and travel nobody told."""

from __future__ import annotations

import pytest
import torch

from lingen_live.codec.travel import CELLS, ParallaxHead, estimated_travel, shifted

FIRST = -1.5


def test_frames_are_shifted_as_things_move() -> None:
    """A dot at column 8 in all four frames, moving right by two pixels a frame."""
    frames = torch.zeros(1, 4, 3, 8, 16)
    frames[..., 4, 8] = 1
    moved, is_seen = shifted(frames, torch.full((1, 2, 4), 2 / 8), FIRST)
    assert moved[0, :, 0, 4].argmax(-1).tolist() == [5, 7, 9, 11]  # the middle lies between the second and third
    assert is_seen.shape == (1, 4, 1, 8, 16)
    assert is_seen[0, :, 0, 0].sum(-1).tolist() == [13, 15, 15, 13]  # the rest comes in from outside
    still, is_seen = shifted(frames, torch.zeros(1, 2, 4), FIRST)
    torch.testing.assert_close(still, frames)
    assert is_seen.all()


def test_a_new_head_moves_nothing_and_sees_its_latents() -> None:
    torch.manual_seed(0)
    head = ParallaxHead(picture_channels=4, width=8)
    one, other = torch.randn(2, 1, 4, 2, 3).unbind(0)
    assert head(one).shape == (1, 2 * CELLS, 3 * CELLS)
    assert not head(one).any()
    torch.nn.init.normal_(head.exit.weight)
    assert not torch.equal(head(one), head(other))


def panning(heights_a_frame: float) -> torch.Tensor:
    """(1, 12, 64, 64): four frames of a texture."""
    x = torch.arange(64.0) - heights_a_frame * 64 * torch.arange(4.0)[:, None]
    wave = 0.5 + 0.2 * torch.sin(x * 0.35) + 0.2 * torch.sin(x * 0.21 + 1)
    return wave[:, None, None].expand(4, 3, 64, 64).reshape(1, 12, 64, 64)


@pytest.mark.parametrize("travel", [0.26 / 16, 0.10 / 16, 0.0, -0.10 / 16, -0.26 / 16])
def test_travel_is_estimated_where_nobody_tells_it(travel: float) -> None:
    assert estimated_travel(panning(travel)).item() == pytest.approx(travel, abs=1e-5)


def test_nothing_travels_where_there_is_no_edge() -> None:
    groups = torch.cat((torch.full((1, 12, 64, 64), 0.4), panning(0.26 / 16)))
    travel = estimated_travel(groups)
    assert travel[0] == 0
    assert travel[1] > 0.01
