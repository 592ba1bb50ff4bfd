"""What a benchmark of the kernels is run on: shapes, dtype, device and how often. Knows names, not operators."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import torch
from torch import Tensor

GATE = {"float32": 1e-4, "bfloat16": 1e-2}
"""Relative error in the mean-square sense that is let pass."""
PRESETS = {
    "vista": {
        "heads": 6,
        "headdim": 64,
        "state": 32,
        "width": 192,
        "attn_headdim": 64,
        "window": 4,
        "dtype": "float32",
    },
    "lingen-4b": {
        "heads": 96,
        "headdim": 64,
        "state": 128,
        "width": 3072,
        "attn_headdim": 128,
        "window": 8,
        "dtype": "bfloat16",
    },
}
PRESETS["lingen-1b"] = PRESETS["lingen-4b"] | {"heads": 48, "width": 1536}
_QUICK = {"heads": 2, "headdim": 16, "state": 16, "width": 48, "attn_headdim": 16, "window": 2}


@dataclass(frozen=True, slots=True)
class Setting:
    """One run.

    Attributes:
        lengths: positions of each problem.
        heads, headdim, state: of the SSD.
        width: of a token.
        attn_headdim: of one attention head.
        window: cells a side of one attention window.
        dtype: name of the dtype of activations.
        block_len: positions of one dense block of the SSD.
        check_length: positions compared with the reference.
        repeats: timed runs of each row.
        is_quick: toy sizes: shows that everything runs.
    """

    batch: int
    lengths: tuple[int, ...]
    heads: int
    headdim: int
    state: int
    width: int
    attn_headdim: int
    window: int
    dtype: str
    block_len: int
    check_length: int
    device: str
    repeats: int
    is_quick: bool

    @property
    def is_cuda(self) -> bool:
        """Whether it runs on a GPU."""
        return torch.device(self.device).type == "cuda"

    @property
    def torch_dtype(self) -> torch.dtype:
        """The dtype of activations."""
        return getattr(torch, self.dtype)

    @property
    def item_bytes(self) -> int:
        """Of one number of an activation."""
        return self.torch_dtype.itemsize

    def draw(self, *shape: int, dtype: torch.dtype | None = None) -> Tensor:
        """Normal numbers on the device, in the chosen dtype."""
        return torch.randn(*shape, device=self.device).to(dtype or self.torch_dtype)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The shapes, as in Mamba2; a preset sets what is not said."""
    parser.add_argument("--preset", choices=PRESETS, default="vista", help="shapes (default vista)")
    parser.add_argument("--quick", action="store_true", help="toy sizes and few repeats: shows that everything runs")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--length", type=int, nargs="+", default=[128], help="positions (default 128)")
    for name in ("heads", "headdim", "state", "width", "attn-headdim", "window"):
        parser.add_argument(f"--{name}", type=int)
    parser.add_argument("--dtype", choices=GATE)
    parser.add_argument("--block-len", type=int, default=128, help="positions of one dense block of the SSD")
    parser.add_argument("--check-length", type=int, default=256, help="positions compared with the reference")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--repeats", type=int, default=30)


def setting_of(args: argparse.Namespace) -> Setting:
    """What the arguments of `add_arguments` say."""
    preset = PRESETS[args.preset] | (_QUICK if args.quick else {})
    said = {name: getattr(args, name) for name in preset if getattr(args, name) is not None}
    shapes = preset | said
    return Setting(
        batch=args.batch,
        lengths=(48,) if args.quick else tuple(args.length),
        block_len=args.block_len,
        check_length=20 if args.quick else args.check_length,
        device=args.device,
        repeats=3 if args.quick else args.repeats,
        is_quick=args.quick,
        **shapes,  # type: ignore[arg-type]
    )


def preset(name: str, device: str, lengths: tuple[int, ...], *, is_quick: bool = False) -> Setting:
    """A preset with nothing else said.

    Args:
        name: one of `PRESETS`.
        device: a torch device name.
        lengths: positions of each problem.
        is_quick: toy sizes.
    """
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    argv = ["--preset", name, "--device", device, "--length", *map(str, lengths)]
    return setting_of(parser.parse_args([*argv, *(["--quick"] if is_quick else [])]))
