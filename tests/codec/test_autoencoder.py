"""The video autoencoder: shapes, stored statistics, independence of latent frames, and what it refuses."""

from __future__ import annotations

import copy
import itertools

import pytest
import torch
from torch import Tensor, nn

from lingen_live.codec.autoencoder import Downsample, ResidualBlock, Upsample, VideoCodec
from lingen_live.config import BundleConfig, CodecConfig

CONFIG = CodecConfig(
    frames_per_latent=4,
    latent_channels=8,
    encoder_mean_px=2,
    encoder_patch_px=2,
    encoder_widths=(8, 16),
    decoder_patch_px=4,
    decoder_widths=(8, 16),
    n_blocks=1,
    parallax_width=8,
)


@pytest.fixture
def codec() -> VideoCodec:
    """Random weights everywhere, so that no layer is silent, and statistics that are not neutral."""
    torch.manual_seed(0)
    codec = VideoCodec(CONFIG)
    with torch.no_grad():
        for parameter in codec.parameters():
            if not parameter.any():
                parameter.normal_(std=0.1)
        codec.latent_mean.normal_()
        codec.latent_std.uniform_(0.5, 2.0)
    return codec.eval()


def frames_of(batch: int, n_frames: int, height: int = 16, width: int = 24) -> Tensor:
    return torch.rand(batch, n_frames, 3, height, width, generator=torch.Generator().manual_seed(5))


def stand_still(codec: VideoCodec) -> None:
    """Decode as if nothing moved, however far the camera travels."""
    for parameter in codec.parallax.exit.parameters():
        nn.init.zeros_(parameter)


@torch.no_grad()
def test_shapes_also_of_pictures_that_are_not_square(codec: VideoCodec) -> None:
    latents = codec.encode(frames_of(2, 12, 16, 40))
    assert latents.shape == (2, 3, 8, 2, 5)
    assert codec.decode(latents).shape == (2, 12, 3, 16, 40)


@torch.no_grad()
def test_the_encoder_sees_means_of_pixels(codec: VideoCodec) -> None:
    frames = frames_of(1, 8)
    means = torch.nn.functional.avg_pool2d(frames[0], 2).unsqueeze(0)
    torch.testing.assert_close(codec.encode_small(means), codec.encode(frames))
    with pytest.raises(ValueError, match="got frames of 12 x 6 px, a latent position covers 4"):
        codec.encode_small(means[..., :6, :])


def test_the_latent_grid_is_that_of_the_configuration(tiny_config: BundleConfig) -> None:
    video, model = tiny_config.video, tiny_config.model
    codec = VideoCodec(tiny_config.codec)
    frames = torch.zeros(1, tiny_config.frames_per_chunk, 3, video.height_px, video.width_px)
    with torch.no_grad():
        latents = codec.encode(frames)
    wanted = (model.chunk_latent_frames, model.latent_channels, model.latent_height, model.latent_width)
    assert tuple(latents.shape[1:]) == wanted


@torch.no_grad()
def test_decoded_frames_are_in_range_and_the_raw_ones_need_not_be(codec: VideoCodec) -> None:
    latents = 30 * torch.randn(1, 2, 8, 2, 3, generator=torch.Generator().manual_seed(1))
    frames = codec.decode(latents)
    assert frames.min() == 0
    assert frames.max() == 1
    assert codec.decode_raw(latents).abs().max() > 1


@torch.no_grad()
def test_pictures_are_the_frames_rounded_to_the_nearest_level(codec: VideoCodec) -> None:
    latents = 2 * torch.randn(2, 3, 8, 2, 5, generator=torch.Generator().manual_seed(1))
    before = torch.randn(2, 8, 2, 5, generator=torch.Generator().manual_seed(2))
    pictures = codec.decode_pictures(latents, before)
    assert pictures.dtype == torch.uint8
    assert pictures.shape == (2, 12, 16, 40, 3)
    levels = codec.decode(latents, before).permute(0, 1, 3, 4, 2) * 255
    assert (pictures - levels).abs().max() < 0.501  # half a level, and the rounding of float32
    assert pictures.min() == 0
    assert pictures.max() == 255


@torch.no_grad()
def test_going_on_from_an_ending_is_going_on_from_the_latents(codec: VideoCodec) -> None:
    chunks = torch.randn(3, 1, 2, 8, 2, 5, generator=torch.Generator().manual_seed(1)).unbind()
    first, ending = codec.decode_onward(chunks[0], None)
    assert torch.equal(first, codec.decode_pictures(chunks[0]))
    for before, chunk in itertools.pairwise(chunks):
        whole = codec.decode_pictures(chunk, before[:, -1]).int()
        made_anew, _ = codec.decode_onward(chunk, codec.ending(before))
        pictures, following = codec.decode_onward(chunk, ending)
        assert torch.equal(pictures, made_anew)
        assert (pictures - whole).abs().max() <= 1  # other shapes may add in another order
        assert (pictures - codec.decode_pictures(chunk).int()).abs().max() > 3
        ending = following


@torch.no_grad()
def test_latents_are_normalised_by_the_stored_statistics_and_back(codec: VideoCodec) -> None:
    frames, travel = frames_of(2, 8), torch.tensor([[0.01, 0.0], [-0.02, 0.005]])
    groups = frames.reshape(4, 12, 16, 24)
    raw = codec.with_travel(codec.encode_raw(groups), travel.flatten())
    latents = codec.encode(frames, travel)
    by_hand = (raw - codec.latent_mean.view(-1, 1, 1)) / codec.latent_std.view(-1, 1, 1)
    torch.testing.assert_close(latents.flatten(0, 1), by_hand)

    neutral = copy.deepcopy(codec)
    neutral.latent_mean.zero_()
    neutral.latent_std.fill_(1)
    assert not torch.allclose(neutral.encode(frames, travel), latents)
    for each in (codec, neutral):  # parallax is seen in normalised latents
        stand_still(each)
    torch.testing.assert_close(codec.decode(latents), neutral.decode(neutral.encode(frames, travel)))


@torch.no_grad()
def test_travel_is_a_channel_that_is_told_or_estimated(codec: VideoCodec) -> None:
    frames = frames_of(2, 8)
    told = torch.tensor([[0.01, 0.0], [-0.02, 0.005]])
    back = codec.encode(frames, told) * codec.latent_std.view(-1, 1, 1) + codec.latent_mean.view(-1, 1, 1)
    torch.testing.assert_close(back[:, :, -1], told[:, :, None, None].expand(-1, -1, 2, 3))
    untold = codec.encode(frames)
    torch.testing.assert_close(untold[:, :, :-1], codec.encode(frames, told)[:, :, :-1])
    assert (untold[:, :, -1].std((2, 3)) == 0).all()


@torch.no_grad()
def test_the_frames_of_a_group_move_as_far_as_it_travels(codec: VideoCodec) -> None:
    """Everything at parallax 1: two groups of one still picture become eight frames of a pan."""
    stand_still(codec)
    codec.parallax.get_parameter("exit.bias").fill_(1)
    codec.latent_mean.zero_()
    codec.latent_std.fill_(1)
    picture = frames_of(1, 1, 16, 64)[0]
    codec.decoder[-1].register_forward_hook(
        lambda _, args, out: (picture * 2 - 1).repeat(len(out), out.shape[1] // 3, 1, 1)
    )
    latents = torch.randn(1, 1, 8, 2, 8)
    latents[:, :, -1] = 2 / 16  # two pixels of sixteen rows a frame
    frames = codec.decode(latents)[0]
    torch.testing.assert_close(frames[3, ..., 16:48], picture[0, ..., 13:45])  # three pixels from the middle
    torch.testing.assert_close(frames[1:, ..., 8:48], frames[:-1, ..., 6:46])


@torch.no_grad()
def test_a_group_fades_in_over_the_one_before_and_both_alike_alone_and_together(codec: VideoCodec) -> None:
    frames = frames_of(2, 12)
    together = codec.encode(frames)
    alone = torch.cat([codec.encode(frames[:, first : first + 4]) for first in (0, 4, 8)], dim=1)
    torch.testing.assert_close(together, alone)
    decoded = codec.decode(together)
    for index in range(3):
        before = together[:, index - 1] if index else None
        one = codec.decode(together[:, index : index + 1], before)
        torch.testing.assert_close(decoded[:, 4 * index : 4 * index + 4], one)
        if index:
            unfaded = codec.decode(together[:, index : index + 1])
            distance = (unfaded - one).abs().amax((0, 2, 3, 4))
            assert distance[0] > distance[1] > 1e-3
            assert not distance[2:].any()
    nothing = codec.decode(together, torch.zeros_like(together[:, 0]))
    torch.testing.assert_close(nothing, decoded)
    mixed = codec.decode(together[:, 1:2], torch.stack((together[0, 0], torch.zeros_like(together[0, 0]))))
    torch.testing.assert_close(mixed[0], decoded[0, 4:8])
    torch.testing.assert_close(mixed[1], codec.decode(together[1:, 1:2])[0])

    changed = frames.clone()
    changed[:, 5] = 0
    differs = (codec.encode(changed) - together).abs().amax((0, 2, 3, 4)) > 0
    assert differs.tolist() == [False, True, False]


@torch.no_grad()
def test_frames_keep_their_order_and_colours(codec: VideoCodec) -> None:
    """The group's channels are frame by frame, each R, G, B: as `decode` takes them apart."""
    frames = frames_of(1, 4)
    seen: list[Tensor] = []
    codec.encoder.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    codec.encode(frames)
    means = torch.nn.functional.avg_pool2d(frames[0], 2)
    torch.testing.assert_close(seen[0][0, 3 * 2 + 1], means[2, 1] * 2 - 1)

    stand_still(codec)
    codec.decoder[-1].register_forward_hook(lambda _, args, out: (frames * 2 - 1).reshape(1, 12, 16, 24))
    torch.testing.assert_close(codec.decode(torch.zeros(1, 1, 8, 2, 3)), frames)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((1, 6, 3, 16, 16), "got 6 frames, a latent frame holds 4"),
        ((1, 4, 3, 20, 16), "got frames of 16 x 20 px, a latent position covers 8"),
        ((1, 4, 3, 16, 9), "got frames of 9 x 16 px, a latent position covers 8"),
    ],
)
def test_frames_that_do_not_divide_are_refused(codec: VideoCodec, shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        codec.encode(torch.zeros(shape))


def test_gradients_reach_every_weight(codec: VideoCodec) -> None:
    groups = frames_of(2, 4).reshape(2, 12, 16, 24)
    raw = codec.encode_raw(groups)
    latents = codec.with_travel(raw, torch.tensor([0.01, -0.02])).unsqueeze(0)
    (codec.decode_raw(latents).flatten(0, 1).flatten(1, 2) - groups).square().mean().backward()
    silent = [name for name, p in codec.named_parameters() if p.grad is None or not p.grad.any()]
    assert silent == []


@torch.no_grad()
def test_the_memory_layout_changes_nothing_but_itself(codec: VideoCodec) -> None:
    before = codec.encode(frames_of(1, 8))
    names = list(codec.state_dict())
    assert codec.to_channels_last() is codec
    assert codec.get_parameter("encoder.1.weight").is_contiguous(memory_format=torch.channels_last)
    assert list(codec.state_dict()) == names
    torch.testing.assert_close(codec.encode(frames_of(1, 8)), before)


@torch.no_grad()
def test_shortcuts_average_down_and_repeat_up() -> None:
    x = torch.rand(2, 4, 6, 8)
    down, up = Downsample(4, 8, 2), Upsample(8, 4, 2)
    for module in (down, up):
        for parameter in module.parameters():
            parameter.zero_()
    folded = torch.nn.functional.pixel_unshuffle(x, 2)  # 16 channels: two on each of 8
    small = down(x)
    torch.testing.assert_close(small, (folded[:, 0::2] + folded[:, 1::2]) / 2)
    large = up(small)
    assert large.shape == x.shape
    torch.testing.assert_close(large[:, :, ::2, ::2], large[:, :, ::2, 1::2])  # one channel, two places
    torch.testing.assert_close(large.mean((1, 2, 3)), x.mean((1, 2, 3)))


@torch.no_grad()
def test_widths_that_do_not_divide_have_no_shortcut() -> None:
    down, up = Downsample(8, 24, 2), Upsample(24, 8, 2)  # 32 channels on 24, and 24 on 32
    for module in (down, up):
        for parameter in module.parameters():
            parameter.zero_()
    assert not down(torch.rand(1, 8, 4, 4)).any()
    assert not up(torch.rand(1, 24, 2, 2)).any()


@torch.no_grad()
def test_a_new_residual_block_adds_only_a_constant() -> None:
    block = ResidualBlock(8)
    x = torch.rand(2, 8, 4, 4)
    constant = block.get_parameter("second.bias").view(1, -1, 1, 1)
    torch.testing.assert_close(block(x), x + constant)
