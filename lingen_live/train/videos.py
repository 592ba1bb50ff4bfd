"""Real videos with captions, made into the same shards of clips as rendered ones.

A video lies in a folder, beside `name.txt` or named by a line {"file", "caption"} of a `captions.jsonl`, or in a
WebDataset shard: an uncompressed tar with key.mp4 and key.txt. It is cut into clips of the recipe's length, which all
have its caption for a prompt. One that cannot be used is skipped and counted, and stops nothing. A shard names the
videos in it, so that a run which was interrupted goes on behind them. Runs no code from what it reads.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

import av
import numpy as np
import torch
from av.video.reformatter import Colorspace, Interpolation
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from torch import Tensor
from tqdm import tqdm

from lingen_live.codec.autoencoder import VideoCodec
from lingen_live.config import BundleConfig
from lingen_live.errors import CheckpointError, ConfigError
from lingen_live.train.claim import claimed
from lingen_live.train.config import Recipe
from lingen_live.train.latents import SHARD_CLIPS, save_shard
from lingen_live.train.video_files import Summary, Video, find_videos

if TYPE_CHECKING:
    from lingen_live.text import TextEncoder

_FIRST_SHARD = 5000
"""Numbers below are those of rendered clips, which may lie in the same folder."""
_LONGEST_HOLD_S = 1.0
_WIDEST = 8
"""Times the width or height that is kept of a picture: one of more is all but cropped away."""
_UNSPECIFIED = 2
"""FFmpeg's number for colours of which a video does not say how they are coded: by custom as in HD, or before it."""


class UnusableError(Exception):
    """A video that cannot be learnt from; the message is the reason, one of a few."""


def cut_clips(video: Video, config: BundleConfig, n_frames: int) -> Iterator[NDArray[np.uint8]]:
    """The whole clips of a video, one after the other: (F, H, W, 3) uint8 RGB at the bundle's rate and size.

    Raises:
        UnusableError: it is damaged or of an impossible shape; clips yielded before are then not to be used.
    """
    try:
        if video.member is None:
            yield from _cut(str(video.path), config, n_frames)
            return
        with tarfile.open(video.path, "r:") as tar:
            content = tar.extractfile(video.member)
            assert content is not None  # it is a file
            yield from _cut(content, config, n_frames)
    except (av.FFmpegError, OSError, ValueError, tarfile.TarError) as error:
        raise UnusableError("damaged") from error


def _cut(source: str | IO[bytes], config: BundleConfig, n_frames: int) -> Iterator[NDArray[np.uint8]]:
    with av.open(source, "r", metadata_errors="replace") as container:
        if not container.streams.video:
            raise UnusableError("no picture")
        clip: list[NDArray[np.uint8]] = []
        for frame in resample(container.decode(container.streams.video[0]), config.video.fps):
            clip.append(fit(frame, config.video.width_px, config.video.height_px))
            if len(clip) == n_frames:
                yield np.stack(clip)
                clip.clear()


def resample(frames: Iterable[av.VideoFrame], fps: float) -> Iterator[av.VideoFrame]:
    """What is to be seen in the middle of each frame of a video of `fps`: frames are left out, or repeated.

    Raises:
        UnusableError: frames are damaged, have no time, or are far apart.
    """
    held: av.VideoFrame | None = None
    start_s = held_s = lasts_s = 0.0
    n_out = 0
    for frame in frames:
        if frame.is_corrupt:
            raise UnusableError("damaged")
        if frame.time is None:
            raise UnusableError("frames without a time")
        if held is None:
            start_s = frame.time
        else:
            lasts_s = frame.time - held_s
            if lasts_s > _LONGEST_HOLD_S:
                raise UnusableError("frames far apart")
            while start_s + (n_out + 0.5) / fps < frame.time:
                yield held
                n_out += 1
        held, held_s = frame, frame.time
    while held is not None and start_s + (n_out + 0.5) / fps < held_s + lasts_s:  # it lasts as the one before did
        yield held
        n_out += 1


def fit(frame: av.VideoFrame, width_px: int, height_px: int) -> NDArray[np.uint8]:
    """The middle of a picture, scaled (averaging areas) until it just covers the size: (H, W, 3) uint8 RGB.

    Raises:
        UnusableError: it is many times longer than it is wide.
    """
    n_turns = round(frame.rotation / 90)  # counter-clockwise: how a telephone was held
    wide, high = (height_px, width_px) if n_turns % 2 else (width_px, height_px)
    scale = max(wide / frame.width, high / frame.height)
    size = max(wide, round(frame.width * scale)), max(high, round(frame.height * scale))
    if size[0] > _WIDEST * wide or size[1] > _WIDEST * high:
        raise UnusableError("too narrow")
    is_untold_hd = frame.colorspace == _UNSPECIFIED and frame.height >= 720
    picture = frame.reformat(
        *size,
        format="rgb24",
        src_colorspace=Colorspace.ITU709 if is_untold_hd else None,
        interpolation=Interpolation.AREA,
    ).to_ndarray()
    top, left = (size[1] - high) // 2, (size[0] - wide) // 2
    return np.rot90(picture[top : top + high, left : left + wide], n_turns)


@torch.no_grad()
def encode_video(recipe: Recipe, codec: VideoCodec, video: Video, device: str) -> Tensor:
    """Latents of all clips of a video: (n, K T, C, h, w) float16.

    Raises:
        UnusableError: it has no caption, is shorter than a clip, or cannot be decoded to its end.
    """
    if not video.caption:
        raise UnusableError("no caption")
    n_frames = recipe.denoiser.chunks * recipe.bundle.frames_per_chunk
    latents = []
    for clip in cut_clips(video, recipe.bundle, n_frames):
        frames = torch.from_numpy(clip).to(device).permute(0, 3, 1, 2).float() / 255
        latents.append(codec.encode(frames.unsqueeze(0)).half().cpu())
    if not latents:
        raise UnusableError("too short")
    return torch.cat(latents)


def build_video_shards(
    recipe: Recipe, codec: VideoCodec, text: TextEncoder, root: Path, folder: Path, device: str
) -> Summary:
    """Write shards of the clips of all videos that are in none yet; leaves `skipped.json` beside them.

    Args:
        recipe: of what length, rate and size clips are.
        codec: makes the latents; trained, on the device.
        text: embeds the captions.
        root: a folder of videos or of tar shards, or one tar.
        folder: receives the shards; made if missing.
        device: where frames are encoded.

    Raises:
        ConfigError: there is no such place, nothing in it can be used, or another process is at it.
    """
    summary = Summary()
    videos = find_videos(root, summary)
    folder.mkdir(parents=True, exist_ok=True)
    with claimed(folder / "videos.claim") as is_ours:
        if not is_ours:
            raise ConfigError(f"another process is making clips of videos in {folder}.")
        _build(recipe, codec, text, videos, folder, device, summary)
    report = json.dumps(summary.to_json(), indent=2, ensure_ascii=False)
    (folder / "skipped.json").write_text(report + "\n", encoding="utf-8")
    if not summary.n_videos:
        raise ConfigError(f"{root} holds no video that can be used: {summary}")
    return summary


def _build(
    recipe: Recipe,
    codec: VideoCodec,
    text: TextEncoder,
    videos: Iterable[Video],
    folder: Path,
    device: str,
    summary: Summary,
) -> None:
    done = _names_in(folder)
    shard: list[tuple[Video, Tensor]] = []
    with tqdm(videos, desc="videos", unit="") as bar:
        for video in bar:
            if video.name in done:
                summary.n_videos += 1
                continue
            try:
                shard.append((video, encode_video(recipe, codec, video, device)))
            except UnusableError as error:
                summary.skip(str(error), video.name)
                continue
            summary.n_videos += 1
            summary.n_clips += len(shard[-1][1])
            bar.set_postfix(clips=summary.n_clips)
            if sum(len(latents) for _, latents in shard) >= SHARD_CLIPS:
                _write(recipe, text, shard, folder)
                shard = []
    if shard:
        _write(recipe, text, shard, folder)


def _names_in(folder: Path) -> set[str]:
    """The videos that the shards of a folder say they hold."""
    names: set[str] = set()
    for path in _shards_in(folder):
        try:
            with safe_open(path, "pt") as shard:
                names.update(json.loads((shard.metadata() or {}).get("videos", "[]")))
        except (SafetensorError, ValueError) as error:
            raise CheckpointError(f"{path} is damaged ({error}); remove it to make its clips anew.") from error
    return names


def _shards_in(folder: Path) -> list[Path]:
    """Shards of videos, by number."""
    found = {int(path.stem.removeprefix("clips-")): path for path in folder.glob("clips-[0-9]*.safetensors")}
    return [path for number, path in sorted(found.items()) if number >= _FIRST_SHARD]


def _write(recipe: Recipe, text: TextEncoder, videos: list[tuple[Video, Tensor]], folder: Path) -> None:
    """A shard of the whole of some videos: a caption is both prompts of its clips, in one wording."""
    embeddings = text.encode_batch([video.caption for video, _ in videos])
    counts = torch.tensor([len(latents) for _, latents in videos])

    def of_clips(parts: list[Tensor]) -> Tensor:
        """(n, 2 prompts, 1 wording, ...)."""
        rows = torch.stack(parts).repeat_interleave(counts, dim=0)
        return rows[:, None, None].repeat(1, 2, 1, *(1 for _ in rows.shape[1:]))

    weights = torch.zeros(int(counts.sum()), recipe.denoiser.chunks, 2)
    weights[..., 0] = 1
    tensors = {
        "latents": torch.cat([latents for _, latents in videos]),
        "tokens": of_clips([e.tokens.half() for e in embeddings]),
        "mask": of_clips([e.mask for e in embeddings]),
        "pooled": of_clips([e.pooled.half() for e in embeddings]),
        "weights": weights,
    }
    written = _shards_in(folder)
    number = int(written[-1].stem.removeprefix("clips-")) + 1 if written else _FIRST_SHARD
    names = json.dumps([video.name for video, _ in videos])
    save_shard(tensors, folder / f"clips-{number:04d}.safetensors", {"videos": names})
