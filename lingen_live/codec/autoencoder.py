"""Frames to latents and back: 4 frames x 32 x 32 pixels to one latent position of the bundled model.

Four frames ride on the channel axis. Each group of four is encoded alone; it is decoded beside the latent frame before
it, for only two of them show where things are going. That latent frame is all the past it sees, so a stream carries
no decoder cache. The frames of a group are shifted as things move (`flow.py`). Up and down steps have parameter-free
shortcuts (space to channel averaging, as DC-AE, arXiv 2410.10733, section 3.2), which the convolutions only have to
correct. Does not know chunks, noise or prompts.
"""

from __future__ import annotations

from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import convert_conv2d_weight_memory_format

from lingen_live.codec.flow import FlowHead, shifted
from lingen_live.config import NORM_GROUPS, CodecConfig


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
        self.encoder = nn.Sequential(*encoder, nn.Conv2d(widths[-1], config.latent_channels, 1))
        widths, patch_px = config.decoder_widths, config.decoder_patch_px
        decoder: list[nn.Module] = [nn.Conv2d(config.latent_channels, widths[-1], 3, padding=1)]
        for index in reversed(range(len(widths))):
            decoder += [ResidualBlock(widths[index]) for _ in range(config.n_blocks)]
            if index:
                decoder.append(Upsample(widths[index], widths[index - 1], 2))
        decoder.append(nn.Conv2d(widths[0], frame_channels * patch_px**2, 3, padding=1))
        self.decoder = nn.Sequential(*decoder, nn.PixelShuffle(patch_px))
        self.context = nn.Conv2d(config.latent_channels, config.decoder_widths[-1], 3, padding=1, bias=False)
        nn.init.zeros_(self.context.weight)
        self.flow = FlowHead(config.latent_channels, config.flow_width)
        self.register_buffer("latent_mean", torch.zeros(config.latent_channels))
        self.register_buffer("latent_std", torch.ones(config.latent_channels))
        self.latent_mean: Tensor
        self.latent_std: Tensor

    def to_channels_last(self) -> Self:
        """Lay the weights out in memory as the convolutions like them, in place; returns itself."""
        return convert_conv2d_weight_memory_format(self, torch.channels_last)

    def encode_raw(self, groups: Tensor) -> Tensor:
        """Groups of frames (N, 4 * 3, H, W) in [0, 1] to unnormalised latents (N, C, h, w)."""
        return self._encode_means(functional.avg_pool2d(groups, self.config.encoder_mean_px))

    def _encode_means(self, groups: Tensor) -> Tensor:
        return self.encoder(groups * 2 - 1)

    def decode_raw(self, latents: Tensor, before: Tensor | None = None) -> Tensor:
        """Unnormalised latents to groups of frames.

        Args:
            latents: (N, C, h, w), unnormalised.
            before: (N, C, h, w), normalised: the latent frame before each; None, or zeros, if there is none.

        Returns:
            (N, 4 * 3, H, W) near [0, 1], not clamped.
        """
        before = torch.zeros_like(latents) if before is None else before
        groups = self.decoder[1:](self.decoder[0](latents) + self.context(before))
        return shifted(groups, self.flow(before, (latents - self._mean()) / self._std())) * 0.5 + 0.5

    def encode(self, frames: Tensor) -> Tensor:
        """Frames to normalised latents.

        Args:
            frames: (B, F, 3, H, W) in [0, 1], RGB; F a multiple of frames_per_latent.

        Returns:
            (B, T, C, h, w), about unit variance a channel.

        Raises:
            ValueError: F, H or W does not divide; the message holds both numbers.
        """
        groups = self._to_groups(frames, self.config.spatial_stride)
        return self._normalised(self.encode_raw(groups), len(frames))

    def encode_small(self, frames: Tensor) -> Tensor:
        """The same from all that the encoder sees: frames (B, F, 3, H, W) / encoder_mean_px, smaller each way.

        Pictures that were rendered so small have, to a thousandth of their variance, the latents of full-size ones.

        Raises:
            ValueError: as in `encode`.
        """
        groups = self._to_groups(frames, self.config.spatial_stride // self.config.encoder_mean_px)
        return self._normalised(self._encode_means(groups), len(frames))

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
        batch, n_latents = latents.shape[:2]
        groups = self.decode_unclamped(latents, before)
        frames = groups.unflatten(1, (self.config.frames_per_latent, 3)).clamp(0, 1)
        return frames.reshape(batch, n_latents * self.config.frames_per_latent, *frames.shape[2:])

    def decode_unclamped(self, latents: Tensor, before: Tensor | None = None) -> Tensor:
        """Normalised latents, as in `decode`, to groups of frames (B T, 4 * 3, H, W) near [0, 1]."""
        return self.decode_raw(self._denormalised(latents), _preceding(latents, before))

    def decode_pictures(self, latents: Tensor, before: Tensor | None = None) -> Tensor:
        """Normalised latents, as in `decode`, to pictures as screens take them: uint8 (B, F, H, W, 3), 0-255, RGB."""
        groups = self.decode_unclamped(latents, before)
        bytes_ = groups.mul(255).clamp_(0, 255).round_().to(torch.uint8).unflatten(1, (-1, 3))
        return bytes_.permute(0, 1, 3, 4, 2).reshape(len(latents), -1, *bytes_.shape[3:], 3)

    def _normalised(self, raw: Tensor, batch: int) -> Tensor:
        """(B T, C, h, w) to (B, T, C, h, w)."""
        return ((raw - self._mean()) / self._std()).unflatten(0, (batch, -1))

    def _denormalised(self, latents: Tensor) -> Tensor:
        """(B, T, C, h, w) to (B T, C, h, w)."""
        return latents.flatten(0, 1) * self._std() + self._mean()

    def _mean(self) -> Tensor:
        return self.latent_mean.view(1, -1, 1, 1)

    def _std(self) -> Tensor:
        return self.latent_std.view(1, -1, 1, 1)


def _preceding(latents: Tensor, before: Tensor | None) -> Tensor:
    """The latent frame before each of (B, T, C, h, w), as (B T, C, h, w); zeros before the first of a video."""
    first = torch.zeros_like(latents[:, :1]) if before is None else before.to(latents.dtype).unsqueeze(1)
    return torch.cat((first, latents[:, :-1]), dim=1).flatten(0, 1)
