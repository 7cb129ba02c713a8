"""A tiny VAE with alpha of FLUX.2's kind that was trained on blots, so that what is drawn in its latents can be seen.

`python -m tests.models.rgba_vae` trains it anew, in some minutes, and writes `rgba_vae.safetensors`.
"""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import AutoencoderKLFlux2
from safetensors.torch import load_file, save_file
from torch import Tensor

FILE = Path(__file__).with_name("rgba_vae.safetensors")
STEPS, BATCH, SIDE, RATE = 2500, 4, 64, 3e-3


def new_vae() -> AutoencoderKLFlux2:
    """Untrained."""
    return AutoencoderKLFlux2(
        in_channels=4, out_channels=4, block_out_channels=(8, 16, 16, 16), layers_per_block=1, latent_channels=4,
        norm_num_groups=4, sample_size=SIDE,
    )  # fmt: skip


def trained_vae() -> AutoencoderKLFlux2:
    """The one in the file."""
    vae = new_vae()
    vae.load_state_dict({name: value.float() for name, value in load_file(FILE).items()})
    return vae


def blots(count: int, chance: torch.Generator) -> Tensor:
    """Soft discs and boxes of one colour anywhere on clear ground, some over an opaque one; straight alpha."""
    ramp = torch.arange(SIDE) - (SIDE - 1) / 2
    middle = (torch.rand(2, count, 1, 1, generator=chance) - 0.5) * SIDE / 2
    y, x = ramp[:, None] - middle[0], ramp[None, :] - middle[1]
    boxes = torch.rand(count, 1, 1, generator=chance) < 0.3
    distance = torch.where(boxes, torch.maximum(y.abs(), x.abs()), (y.square() + x.square()).sqrt())
    radius = 8 + 16 * torch.rand(count, 1, 1, generator=chance)
    alpha = ((radius - distance) / 4 + 0.5).clamp(0, 1)[:, None]
    colour, ground = torch.rand(2, count, 3, 1, 1, generator=chance)
    opaque = torch.rand(count, 1, 1, 1, generator=chance) < 0.25
    colour = torch.where(opaque, torch.lerp(ground, colour, alpha), torch.where(alpha > 0, colour, 0))
    return torch.cat([colour.expand(-1, -1, SIDE, SIDE), torch.where(opaque, torch.ones_like(alpha), alpha)], dim=1)


def main() -> None:
    """Train and write it."""
    torch.manual_seed(0)
    vae, chance = new_vae(), torch.Generator().manual_seed(1)
    optimiser = torch.optim.AdamW(vae.parameters(), RATE)
    total, squares, count = torch.zeros(16, 1), torch.zeros(16, 1), 0
    for step in range(STEPS):
        optimiser.param_groups[0]["lr"] = RATE * min(1.0, (STEPS - step) / (0.5 * STEPS))
        feed = 2 * blots(BATCH, chance) - 1
        posterior = vae.encode(feed).latent_dist
        decoded = vae.decode(posterior.mode() + 0.05 * torch.randn(posterior.mean.shape, generator=chance)).sample
        error = decoded - feed
        loss = error.abs().mean() + error.square().mean() + 1e-3 * posterior.mean.square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if step >= STEPS - 200:
            cells = torch.nn.functional.pixel_unshuffle(posterior.mean.detach(), 2).transpose(0, 1).flatten(1)
            total, squares = total + cells.sum(1, keepdim=True), squares + cells.square().sum(1, keepdim=True)
            count += cells.shape[1]
        if step % 100 == 0:
            print(step, f"{float(loss.detach()):.4f}", flush=True)
    mean = total / count
    vae.bn.running_mean.copy_(mean[:, 0])
    vae.bn.running_var.copy_((squares / count - mean.square())[:, 0])
    save_file({name: value.half().contiguous() for name, value in vae.state_dict().items()}, FILE)


if __name__ == "__main__":
    main()
