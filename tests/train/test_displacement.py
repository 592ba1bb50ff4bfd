"""Correlation of bands at every shift: the peak is where the band went, and nothing fits where nothing has an edge."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from lingen_live.train.displacement import band_correlations


def moving(pixels_a_frame: list[int]) -> Tensor:
    """(1, 7, 8 a speed, 96): bands of noise that move at the given speeds."""
    generator = torch.Generator().manual_seed(0)
    bands = []
    for speed in pixels_a_frame:
        wide = torch.rand(8, 200, generator=generator)
        bands.append(torch.stack([wide[:, 50 - speed * t : 146 - speed * t] for t in range(7)]))
    return torch.cat(bands, dim=1).unsqueeze(0)


def test_each_band_has_its_peak_where_it_went() -> None:
    curves = band_correlations(moving([2, 0, -1]), n_bands=3, lag=6, reach_px=16)
    assert curves.shape == (1, 3, 33)
    assert (curves.argmax(-1) - 16).tolist() == [[12, 0, -6]]
    assert curves.amax(-1).min() > 0.95


def test_the_lag_is_in_frames() -> None:
    curves = band_correlations(moving([2]), n_bands=1, lag=3, reach_px=16)
    assert curves.argmax().item() - 16 == 6


@pytest.mark.parametrize("picture", [torch.full((1, 7, 8, 64), 0.3), torch.rand(1, 7, 8, 1).expand(1, 7, 8, 64)])
def test_nothing_fits_where_nothing_has_an_edge(picture: Tensor) -> None:
    assert band_correlations(picture, n_bands=2, lag=6, reach_px=4).abs().max() < 1e-3


def test_strangers_do_not_fit() -> None:
    noise = torch.rand(1, 7, 32, 256, generator=torch.Generator().manual_seed(1))
    assert band_correlations(noise, n_bands=1, lag=6, reach_px=10).abs().max() < 0.1
