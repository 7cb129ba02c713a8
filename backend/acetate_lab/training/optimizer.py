"""Optimisers: Muon for matrices and convolution kernels, AdamW for the rest, as one object with one learning rate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from acetate_lab.training.distributed import Distributed

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)


def orthogonalised(update: Tensor, steps: int = 4) -> Tensor:
    """The nearest semi-orthogonal matrices to `update` (…, rows, columns), by the quintic Newton-Schulz iteration.

    Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks". Computed in bfloat16.
    """
    a, b, c = NEWTON_SCHULZ
    x = update.bfloat16()
    tall = x.shape[-2] > x.shape[-1]
    x = x.mT if tall else x
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(steps):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    result: Tensor = (x.mT if tall else x).to(update.dtype)
    return result


class Muon(torch.optim.Optimizer):
    """Momentum, orthogonalised; kernels are taken as (out, in * height * width) matrices.

    The step is scaled so that its root mean square is that of AdamW (0.2), hence both share a learning rate
    (Liu et al. 2025, "Muon is scalable for LLM training"). Matrices of one shape are orthogonalised together.
    """

    def __init__(self, params: Iterable[Tensor], lr: float, momentum: float = 0.95, weight_decay: float = 0.0):
        """`params` have two dimensions or more; `lr` and `weight_decay` as in AdamW."""
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Take one step; parameters without a gradient stay as they are."""
        for group in self.param_groups:
            alike: dict[tuple[int, int], list[Tensor]] = {}
            for parameter in group["params"]:
                if parameter.grad is not None:
                    alike.setdefault((len(parameter), parameter[0].numel()), []).append(parameter)
            for parameters in alike.values():
                self._update(parameters, group["lr"], group["momentum"], group["weight_decay"])

    def _update(self, parameters: list[Tensor], lr: float, momentum: float, weight_decay: float) -> None:
        """Step parameters that are matrices of one shape."""
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        momenta = [self._momentum(parameter) for parameter in parameters]
        torch._foreach_lerp_(momenta, gradients, 1 - momentum)
        ahead = torch._foreach_lerp(gradients, momenta, momentum)
        matrices = torch.stack([each.reshape(len(each), -1) for each in ahead])
        scale = 0.2 * max(matrices.shape[1:]) ** 0.5
        steps = orthogonalised(matrices).unbind()
        torch._foreach_mul_(parameters, 1 - lr * weight_decay)
        torch._foreach_add_(
            parameters, [step.view_as(each) for step, each in zip(steps, ahead, strict=True)], alpha=-lr * scale
        )

    def _momentum(self, parameter: Tensor) -> Tensor:
        state = self.state[parameter]
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(parameter)
        momentum: Tensor = state["momentum"]
        return momentum


@dataclass(frozen=True)
class OptimizerConfig:
    """How a run learns: its highest rate, reached after `warm_up` steps, and held until the last `cool_down` share.

    `muon` takes Muon for matrices and kernels and AdamW for the rest, `adamw` AdamW for all. `average` is the decay
    of the moving average that the run ends with; `clip` the longest gradient that a step follows.
    """

    rate: float
    warm_up: int = 100
    cool_down: float = 0.3
    weight_decay: float = 0.01
    optimiser: Literal["muon", "adamw"] = "muon"
    average: float = 0.998
    clip: float | None = None


class Optimiser:
    """The optimisers of the modules' trainable parameters, as one object with one learning rate."""

    def __init__(self, modules: Iterable[nn.Module], learning: OptimizerConfig, hardware: Distributed):
        """With `muon`, matrices of 8 rows and columns or more go to Muon and everything else to AdamW."""
        self.trained = [p for module in modules for p in module.parameters() if p.requires_grad]
        with_muon = learning.optimiser == "muon"
        matrices = [p for p in self.trained if with_muon and p.ndim >= 2 and min(p.shape[0], p[0].numel()) >= 8]
        chosen = {id(p) for p in matrices}
        rest = [p for p in self.trained if id(p) not in chosen]
        self.learning = learning
        self.hardware = hardware
        self.parts: list[torch.optim.Optimizer] = []
        if matrices:
            self.parts.append(Muon(matrices, learning.rate, weight_decay=learning.weight_decay))
        if rest:
            decay = 0.0 if with_muon else learning.weight_decay
            self.parts.append(torch.optim.AdamW(rest, learning.rate, betas=(0.9, 0.99), weight_decay=decay, fused=True))

    def rate(self, step: int, steps: int) -> float:
        """The learning rate at `step` of `steps`: up over the warm-up, flat, then down to zero over the last part."""
        rising = min(1.0, (step + 1) / self.learning.warm_up)
        falling = min(1.0, (steps - step) / max(1.0, self.learning.cool_down * steps))
        return self.learning.rate * min(rising, falling)

    def step(self, step: int, steps: int) -> None:
        """Apply the gradients of all processes at `step` of `steps`, then clear them."""
        self.hardware.average_gradients(self.trained)
        if self.learning.clip is not None:
            nn.utils.clip_grad_norm_(self.trained, self.learning.clip)
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


class EMA:
    """Exponential moving average of a module's trainable parameters, in float32."""

    def __init__(self, module: nn.Module, decay: float = 0.999):
        """Start at the parameters' present values; `decay` is in [0, 1)."""
        self.decay = decay
        self._parameters = {name: p for name, p in module.named_parameters() if p.requires_grad}
        self.values = {name: p.detach().float().clone() for name, p in self._parameters.items()}
        self.updates = 0

    @torch.no_grad()
    def update(self) -> None:
        """Take in the parameters as they are now; early on the average follows faster."""
        self.updates += 1
        weight = 1 - min(self.decay, (1 + self.updates) / (10 + self.updates))
        now = [parameter.detach().float() for parameter in self._parameters.values()]
        torch._foreach_lerp_(list(self.values.values()), now, weight)

    def copy_to(self) -> None:
        """Put the average into the module for good."""
        self._write(self.values)

    def __enter__(self) -> EMA:
        """Put the average into the module until the block ends."""
        self._trained_values = {name: p.detach().clone() for name, p in self._parameters.items()}
        self._write(self.values)
        return self

    def __exit__(self, *_: object) -> None:
        """Put the trained values back."""
        self._write(self._trained_values)

    @torch.no_grad()
    def _write(self, values: dict[str, Tensor]) -> None:
        for name, parameter in self._parameters.items():
            parameter.copy_(values[name])

    def state_dict(self) -> dict[str, Any]:
        """The averaged parameters by name, and how many updates they have seen."""
        return {"values": self.values, "updates": self.updates}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a `state_dict`."""
        for name, value in self.values.items():
            value.copy_(state["values"][name])
        self.updates = state["updates"]

    def begin_from(self, values: Mapping[str, Tensor], updates: int) -> None:
        """Set average and parameters to `values`, in any precision. Raises KeyError or RuntimeError if they differ."""
        self.load_state_dict({"values": values, "updates": updates})
        self.copy_to()
