"""Frames to latents and back: 4 frames x 32 x 32 pixels to one latent position of the bundled model.

Four frames ride on the channel axis; each group of four is encoded and decoded alone. The last latent channel is how
far the camera travels, the same everywhere: the frames of a group are shifted by it (`travel.py`), and the last of the
group before, shifted on, fades into them, so that groups join without a seam. The latent frame before is all the past
that this takes, so a stream carries no decoder cache. Up and down steps have parameter-free shortcuts (space to channel
averaging, as DC-AE, arXiv 2410.10733, section 3.2), which the convolutions only have to correct. Does not know chunks,
noise or prompts.
"""

from __future__ import annotations

from typing import NamedTuple, Self

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import convert_conv2d_weight_memory_format

from lingen_live.codec.travel import ParallaxHead, estimated_travel, shifted
from lingen_live.config import NORM_GROUPS, CodecConfig

N_FADING = 2
"""Frames of a group that the group before fades into."""


class Ending(NamedTuple):
    """What of a latent frame fades into the next.

    Attributes:
        picture: (B, 1, 3, H, W), its last picture, near [-1, 1], still at the middle of its group.
        flow: (B, h, w), to the right, in picture heights a frame.
    """

    picture: Tensor
    flow: Tensor


class ResidualBlock(nn.Module):
    """x + conv(silu(conv(silu(norm(x))))); (N, C, h, w) to the same. At first x plus a constant a channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(NORM_GROUPS, channels)
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.second.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Refine the features."""
        return x + self.second(functional.silu(self.first(functional.silu(self.norm(x)))))


class Downsample(nn.Module):
    """Fold `factor` x `factor` positions into channels: (N, C, h, w) to (N, out, h / factor, w / factor)."""

    def __init__(self, channels: int, out_channels: int, factor: int) -> None:
        super().__init__()
        self.factor, self.out_channels = factor, out_channels
        self.mix = nn.Conv2d(channels * factor**2, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Shortcut: the mean of the folded channels that fall on each output channel."""
        folded = functional.pixel_unshuffle(x, self.factor)
        out = self.mix(folded)
        if folded.shape[1] % self.out_channels:
            return out
        return out + folded.unflatten(1, (self.out_channels, -1)).mean(2)


class Upsample(nn.Module):
    """Unfold channels into `factor` x `factor` positions: (N, C, h, w) to (N, out, h factor, w factor)."""

    def __init__(self, channels: int, out_channels: int, factor: int) -> None:
        super().__init__()
        self.factor, self.repeats = factor, out_channels * factor**2 // channels
        self.mix = nn.Conv2d(channels, out_channels * factor**2, 1)
        self.has_shortcut = out_channels * factor**2 % channels == 0

    def forward(self, x: Tensor) -> Tensor:
        """Shortcut: each channel repeated over the positions it opens into."""
        out = self.mix(x)
        if self.has_shortcut:
            out = out + x.repeat_interleave(self.repeats, dim=1)
        return functional.pixel_shuffle(out, self.factor)


class VideoCodec(nn.Module):
    """The autoencoder with the statistics that normalise its latents.

    Buffers:
        latent_mean, latent_std: (C,), measured after training; 0 and 1 until then.
    """

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        self.config = config
        frame_channels = 3 * config.frames_per_latent
        widths, patch_px = config.encoder_widths, config.encoder_patch_px
        encoder: list[nn.Module] = [nn.PixelUnshuffle(patch_px)]
        encoder.append(nn.Conv2d(frame_channels * patch_px**2, widths[0], 3, padding=1))
        for index, width in enumerate(widths):
            if index:
                encoder.append(Downsample(widths[index - 1], width, 2))
            encoder += [ResidualBlock(width) for _ in range(config.n_blocks)]
        self.encoder = nn.Sequential(*encoder, nn.Conv2d(widths[-1], config.picture_channels, 1))
        widths, patch_px = config.decoder_widths, config.decoder_patch_px
        decoder: list[nn.Module] = [nn.Conv2d(config.picture_channels, widths[-1], 3, padding=1)]
        for index in reversed(range(len(widths))):
            decoder += [ResidualBlock(widths[index]) for _ in range(config.n_blocks)]
            if index:
                decoder.append(Upsample(widths[index], widths[index - 1], 2))
        decoder.append(nn.Conv2d(widths[0], frame_channels * patch_px**2, 3, padding=1))
        self.decoder = nn.Sequential(*decoder, nn.PixelShuffle(patch_px))
        self.parallax = ParallaxHead(config.picture_channels, config.parallax_width)
        self.register_buffer("latent_mean", torch.zeros(config.latent_channels))
        self.register_buffer("latent_std", torch.ones(config.latent_channels))
        self.latent_mean: Tensor
        self.latent_std: Tensor

    def to_channels_last(self) -> Self:
        """Lay the weights out in memory as the convolutions like them, in place; returns itself."""
        return convert_conv2d_weight_memory_format(self, torch.channels_last)

    def encode_raw(self, groups: Tensor) -> Tensor:
        """Groups of frames (N, 4 * 3, H, W) in [0, 1] to unnormalised latents without their travel (N, C - 1, h, w)."""
        return self.encoder(functional.avg_pool2d(groups, self.config.encoder_mean_px) * 2 - 1)

    def decode_raw(self, latents: Tensor, before: Tensor | None = None, has_past: Tensor | None = None) -> Tensor:
        """Unnormalised latents of successive groups to their frames.

        Args:
            latents: (B, T, C, h, w).
            before: (B, C, h, w), the latent frame before the first; None if there is none in any.
            has_past: (B,) bool, whether there really is one; None if in all.

        Returns:
            (B, T, 4, 3, H, W) near [-1, 1], not clamped.
        """
        groups, flow = self._groups(latents)
        if before is None:
            return self._joined(groups, flow, None)
        features, flow_before = self._features(before)
        return self._joined(groups, flow, Ending(self._unfolded(features, 1), flow_before), has_past)

    def _groups(self, latents: Tensor) -> tuple[Tensor, Tensor]:
        """Unnormalised latents (B, T, C, h, w) to frames (B, T, 4, 3, H, W), not shifted yet, and their flow."""
        features, flow = self._features(latents.flatten(0, 1))
        groups = self._unfolded(features, self.config.frames_per_latent)
        return groups.unflatten(0, latents.shape[:2]), flow.unflatten(0, latents.shape[:2])

    def _joined(self, groups: Tensor, flow: Tensor, before: Ending | None, has_past: Tensor | None = None) -> Tensor:
        """Groups (B, T, 4, 3, H, W) shifted by their flow (B, T, h, w), each but the very first faded into."""
        shape = groups.shape[:2]
        frames = shifted(groups.flatten(0, 1), flow.flatten(0, 1), self._first_moment())[0].unflatten(0, shape)
        last, flow, first = groups[:, :-1, -1:], flow[:, :-1], 1
        if before is not None:
            last = torch.cat((before.picture.unsqueeze(1), last), dim=1)
            flow, first = torch.cat((before.flow.unsqueeze(1), flow), dim=1), 0
        if first == shape[1] or self.config.frames_per_latent <= N_FADING:
            return frames
        onward, share = self._onward(last.flatten(0, 1), flow.flatten(0, 1))
        onward, share = (part.unflatten(0, (shape[0], -1)) for part in (onward, share))
        if has_past is not None and not has_past.all():
            share = torch.cat((share[:, :1] * has_past.view(-1, 1, 1, 1, 1, 1), share[:, 1:]), dim=1)
        faded = torch.lerp(frames[:, first:, :N_FADING], onward, share)
        joined = torch.cat((faded, frames[:, first:, N_FADING:]), dim=2)
        return torch.cat((frames[:, :first], joined), dim=1)

    def _features(self, latents: Tensor) -> tuple[Tensor, Tensor]:
        """Of unnormalised latents (N, C, h, w): what the last convolution unfolds, and their flow (N, 8 h, 8 w)."""
        pictures, travel = latents[:, :-1], latents[:, -1].mean((1, 2))
        parallax = self.parallax((pictures - self._mean()[:, :-1]) / self._std()[:, :-1])
        return self.decoder[:-2](pictures), parallax * travel.view(-1, 1, 1)

    def _unfolded(self, features: Tensor, n_frames: int) -> Tensor:
        """The last n_frames of groups (N, n_frames, 3, H, W), still at the middle of their group."""
        mix, unfold = self.decoder[-2], self.decoder[-1]
        assert isinstance(mix, nn.Conv2d)
        assert mix.bias is not None
        n_channels = n_frames * 3 * self.config.decoder_patch_px**2
        mixed = functional.conv2d(features, mix.weight[-n_channels:], mix.bias[-n_channels:], padding=1)
        return unfold(mixed).unflatten(1, (-1, 3))

    def _onward(self, last: Tensor, flow: Tensor) -> tuple[Tensor, Tensor]:
        """The last pictures of groups (N, 1, 3, H, W) moved on into the next ones by their flow (N, h, w).

        Returns:
            (N, N_FADING, 3, H, W); and how much of them is to be seen, (N, N_FADING, 1, H, W), which falls frame by
            frame and is nothing where things come in from outside.
        """
        onward, is_seen = shifted(last.expand(-1, N_FADING, -1, -1, -1), flow, 1 - self._first_moment())
        share = torch.arange(N_FADING, 0, -1, device=last.device, dtype=last.dtype) / (N_FADING + 1)
        return onward, is_seen * share.view(1, -1, 1, 1, 1)

    def _first_moment(self) -> float:
        """When the first frame of a group is, in frames from its middle; the last is as far on the other side."""
        return -(self.config.frames_per_latent - 1) / 2

    def encode(self, frames: Tensor, travel: Tensor | None = None) -> Tensor:
        """Frames to normalised latents.

        Args:
            frames: (B, F, 3, H, W) in [0, 1], RGB; F a multiple of frames_per_latent.
            travel: (B, T) how far the nearest ground moves to the right between two frames of a group, in picture
                heights; None if nobody knows, to be estimated.

        Returns:
            (B, T, C, h, w), about unit variance a channel.

        Raises:
            ValueError: F, H or W does not divide; the message holds both numbers.
        """
        groups = self._to_groups(frames, self.config.spatial_stride)
        return self._encode_means(functional.avg_pool2d(groups, self.config.encoder_mean_px), travel, len(frames))

    def encode_small(self, frames: Tensor, travel: Tensor | None = None) -> Tensor:
        """The same from all that the encoder sees: frames (B, F, 3, H, W) / encoder_mean_px, smaller each way.

        Pictures that were rendered so small have, to a thousandth of their variance, the latents of full-size ones.

        Raises:
            ValueError: as in `encode`.
        """
        groups = self._to_groups(frames, self.config.spatial_stride // self.config.encoder_mean_px)
        return self._encode_means(groups, travel, len(frames))

    def _encode_means(self, means: Tensor, travel: Tensor | None, batch: int) -> Tensor:
        """(B T, 4 * 3, H, W) / encoder_mean_px to (B, T, C, h, w)."""
        pictures = self.encoder(means * 2 - 1)
        travel = estimated_travel(means) if travel is None else travel.flatten()
        raw = self.with_travel(pictures, travel.to(pictures.dtype))
        return ((raw - self._mean()) / self._std()).unflatten(0, (batch, -1))

    @staticmethod
    def with_travel(pictures: Tensor, travel: Tensor) -> Tensor:
        """Latents without travel (N, C - 1, h, w), and it (N,), as (N, C, h, w); normalised or not, both alike."""
        return torch.cat((pictures, travel.view(-1, 1, 1, 1).expand(-1, 1, *pictures.shape[2:])), dim=1)

    def _to_groups(self, frames: Tensor, stride: int) -> Tensor:
        """(B, F, 3, H, W) to (B T, 4 * 3, H, W), if they divide."""
        batch, n_frames, _, height_px, width_px = frames.shape
        per = self.config.frames_per_latent
        if n_frames % per:
            raise ValueError(f"got {n_frames} frames, a latent frame holds {per}")
        if height_px % stride or width_px % stride:
            raise ValueError(f"got frames of {width_px} x {height_px} px, a latent position covers {stride}")
        return frames.reshape(batch * n_frames // per, per * 3, height_px, width_px)

    def decode(self, latents: Tensor, before: Tensor | None = None) -> Tensor:
        """Normalised latents to frames.

        Args:
            latents: (B, T, C, h, w), successive.
            before: (B, C, h, w), the one before the first; None, or zeros, if the video begins here.

        Returns:
            (B, F, 3, H, W), clamped to [0, 1].
        """
        return self.decode_unclamped(latents, before).flatten(1, 2).mul(0.5).add(0.5).clamp(0, 1)

    def decode_unclamped(self, latents: Tensor, before: Tensor | None = None) -> Tensor:
        """Normalised latents, as in `decode`, to groups of frames (B, T, 4, 3, H, W) near [-1, 1]."""
        mean, std = self._mean(), self._std()
        has_past = None if before is None else before.flatten(1).any(1)
        if before is None or has_past is None or not has_past.any():
            return self.decode_raw(latents * std + mean)
        return self.decode_raw(latents * std + mean, before.to(latents.dtype) * std + mean, has_past)

    def decode_pictures(self, latents: Tensor, before: Tensor | None = None) -> Tensor:
        """Normalised latents, as in `decode`, to pictures as screens take them: uint8 (B, F, H, W, 3), 0-255, RGB."""
        return _to_bytes(self.decode_unclamped(latents, before))

    def decode_onward(self, latents: Tensor, before: Ending | None) -> tuple[Tensor, Ending]:
        """The same for a stream, which decodes no latent frame twice.

        Args:
            latents: (B, T, C, h, w), successive.
            before: how the latent frames before ended; None if the video begins here.

        Returns:
            uint8 (B, F, H, W, 3), and how it ends.
        """
        groups, flow = self._groups(latents * self._std() + self._mean())
        return _to_bytes(self._joined(groups, flow, before)), _ending(groups, flow)

    def ending(self, latents: Tensor) -> Ending:
        """How normalised latents (B, T, C, h, w) ended when `decode_onward` decoded them, to the bit."""
        return _ending(*self._groups(latents * self._std() + self._mean()))

    def _mean(self) -> Tensor:
        return self.latent_mean.view(1, -1, 1, 1)

    def _std(self) -> Tensor:
        return self.latent_std.view(1, -1, 1, 1)


def _ending(groups: Tensor, flow: Tensor) -> Ending:
    """Of groups (B, T, 4, 3, H, W) and their flow (B, T, h, w), in memory of its own."""
    return Ending(groups[:, -1, -1:].clone(), flow[:, -1].clone())


def _to_bytes(groups: Tensor) -> Tensor:
    """(B, T, 4, 3, H, W) near [-1, 1] to uint8 (B, F, H, W, 3)."""
    frames = groups.flatten(1, 2)
    return frames.mul(127.5).add_(127.5).clamp_(0, 255).round_().to(torch.uint8).permute(0, 1, 3, 4, 2)
