"""Random clips: the prompt that conditions a chunk is the one that its frames are drawn from."""

from __future__ import annotations

from random import Random

import pytest
import torch

from lingen_live.train.clips import WORDINGS, Clip, draw_clip, draw_groups, frame_times
from lingen_live.world.captions import is_held_out
from lingen_live.world.orders import changes
from lingen_live.world.track import EASE_S

CHUNK_S = 0.5


def draw(n: int, n_chunks: int = 5, change_share: float = 1.0, seed: int = 0, calm_share: float = 0.0) -> list[Clip]:
    rng = Random(seed)
    return [draw_clip(rng, n_chunks, CHUNK_S, change_share, calm_share) for _ in range(n)]


def test_weights_share_every_chunk_between_two_prompts() -> None:
    for clip in draw(200, change_share=0.65):
        assert clip.weights.shape == (5, 2)
        assert clip.weights.min() >= 0
        torch.testing.assert_close(clip.weights.sum(1), torch.ones(5))
        assert (clip.weights[:, 1].diff() >= 0).all()  # never back
        assert [len(wordings) for wordings in clip.prompts] == [WORDINGS, WORDINGS]


def test_a_clip_without_a_change_has_one_prompt() -> None:
    for clip in draw(20, change_share=0.0):
        assert clip.track.changes == ()
        assert clip.weights[:, 0].tolist() == [1.0] * 5
        assert clip.prompts[0] == clip.prompts[1]


def test_a_change_begins_with_the_first_chunk_that_is_asked_for_it() -> None:
    at_chunks, blends = set(), set()
    for clip in draw(300):
        (change,) = clip.track.changes
        at_chunk = int((clip.weights[:, 1] > 0).nonzero()[0])
        assert change.at_s == pytest.approx(clip.start_s + at_chunk * CHUNK_S)
        n_blend = round((change.ease_s - EASE_S) / CHUNK_S) + 1
        wanted = [min(1.0, (k + 1) / n_blend) for k in range(5 - at_chunk)]
        assert clip.weights[at_chunk:, 1].tolist() == pytest.approx(wanted)
        assert changes(clip.track.start, change.target)
        at_chunks.add(at_chunk)
        blends.add(n_blend)
    assert at_chunks == set(range(5))
    assert blends == {1, 2, 3}


def test_clips_never_show_a_held_out_combination() -> None:
    for clip in draw(300):
        assert not is_held_out(clip.track.start)
        assert not is_held_out(clip.track.changes[0].target)


def test_the_share_of_changes_is_kept() -> None:
    n_changes = sum(bool(clip.track.changes) for clip in draw(600, change_share=0.65))
    assert n_changes == pytest.approx(390, abs=50)


def test_clips_repeat_with_their_seed() -> None:
    for one, other in zip(draw(10, seed=4), draw(10, seed=4), strict=True):
        assert (one.track, one.start_s, one.prompts) == (other.track, other.start_s, other.prompts)
        assert torch.equal(one.weights, other.weights)
    assert draw(1, seed=4)[0].track != draw(1, seed=5)[0].track


def test_a_clip_may_be_a_single_chunk() -> None:
    for clip in draw(40, n_chunks=1):
        assert clip.weights[0, 1] > 0
        assert clip.track.changes[0].at_s == clip.start_s


def test_frame_times_begin_at_the_clip_and_keep_the_rate() -> None:
    clip = draw(1)[0]
    times = frame_times(clip, 24, 16.0)
    assert times.dtype == torch.float64
    assert times[0].item() == clip.start_s
    torch.testing.assert_close(times.diff(), torch.full((23,), 1 / 16, dtype=torch.float64))


def test_groups_are_runs_of_frames_of_scenes_of_their_own() -> None:
    scenes = draw_groups(Random(1), 60, 4, 16.0)
    assert len(scenes) == 240
    times, seeds = scenes.time_s.view(60, 4), scenes.seed.view(60, 4)
    torch.testing.assert_close(times.diff(dim=1), torch.full((60, 3), 1 / 16), rtol=0, atol=1e-4)
    assert (seeds == seeds[:, :1]).all()
    assert len(set(seeds[:, 0].tolist())) == 60
    in_change = (scenes.biome.amax(1) < 1) | (scenes.time.amax(1) < 1) | (scenes.weather.amax(1) < 1)
    assert 0 < in_change.view(60, 4).any(1).sum() < 30


def test_a_share_of_clips_has_to_travel_over_water_or_sand() -> None:
    def n_calm(calm_share: float) -> int:
        ends = (
            (clip.track.start, *(change.target for change in clip.track.changes))
            for clip in draw(400, change_share=0.65, calm_share=calm_share)
        )
        return sum(any(e.biome in ("sea", "desert") and e.pan != "still" for e in two) for two in ends)

    assert n_calm(0.0) < 200 < n_calm(0.5) < 400 == n_calm(1.0)
