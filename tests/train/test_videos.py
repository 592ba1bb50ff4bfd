"""Real videos become shards like those of rendered clips; what cannot be used is counted and stops nothing."""

from __future__ import annotations

import json
import tarfile
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from fake_text import FakeText
from safetensors.torch import load_file

from lingen_live.codec.autoencoder import VideoCodec
from lingen_live.errors import CheckpointError, ConfigError
from lingen_live.train import jobs, videos
from lingen_live.train.claim import claimed
from lingen_live.train.codec import save_weights
from lingen_live.train.config import Recipe
from lingen_live.train.latents import ShardReader
from lingen_live.train.video_files import Summary, Video, find_videos
from lingen_live.train.videos import (
    UnusableError,
    build_video_shards,
    cut_clips,
    encode_video,
    fit,
    resample,
)

RED, BLUE = (200, 30, 40), (20, 60, 220)
CLIP_FRAMES = 24  # of the tiny recipe: three chunks of 8 frames, 16 a second
SHARD = "clips-5000.safetensors"


def write_video(
    path: Path, colour: tuple[int, int, int], n_frames: int, *, rate: int = 16, size: tuple[int, int] = (48, 64)
) -> None:
    """A video of one colour; size is (height, width)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=rate, options={"qscale": "2"})
        stream.height, stream.width, stream.pix_fmt = *size, "yuv420p"
        picture = np.broadcast_to(np.array(colour, np.uint8), (*size, 3)).copy()
        for _ in range(n_frames):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


def found(path: Path, caption: str = "a wall") -> Video:
    return Video(str(path), path, None, caption)


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """Two videos that can be used and one of every kind that cannot."""
    root = tmp_path / "videos"
    write_video(root / "red.mp4", RED, 2 * CLIP_FRAMES + 5)
    (root / "red.txt").write_text(" a red\n wall ", encoding="utf-8")
    write_video(root / "deep" / "blue.mp4", BLUE, 2 * CLIP_FRAMES, rate=32)  # 1.5 s: one clip
    lines = ['{"file": "blue.mp4", "caption": "a blue wall"}', "not json", '{"file": 3}']
    (root / "deep" / "captions.jsonl").write_text("\n".join(lines), encoding="utf-8")
    write_video(root / "silent.mp4", RED, CLIP_FRAMES)
    write_video(root / "short.mp4", RED, CLIP_FRAMES - 1)
    (root / "cut.mp4").write_bytes((root / "red.mp4").read_bytes()[:700])
    (root / "words.mp4").write_text("these are words", encoding="utf-8")
    for name in ("short", "cut", "words"):
        (root / f"{name}.txt").write_text("a wall", encoding="utf-8")
    (root / "notes.pdf").write_bytes(b"no video at all")
    return root


def as_tar(root: Path, path: Path) -> None:
    """The same as a WebDataset shard; its captions come before and behind their videos."""
    (root / "deep" / "blue.txt").write_text("a blue wall", encoding="utf-8")
    path.parent.mkdir(exist_ok=True)
    with tarfile.open(path, "w") as tar:
        for file in sorted(root.rglob("*"), reverse=True):
            if file.suffix in (".mp4", ".txt"):
                tar.add(file, file.relative_to(root).as_posix())


def check_shard(folder: Path, recipe: Recipe) -> None:
    """One shard of two clips of the red video and one of the blue, in some order of the videos."""
    model = recipe.bundle.model
    shard = load_file(folder / SHARD)
    assert {name: (tuple(value.shape), value.dtype) for name, value in shard.items()} == {
        "latents": ((3, 6, 8, 4, 4), torch.float16),
        "tokens": ((3, 2, 1, model.text_tokens, model.text_width), torch.float16),
        "mask": ((3, 2, 1, model.text_tokens), torch.bool),
        "pooled": ((3, 2, 1, model.text_width), torch.float16),
        "weights": ((3, 3, 2), torch.float32),
    }
    assert shard["weights"].unique(dim=0).tolist() == [[[1.0, 0.0]] * 3]
    assert torch.equal(shard["tokens"][:, 0], shard["tokens"][:, 1])
    pooled = FakeText(model.text_tokens)
    red, blue = (pooled.encode(f"a {name} wall").pooled.half() for name in ("red", "blue"))
    rows = shard["pooled"][:, 0, 0]
    assert [torch.equal(row, red) for row in rows].count(True) == 2
    assert [torch.equal(row, blue) for row in rows].count(True) == 1

    reader = ShardReader(folder, recipe)
    assert reader.n_clips == 3
    assert reader.draw(4, torch.Generator().manual_seed(0)).latents.shape == (4, 3, 2, 8, 4, 4)


def test_a_folder_of_videos_becomes_a_shard(
    mixed: Path, tmp_path: Path, tiny_recipe: Recipe, tiny_codec: VideoCodec, fake_text: FakeText
) -> None:
    out = tmp_path / "clips"
    summary = build_video_shards(tiny_recipe, tiny_codec, fake_text, mixed, out, "cpu")
    check_shard(out, tiny_recipe)
    report = json.loads((out / "skipped.json").read_text(encoding="utf-8"))
    assert report == summary.to_json()
    assert (report["n_videos"], report["n_clips"]) == (2, 3)
    assert report["skipped"] == {"damaged": 2, "no caption": 1, "not a line of captions": 2, "too short": 1}
    assert [Path(name).name for name in report["examples"]["damaged"]] == ["cut.mp4", "words.mp4"]
    assert str(summary).startswith("2 videos used, 3 new clips; 6 skipped (")


def test_a_tar_of_videos_becomes_the_same(
    mixed: Path, tmp_path: Path, tiny_recipe: Recipe, tiny_codec: VideoCodec, fake_text: FakeText
) -> None:
    as_tar(mixed, tmp_path / "tars" / "000.tar")
    (tmp_path / "tars" / "001.tar").write_bytes(b"no archive" * 200)
    out = tmp_path / "clips"
    summary = build_video_shards(tiny_recipe, tiny_codec, fake_text, tmp_path / "tars", out, "cpu")
    check_shard(out, tiny_recipe)
    counts = {reason: len(names) for reason, names in summary.skipped.items()}
    assert counts == {"damaged": 2, "no caption": 1, "too short": 1, "damaged archive": 1}
    alone = list(find_videos(tmp_path / "tars" / "000.tar", Summary()))
    assert [Path(video.name).name for video in alone][-1] == "cut.mp4"
    assert {video.caption for video in alone} == {"a red wall", "a blue wall", "a wall", ""}


@pytest.mark.parametrize(("rate", "size"), [(16, (48, 64)), (30, (96, 40)), (12, (16, 16))])
def test_a_video_of_one_colour_keeps_it(tmp_path: Path, tiny_recipe: Recipe, rate: int, size: tuple[int, int]) -> None:
    path = tmp_path / "one.mp4"
    write_video(path, RED, 2 * rate, rate=rate, size=size)
    clips = list(cut_clips(found(path), tiny_recipe.bundle, 16))
    assert [clip.shape for clip in clips] == [(16, 32, 32, 3)] * 2
    for clip in clips:
        assert clip.dtype == np.uint8
        assert np.abs(clip.astype(int) - RED).max() <= 6


def test_the_middle_of_a_wide_picture_is_kept() -> None:
    picture = np.zeros((40, 120, 3), np.uint8)
    picture[:, 40:80] = 255
    kept = fit(av.VideoFrame.from_ndarray(picture, format="rgb24"), 20, 20)
    assert kept.shape == (20, 20, 3)
    assert kept[:, 1:-1].min() > 250
    strip = av.VideoFrame.from_ndarray(np.zeros((4, 64, 3), np.uint8), format="rgb24")
    with pytest.raises(UnusableError, match="too narrow"):
        fit(strip, 20, 20)


@pytest.mark.parametrize(("size", "colorspace"), [((1280, 720), 2), ((64, 64), 1)])
def test_colours_are_read_as_hd_codes_them(size: tuple[int, int], colorspace: int) -> None:
    """BT.709, if the video says so or says nothing and is large; red there is (63, 102, 240)."""
    frame = av.VideoFrame(*size, "yuv420p")
    for plane, value in zip(frame.planes, (63, 102, 240), strict=True):
        plane.update(bytes([value]) * plane.buffer_size)
    frame.colorspace = colorspace
    kept = fit(frame, 32, 32).astype(int)
    assert np.abs(kept - (255, 0, 0)).max() <= 6


def test_a_picture_is_turned_as_the_telephone_was_held(tmp_path: Path, tiny_recipe: Recipe) -> None:
    path = tmp_path / "turned.mp4"
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[:, 32:] = 255  # a white right half, which a turn to the left brings up
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=16)
        stream.height, stream.width, stream.pix_fmt = 64, 64, "yuv420p"
        stream.set_display_rotation(90)
        for _ in range(8):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    (clip,) = cut_clips(found(path), tiny_recipe.bundle, 8)
    assert clip[0, :12].min() > 200
    assert clip[0, -12:].max() < 50


def frame_at(ms: int | None) -> av.VideoFrame:
    frame = av.VideoFrame(2, 2, "rgb24")
    frame.pts, frame.time_base = ms, Fraction(1, 1000)
    return frame


@pytest.mark.parametrize(
    ("times_ms", "seen_ms"),
    [
        (range(500, 1500, 100), range(500, 1500, 100)),  # its own rate; the beginning of time is the first frame
        (range(0, 1000, 50), range(50, 1000, 100)),  # twice the rate
        (range(0, 1000, 200), [t for t in range(0, 1000, 200) for _ in range(2)]),  # half the rate
        ([0, 101, 199, 301, 399], [0, 101, 199, 301, 399]),  # times rounded by a container
        ([0, 100, 600, 700], [0, *[100] * 5, 600, 700]),  # a pause
    ],
)
def test_frames_are_left_out_or_repeated(times_ms: list[int], seen_ms: list[int]) -> None:
    seen = [frame.pts for frame in resample([frame_at(ms) for ms in times_ms], 10.0)]
    assert seen == list(seen_ms)


@pytest.mark.parametrize(
    ("times_ms", "reason"), [([0, 100, 2000], "frames far apart"), ([0, None], "frames without a time")]
)
def test_frames_of_no_certain_time_are_refused(times_ms: list[int | None], reason: str) -> None:
    with pytest.raises(UnusableError, match=reason):
        list(resample([frame_at(ms) for ms in times_ms], 10.0))


def test_a_file_without_a_picture_is_refused(tmp_path: Path, tiny_recipe: Recipe, tiny_codec: VideoCodec) -> None:
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.float32), format="fltp", layout="mono")
        sound.sample_rate = 8000
        container.mux(stream.encode(sound))
        container.mux(stream.encode())
    with pytest.raises(UnusableError, match="no picture"):
        encode_video(tiny_recipe, tiny_codec, found(path), "cpu")


def test_an_interrupted_run_goes_on_behind_the_videos_it_has(
    tmp_path: Path,
    tiny_recipe: Recipe,
    tiny_codec: VideoCodec,
    fake_text: FakeText,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(videos, "SHARD_CLIPS", 1)  # a shard a video
    root, out = tmp_path / "videos", tmp_path / "clips"
    for name in ("a", "b", "c"):
        write_video(root / f"{name}.mp4", RED, CLIP_FRAMES)
        (root / f"{name}.txt").write_text(name, encoding="utf-8")

    def build() -> Summary:
        return build_video_shards(tiny_recipe, tiny_codec, fake_text, root, out, "cpu")

    def encode(recipe: Recipe, codec: VideoCodec, video: Video, device: str) -> torch.Tensor:
        if video.caption == "b":
            raise KeyboardInterrupt
        return encode_video(recipe, codec, video, device)

    with monkeypatch.context() as patch:
        patch.setattr(videos, "encode_video", encode)
        with pytest.raises(KeyboardInterrupt):
            build()
    assert [path.name for path in out.glob("clips-*")] == [SHARD]
    before = (out / SHARD).read_bytes()
    summary = build()
    assert (summary.n_videos, summary.n_clips) == (3, 2)
    assert (out / SHARD).read_bytes() == before
    assert sorted(path.name for path in out.glob("clips-*")) == [f"clips-500{i}.safetensors" for i in range(3)]
    assert ShardReader(out, tiny_recipe).n_clips == 3
    assert build().n_clips == 0
    (out / SHARD).write_bytes(b"damaged")
    with pytest.raises(CheckpointError, match=rf"{SHARD} is damaged"):
        build()


def test_places_without_videos_are_refused(
    tmp_path: Path, tiny_recipe: Recipe, tiny_codec: VideoCodec, fake_text: FakeText
) -> None:
    with pytest.raises(ConfigError, match="nowhere is not there; --videos takes a folder"):
        build_video_shards(tiny_recipe, tiny_codec, fake_text, tmp_path / "nowhere", tmp_path / "out", "cpu")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match="empty holds no video that can be used: 0 videos used"):
        build_video_shards(tiny_recipe, tiny_codec, fake_text, tmp_path / "empty", tmp_path / "out", "cpu")
    with (
        claimed(tmp_path / "out" / "videos.claim"),
        pytest.raises(ConfigError, match="another process is making clips of videos"),
    ):
        build_video_shards(tiny_recipe, tiny_codec, fake_text, tmp_path / "empty", tmp_path / "out", "cpu")


def test_the_job_says_what_it_did_and_what_it_needs(
    mixed: Path,
    tmp_path: Path,
    tiny_recipe: Recipe,
    tiny_codec: VideoCodec,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(jobs, "load_recipe", lambda path: tiny_recipe)
    monkeypatch.setattr(jobs, "TextEncoder", FakeText)
    with pytest.raises(ConfigError, match="needs --videos PATH"):
        jobs.run_job("videos", None, tmp_path, "cpu", 1)
    with pytest.raises(ConfigError, match=r"codec\.safetensors is not there yet"):
        jobs.run_job("videos", None, tmp_path, "cpu", 1, videos=mixed)
    save_weights(tiny_codec, tmp_path / "codec.safetensors")
    capsys.readouterr()
    jobs.run_job("videos", None, tmp_path, "cpu", 1, videos=mixed)
    assert capsys.readouterr().out.startswith("2 videos used, 3 new clips; 6 skipped (")
    assert (tmp_path / "clips" / SHARD).is_file()
