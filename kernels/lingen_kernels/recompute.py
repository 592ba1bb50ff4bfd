"""The gradient of an operator by running a differentiable twin again: for kernels without a backward of their own.

Costs one forward of the twin in the backward pass; keeps the inputs only. Knows autograd, not operators.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.library import CustomOpDef


def recompute_gradient(operator: CustomOpDef, twin: Callable[..., Any]) -> None:
    """Give `operator` the gradient of `twin`, a differentiable function of the same positional arguments."""

    def setup(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        del output
        ctx.save_for_backward(*(value if isinstance(value, Tensor) else None for value in inputs))
        ctx.plain = [None if isinstance(value, Tensor) else value for value in inputs]

    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        tensors = ctx.saved_tensors
        arguments = [plain if tensor is None else tensor for plain, tensor in zip(ctx.plain, tensors, strict=True)]
        wanted = [index for index, is_needed in enumerate(ctx.needs_input_grad) if is_needed]
        with torch.enable_grad():
            for index in wanted:
                arguments[index] = arguments[index].detach().requires_grad_()
            outputs = twin(*arguments)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        reached = [pair for pair in zip(outputs, grads, strict=True) if pair[0].requires_grad and pair[1] is not None]
        gradients: list[Tensor | None] = [None] * len(arguments)
        leaves = [arguments[index] for index in wanted]
        found = torch.autograd.grad(
            [output for output, _ in reached], leaves, [grad for _, grad in reached], allow_unused=True
        )
        for index, gradient in zip(wanted, found, strict=True):
            gradients[index] = gradient
        return tuple(gradients)

    operator.register_autograd(backward, setup_context=setup)
