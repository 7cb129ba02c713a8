"""Where a training computes: one process a device (several under `accelerate launch`), and in which precision."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Literal, TypeAlias

import torch
from accelerate import Accelerator
from acetate.models.devices import best_device
from torch import Tensor, nn

from acetate_lab.training.precision import computing_dtype

Precision: TypeAlias = Literal["auto", "bf16", "float32"]


class Distributed:
    """The devices of a run. Every process draws batches of its own; gradients are averaged over all of them.

    `precision` is what matrices and convolutions are multiplied in: `auto` is bfloat16 where the device has it.
    Trained weights and their optimiser stay in float32.
    """

    def __init__(self, precision: Precision = "auto") -> None:
        """Join the processes that accelerate has launched, or be the only one."""
        self._accelerator = Accelerator(cpu=best_device().type == "cpu")
        self.device: torch.device = self._accelerator.device
        self.rank: int = self._accelerator.process_index
        self.processes: int = self._accelerator.num_processes
        chosen = {"auto": computing_dtype(self.device), "bf16": torch.bfloat16, "float32": torch.float32}
        self.dtype: torch.dtype = chosen[precision]
        if self.device.type == "cuda":
            # A run that is stopped and goes on must end as one that was not.
            torch.backends.cudnn.deterministic = True
            torch.use_deterministic_algorithms(True, warn_only=True)

    @property
    def first(self) -> bool:
        """Whether this is the process that saves, reports and logs samples."""
        return self.rank == 0

    def autocast(self) -> AbstractContextManager[object]:
        """Autocast to the run's precision."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.dtype is torch.bfloat16)

    def batch_indices(self, step: int, accumulate: int) -> range:
        """The numbers of the batches that this process draws in `step`; no other step or process has them."""
        start = (step * self.processes + self.rank) * accumulate
        return range(start, start + accumulate)

    @property
    def frozen_dtype(self) -> torch.dtype:
        """What the weights of a frozen network are stored in: on a graphics card, in the run's precision."""
        return self.dtype if self.device.type == "cuda" else torch.float32

    def place(self, module: nn.Module, dtype: torch.dtype | None = None) -> None:
        """Put a network on the device, frozen, with weights in the run's precision or in `dtype`."""
        module.to(self.device)
        if all(weight.ndim != 5 for weight in module.parameters()):  # a VAE of video has no such format
            module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if (dtype or self.frozen_dtype) is not torch.float32:
            module.to(dtype or self.frozen_dtype)
        module.eval().requires_grad_(False)

    def average_gradients(self, parameters: Iterable[Tensor]) -> None:
        """Replace every gradient by its mean over the processes."""
        if self.processes == 1:
            return
        gradients = [p.grad for p in parameters if p.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        mean: Tensor = self._accelerator.reduce(flat, "mean")
        for gradient, part in zip(gradients, torch.split(mean, [g.numel() for g in gradients]), strict=True):
            gradient.copy_(part.view_as(gradient))

    def any(self, flags: bool) -> bool:
        """Whether the flag is set in any of the processes; all of them get the same result."""
        if self.processes == 1:
            return flags
        count: Tensor = self._accelerator.reduce(torch.tensor(float(flags), device=self.device), "sum")
        return bool(count.item() > 0)

    def wait(self) -> None:
        """Wait until every process has come this far."""
        self._accelerator.wait_for_everyone()


def checkpoint_gradients(module: nn.Module) -> None:
    """Enable gradient checkpointing for a network of diffusers' blocks."""
    from torch.utils.checkpoint import checkpoint

    def again(function: nn.Module, *states: object) -> object:
        return checkpoint(function, *states, use_reentrant=False)

    for part in module.modules():
        if hasattr(part, "gradient_checkpointing"):
            part.gradient_checkpointing = True  # type: ignore[assignment]  # diffusers' own switch
            part._gradient_checkpointing_func = again  # type: ignore[assignment]
