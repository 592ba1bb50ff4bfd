"""Every dial of a bundle as frozen dataclasses, to and from JSON; a missing or unknown field is an error.

Knows shapes and counts. Does not know torch, files, or where weights live.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, Literal, Self

from lingen_live.errors import ConfigError
from lingen_live.strict_json import from_json, require_positive

Weights = Literal["trained", "random"]
"""What the numbers of a network are: frames of random weights are no pictures, only their speed means anything."""

NORM_GROUPS = 8
"""Groups of channels that the codec normalises together; its widths are multiples of it."""

N_SCAN_ORDERS = 4
"""Orders of the Rotary Major Scan."""


@dataclass(frozen=True, slots=True)
class VideoConfig:
    """What leaves the codec: frames of (height_px, width_px) at fps frames a second of media time."""

    fps: float
    height_px: int
    width_px: int

    def __post_init__(self) -> None:
        """Refuse numbers that no video has."""
        require_positive(self, "fps", "height_px", "width_px")


@dataclass(frozen=True, slots=True)
class CodecConfig:
    """The video autoencoder: a few frames of a square of pixels to one latent position of `latent_channels`.

    Encoder and decoder need not mirror each other: what only the decoder does is paid for in every second of a
    stream, what only the encoder does never is.

    Attributes:
        frames_per_latent: frames folded into one latent frame.
        latent_channels: C; the last one is how far the camera travels.
        encoder_mean_px: pixels a side that the encoder sees only the mean of; 1 for every pixel.
        encoder_patch_px: means a side folded into channels before the encoder's first convolution.
        encoder_widths: channels at strides encoder_patch_px, 2 encoder_patch_px, ... of means; the last is the latent
            grid.
        decoder_patch_px: pixels a side unfolded from channels after the decoder's last convolution.
        decoder_widths: channels at strides decoder_patch_px, 2 decoder_patch_px, ...; the last is the latent grid.
        n_blocks: residual blocks at each stride.
        parallax_width: channels of the layers that see how fast each place moves.
    """

    frames_per_latent: int
    latent_channels: int
    encoder_mean_px: int
    encoder_patch_px: int
    encoder_widths: tuple[int, ...]
    decoder_patch_px: int
    decoder_widths: tuple[int, ...]
    n_blocks: int
    parallax_width: int

    def __post_init__(self) -> None:
        """Refuse shapes that cannot be built, with both numbers."""
        numbers = {f.name for f in dataclasses.fields(self)} - {"encoder_widths", "decoder_widths", "n_blocks"}
        require_positive(self, *sorted(numbers))
        for name in ("encoder_widths", "decoder_widths"):
            _check_widths(name, getattr(self, name))
        if self.n_blocks < 0:
            raise ConfigError(f"n_blocks is {self.n_blocks}; it must be 0 or more.")
        if self.latent_channels < 2:
            raise ConfigError(f"latent_channels is {self.latent_channels}; travel takes one, pictures 1 or more.")
        decoded = _stride(self.decoder_patch_px, self.decoder_widths)
        if decoded != self.spatial_stride:
            raise ConfigError(
                f"the encoder folds {self.spatial_stride} px a side into a latent position, "
                f"the decoder unfolds {decoded}."
            )

    @property
    def picture_channels(self) -> int:
        """Latent channels that hold pictures: all but the travel."""
        return self.latent_channels - 1

    @property
    def spatial_stride(self) -> int:
        """Pixels a side covered by one latent position."""
        return self.encoder_mean_px * _stride(self.encoder_patch_px, self.encoder_widths)


def _stride(patch_px: int, widths: tuple[int, ...]) -> int:
    return patch_px * 2 ** (len(widths) - 1)


def _check_widths(name: str, widths: tuple[int, ...]) -> None:
    if not widths:
        raise ConfigError(f"{name} is empty; the codec needs one width or more.")
    for index, width in enumerate(widths):
        if width < 1:
            raise ConfigError(f"{name}[{index}] is {width}; it must be above 0.")
        _divides(f"{name}[{index}]", width, "the group count", NORM_GROUPS)


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """Chunk-causal LinGen.

    Attributes:
        latent_channels: C of the latents denoised.
        latent_height: h, positions.
        latent_width: w, positions.
        chunk_latent_frames: T, latent frames a chunk.
        forecast_width: channels of the forecast of the next chunk; 0 for none, as in the paper.
        stem_width: channels of the convolutional stem; 0 for none, as in the paper.
        width: D.
        n_layers: blocks; block i scans in Rotary-Major order i % scan_orders.
        scan_orders: 4 as in the paper; 1 for row-major everywhere.
        expand: Mamba2 inner width over D; 0 for no MA-branch.
        headdim: channels of one Mamba2 head.
        d_state: Mamba2 state size of one channel.
        d_conv: taps of the causal depthwise convolution.
        attn_headdim: channels of one attention head (TESA and cross-attention).
        tesa_window: positions a side of one attention window, the whole grid for full attention; 0 for no TE-branch.
        tesa_past_frames: committed latent frames whose keys and values are carried.
        review_pool: positions a side averaged into one review token.
        review_slots: rows of the carried review bank, each older and smoother than the one before; 0 for no review
            tokens at all.
        ffn_expand: FFN inner width over D.
        text_width: width of one text token.
        text_tokens: S, text tokens a prompt.
        text_slots: vectors that a prompt is read into, beside its tokens.
        text_fields: values of each thing that a prompt may say; slot i is for field i, further slots are free.
    """

    latent_channels: int
    latent_height: int
    latent_width: int
    chunk_latent_frames: int
    forecast_width: int
    stem_width: int
    width: int
    n_layers: int
    scan_orders: int
    expand: int
    headdim: int
    d_state: int
    d_conv: int
    attn_headdim: int
    tesa_window: int
    tesa_past_frames: int
    review_pool: int
    review_slots: int
    ffn_expand: int
    text_width: int
    text_tokens: int
    text_slots: int
    text_fields: tuple[int, ...]

    def __post_init__(self) -> None:
        """Refuse shapes that are not positive or do not divide, with both numbers."""
        or_none = ("forecast_width", "stem_width", "expand", "tesa_window", "tesa_past_frames", "review_slots")
        numbers = {f.name for f in dataclasses.fields(self)} - {"text_fields"}
        require_positive(self, *sorted(numbers.difference(or_none)))
        for name in or_none:
            if getattr(self, name) < 0:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be 0 or more.")
        if len(self.text_fields) > self.text_slots:
            raise ConfigError(
                f"text_fields holds {len(self.text_fields)} fields, but there are {self.text_slots} slots."
            )
        for index, n_values in enumerate(self.text_fields):
            if n_values < 1:
                raise ConfigError(f"text_fields[{index}] is {n_values}; a field has 1 value or more.")
        _divides("expand * width", self.expand * self.width, "headdim", self.headdim)
        _divides("width", self.width, "attn_headdim", self.attn_headdim)
        for axis in ("latent_height", "latent_width"):
            if self.tesa_window:
                _divides(axis, getattr(self, axis), "tesa_window", self.tesa_window)
            _divides(axis, getattr(self, axis), "review_pool", self.review_pool)
        if not self.expand and not self.tesa_window:
            raise ConfigError("expand and tesa_window are both 0; a block needs one branch or both.")
        if not 1 <= self.scan_orders <= N_SCAN_ORDERS:
            raise ConfigError(f"scan_orders is {self.scan_orders}; it must be 1 to {N_SCAN_ORDERS}.")

    @property
    def n_tokens(self) -> int:
        """L, video tokens a chunk."""
        return self.chunk_latent_frames * self.latent_height * self.latent_width

    @property
    def inner_width(self) -> int:
        """Channels inside Mamba2."""
        return self.expand * self.width

    @property
    def n_ssm_heads(self) -> int:
        """Mamba2 heads a layer."""
        return self.inner_width // self.headdim


@dataclass(frozen=True, slots=True)
class SamplerConfig:
    """How a stream is generated.

    Attributes:
        n_steps: Euler steps on sigmas 1 -> 0.
        sigma_shift: bends the steps towards noise; 1 for even ones.
        state_keep: share of the state that each chunk hands on, in [0, 1]. Below 1 the past fades faster than
            the model decided: it obeys sooner and drifts less, and remembers less; at 0 no chunk has a past.
        noise_scale: deviation of the noise that chunks with a past begin from, above 0. A little over 1 makes up for
            the contrast that each chunk loses to the one before (docs/lab-notes.md).
        contrast: what latents that are shown differ from the mean of their row is times this, above 0. Over 1 faint
            textures, by which one sees a camera move, are shown more clearly; the state keeps what was made.
    """

    n_steps: int
    sigma_shift: float
    state_keep: float
    noise_scale: float
    contrast: float

    def __post_init__(self) -> None:
        """Refuse a sampler that takes no step."""
        require_positive(self, "n_steps", "sigma_shift", "noise_scale", "contrast")
        if not 0 <= self.state_keep <= 1:
            raise ConfigError(f"state_keep is {self.state_keep}; it must be 0 or more and at most 1.")


@dataclass(frozen=True, slots=True)
class PromptField:
    """One thing that a prompt may say.

    Attributes:
        name: of the thing.
        values: what the model knows of it.
        phrases: each value as one would say it alone: "pan left" for the value "left" of "pan".
        emphasis: how much further from "not said" its senses are than they were learned, as a share; 0 or more. Makes
            up for values that the denoiser shows too faintly in scenes it never met (docs/lab-notes.md).
    """

    name: str
    values: tuple[str, ...]
    phrases: tuple[str, ...]
    emphasis: float

    def __post_init__(self) -> None:
        """Refuse values that cannot be said."""
        if not 0 <= self.emphasis < math.inf:
            raise ConfigError(f"the emphasis of field {self.name!r} is {self.emphasis}; it must be 0 or more.")
        if len(self.phrases) != len(self.values):
            raise ConfigError(f"field {self.name!r} has {len(self.values)} values and {len(self.phrases)} phrases.")


@dataclass(frozen=True, slots=True)
class CameraConfig:
    """What words mean to a camera whose travel is held.

    Attributes:
        direction: name of the field that says where it pans.
        signs: of the travel for each of that field's values; 1 moves the picture to the right, 0 stands still.
        speed: name of the field that says how fast.
        paces: for each of its values, picture heights a second of the nearest ground.
    """

    direction: str
    signs: tuple[float, ...]
    speed: str
    paces: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class BundleConfig:
    """All that a checkpoint directory describes: one model, one codec, its words, and how they are run.

    Without a `camera` its travel is the denoiser's choice.
    """

    name: str
    video: VideoConfig
    codec: CodecConfig
    model: ModelConfig
    sampler: SamplerConfig
    fields: tuple[PromptField, ...]
    camera: CameraConfig | None = None

    def __post_init__(self) -> None:
        """Refuse parts that do not fit together, with both numbers."""
        self._check_camera()
        sizes = tuple(len(field.values) for field in self.fields)
        if sizes != self.model.text_fields:
            raise ConfigError(f"the fields have {sizes} values, the model's text_fields are {self.model.text_fields}.")
        stride = self.codec.spatial_stride
        for axis, px, positions in (
            ("height", self.video.height_px, self.model.latent_height),
            ("width", self.video.width_px, self.model.latent_width),
        ):
            if px != positions * stride:
                raise ConfigError(
                    f"{axis} is {px} px, but {positions} latent positions of {stride} px make {positions * stride}."
                )
        if self.codec.latent_channels != self.model.latent_channels:
            raise ConfigError(
                f"The codec makes {self.codec.latent_channels} latent channels, "
                f"the model takes {self.model.latent_channels}."
            )

    def _check_camera(self) -> None:
        values = {field.name: len(field.values) for field in self.fields}
        camera = self.camera
        named = () if camera is None else ((camera.direction, camera.signs), (camera.speed, camera.paces))
        for name, numbers in named:
            if values.get(name) != len(numbers):
                raise ConfigError(f"the camera has {len(numbers)} numbers for field {name!r} of {values.get(name, 0)}.")

    @property
    def emphasis(self) -> tuple[float, ...]:
        """Of every field."""
        return tuple(field.emphasis for field in self.fields)

    @property
    def frames_per_chunk(self) -> int:
        """F, frames a chunk."""
        return self.model.chunk_latent_frames * self.codec.frames_per_latent

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, lists, numbers and strings."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: object) -> Self:
        """The reverse of `to_json`.

        Raises:
            ConfigError: a field is missing, unknown, or of another type; the message names it.
        """
        return from_json(cls, data, "config")


def _divides(name: str, value: int, divisor_name: str, divisor: int) -> None:
    if divisor <= 0 or value % divisor:
        raise ConfigError(f"{name} is {value}, not a multiple of {divisor_name} {divisor}.")
