"""8-bit linear layers: what they round to, how far that is, what is replaced."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from lingen_live.model.lingen import LinGen
from lingen_live.model.state import StreamState
from lingen_live.paper.configs import toy_config
from lingen_live.paper.float8 import Float8Linear, to_float8, use_float8, why_no_float8
from lingen_live.paper.random_weights import random_module


def draw(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(len(shape)))


def error_of(actual: Tensor, expected: Tensor) -> float:
    return ((actual.float() - expected.float()).norm() / expected.float().norm()).item()


def test_every_row_uses_the_whole_range() -> None:
    rows = draw(5, 64) * torch.tensor([1e-6, 1e-2, 1.0, 1e2, 1e6])[:, None]
    narrow, scale = to_float8(rows)
    assert narrow.dtype == torch.float8_e4m3fn
    assert (narrow.float().abs().amax(1) == 448).all()
    back = narrow.float() * scale
    # 3 bits of mantissa: half a step is a sixteenth of the power of two below, of ordinary numbers.
    ordinary = narrow.float().abs() >= 2.0**-6
    assert ((back - rows).abs()[ordinary] <= rows.abs()[ordinary] / 16 * 1.001).all()


def test_a_row_of_zeros_stays_zero() -> None:
    narrow, scale = to_float8(torch.zeros(2, 16))
    assert not narrow.float().any()
    assert (scale > 0).all()


@pytest.mark.parametrize("has_bias", [False, True])
def test_it_is_the_product_of_the_rounded_numbers(has_bias: bool) -> None:
    linear = nn.Linear(48, 32, bias=has_bias).requires_grad_(False)
    x = draw(2, 7, 48).bfloat16()
    layer = Float8Linear.of(linear.to(torch.bfloat16))
    (x8, x_scale), (w8, w_scale) = to_float8(x.flatten(0, 1)), to_float8(linear.weight)
    expected = (x8.double() * x_scale) @ (w8.double() * w_scale).t()
    expected = expected if linear.bias is None else expected + linear.bias
    actual = layer(x)
    assert actual.shape == (2, 7, 32)
    assert actual.dtype == torch.bfloat16
    assert error_of(actual.flatten(0, 1), expected) < 4e-3  # bfloat16 outputs


def test_the_error_is_that_of_three_bits() -> None:
    """Two roundings to 3 bits of mantissa, each 2.6 % of a number's size in the mean square, at random signs."""
    linear = nn.Linear(512, 256, bias=False).requires_grad_(False)
    x = draw(64, 512)
    assert 0.02 < error_of(Float8Linear.of(linear)(x), linear(x)) < 0.05


def test_outliers_of_one_token_do_not_spoil_the_others() -> None:
    linear = nn.Linear(64, 32, bias=False).requires_grad_(False)
    x = draw(8, 64)
    x[0] *= 1e4
    layer = Float8Linear.of(linear)
    assert error_of(layer(x)[1:], linear(x)[1:]) < 0.05


def test_the_blocks_of_a_model_are_replaced_and_it_computes_nearly_the_same() -> None:
    config = toy_config()
    model = random_module(lambda: LinGen(config), "cpu", torch.bfloat16)
    tokens = draw(1, config.text_tokens, config.text_width).bfloat16()
    mask = torch.ones(1, config.text_tokens, dtype=torch.bool)
    state = StreamState.allocate(config, 1, dtype=torch.bfloat16)
    latents = draw(1, config.chunk_latent_frames, config.latent_channels, config.latent_height, config.latent_width)
    with torch.no_grad():
        text = model.read_text(tokens, mask, tokens[:, 0])
        before = model.denoise(latents, torch.full((1,), 0.5), text, state)
        n_linear = sum(isinstance(layer, nn.Linear) for layer in model.blocks.modules())
        # in_proj has 2 x 64 + 2 x 16 + 2 x 4 = 168 outputs: no multiple of 16.
        assert use_float8(model.blocks) == n_linear - config.n_layers == 7 * config.n_layers
        after = model.denoise(latents, torch.full((1,), 0.5), text, state)
    assert 1e-5 < error_of(after, before) < 0.05


def test_what_does_not_fit_is_refused_with_both_sides() -> None:
    with pytest.raises(ValueError, match="a layer of 24 x 32 has no 8-bit form; both sides must be multiples of 16"):
        Float8Linear.of(nn.Linear(24, 32))


@pytest.mark.parametrize(("capability", "expected"), [((9, 0), None), ((8, 0), r"compute capability is \(8, 0\)")])
def test_an_old_gpu_says_why_not(
    capability: tuple[int, int], expected: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert why_no_float8("cpu") is None
    reason = why_no_float8("cuda")
    assert reason is None if expected is None else str(reason).startswith(expected.replace("\\", ""))
