"""The noise of the world against its definitions, computed one number at a time."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from lingen_live.world.noise import hash_unit, noise_1d, noise_2d, smoothstep, splat

EDGE_KEYS = [0, 1, -1, 2, -2, 7919, -7919, 2**31 - 1, -(2**31), 2**32, 2**40 + 5, -(2**40) - 5]


def slow_hash(*keys: int) -> float:
    """What `hash_unit` is meant to be, in integers without a width."""
    state = 0x9E3779B9
    for key in keys:
        state = (state ^ (key % 2**32)) * 0x85EBCA6B % 2**32
        state = (state ^ (state >> 15)) * 0xC2B2AE35 % 2**32
        state ^= state >> 13
    return (state >> 8) / 2**24


def slow_ease(t: float) -> float:
    return t * t * (3 - 2 * t)


def slow_noise_1d(x: float, seed: int, salt: int) -> float:
    cell = math.floor(x)
    a, b = slow_hash(cell, seed + salt * 7919), slow_hash(cell + 1, seed + salt * 7919)
    return a + (b - a) * slow_ease(x - cell)


def slow_noise_2d(x: float, y: float, seed: int, salt: int) -> float:
    i, j = math.floor(x), math.floor(y)
    total = 0.0
    for di, wx in ((0, 1 - slow_ease(x - i)), (1, slow_ease(x - i))):
        for dj, wy in ((0, 1 - slow_ease(y - j)), (1, slow_ease(y - j))):
            total += wx * wy * slow_hash(i + di, j + dj, seed + salt * 7919)
    return total


def test_the_hash_is_its_definition_also_for_negative_and_wide_keys() -> None:
    got = hash_unit(torch.tensor(EDGE_KEYS))
    assert got.dtype == torch.float32
    assert got.tolist() == [slow_hash(key) for key in EDGE_KEYS]
    pairs = hash_unit(torch.tensor(EDGE_KEYS)[:, None], torch.tensor(EDGE_KEYS)[None, :])
    assert pairs.tolist() == [[slow_hash(a, b) for b in EDGE_KEYS] for a in EDGE_KEYS]


def test_the_hash_is_uniform_and_does_not_mirror_at_zero() -> None:
    keys = torch.arange(-20_000, 20_000)
    values = hash_unit(keys)
    assert values.min() >= 0
    assert values.max() < 1
    counts = torch.histc(values, 20, 0, 1)
    assert (counts - 2000).abs().max() < 250  # over five deviations of a fair one
    left, right = values[:20_000].flip(0), values[20_000:]
    assert abs(torch.corrcoef(torch.stack((left, right)))[0, 1]) < 0.05
    neighbours = torch.corrcoef(torch.stack((values[1:], values[:-1])))[0, 1]
    assert abs(neighbours) < 0.05


@pytest.mark.gpu
def test_the_hash_is_the_same_on_a_gpu() -> None:
    keys = torch.tensor(EDGE_KEYS)
    pairs = hash_unit(keys[:, None].cuda(), keys[None, :].cuda()).cpu()
    assert torch.equal(pairs, hash_unit(keys[:, None], keys[None, :]))


def test_smoothstep_rests_at_both_ends() -> None:
    t = torch.tensor([-1.0, 0.0, 0.25, 0.5, 1.0, 2.0])
    assert smoothstep(t).tolist() == [0.0, 0.0, 0.15625, 0.5, 1.0, 1.0]


def test_noise_1d_is_its_definition_on_both_sides_of_zero() -> None:
    x = torch.tensor([[-3.7, -1.0, -0.25, 0.0, 0.25, 900.5], [-2.5, -0.1, 0.1, 1.0, 1.5, 40.0]])
    seeds = torch.tensor([11, -4])
    got = noise_1d(x, seeds, 6)
    wanted = torch.tensor(
        [[slow_noise_1d(v, s, 6) for v in row] for row, s in zip(x.tolist(), seeds.tolist(), strict=True)]
    )
    torch.testing.assert_close(got, wanted, rtol=0, atol=1e-6)


def test_noise_1d_is_continuous() -> None:
    x = torch.linspace(-3, 3, 6001).unsqueeze(0)
    steps = noise_1d(x, torch.tensor([5]), 1).diff().abs()
    assert steps.max() < 1.5 * 1e-3 * 1.01  # the steepest smoothstep, between lattice values 0 and 1


def grid(batch: int) -> tuple[Tensor, Tensor, Tensor]:
    starts = torch.tensor([-2.3, 0.0, 17.8])[:batch]
    x = starts[:, None] + torch.linspace(0, 2.7, 5)
    y = torch.linspace(-1.2, 1.9, 4).expand(batch, -1)
    return x, y, torch.arange(batch) * 31 - 31


def test_noise_2d_is_its_definition() -> None:
    x, y, seeds = grid(3)
    got = noise_2d(x, y, seeds, 2)
    assert got.shape == (3, 1, 4, 5)
    for n, seed in enumerate(seeds.tolist()):
        wanted = [[slow_noise_2d(u, v, seed, 2) for u in x[n].tolist()] for v in y[n].tolist()]
        torch.testing.assert_close(got[n, 0], torch.tensor(wanted), rtol=0, atol=1e-6)


def test_noise_2d_of_a_row_does_not_depend_on_its_batch() -> None:
    x, y, seeds = grid(3)
    together = noise_2d(x, y, seeds, 2)
    wide = torch.cat((x, x[:, -1:] + 50), dim=1)  # a batch that needs many more cells
    for n in range(3):
        row = slice(n, n + 1)
        torch.testing.assert_close(noise_2d(x[row], y[row], seeds[row], 2), together[row], rtol=0, atol=1e-6)
    torch.testing.assert_close(noise_2d(wide, y, seeds, 2)[..., :-1], together, rtol=0, atol=1e-6)


def test_splat_is_the_sum_of_its_points() -> None:
    generator = torch.Generator().manual_seed(1)
    px, py, amount, rx, ry = torch.rand(5, 2, 3, generator=generator).add(0.1).unbind()
    x, y = torch.linspace(0, 1, 6).expand(2, -1), torch.linspace(0, 1, 4).expand(2, -1)
    got = splat(px, py, amount, rx, ry, x, y)
    wanted = torch.zeros(2, 1, 4, 6)
    for k in range(3):
        dx = (x[:, None, None, :] - px[:, k].view(-1, 1, 1, 1)) / rx[:, k].view(-1, 1, 1, 1)
        dy = (y[:, None, :, None] - py[:, k].view(-1, 1, 1, 1)) / ry[:, k].view(-1, 1, 1, 1)
        wanted += amount[:, k].view(-1, 1, 1, 1) * torch.exp(-dx * dx - dy * dy)
    torch.testing.assert_close(got, wanted)
