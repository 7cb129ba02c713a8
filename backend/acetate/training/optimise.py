"""Optimisers: Muon for matrices and convolution kernels, AdamW for the rest, as one object with one learning rate."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)


def orthogonalised(update: Tensor, steps: int = 4) -> Tensor:
    """The nearest semi-orthogonal matrix to `update` (rows, columns), by the quintic Newton-Schulz iteration.

    Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks". Computed in bfloat16.
    """
    a, b, c = NEWTON_SCHULZ
    x = update.bfloat16()
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    x = x / (x.norm() + 1e-7)
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    result: Tensor = (x.T if tall else x).to(update.dtype)
    return result


class Muon(torch.optim.Optimizer):
    """Momentum, orthogonalised; kernels are taken as (out, in * height * width) matrices.

    The step is scaled so that its root mean square is that of AdamW (0.2), hence both share a learning rate
    (Liu et al. 2025, "Muon is scalable for LLM training").
    """

    def __init__(self, params: Iterable[Tensor], lr: float, momentum: float = 0.95, weight_decay: float = 0.0):
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Take one step; parameters without a gradient stay as they are."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._update(parameter, group["lr"], group["momentum"], group["weight_decay"])

    def _update(self, parameter: Tensor, lr: float, momentum: float, weight_decay: float) -> None:
        state = self.state[parameter]
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(parameter)
        gradient = parameter.grad
        assert gradient is not None
        state["momentum"].lerp_(gradient, 1 - momentum)
        nesterov = gradient.lerp(state["momentum"], momentum)
        matrix = nesterov.reshape(nesterov.shape[0], -1)
        step = orthogonalised(matrix) * (0.2 * max(matrix.shape) ** 0.5)
        parameter.mul_(1 - lr * weight_decay).add_(step.reshape(parameter.shape), alpha=-lr)


class Optimiser:
    """Both optimisers over the modules' trainable parameters, with a linear warm-up and cool-down of the rate."""

    def __init__(
        self,
        modules: Iterable[nn.Module],
        lr: float,
        *,
        warm_up: int = 100,
        cool_down: float = 0.3,
        weight_decay: float = 0.01,
    ):
        trained = [p for module in modules for p in module.parameters() if p.requires_grad]
        matrices = [p for p in trained if p.ndim >= 2 and min(p.shape[0], p[0].numel()) >= 8]
        chosen = {id(p) for p in matrices}
        rest = [p for p in trained if id(p) not in chosen]
        self.lr = lr
        self.warm_up = warm_up
        self.cool_down = cool_down
        self.parts: tuple[torch.optim.Optimizer, ...] = (
            Muon(matrices, lr, weight_decay=weight_decay),
            torch.optim.AdamW(rest, lr, betas=(0.9, 0.99), weight_decay=0.0),
        )

    def rate(self, step: int, steps: int) -> float:
        """The learning rate at `step` of `steps`: up over the warm-up, flat, then down to zero over the last part."""
        rising = min(1.0, (step + 1) / self.warm_up)
        falling = min(1.0, (steps - step) / max(1.0, self.cool_down * steps))
        return self.lr * min(rising, falling)

    def step(self, step: int, steps: int) -> None:
        """Apply the gradients at `step` of `steps`, then clear them."""
        for part in self.parts:
            for group in part.param_groups:
                group["lr"] = self.rate(step, steps)
            part.step()
            part.zero_grad(set_to_none=True)

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to go on after a stop."""
        return {"parts": [part.state_dict() for part in self.parts]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a `state_dict`."""
        for part, saved in zip(self.parts, state["parts"], strict=True):
            part.load_state_dict(saved)


class Average:
    """Exponential moving average of a module's parameters (Polyak), kept in float32."""

    def __init__(self, module: nn.Module, decay: float = 0.999):
        self.module = module
        self.decay = decay
        self.values = {name: p.detach().float().clone() for name, p in module.named_parameters()}
        self.updates = 0

    @torch.no_grad()
    def update(self) -> None:
        """Take in the parameters as they are now; early on the average follows faster."""
        self.updates += 1
        weight = 1 - min(self.decay, (1 + self.updates) / (10 + self.updates))
        for name, parameter in self.module.named_parameters():
            self.values[name].lerp_(parameter.detach().float(), weight)

    def settle(self) -> None:
        """Put the average into the module for good."""
        self._write(self.values)

    def __enter__(self) -> Average:
        """Put the average into the module until the block ends."""
        self._kept = {name: p.detach().clone() for name, p in self.module.named_parameters()}
        self._write(self.values)
        return self

    def __exit__(self, *_: object) -> None:
        self._write(self._kept)

    @torch.no_grad()
    def _write(self, values: dict[str, Tensor]) -> None:
        for name, parameter in self.module.named_parameters():
            parameter.copy_(values[name])

    def state_dict(self) -> dict[str, Any]:
        """The averaged parameters by name, and how many updates they have seen."""
        return {"values": self.values, "updates": self.updates}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a `state_dict`."""
        self.values = state["values"]
        self.updates = state["updates"]
