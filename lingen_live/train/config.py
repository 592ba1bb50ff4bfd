"""A training recipe as frozen dataclasses, read from TOML. Does not know how anything is trained."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import ClassVar

from lingen_live.config import BundleConfig
from lingen_live.errors import ConfigError
from lingen_live.strict_json import from_json, require_positive


@dataclass(frozen=True, slots=True)
class Section:
    """What the training of every network has; configs/vista.toml says what each number means."""

    POSITIVE: ClassVar[tuple[str, ...]] = ("n_steps", "batch", "learning_rate", "clip_norm")

    n_steps: int
    batch: int
    learning_rate: float
    weight_decay: float
    warmup_steps: int
    cooldown: float
    ema_decay: float
    clip_norm: float

    def __post_init__(self) -> None:
        """Refuse numbers that nothing can be trained with."""
        require_positive(self, *self.POSITIVE)


@dataclass(frozen=True, slots=True)
class CodecTraining(Section):
    """How the video autoencoder or its decoder alone is trained; configs/vista.toml says what each means."""

    edge_weight: float
    motion_weight: float
    latent_noise: float
    latent_pull: float


@dataclass(frozen=True, slots=True)
class ParallaxTraining(Section):
    """How the codec's parallax head is trained."""

    POSITIVE = (*Section.POSITIVE, "n_scenes")

    n_scenes: int
    latent_noise: float


@dataclass(frozen=True, slots=True)
class ForecastTraining(Section):
    """How the denoiser's forecast is trained."""

    latent_noise: float


@dataclass(frozen=True, slots=True)
class ReaderTraining(Section):
    """How the text reader is trained; configs/vista.toml says what each means."""

    POSITIVE = (*Section.POSITIVE, "n_captions")

    n_captions: int
    word_noise: float
    word_dropout: float
    pooled_dropout: float
    state_dropout: float


@dataclass(frozen=True, slots=True)
class DenoiserTraining(Section):
    """How the denoiser is trained; configs/vista.toml says what each means."""

    POSITIVE = (*Section.POSITIVE, "alone", "chunks", "n_clips")

    alone: int
    chunks: int
    n_clips: int
    sigma_mean: float
    sigma_deviation: float
    pure_noise_share: float
    history_noise: float
    own_history: float
    history_gradient: float
    travel_weight: float
    uncertainty_width: int
    uncertainty_warmup: int
    guidance: float
    guided_share: float
    change_share: float
    calm_share: float
    compile_blocks: bool

    def __post_init__(self) -> None:
        """Refuse numbers that nothing can be trained with."""
        Section.__post_init__(self)  # a class with slots is made twice, and `super` means the first
        if self.guidance < 1:
            raise ConfigError(f"guidance is {self.guidance:g}; it must be 1 (none) or more.")


@dataclass(frozen=True, slots=True)
class StudentTraining(Section):
    """How a student learns to take as few steps as the bundle's sampler; configs/vista.toml says what each means."""

    POSITIVE = (*Section.POSITIVE, "alone", "teacher_steps")

    alone: int
    teacher_steps: int
    teacher_share: float

    def __post_init__(self) -> None:
        """Refuse numbers that nothing can be trained with."""
        Section.__post_init__(self)  # see `DenoiserTraining`
        if not 0 <= self.teacher_share <= 1:
            raise ConfigError(f"student.teacher_share is {self.teacher_share:g}; it must be 0 to 1.")


@dataclass(frozen=True, slots=True)
class ProbeTraining(Section):
    """How the attribute probe is trained."""


@dataclass(frozen=True, slots=True)
class AblationTraining:
    """How much smaller than the recipe's the models are that differ in one part each."""

    width: int
    n_layers: int
    n_steps: int
    batch: int
    alone: int

    def __post_init__(self) -> None:
        """Refuse numbers that nothing can be trained with."""
        require_positive(self, "width", "n_layers", "n_steps", "batch", "alone")


@dataclass(frozen=True, slots=True)
class Recipe:
    """A bundle to be made and how to make it."""

    bundle: BundleConfig
    codec: CodecTraining
    parallax: ParallaxTraining
    decoder: CodecTraining
    reader: ReaderTraining
    forecast: ForecastTraining
    denoiser: DenoiserTraining
    student: StudentTraining
    probe: ProbeTraining
    ablations: AblationTraining

    def __post_init__(self) -> None:
        """Refuse a teacher whose way does not lead past where the student has to arrive."""
        n_steps, teacher_steps = self.bundle.sampler.n_steps, self.student.teacher_steps
        if teacher_steps % n_steps:
            raise ConfigError(
                f"student.teacher_steps is {teacher_steps}; it must be a multiple of the sampler's n_steps, {n_steps}."
            )


def load_recipe(path: Path | None) -> Recipe:
    """Read a recipe; None is the bundled `configs/vista.toml`.

    Raises:
        ConfigError: the file is missing or not TOML, or a field is missing, unknown or of another type.
    """
    source = resources.files("lingen_live.train") / "configs" / "vista.toml" if path is None else path
    try:
        data = tomllib.loads(source.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{source} is not a readable TOML recipe: {error}.") from error
    return from_json(Recipe, data, "recipe")
