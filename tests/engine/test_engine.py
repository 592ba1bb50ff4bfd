"""One stream: repeatable, steerable between chunks, and untouched by a tick that fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from lingen_live.checkpoint import Bundle
from lingen_live.engine.engine import Engine
from lingen_live.engine.prompt_state import compose, unsaid
from lingen_live.engine.sampler import Denoiser, chunk_noise
from lingen_live.errors import PromptError
from lingen_live.model.embed import TextContext
from lingen_live.model.state import StreamState

MakeEngine = Callable[..., Engine]


def fail(*args: object) -> None:
    raise RuntimeError("told to fail")


class Witness:
    """A denoiser that notes the pooled prompt of every call, and fails at call `fails_at`."""

    def __init__(self, model: Denoiser, fails_at: int | None = None) -> None:
        self._model = model
        self._fails_at = fails_at
        self.calls: list[tuple[str, Tensor]] = []
        self.begun_from: list[Tensor] = []

    def _note(self, what: str, text: TextContext) -> None:
        if len(self.calls) == self._fails_at:
            fail()
        self.calls.append((what, text.pooled))

    def denoise(self, latents: Tensor, sigma: Tensor, text: TextContext, state: StreamState) -> Tensor:
        self._note("denoise", text)
        if bool((sigma == 1).all()):
            self.begun_from.append(latents)
        return self._model.denoise(latents, sigma, text, state)

    def commit(self, latents: Tensor, text: TextContext, state: StreamState) -> StreamState:
        self._note("commit", text)
        return self._model.commit(latents, text, state)


def frames_of(engine: Engine, n_chunks: int) -> NDArray[np.uint8]:
    return np.stack([engine.tick().frames for _ in range(n_chunks)])


def watch(engine: Engine) -> Witness:
    engine.denoiser = witness = Witness(engine.denoiser)
    return witness


def test_a_chunk_with_a_past_begins_from_more_noise(make_engine: MakeEngine) -> None:
    engine = make_engine(seed=4)
    witness, config = watch(engine), engine.bundle.config
    scale = config.sampler.noise_scale
    assert scale != 1
    for _ in range(2):
        engine.tick()
    engine.cut("another scene")
    for _ in range(2):
        engine.tick()
    for index, (begun, factor) in enumerate(zip(witness.begun_from, (1, scale, 1, scale), strict=True)):
        assert torch.equal(begun, chunk_noise(config.model, 4, index) * factor)


def pooled_after(engine: Engine, witness: Witness) -> Tensor:
    """What conditions the next chunk, as the model reads it."""
    engine.tick()
    return witness.calls[-1][1]


@torch.inference_mode()
def pooled_of(engine: Engine, *weights: tuple[str, float]) -> Tensor:
    """What the model reads of a blend of prompts typed one after another; their masks are joined."""
    model = engine.bundle.model
    embeddings = [(engine.text_encoder.encode(prompt), weight) for prompt, weight in weights]
    tokens = torch.stack([e.tokens * weight for e, weight in embeddings]).sum(0)
    pooled = torch.stack([e.pooled * weight for e, weight in embeddings]).sum(0)
    mask = torch.stack([e.mask for e, weight in embeddings if weight]).any(0)
    sizes = model.text.fields.sizes
    reading, mixed = unsaid(sizes), torch.zeros(sum(sizes))
    for e, weight in embeddings:
        reading = compose(reading, model.text.read(e.tokens[None], e.mask[None], e.pooled[None])[0], sizes)
        mixed = mixed + reading * weight
    emphasis = engine.bundle.config.emphasis
    return model.read_text(tokens[None], mask[None], pooled[None], mixed[None], emphasis).pooled


def test_a_chunk_says_what_it_is(make_engine: MakeEngine) -> None:
    engine = make_engine()
    chunk = engine.tick()
    assert chunk.frames.shape == (8, 32, 32, 3)
    assert chunk.frames.dtype == np.uint8
    assert chunk.frames.min() < chunk.frames.max()
    assert (chunk.chunk_index, chunk.prompt, chunk.blend, chunk.seed) == (0, "a meadow", 1.0, 7)
    stages = ["text", "noise", "denoise", "denoise", "commit", "decode", "snapshot"]
    assert [span.name for span in chunk.profile.spans] == stages
    assert engine.tick().chunk_index == 1


def test_the_info_counts_what_is_there(make_engine: MakeEngine, bundle: Bundle) -> None:
    info = make_engine(fps=24.0).info
    n_parameters = sum(p.numel() for net in (bundle.model, bundle.codec) for p in net.parameters())
    assert (info.name, info.fps, info.width_px, info.height_px) == ("tiny", 24.0, 32, 32)
    assert (info.frames_per_chunk, info.n_steps, info.n_parameters) == (8, 2, n_parameters)
    assert (info.device, info.dtype, info.path, info.compute_threads) == ("cpu", "float32", "eager", 1)
    assert info.checkpoint_digest == bundle.digest
    assert make_engine().info.fps == 16.0


def test_the_state_keeps_its_size(make_engine: MakeEngine) -> None:
    engine = make_engine()
    for _ in range(3):
        engine.tick()
        assert engine.state.n_bytes == engine.info.state_bytes


def test_the_same_seed_and_prompt_give_the_same_frames(make_engine: MakeEngine) -> None:
    first, second = (frames_of(make_engine(), 3) for _ in range(2))
    assert np.array_equal(first, second)
    assert not np.array_equal(first[0], first[1])


@pytest.mark.parametrize("other", [{"seed": 8}, {"prompt": "a city by night"}])
def test_another_seed_or_prompt_gives_other_frames(make_engine: MakeEngine, other: dict[str, object]) -> None:
    assert not np.array_equal(frames_of(make_engine(), 1), frames_of(make_engine(**other), 1))


def test_a_chunk_depends_on_the_one_before(make_engine: MakeEngine) -> None:
    streamed, alone = make_engine(), make_engine()
    streamed.tick()
    alone.timeline.put(replace(alone.timeline.current, head=replace(alone.moment, chunk_index=1)))
    assert not np.array_equal(streamed.tick().frames, alone.tick().frames)


def test_a_steer_moves_at_once_and_ends_exactly_at_the_target(make_engine: MakeEngine) -> None:
    engine = make_engine()
    witness = watch(engine)
    engine.tick()
    engine.steer("a sea of ice", 4)
    blends, pooled = [], []
    for _ in range(5):
        chunk = engine.tick()
        assert chunk.prompt == "a sea of ice"
        blends.append(chunk.blend)
        pooled.append(witness.calls[-1][1])
    assert blends == [0.25, 0.5, 0.75, 1.0, 1.0]
    torch.testing.assert_close(pooled[0], pooled_of(engine, ("a meadow", 0.75), ("a sea of ice", 0.25)))
    assert not torch.equal(pooled[0], pooled_of(engine, ("a meadow", 1.0)))
    target = pooled_of(engine, ("a meadow", 0.0), ("a sea of ice", 1.0))
    assert not torch.equal(pooled[2], target)
    assert torch.equal(pooled[3], target)
    assert torch.equal(pooled[4], target)


def test_one_chunk_of_transition_is_at_once(make_engine: MakeEngine) -> None:
    engine = make_engine()
    witness = watch(engine)
    engine.tick()
    engine.steer("a sea of ice")
    assert torch.equal(pooled_after(engine, witness), pooled_of(engine, ("a meadow", 0.0), ("a sea of ice", 1.0)))


def test_a_steer_on_the_way_departs_from_where_the_stream_was(make_engine: MakeEngine) -> None:
    engine = make_engine()
    witness = watch(engine)
    engine.tick()
    engine.steer("a sea of ice", 4)
    engine.tick()
    engine.tick()  # half way
    engine.steer("a red desert", 2)
    between = pooled_of(engine, ("a meadow", 0.25), ("a sea of ice", 0.25), ("a red desert", 0.5))
    torch.testing.assert_close(pooled_after(engine, witness), between)
    there = pooled_of(engine, ("a meadow", 0.0), ("a sea of ice", 0.0), ("a red desert", 1.0))
    assert torch.equal(pooled_after(engine, witness), there)


def test_a_steer_that_no_chunk_followed_counts_in_what_is_asked_and_not_on_the_way(make_engine: MakeEngine) -> None:
    engine = make_engine()
    witness = watch(engine)
    engine.tick()
    engine.steer("a sea of ice", 4)
    engine.steer("a red desert", 2)
    between = pooled_of(engine, ("a meadow", 0.5), ("a sea of ice", 0.0), ("a red desert", 0.5))
    torch.testing.assert_close(pooled_after(engine, witness), between)


def test_all_passes_of_a_chunk_see_the_same_prompt(make_engine: MakeEngine) -> None:
    engine = make_engine()
    witness = watch(engine)
    engine.steer("a sea of ice", 3)
    engine.tick()
    assert [what for what, _ in witness.calls] == ["denoise", "denoise", "commit"]
    assert all(torch.equal(pooled, witness.calls[0][1]) for _, pooled in witness.calls)


def test_a_cut_empties_the_state_and_is_at_the_target(make_engine: MakeEngine) -> None:
    engine = make_engine()
    witness = watch(engine)
    frames_of(engine, 2)
    engine.cut("a red desert")
    assert all(not tensor.any() for tensor in state_tensors(engine.state))
    chunk = engine.tick()
    assert (chunk.prompt, chunk.blend, chunk.chunk_index) == ("a red desert", 1.0, 2)
    assert torch.equal(witness.calls[-1][1], pooled_of(engine, ("a red desert", 1.0)))


def test_a_reset_replays_bit_by_bit(make_engine: MakeEngine) -> None:
    engine = make_engine()
    before = frames_of(engine, 3)
    engine.reset()
    assert np.array_equal(frames_of(engine, 3), before)


def test_a_reset_on_the_way_begins_at_the_target(make_engine: MakeEngine) -> None:
    engine = make_engine()
    engine.tick()
    engine.steer("a sea of ice", 4)
    engine.tick()
    engine.reset()
    assert np.array_equal(frames_of(engine, 2), frames_of(make_engine(prompt="a sea of ice"), 2))


def test_another_seed_begins_another_stream(make_engine: MakeEngine) -> None:
    engine = make_engine()
    before = frames_of(engine, 2)
    engine.reseed(8)
    assert np.array_equal(frames_of(engine, 2), frames_of(make_engine(seed=8), 2))
    engine.reseed(7)
    assert np.array_equal(frames_of(engine, 2), before)


@pytest.mark.parametrize("words", ["", "   ", "x" * 10_000, "🎈", "a\x00b"])
@pytest.mark.parametrize("how", ["steer", "cut"])
def test_a_bad_prompt_is_refused_without_effect(make_engine: MakeEngine, how: str, words: str) -> None:
    engine, twin = make_engine(), make_engine()
    for one in (engine, twin):
        one.tick()
        one.steer("a sea of ice", 3)
        one.tick()
    before = engine.state, engine.transition, engine.prompt, engine.chunk_index
    with pytest.raises(PromptError):
        getattr(engine, how)(words)
    assert (engine.state, engine.transition, engine.prompt, engine.chunk_index) == before
    assert np.array_equal(frames_of(engine, 2), frames_of(twin, 2))


def test_a_bad_first_prompt_makes_no_engine(make_engine: MakeEngine) -> None:
    with pytest.raises(PromptError, match="empty"):
        make_engine(prompt=" ")


@pytest.mark.parametrize("where", ["denoise 0", "denoise 1", "commit", "decode"])
def test_a_tick_that_fails_changes_nothing(
    make_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    engine, twin = make_engine(), make_engine()
    for one in (engine, twin):
        one.tick()
        one.steer("a sea of ice", 3)
        one.tick()
    before = engine.state, engine.transition, engine.chunk_index
    content = engine.state.to_bytes()
    with monkeypatch.context() as patch:
        if where == "decode":
            patch.setattr(engine.bundle.codec, "decode_onward", fail)
        else:
            fails_at = ["denoise 0", "denoise 1", "commit"].index(where)
            patch.setattr(engine, "denoiser", Witness(engine.denoiser, fails_at))
        with pytest.raises(RuntimeError, match="told to fail"):
            engine.tick()
    assert engine.state is before[0]
    assert engine.state.to_bytes() == content
    assert (engine.transition, engine.chunk_index) == before[1:]
    undisturbed, recovered = twin.tick(), engine.tick()
    assert np.array_equal(recovered.frames, undisturbed.frames)
    assert (recovered.blend, recovered.chunk_index) == (undisturbed.blend, undisturbed.chunk_index)
    assert engine.state.to_bytes() == twin.state.to_bytes()


def test_warming_up_leaves_the_stream_as_it_is(make_engine: MakeEngine) -> None:
    engine, stages = make_engine(), []
    engine.warm_up(lambda stage, fraction: stages.append((stage, fraction)))
    assert stages[0] == ("warming up", 0.0)
    assert stages[-1] == ("warming up", 1.0)
    assert [fraction for _, fraction in stages] == sorted(fraction for _, fraction in stages)
    assert np.array_equal(frames_of(engine, 2), frames_of(make_engine(), 2))


def test_a_faster_denoiser_is_taken_between_chunks(make_engine: MakeEngine, bundle: Bundle) -> None:
    faster = Witness(bundle.model)

    def offers() -> Iterator[Denoiser | None]:
        yield None
        yield faster

    engine = make_engine(upgrade=offers())
    plain = watch(engine)
    paths, n_calls = [], []
    for _ in range(4):
        engine.tick()
        paths.append(engine.info.path)
        n_calls.append((len(plain.calls), len(faster.calls)))
    assert paths == ["eager", "compiled", "compiled", "compiled"]
    assert n_calls == [(3, 0), (3, 3), (3, 6), (3, 9)]
    assert not engine.seek_upgrade()


def test_an_upgrade_that_comes_to_nothing_is_forgotten(make_engine: MakeEngine) -> None:
    engine = make_engine(upgrade=iter([None, None]))
    assert [engine.seek_upgrade() for _ in range(4)] == [True, True, False, False]
    assert engine.info.path == "eager"
    assert engine.denoiser is engine.bundle.model


def state_tensors(state: StreamState) -> tuple[Tensor, ...]:
    return state.ssm, state.conv, state.review, state.tesa


def test_it_says_what_it_makes_of_words(make_engine: MakeEngine) -> None:
    engine = make_engine(prompt="a meadow")
    first = engine.tick().understanding
    assert set(first.heard) == set(first.scene)
    engine.steer("a sea of ice", 2)
    second = engine.tick().understanding
    assert set(second.heard) <= set(second.scene)
    assert 0.0 <= second.similarity <= 1.0
    words = engine.text_encoder.encode("a sea of ice").pooled
    if second.heard:
        heard = engine.text_encoder.encode(", ".join(second.heard)).pooled
        assert second.similarity == pytest.approx(max(0.0, float(words @ heard)), abs=1e-6)
    engine.cut("a sea of ice")
    assert engine.tick().understanding.scene == second.heard
