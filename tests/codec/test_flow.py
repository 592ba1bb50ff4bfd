"""Flow between frames: what a field does to pictures, and a head that moves nothing before it has learned."""

from __future__ import annotations

import torch

from lingen_live.codec.flow import FlowHead, shifted


def test_frames_are_shifted_as_things_move() -> None:
    """A dot at column 8 in all four frames, moving right by two pixels a frame."""
    groups = torch.zeros(1, 12, 8, 16)
    groups[:, :, 4, 8] = 1
    flow = torch.zeros(1, 2, 2, 4)  # a cell is four pixels
    flow[:, 0] = 2 / 4
    frames = shifted(groups, flow).unflatten(1, (4, 3))
    assert frames[0, :, 0, 4].argmax(-1).tolist() == [5, 7, 9, 11]  # the middle lies between the second and third
    torch.testing.assert_close(shifted(groups, torch.zeros_like(flow)), groups)


def test_frames_shift_down_by_their_height() -> None:
    groups = torch.zeros(1, 12, 16, 8)
    groups[:, :, 8] = 1
    flow = torch.zeros(1, 2, 4, 2)
    flow[:, 1] = 2 / 4
    frames = shifted(groups, flow).unflatten(1, (4, 3))
    assert frames[0, :, 0, :, 4].argmax(-1).tolist() == [5, 7, 9, 11]


def test_a_new_head_moves_nothing_and_sees_both_frames() -> None:
    torch.manual_seed(0)
    head = FlowHead(latent_channels=4, width=8)
    before, latents = torch.randn(2, 1, 4, 2, 3).unbind(0)
    assert head(before, latents).shape == (1, 2, 8, 12)
    assert not head(before, latents).any()
    torch.nn.init.normal_(head.exit.weight)
    assert not torch.equal(head(before, latents), head(latents, latents))
    assert not torch.equal(head(before, latents), head(before, before))
