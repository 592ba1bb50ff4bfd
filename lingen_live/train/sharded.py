"""Weights in shares: of the large layers, each process holds a part of every weight, gradient and moment (FSDP2).

The rest of a network, little against the layers, stays whole in each. A layer is whole only while it computes. What is
saved is saved in parts, by torch's distributed checkpoint into safetensors, and read by any number of processes: its
own format is a pickle, which would run code. Does not know what is trained.
"""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, distributed, nn

from lingen_live.errors import CheckpointError, ConfigError
from lingen_live.train.parallel import Ranks, current_ranks

_TINY = 1e-6  # as in torch's own clipping


def shard_layers(layers: Iterable[nn.Module], ranks: Ranks) -> None:
    """Let each process keep a part of every weight of the layers; all have the same weights before."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    mesh = init_device_mesh(ranks.device, (ranks.count,))
    for layer in layers:
        if any(True for _ in layer.parameters()):
            # Each by itself, for a network is not only called by its `forward`; whole again after each use otherwise.
            fully_shard(layer, mesh=mesh, reshard_after_forward=True)


def is_part(tensor: Tensor) -> bool:
    """Whether this process has a part of it only."""
    if not distributed.is_available() or not distributed.is_initialized():
        return False
    from torch.distributed.tensor import DTensor

    return isinstance(tensor, DTensor)


def ranks_of(layers: nn.Module) -> Ranks:
    """The processes that have to call these layers together or not at all, backwards too: one, unless it has parts."""
    return current_ranks() if is_part(next(layers.parameters())) else Ranks()


def own_part(tensor: Tensor) -> Tensor:
    """What of it lies in this process; shares its memory."""
    return cast(Tensor, tensor.to_local()) if is_part(tensor) else tensor  # type: ignore[attr-defined]


def whole(tensor: Tensor) -> Tensor:
    """All of it; all processes ask."""
    return cast(Tensor, tensor.full_tensor()) if is_part(tensor) else tensor  # type: ignore[attr-defined]


@torch.no_grad()
def clip_gradients(parameters: Iterable[nn.Parameter], max_norm: float, ranks: Ranks) -> Tensor:
    """Scale all gradients so that their common norm is at most `max_norm`; returns it as it was."""
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    squares = torch.zeros(2, device=ranks.device)  # of parts, and of what each process has whole
    for gradient in gradients:
        squares[0 if is_part(gradient) else 1] += own_part(gradient).float().square().sum()
    distributed.all_reduce(squares[:1])
    norm = squares.sum().sqrt()
    share = min(1.0, max_norm / (norm.item() + _TINY))
    for gradient in gradients:
        own_part(gradient).mul_(share)
    return norm


def moments_of(named: Mapping[str, nn.Parameter], optimisers: Iterable[torch.optim.Optimizer]) -> dict[str, Tensor]:
    """All that the optimisers remember, by the name of the parameter and of the moment."""
    names = {id(parameter): name for name, parameter in named.items()}
    return {
        f"moments.{names[id(parameter)]}/{key}": value
        for optimiser in optimisers
        for parameter, state in optimiser.state.items()
        for key, value in state.items()
    }


def make_moments(
    known: Iterable[str], named: Mapping[str, nn.Parameter], optimisers: Iterable[torch.optim.Optimizer]
) -> None:
    """Give the optimisers room for moments of those names, to be read into.

    Raises:
        ConfigError: there is no such parameter.
    """
    owners = {id(p): one for one in optimisers for group in one.param_groups for p in group["params"]}
    for name, key in (name.removeprefix("moments.").rsplit("/", 1) for name in known if name.startswith("moments.")):
        if name not in named:
            raise ConfigError(f"the state is of another architecture than the recipe: it has moments of {name}.")
        parameter = named[name]
        value = torch.zeros(()) if key == "step" else torch.zeros_like(parameter)
        owners[id(parameter)].state[parameter][key] = value


class ShardFolder:
    """A folder of safetensors, written anew as a whole or not at all.

    Args:
        path: of the folder; beside it are the ones before and after it while it is written.
        ranks: all of them call each method.
    """

    def __init__(self, path: Path, ranks: Ranks) -> None:
        self._path, self._ranks = path, ranks
        self._new, self._old = path.with_name(path.name + ".partial"), path.with_name(path.name + ".old")

    @property
    def found(self) -> Path | None:
        """What there is to read: the last one, or the one before if a process was killed between the two."""
        return next((one for one in (self._path, self._old) if one.is_dir()), None)

    def write(self, tensors: dict[str, Tensor]) -> None:
        """Keep all tensors, each process its parts."""
        from torch.distributed import checkpoint

        if self._ranks.is_first:
            shutil.rmtree(self._new, ignore_errors=True)
            self._new.mkdir(parents=True)
        self._ranks.meet()
        with _quiet():
            writer = checkpoint.HuggingFaceStorageWriter(str(self._new), save_distributed=True)
            checkpoint.save(tensors, storage_writer=writer, no_dist=self._ranks.is_alone)
        self._ranks.meet()
        if self._ranks.is_first:
            shutil.rmtree(self._old, ignore_errors=True)
            if self._path.exists():
                self._path.rename(self._old)
            self._new.rename(self._path)
            shutil.rmtree(self._old, ignore_errors=True)

    def sizes(self) -> dict[str, tuple[int, ...]]:
        """Names and shapes of all tensors.

        Raises:
            CheckpointError: the folder is damaged.
        """
        from torch.distributed import checkpoint

        assert self.found is not None
        try:
            metadata = checkpoint.HuggingFaceStorageReader(str(self.found)).read_metadata()
            return {name: tuple(one.size) for name, one in metadata.state_dict_metadata.items()}  # type: ignore[union-attr]
        except Exception as error:  # whatever a foreign reader makes of foreign bytes
            raise CheckpointError(f"{self.found} is damaged; remove it to start anew.") from error

    def read(self, tensors: dict[str, Tensor]) -> None:
        """Overwrite tensors with what was written under their names.

        Raises:
            ConfigError: other names or shapes were written.
            CheckpointError: the folder is damaged.
        """
        from torch.distributed import checkpoint

        assert self.found is not None
        wanted = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
        sizes = self.sizes()
        if wanted != sizes:
            odd = next(name for name in sorted({*wanted, *sizes}) if wanted.get(name) != sizes.get(name))
            detail = f"{odd}: {sizes.get(odd, 'not there')} for {wanted.get(odd, 'nothing')}"
            raise ConfigError(
                f"{self.found} is of another architecture than the recipe ({detail}); remove it to start anew."
            )
        try:
            with _quiet():
                reader = checkpoint.HuggingFaceStorageReader(str(self.found))
                checkpoint.load(tensors, storage_reader=reader, no_dist=self._ranks.is_alone)
        except Exception as error:  # as above
            raise CheckpointError(f"{self.found} is damaged; remove it to start anew.") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Without torch's warning that a process alone is alone."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="torch.distributed is")
        yield


class MuonInParts(torch.optim.Muon):
    """Muon for matrices in parts: its momentum is in parts too, and one matrix at a time is whole for its step.

    torch's own takes them too, but steps only where its result happens to lie as the matrix does: one of a single row
    is refused (torch 2.13).
    """

    @torch.no_grad()
    def step(self, closure: object = None) -> None:  # type: ignore[override]
        """Move every matrix that has a gradient."""
        for group in self.param_groups:
            for matrix in group["params"]:
                if matrix.grad is not None:
                    self._move(matrix, group)

    def _move(self, matrix: Any, group: Mapping[str, Any]) -> None:
        gradient, state = own_part(matrix.grad), self.state[matrix]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(matrix)
        momentum = own_part(state["momentum_buffer"]).lerp_(gradient, 1 - group["momentum"])
        update = gradient.lerp(momentum, group["momentum"])
        step = nn.Parameter(torch.zeros(matrix.shape, device=gradient.device))
        step.grad = (
            type(matrix.data)
            .from_local(
                update,
                matrix.device_mesh,
                matrix.placements,
                run_check=False,
                shape=matrix.shape,
                stride=matrix.stride(),
            )
            .full_tensor()
        )
        # torch's own makes the step out of that, on a matrix of zeros and without a momentum of its own.
        torch.optim.Muon(
            [step],
            group["lr"],
            weight_decay=0.0,
            momentum=0.0,
            nesterov=False,
            adjust_lr_fn=group["adjust_lr_fn"],
        ).step()
        rows, rank = step.chunk(matrix.device_mesh.size()), matrix.device_mesh.get_local_rank()
        own = own_part(matrix).mul_(1 - group["lr"] * group["weight_decay"])
        if rank < len(rows):
            own.add_(rows[rank])


def parts(parameters: Iterable[nn.Parameter]) -> Iterator[list[nn.Parameter]]:
    """Those that are whole, and those in parts: no kernel takes both at once."""
    held = list(parameters)
    for wants_parts in (False, True):
        if chosen := [one for one in held if is_part(one) == wants_parts]:
            yield chosen
