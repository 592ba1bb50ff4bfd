"""`lingen_live eval`: measures a checkpoint in every way there is and leaves numbers, words and pictures behind."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from lingen_live.checkpoint import load_bundle
from lingen_live.codec.autoencoder import VideoCodec
from lingen_live.config import BundleConfig
from lingen_live.digest import sha256_of
from lingen_live.engine.build import build_engine
from lingen_live.engine.engine import Engine
from lingen_live.engine.options import EngineOptions
from lingen_live.engine.sampler import sigma_schedule
from lingen_live.errors import ConfigError
from lingen_live.train import drift, evaluate, motion, quality, report, sections, steering
from lingen_live.train.jobs import load_probe
from lingen_live.train.lockstep import Lockstep
from lingen_live.train.probe import AttributeProbe
from lingen_live.train.rendered import RenderedStream, Stream
from lingen_live.world.captions import Caption

GRID_COLUMNS, _GRID_CELLS = 8, 40
_STEERING_ROWS = 8
_MAX_SECONDS, _MAX_MINUTES = 3600.0, 24 * 60.0
_PER_PAN = 4
_MAX_STEPS = 1000


@dataclass(frozen=True, slots=True)
class EvaluationPlan:
    """How much to measure.

    Attributes:
        n_captions: held-out captions, at least 1.
        seconds: media time before a stream is judged, at most an hour.
        n_changes: random changes of the prompt; 0 for none.
        drift_minutes: length of the long streams, at most a day; 0 for none.
        n_rollouts: how many long streams, at least 1.
        compare_steps: denoising steps a chunk that the captions are tried with as well; 0 for none.

    Raises:
        ConfigError: a number is out of its range.
    """

    n_captions: int
    seconds: float
    n_changes: int = 0
    drift_minutes: float = 0.0
    n_rollouts: int = 4
    compare_steps: int = 0

    def __post_init__(self) -> None:
        """Refuse what measures nothing or never ends."""
        if self.n_captions < 1:
            raise ConfigError(f"captions is {self.n_captions}; it must be 1 or more.")
        if not 0 < self.seconds <= _MAX_SECONDS:
            raise ConfigError(f"seconds is {self.seconds:g}; it must be above 0 and at most {_MAX_SECONDS:g}.")
        if self.n_changes < 0:
            raise ConfigError(f"changes is {self.n_changes}; it must be 0 or more.")
        if not 0 <= self.drift_minutes <= _MAX_MINUTES:
            raise ConfigError(
                f"drift minutes is {self.drift_minutes:g}; it must be 0 or more and at most {_MAX_MINUTES:g}."
            )
        if self.n_rollouts < 1:
            raise ConfigError(f"rollouts is {self.n_rollouts}; it must be 1 or more.")
        if not 0 <= self.compare_steps <= _MAX_STEPS:
            raise ConfigError(f"compare steps is {self.compare_steps}; it must be 0 to {_MAX_STEPS}.")


@dataclass(frozen=True, slots=True)
class Part:
    """One measurement, told: Markdown, JSON by key, pictures by file name, and their legends, a list of cells a row."""

    text: str
    numbers: Mapping[str, object]
    pictures: Mapping[str, NDArray[np.uint8]]
    legends: Mapping[str, list[list[str]]] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Subject:
    """What is measured, and by what.

    Attributes:
        engine: the stream.
        probe: the judge.
        codec: in float32 on the CPU, as renders are, whatever the engine computes in.
    """

    engine: Engine
    probe: AttributeProbe
    codec: VideoCodec

    @property
    def config(self) -> BundleConfig:
        """The dials of the checkpoint."""
        return self.engine.bundle.config

    @property
    def chunk_s(self) -> float:
        """Media time of a chunk, seconds."""
        return self.config.frames_per_chunk / self.config.video.fps


def run_evaluation(options: EngineOptions, probe_path: Path | None, plan: EvaluationPlan, out: Path) -> str:
    """Measure a checkpoint; leaves `eval.json`, `eval.md` and pictures in `out`, returns the Markdown.

    Args:
        options: which checkpoint, and how it computes.
        probe_path: weights of the probe; None for the bundled ones.
        plan: how much to measure.
        out: folder, made if missing.

    Raises:
        LingenError: the checkpoint or the probe cannot be used.
    """
    probe = load_probe(probe_path)
    engine = build_engine(options, lambda stage, fraction: None)
    subject = Subject(engine, probe, load_bundle(options.checkpoint).codec)
    parts = [measure_captions(subject, plan), measure_codec(subject)]
    if plan.n_changes:
        parts.append(measure_steering(subject, plan.n_changes))
    parts.append(measure_motion(subject))
    if plan.drift_minutes:
        parts.append(measure_drift(subject, plan))
    digest = engine.bundle.digest
    heading = (
        f"{plan.n_captions} held-out captions, judged after {plan.seconds:g} s of video; checkpoint {digest[:16]}."
    )
    text = "\n\n".join([heading, *(part.text for part in parts)])
    _write_report(out, text, {"digest": digest, "plan": dataclasses.asdict(plan)}, parts)
    return text


def _write_report(out: Path, text: str, numbers: dict[str, object], parts: list[Part]) -> None:
    """Pictures first: the numbers hold their digests, so that nobody takes others for them."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "eval.md").write_text(text + "\n", encoding="utf-8")
    pictures: dict[str, object] = {}
    for part in parts:
        numbers |= part.numbers
        for name, picture in part.pictures.items():
            report.write_png(picture, out / name)
            pictures[name] = {"sha256": sha256_of(out / name), "legend": part.legends.get(name, [])}
    numbers["pictures"] = pictures
    (out / "eval.json").write_text(json.dumps(numbers, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def measure_captions(subject: Subject, plan: EvaluationPlan) -> Part:
    """Whether a stream shows what its first prompt says."""
    config, probe = subject.config, subject.probe
    n_chunks = max(1, round(plan.seconds / subject.chunk_s))
    captions = evaluate.held_out_captions(plan.n_captions)
    with tqdm(total=plan.n_captions, desc="captions") as bar:
        samples = evaluate.sample_captions(subject.engine, probe, captions, n_chunks, bar.update)
    columns = {
        "model": evaluate.score_samples(samples),
        **_with_other_steps(subject, captions, n_chunks, plan.compare_steps),
        "renders through the codec": evaluate.score_renders(config, probe, subject.codec),
        "renders": evaluate.score_renders(config, probe, None),
    }
    shown = samples[:_GRID_CELLS]
    text = "\n\n".join((report.scores_table(columns), report.captions_table(shown, GRID_COLUMNS)))
    picture = report.grid([sample.frames[-1] for sample in shown], GRID_COLUMNS)
    legend = report.captions_rows(shown, GRID_COLUMNS)
    return Part(text, {"scores": report.scores_json(columns)}, {"grid.png": picture}, {"grid.png": legend})


def _with_other_steps(
    subject: Subject, captions: list[Caption], n_chunks: int, n_steps: int
) -> dict[str, dict[str, evaluate.Score]]:
    """The same streams with another number of denoising steps; nothing if it is 0."""
    if not n_steps:
        return {}
    engine, maker = subject.engine, subject.engine.maker
    sampler = replace(subject.config.sampler, n_steps=n_steps)
    with tqdm(total=len(captions), desc=f"captions, {n_steps} steps") as bar:
        engine.maker = replace(maker, sigmas=sigma_schedule(sampler))
        try:
            samples = evaluate.sample_captions(engine, subject.probe, captions, n_chunks, bar.update)
        finally:
            engine.maker = maker
    return {f"model, {n_steps} steps": evaluate.score_samples(samples)}


def measure_codec(subject: Subject) -> Part:
    """What the codec keeps of renders."""
    with tqdm(total=quality.N_CHUNKS, desc="codec") as bar:
        by_weather = quality.codec_quality(subject.config, subject.codec, bar.update, quality.N_CHUNKS)
    dry = quality.dry_quality(by_weather)
    return Part(sections.codec_section(by_weather, dry), {"codec": sections.codec_json(by_weather, dry)}, {})


def measure_steering(subject: Subject, n_changes: int) -> Part:
    """Whether a stream does what it is told on the way, and keeps the rest."""
    asked = steering.sample_changes(n_changes)
    scenes = steering.scenes_of(asked)
    streams: dict[str, Stream] = {
        "model": subject.engine,
        "renders through the codec": RenderedStream(subject.config, scenes, subject.codec),
    }
    results: dict[str, steering.SteeringResult] = {}
    shown: list[steering.Steered] = []
    for name, stream in streams.items():
        with tqdm(total=n_changes, desc=f"steering, {name}") as bar:
            steered = steering.steer_stream(stream, subject.probe, asked, subject.chunk_s, bar.update)
        results[name] = steering.score_steering(steered, subject.chunk_s)
        shown = shown or steered[:_STEERING_ROWS]
    pictures = [picture for one in shown for picture in one.pictures]
    sheet = report.grid(pictures, len(shown[0].pictures))
    return Part(
        sections.steering_section(results, shown),
        {"steering": sections.steering_json(results)},
        {"steering.png": sheet},
        {"steering.png": sections.steering_rows(shown)},
    )


def measure_motion(subject: Subject) -> Part:
    """Whether the camera pans as asked, and whether chunks join without a seam."""
    config = subject.config
    captions = motion.pan_captions(_PER_PAN)
    scenes = {caption.text: caption.target for caption in captions}
    streams: dict[str, Stream] = {
        "model": subject.engine,
        "renders through the codec": RenderedStream(config, scenes, subject.codec),
        "renders": RenderedStream(config, scenes),
    }
    pans, seams = {}, {}
    for name, stream in streams.items():
        with tqdm(total=len(captions), desc=f"motion, {name}") as bar:
            rollouts = motion.record_pans(stream, captions, subject.chunk_s, bar.update)
        pans[name] = motion.score_pans(rollouts, config.frames_per_chunk, config.video.fps)
        seams[name] = motion.flicker(rollouts, config.frames_per_chunk, config.codec.frames_per_latent)
    return Part(
        sections.motion_section(pans, seams),
        {"pan": sections.pan_json(pans), "flicker": sections.flicker_json(seams)},
        {},
    )


def measure_drift(subject: Subject, plan: EvaluationPlan) -> Part:
    """Whether a stream stays as it began."""
    captions = drift.drift_captions(plan.n_rollouts)
    spans = drift.window_spans(plan.drift_minutes, subject.chunk_s)
    with tqdm(total=spans[-1].last, desc="drift, model") as bar:
        streams = Lockstep(subject.engine.bundle, subject.engine.text_encoder, [c.text for c in captions])
        log = drift.DriftLog(subject.probe, spans)
        windows = drift.record_drift_together(streams, captions, log, bar.update)
    renders = RenderedStream(subject.config, {caption.text: caption.target for caption in captions})
    with tqdm(total=plan.n_rollouts * spans[0].last, desc="drift, renders") as bar:
        fresh = drift.record_drift(renders, captions, drift.DriftLog(subject.probe, spans[:1]), bar.update)
    reference = drift.reference_features(subject.config, subject.probe, captions)
    results = drift.score_drift(windows, reference)
    (floor,) = drift.score_drift(fresh, reference)
    pictures = [picture for window in windows for picture in window.pictures]
    return Part(
        sections.drift_section(results, floor, plan.n_rollouts),
        {"drift": sections.drift_json(results, floor)},
        {"drift.png": report.grid(pictures, plan.n_rollouts)},
    )
