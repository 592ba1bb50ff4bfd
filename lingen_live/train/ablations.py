"""What each part of LinGen is worth: small models that differ in one part, trained alike on the same clips.

All have the same width, depth, data, steps and seeds, and neither the stem nor guidance, which would hide what the
mixers do. The DiT has full attention over the chunk and a sliding window of the two chunks before it in place of
MATE, and so carries more memory than LinGen does. What is measured is in `ablation_scores.py`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

from safetensors.torch import load_file

from lingen_live.checkpoint import save_bundle
from lingen_live.codec.autoencoder import VideoCodec
from lingen_live.config import BundleConfig, ModelConfig
from lingen_live.errors import ConfigError
from lingen_live.model.lingen import LinGen
from lingen_live.text import TextEncoder
from lingen_live.train.ablation_scores import Entry, measure_costs, measure_growth, score_variants
from lingen_live.train.ablation_table import as_markdown
from lingen_live.train.claim import claimed
from lingen_live.train.config import Recipe
from lingen_live.train.denoiser import fit_denoiser, new_denoiser
from lingen_live.train.latents import ShardReader
from lingen_live.train.probe import AttributeProbe
from lingen_live.train.reader import train_reader

LINGEN, DIT = "LinGen", "DiT"
TRAINING_SHARDS, HELD_OUT_SHARDS = "clips-???[!0].safetensors", "clips-???0.safetensors"
_DIT_CHUNKS = 2


@dataclass(frozen=True, slots=True)
class Variant:
    """One model of the comparison.

    Attributes:
        title: as the table calls it.
        bundle: what it is and how it streams.
    """

    title: str
    bundle: BundleConfig

    @property
    def slug(self) -> str:
        """Its folder."""
        return self.title.lower().replace(" ", "-")


def small_recipe(recipe: Recipe) -> Recipe:
    """The recipe at the size of its ablations: without stem, without guidance or weighing, history clean or noised."""
    section = recipe.ablations
    model = replace(recipe.bundle.model, width=section.width, n_layers=section.n_layers, forecast_width=0, stem_width=0)
    denoiser = replace(
        recipe.denoiser,
        n_steps=section.n_steps,
        batch=section.batch,
        alone=section.alone,
        guidance=1.0,
        own_history=0.0,
        uncertainty_width=0,
    )
    sampler = replace(recipe.bundle.sampler, n_steps=recipe.student.teacher_steps)  # none of them has a student
    return replace(recipe, bundle=replace(recipe.bundle, model=model, sampler=sampler), denoiser=denoiser)


def without_mate(model: ModelConfig) -> ModelConfig:
    """The DiT of the same width and depth: full attention over the chunk and the two before it."""
    return replace(
        model,
        expand=0,
        tesa_window=model.latent_height,
        tesa_past_frames=_DIT_CHUNKS * model.chunk_latent_frames,
    )


def variants(bundle: BundleConfig) -> list[Variant]:
    """All models of the comparison; the first two are the ones it is about.

    Raises:
        ConfigError: the latent grid is not square, so that no window covers it.
    """
    model = bundle.model
    if model.latent_height != model.latent_width:
        raise ConfigError(f"the DiT needs a square grid; this one is {model.latent_height} x {model.latent_width}.")
    return [
        Variant(LINGEN, bundle),
        Variant(DIT, replace(bundle, model=without_mate(model))),
        Variant("Without review tokens", replace(bundle, model=replace(model, review_slots=0))),
        Variant("Without Rotary Major Scan", replace(bundle, model=replace(model, scan_orders=1))),
        Variant("Without TESA", replace(bundle, model=replace(model, tesa_window=0))),
        Variant("Without carried state", replace(bundle, sampler=replace(bundle.sampler, state_keep=0.0))),
    ]


def train_ablations(
    recipe: Recipe, codec: VideoCodec, text: TextEncoder, probe: AttributeProbe, folder: Path, device: str
) -> str | None:
    """Train or resume every variant that no other process is at work on; measure them when all are there.

    Args:
        recipe: the whole one; its `ablations` section says how small.
        codec: trained.
        text: embeds prompts.
        probe: judges.
        folder: of the run, with `clips`; receives `ablations/`.
        device: cpu or cuda.

    Returns:
        The report in Markdown, also left in `ablations/ablations.md` beside its numbers; None if another process
        has not finished its part.

    Raises:
        ConfigError: there are no clips, or too few to hold some out.
    """
    small, work = small_recipe(recipe), folder / "ablations"
    clips = ShardReader(folder / "clips", small, TRAINING_SHARDS)
    work.mkdir(exist_ok=True)
    with claimed(work / "reader.claim") as is_ours:
        if not is_ours:
            raise ConfigError(f"another process trains {work / 'reader.safetensors'}; start this one when it is there.")
        train_reader(small, text, work, device)
    todo = variants(small.bundle)
    for variant in todo:
        with claimed(work / f"{variant.slug}.claim") as is_ours:
            if is_ours:
                trained = replace(small, bundle=variant.bundle)
                fit_denoiser(trained, new_denoiser(trained, work, None), clips, work / variant.slug, device)
                _save(variant, codec, work / variant.slug)
    if not all((work / variant.slug / "bundle" / "config.json").is_file() for variant in todo):
        return None
    return _report(small, todo, probe, folder)


def _save(variant: Variant, codec: VideoCodec, folder: Path) -> None:
    model = LinGen(variant.bundle.model)
    model.load_state_dict(load_file(folder / "model.safetensors"))
    save_bundle(folder / "bundle", variant.bundle, model, codec)


def _report(small: Recipe, todo: list[Variant], probe: AttributeProbe, folder: Path) -> str:
    work = folder / "ablations"
    held_out = ShardReader(folder / "clips", small, HELD_OUT_SHARDS)
    entries = [Entry(variant.title, variant.bundle, work / variant.slug / "bundle") for variant in todo]
    scores, costs = score_variants(entries, small, held_out, probe), measure_costs(entries)
    model = small.bundle.model
    growth = measure_growth({LINGEN: lambda grid: _at(model, grid), DIT: lambda grid: without_mate(_at(model, grid))})
    text = as_markdown(scores, costs, growth)
    numbers = {"scores": scores, "costs": costs, "growth": growth}
    (work / "ablations.json").write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")
    (work / "ablations.md").write_text(text + "\n", encoding="utf-8")
    return text


def _at(model: ModelConfig, grid: int) -> ModelConfig:
    return replace(model, latent_height=grid, latent_width=grid)
