"""The PatchGAN discriminator (Isola et al. 2017) for sharp decoded layers, alpha included."""

from __future__ import annotations

from dataclasses import replace

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from acetate_lab.training.distributed import Distributed
from acetate_lab.training.optimizer import Optimiser, OptimizerConfig
from acetate_lab.training.trainer import Stateful, TrainableState


class PatchDiscriminator(nn.Module):
    """Judges overlapping patches of an RGBA picture; one logit a patch, high for real ones."""

    def __init__(self, channels: int = 4, width: int = 32, layers: int = 3) -> None:
        """`width` is the first layer's channels, doubled by each of the following `layers`."""
        super().__init__()
        parts: list[nn.Module] = [nn.Conv2d(channels, width, 4, 2, 1), nn.LeakyReLU(0.2)]
        for layer in range(1, layers):
            before, after = width * 2 ** (layer - 1), width * 2**layer
            parts += [nn.Conv2d(before, after, 4, 2, 1), nn.GroupNorm(4, after), nn.LeakyReLU(0.2)]
        parts.append(nn.Conv2d(width * 2 ** (layers - 1), 1, 3, padding=1))
        self.parts = nn.Sequential(*parts)

    def forward(self, picture: Float[Tensor, "n c h w"]) -> Float[Tensor, "n 1 ph pw"]:
        """The logits of the patches of a picture with values in [0, 1]."""
        logits: Tensor = self.parts(picture * 2 - 1)
        return logits

    def generator_loss(self, fake: Float[Tensor, "n c h w"]) -> Tensor:
        """What the generator minimises (hinge)."""
        loss: Tensor = -self(fake).mean()
        return loss

    def discriminator_loss(self, fake: Float[Tensor, "n c h w"], real: Float[Tensor, "n c h w"]) -> Tensor:
        """What the discriminator minimises (hinge)."""
        return F.relu(1 - self(real)).mean() + F.relu(1 + self(fake.detach())).mean()


class Adversary:
    """A discriminator in training beside a generator, at half its learning rate."""

    def __init__(self, learning: OptimizerConfig, hardware: Distributed) -> None:
        """Make a fresh discriminator on the run's device."""
        self.discriminator = PatchDiscriminator().to(hardware.device)
        self.optimiser = Optimiser([self.discriminator], replace(learning, rate=learning.rate / 2), hardware)
        self._hardware = hardware

    @property
    def states(self) -> dict[str, Stateful]:
        """What a checkpoint holds of it, under the names that checkpoints have."""
        return {"judge": TrainableState(self.discriminator), "judging": self.optimiser}

    def train_step(
        self, fake: Float[Tensor, "n c h w"], real: Float[Tensor, "n c h w"], accumulate: int = 1
    ) -> tuple[Tensor, Tensor]:
        """Add the discriminator's gradients for one of `accumulate` batches.

        Returns what the generator minimises, which leaves no gradients in the discriminator, and the discriminator's
        own loss.
        """
        with self._hardware.autocast():
            loss = self.discriminator.discriminator_loss(fake, real)
        (loss / accumulate).backward()  # type: ignore[no-untyped-call]
        self.discriminator.requires_grad_(False)
        with self._hardware.autocast():
            generator_loss = self.discriminator.generator_loss(fake)
        self.discriminator.requires_grad_(True)
        return generator_loss, loss.detach()
