"""LinGen with compiled blocks: AOTInductor packages of `Block` that take their weights as arguments.

Blocks of a model differ in weights and scan orders, which are arguments, and in whether their windows are shifted.
So two small packages serve every layer of every checkpoint of one shape. Knows blocks and packages. Does not know
where packages are kept, which process makes them, or whether they pay.
"""

from __future__ import annotations

import copy
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

from lingen_live.config import ModelConfig
from lingen_live.model.lingen import LinGen
from lingen_live.model.mate import Block
from lingen_live.model.state import LayerState, StreamState

_N_STATE_TENSORS = 4


def package_name(block: Block) -> str:
    """File name of the package that serves this block."""
    shift = 0 if block.mate.tesa is None else block.mate.tesa.shift
    return f"block-shift{shift}.pt2"


def compile_packages(config: ModelConfig, dtype: torch.dtype, directory: Path) -> None:
    """Export and compile all packages that a model of this shape needs; half a minute of CPU time each.

    The code is for this processor, and for as many threads as torch has now.

    Args:
        config: shapes.
        dtype: of the model.
        directory: where the packages go.

    Raises:
        Exception: whatever the compiler raises.
    """
    model = LinGen(config).to(dtype).eval().requires_grad_(False)
    examples = {package_name(block): index for index, block in reversed(list(enumerate(_blocks(model))))}
    for name, index in examples.items():
        program = torch.export.export(_FlatBlock(_blocks(model)[index]), _example(model, index))
        torch._inductor.aoti_compile_and_package(program, package_path=str(directory / name))


def load_compiled(model: LinGen, directory: Path) -> LinGen:
    """The same model, sharing all weights, that runs its blocks from packages; for a batch of 1.

    Args:
        model: in its final dtype; weights loaded or cast later would not reach the packages.
        directory: what `compile_packages` filled.

    Raises:
        RuntimeError: a package is missing or cannot be loaded.
    """
    with _unpacking_in(directory):
        loaders = {name: _load(directory / name) for name in {package_name(block) for block in _blocks(model)}}
    blocks = (CompiledBlock(block, loaders[package_name(block)]) for block in _blocks(model))
    compiled = copy.copy(model)
    # A dictionary of its own, for the copy still holds the model's; all parts but the blocks are shared.
    compiled._modules = {**model._modules, "blocks": nn.ModuleList(blocks).eval()}
    return compiled


class CompiledBlock(nn.Module):
    """A drop-in for `Block` that only infers."""

    def __init__(self, block: Block, loader: torch._C._aoti.AOTIModelPackageLoader) -> None:
        super().__init__()
        self._loader = loader
        self._weights = [tensor.detach().contiguous() for tensor in _weights(block).values()]

    def forward(
        self, tokens: Tensor, condition: Tensor, text: tuple[Tensor, Tensor, Tensor], state: LayerState
    ) -> tuple[Tensor, LayerState]:
        """As `Block.forward`, with B = 1.

        Raises:
            ValueError: the batch is larger.
        """
        if tokens.shape[0] != 1:
            raise ValueError(f"got a batch of {tokens.shape[0]}, a compiled block takes 1")
        inputs = (tokens, condition, *text, state.ssm, state.conv, state.review, state.tesa)
        # The package was made for contiguous inputs and does not look.
        tokens, *following = self._loader.run([*(t.contiguous() for t in inputs), *self._weights])
        return tokens, LayerState(*following)


class _FlatBlock(nn.Module):
    """A block as a function of tensors alone, in the order of `CompiledBlock.forward`."""

    def __init__(self, block: Block) -> None:
        super().__init__()
        self._hidden = (block,)  # in a tuple: a submodule's weights would become constants of the package

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        block = self._hidden[0]
        tokens, condition, keys, values, mask, *rest = tensors
        state, weights = LayerState(*rest[:_N_STATE_TENSORS]), rest[_N_STATE_TENSORS:]
        tokens, following = torch.func.functional_call(
            block,
            dict(zip(_weights(block), weights, strict=True)),
            (tokens, condition, (keys, values, mask), state),
        )
        return tokens, following.ssm, following.conv, following.review, following.tesa


def _blocks(model: LinGen) -> list[Block]:
    return [block for block in model.blocks if isinstance(block, Block)]


def _weights(block: Block) -> dict[str, Tensor]:
    """Everything a block holds, by name: parameters, orders and masks."""
    return {**dict(block.named_parameters()), **dict(block.named_buffers())}


@torch.no_grad()
def _example(model: LinGen, index: int) -> tuple[Tensor, ...]:
    """Inputs of block `index` of the shapes, types and memory layout that `CompiledBlock` passes."""
    config, dtype = model.config, model.latent_in.weight.dtype
    state = StreamState.allocate(config, 1, dtype=dtype).layer(index)
    words = torch.zeros(1, config.text_tokens, config.text_width, dtype=dtype)
    text = model.read_text(words, torch.zeros(words.shape[:2], dtype=torch.bool), words[:, 0])
    inputs = (
        torch.zeros(1, config.n_tokens, config.width, dtype=dtype),
        torch.zeros(1, 6, config.width, dtype=dtype),
        *(text.keys[index], text.values[index], text.mask),
        *(state.ssm, state.conv, state.review, state.tesa),
        *_weights(_blocks(model)[index]).values(),
    )
    return tuple(tensor.contiguous() for tensor in inputs)


def _load(path: Path) -> torch._C._aoti.AOTIModelPackageLoader:
    # Not `torch._inductor.aoti_load_package`: it imports the whole compiler, seconds that a running stream lacks.
    return torch._C._aoti.AOTIModelPackageLoader(str(path), "model", True, 1, -1)


@contextmanager
def _unpacking_in(directory: Path) -> Iterator[None]:
    """Have loaders unpack into a private folder that is gone at once; what is mapped stays readable."""
    before = os.environ.get("TMPDIR")
    with tempfile.TemporaryDirectory(dir=directory) as scratch:
        os.environ["TMPDIR"] = scratch
        try:
            yield
        finally:
            if before is None:
                del os.environ["TMPDIR"]
            else:
                os.environ["TMPDIR"] = before
