"""Training of attention sharing: the layers of one scene drawn side by side (LayerDiffuse, section 3.3).

The base UNet stays frozen; each frame's LoRA and the attention across frames are trained with the UNet's ordinary
objective, and the condition encoder where there is control. Where single frames of a sample are clean, one set of
weights learns to find the missing layers of a scene from any of the others.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from acetate.adapters.shared_attention import SharedAttention

from acetate_lab.training.diffusion import Predict, Samples, TextCondition, train_diffusion
from acetate_lab.training.distributed import Distributed
from acetate_lab.training.objectives import Objective
from acetate_lab.training.optimizer import OptimizerConfig
from acetate_lab.training.trainer import Log, TrainerConfig


def steered(shared: SharedAttention, predict: Predict[TextCondition]) -> Predict[TextCondition]:
    """Calls the UNet with attention sharing, after setting the control image of each sample."""

    def ask(noisy, times, words, control):  # type: ignore[no-untyped-def]
        shared.set_control_image(control)
        return predict(noisy, times, words, None)

    return ask


def train_layers(
    shared: SharedAttention,
    predict: Predict[TextCondition],
    objective: Objective,
    draw: Callable[[int], Samples[TextCondition]],
    log_samples: Callable[[Path], None],
    folder: Path,
    settings: TrainerConfig,
    learning: OptimizerConfig,
    hardware: Distributed,
    log: Log,
) -> None:
    """Train the layers of `shared` in place to their average over the run; the UNet that `predict` calls is frozen."""
    shared.layers.to(hardware.device).requires_grad_(True)
    with shared:
        train_diffusion(
            shared.layers,
            steered(shared, predict),
            objective,
            draw,
            log_samples,
            folder,
            settings,
            learning,
            hardware,
            log,
        )
