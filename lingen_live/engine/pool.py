"""Slots for moments, allocated once: what every stream of an engine remembers and can go back to lies in them.

A slot holds all tensors of one moment. It is taken when a moment is kept, shared by all branches that hold the moment,
and free again when nobody does. The memory is given from outside and may outlive this process: `Slot.index` finds a
moment there again. Knows moments and bytes. Does not know streams, branches or budgets.

    pool = StatePool(moment, memory)
    kept = pool.keep(moment)  # the same bits, in a slot
"""

from __future__ import annotations

import mmap
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lingen_live.engine.moment_tensors import state_tensors, way_from, way_tensors
from lingen_live.engine.snapshot import Moment
from lingen_live.engine.transition import Transition
from lingen_live.errors import EngineError
from lingen_live.model.state import StreamState

_PART_ALIGNMENT, _SLOT_ALIGNMENT = 64, 4096


@dataclass(frozen=True, slots=True)
class Part:
    """Where a tensor lies in a slot."""

    name: str
    shape: torch.Size
    dtype: torch.dtype
    begin: int
    end: int

    def view(self, row: Tensor) -> Tensor:
        """The tensor in a slot's bytes."""
        return row[self.begin : self.end].view(self.dtype).view(self.shape)


@dataclass(frozen=True, slots=True)
class Layout:
    """How the tensors of every moment of a model lie in a slot.

    Attributes:
        state: what is computed with, where it is computed.
        way: the words, on the CPU.
        slot_bytes: of all together.
    """

    state: tuple[Part, ...]
    way: tuple[Part, ...]
    slot_bytes: int

    @classmethod
    def of(cls, moment: Moment) -> Self:
        """As it is for all moments of the same model."""
        at = 0
        groups: list[tuple[Part, ...]] = []
        for tensors in (state_tensors(moment.state), way_tensors(moment.transition)):
            parts = []
            for name, tensor in tensors.items():
                end = at + tensor.numel() * tensor.element_size()
                parts.append(Part(name, tensor.shape, tensor.dtype, at, end))
                at = _aligned(end, _PART_ALIGNMENT)
            groups.append(tuple(parts))
        state, way = groups
        return cls(state, way, _aligned(at, _SLOT_ALIGNMENT))


class Slot:
    """A slot that is taken, until this object is gone."""

    __slots__ = ("_pool", "index")

    def __init__(self, pool: StatePool, index: int) -> None:
        self._pool = pool
        self.index = index

    def __del__(self) -> None:
        self._pool._limbo.append(self.index)


class PooledState(StreamState):
    """A state that lies in a slot, and holds it."""

    __slots__ = ("slot",)
    slot: Slot

    def __init__(self, slot: Slot, tensors: Iterable[Tensor]) -> None:
        super().__init__(*tensors)
        object.__setattr__(self, "slot", slot)


class StatePool:
    """Slots in memory that was allocated before.

    Args:
        like: a moment of the model.
        memory: for as many slots as fit in; written to, never resized.
    """

    def __init__(self, like: Moment, memory: mmap.mmap | bytearray) -> None:
        self.layout = Layout.of(like)
        self.n_slots = len(memory) // self.layout.slot_bytes
        used = memory if len(memory) == self.n_slots * self.layout.slot_bytes else memoryview(memory)
        self._rows = torch.frombuffer(used, dtype=torch.uint8, count=self.n_slots * self.layout.slot_bytes)
        self._rows = self._rows.view(self.n_slots, self.layout.slot_bytes)
        device = like.state.ssm.device
        # A GPU computes with slots of its own; those outside are then copies, to come back from.
        self._near = self._rows if device.type == "cpu" else torch.zeros_like(self._rows, device=device)
        self._free = list(range(self.n_slots))[::-1]
        self._limbo: list[int] = []

    @property
    def n_taken(self) -> int:
        """Slots that hold a moment, or held one until a moment ago."""
        return self.n_slots - len(self._free)

    def keep(self, moment: Moment) -> Moment:
        """The moment with its state in a slot; nothing is copied if it is in one already.

        Raises:
            EngineError: all slots are taken.
        """
        if isinstance(moment.state, PooledState):
            return moment
        slot = self._take()
        state = self._state(slot)
        state.copy_(moment.state)
        row = self._rows[slot.index]
        if self._near is not self._rows:
            for part in self.layout.state:
                part.view(row).copy_(part.view(self._near[slot.index]))
        way = way_tensors(moment.transition)
        for part in self.layout.way:
            part.view(row).copy_(way[part.name])
        return replace(moment, state=state)

    def settle(self) -> None:
        """Give slots away again that nobody holds; not before everybody who might come back for them knows."""
        self._free += self._limbo
        self._limbo.clear()

    def reserve(self, indices: Iterable[int]) -> dict[int, Slot]:
        """Take slots that hold moments from before; those not held in the end are free.

        Raises:
            EngineError: there is no such slot, or it is taken.
        """
        wanted = set(indices)
        if odd := wanted - set(self._free):
            raise EngineError(f"Slot {min(odd)} cannot be gone on from; {len(self._free)} of {self.n_slots} are free.")
        self._free = [index for index in self._free if index not in wanted]
        return {index: Slot(self, index) for index in wanted}

    def read(self, slot: Slot, n_chunks: int, n_done: int) -> tuple[StreamState, Transition]:
        """State and words of a moment from before."""
        row = self._rows[slot.index]
        state = self._state(slot)
        if self._near is not self._rows:
            for part in self.layout.state:
                part.view(self._near[slot.index]).copy_(part.view(row))
        way = {part.name: part.view(row).clone() for part in self.layout.way}
        return state, way_from(way, n_chunks, n_done)

    def copy_out(self, index: int) -> NDArray[np.uint8]:
        """The bytes of a slot that is taken, to go elsewhere."""
        return self._rows[index].numpy().copy()

    def put_in(self, data: NDArray[np.uint8]) -> Slot:
        """A slot with bytes from elsewhere.

        Raises:
            EngineError: they are not as many as a slot of this model has, or all slots are taken.
        """
        if data.shape != (self.layout.slot_bytes,):
            raise EngineError(f"The moment has {data.size} bytes; one of this engine has {self.layout.slot_bytes}.")
        slot = self._take()
        self._rows[slot.index].numpy()[:] = data
        return slot

    def _take(self) -> Slot:
        if not self._free:
            raise EngineError(f"All {self.n_slots} slots for moments are taken.")
        return Slot(self, self._free.pop())

    def _state(self, slot: Slot) -> PooledState:
        """Views of a slot."""
        row = self._near[slot.index]
        return PooledState(slot, (part.view(row) for part in self.layout.state))


class Staging:
    """A batch of states that is filled anew for every pass, so that none allocates.

    Args:
        like: a state of the model.
        max_batch: rows.
    """

    def __init__(self, like: StreamState, max_batch: int) -> None:
        self._rows = StreamState(
            *(getattr(like, f.name).repeat_interleave(max_batch, dim=1) for f in fields(StreamState))
        )

    def gather(self, states: list[StreamState]) -> StreamState:
        """The states in one batch, in order; valid until the next call. A batch of one is the state itself."""
        if len(states) == 1:
            return states[0]
        for row, state in enumerate(states):
            for f in fields(StreamState):
                getattr(self._rows, f.name)[:, row : row + 1].copy_(getattr(state, f.name))
        return StreamState(*(getattr(self._rows, f.name)[:, : len(states)] for f in fields(StreamState)))


def slot_index(state: StreamState) -> int | None:
    """The slot of a state, if it lies in one."""
    return state.slot.index if isinstance(state, PooledState) else None


def _aligned(n_bytes: int, alignment: int) -> int:
    return -(-n_bytes // alignment) * alignment
