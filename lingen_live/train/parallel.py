"""Data parallelism: processes that train one network in step, each on batches of its own.

`torchrun` starts the processes ("ranks") and tells each its number by environment variables; without it there is
one rank, and nothing here communicates. Every rank holds all weights and makes the same update from the mean
gradient. Each collective call below is one that all ranks make, in the same order. Does not know what is trained.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import Tensor, distributed, nn

from lingen_live.errors import ConfigError

_BUCKET_BYTES = 32 << 20
_TIMEOUT = timedelta(minutes=30)
"""The other ranks wait while the first one exports, which may take minutes."""
_SEED_STRIDE = 7919
_STEP_STRIDE = 1_000_003
_VARIABLES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")


@contextmanager
def joined(device: str) -> Iterator[None]:
    """Be one of the ranks that `torchrun` has started, for the length of a `with` block.

    Inside, the device "cuda" means the GPU of this rank, `cuda:LOCAL_RANK`.

    Args:
        device: cpu (ranks talk over gloo) or cuda (NCCL).

    Raises:
        ConfigError: there are more ranks on this machine than GPUs.
    """
    if not all(name in os.environ for name in _VARIABLES) or int(os.environ["WORLD_SIZE"]) < 2:
        yield
        return
    if device == "cuda":
        n_local, n_gpus = int(os.environ["LOCAL_RANK"]) + 1, torch.cuda.device_count()
        if n_local > n_gpus:
            raise ConfigError(f"this is process {n_local} on a machine with {n_gpus} GPUs; start one a GPU.")
        torch.cuda.set_device(n_local - 1)
    distributed.init_process_group("nccl" if device == "cuda" else "gloo", timeout=_TIMEOUT)
    try:
        yield
    finally:
        distributed.destroy_process_group()


def seed_rank(generator: torch.Generator, seed: int, rank: int) -> None:
    """Give a rank random numbers of its own; the first keeps torch's own as they are, as a run alone does."""
    generator.manual_seed(seed + _SEED_STRIDE * rank)
    if rank:
        torch.manual_seed(seed + _SEED_STRIDE * rank + 1)


def reseed_rank(generator: torch.Generator, seed: int, step: int, rank: int) -> None:
    """Give a rank random numbers that only the seed, the step and its number decide.

    For a run that goes on in another number of processes than it was saved by: there is no state for each of them, and
    none may draw what another does.
    """
    own = seed + _STEP_STRIDE * (step + 1) + _SEED_STRIDE * rank
    generator.manual_seed(own)
    torch.manual_seed(own + 1)


@dataclass(frozen=True, slots=True)
class Ranks:
    """The processes of a run.

    Attributes:
        index: of this one, from 0; the first alone writes files and shows progress.
        count: of all.
        device: that small tensors travel on.
    """

    index: int = 0
    count: int = 1
    device: str = "cpu"

    @property
    def is_first(self) -> bool:
        """Whether this one writes files and shows progress."""
        return self.index == 0

    @property
    def is_alone(self) -> bool:
        """Whether there is no other."""
        return self.count == 1

    def any_of(self, *flags: bool) -> tuple[bool, ...]:
        """For each flag, whether it is set on any rank."""
        if self.is_alone:
            return flags
        sums = torch.tensor(flags, dtype=torch.float32, device=self.device)
        distributed.all_reduce(sums)
        return tuple(value > 0 for value in sums.tolist())

    def of_first(self, flag: bool) -> bool:
        """The flag of the first rank."""
        return self.any_of(flag and self.is_first)[0]

    def meet(self) -> None:
        """Wait until all have come here."""
        self.any_of(False)

    def mean(self, numbers: Mapping[str, float]) -> dict[str, float]:
        """Each number averaged over the ranks; all ranks have the same names in the same order."""
        if self.is_alone:
            return dict(numbers)
        sums = torch.tensor(list(numbers.values()), dtype=torch.float64, device=self.device)
        distributed.all_reduce(sums)
        return dict(zip(numbers, (sums / self.count).tolist(), strict=True))

    def gather(self, tensors: Mapping[str, Tensor]) -> list[dict[str, Tensor]]:
        """The CPU tensors of every rank, by rank; a name has the same shape on all."""
        if self.is_alone:
            return [dict(tensors)]
        rows: list[dict[str, Tensor]] = [{} for _ in range(self.count)]
        for name, tensor in tensors.items():
            copies = [torch.empty_like(tensor, device=self.device) for _ in rows]
            distributed.all_gather(copies, tensor.to(self.device))
            for row, copy in zip(rows, copies, strict=True):
                row[name] = copy.cpu()
        return rows

    @torch.no_grad()
    def broadcast(self, tensors: Iterable[Tensor]) -> None:
        """Overwrite tensors with those of the first rank."""
        if self.is_alone:
            return
        for bucket in _buckets(tensors):
            flat = _flatten(bucket)
            distributed.broadcast(flat, src=0)
            _unflatten(flat, bucket)

    @torch.no_grad()
    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace every gradient by its mean over the ranks.

        A parameter that only some ranks have used counts as a gradient of zero on the others; one that none has
        used stays without, so that an optimiser leaves it alone.
        """
        if self.is_alone:
            return
        trained = [parameter for parameter in parameters if parameter.requires_grad]
        is_used = self.any_of(*(parameter.grad is not None for parameter in trained))
        gradients = []
        for parameter in (p for p, used in zip(trained, is_used, strict=True) if used):
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            gradients.append(parameter.grad)
        for bucket in _buckets(gradients):
            flat = _flatten(bucket)
            distributed.all_reduce(flat)
            _unflatten(flat / self.count, bucket)


def current_ranks() -> Ranks:
    """Those of the run that this process has `joined`; itself alone if none."""
    if not distributed.is_available() or not distributed.is_initialized():
        return Ranks()
    device = "cuda" if distributed.get_backend() == "nccl" else "cpu"  # which GPU, `joined` has settled
    return Ranks(distributed.get_rank(), distributed.get_world_size(), device)


def _buckets(tensors: Iterable[Tensor]) -> Iterator[list[Tensor]]:
    """Runs of tensors of one dtype, each run a few megabytes: few calls, little extra memory."""
    bucket: list[Tensor] = []
    n_bytes = 0
    for tensor in tensors:
        if bucket and (tensor.dtype != bucket[0].dtype or n_bytes + tensor.nbytes > _BUCKET_BYTES):
            yield bucket
            bucket, n_bytes = [], 0
        bucket.append(tensor)
        n_bytes += tensor.nbytes
    if bucket:
        yield bucket


def _flatten(bucket: list[Tensor]) -> Tensor:
    return torch.cat([tensor.reshape(-1) for tensor in bucket])


def _unflatten(flat: Tensor, bucket: list[Tensor]) -> None:
    parts = flat.split([tensor.numel() for tensor in bucket])
    for tensor, part in zip(bucket, parts, strict=True):
        tensor.copy_(part.view(tensor.shape))
