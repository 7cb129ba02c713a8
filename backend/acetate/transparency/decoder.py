"""The transparent decoder: picture and latent in, alpha and colour out (LayerDiffuse, section 3.1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from diffusers.models.unets.unet_2d_blocks import (
    AttnDownBlock2D,
    AttnUpBlock2D,
    DownBlock2D,
    UNetMidBlock2D,
    UpBlock2D,
)
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

LATENT_LEVEL = 3
"""The level whose map has the latent's size, 1/8 of the picture."""


class TransparentDecoder(nn.Module):
    """A UNet over the VAE's decoded picture that also reads the latent it was decoded from.

    The defaults build the published network of 104 M parameters under its own state-dict keys; a smaller
    one takes fewer or narrower `block_out_channels` (at least four, multiples of `norm_groups`).
    `attention_levels` counts the coarsest levels that have attention; by default all levels at 1/16 of
    the picture and below.
    """

    def __init__(
        self,
        latent_channels: int = 4,
        block_out_channels: Sequence[int] = (32, 32, 64, 128, 256, 512, 512),
        layers_per_block: int = 2,
        attention_levels: int | None = None,
        attention_head_dim: int = 8,
        norm_groups: int = 4,
    ) -> None:
        """Raises ValueError when `block_out_channels` has fewer than four levels."""
        super().__init__()
        widths = list(block_out_channels)
        if len(widths) <= LATENT_LEVEL:
            raise ValueError(f"`block_out_channels` names {len(widths)} levels; it takes four or more")
        with_attention = len(widths) - LATENT_LEVEL - 1 if attention_levels is None else attention_levels
        self.config: dict[str, Any] = {
            "latent_channels": latent_channels,
            "block_out_channels": widths,
            "layers_per_block": layers_per_block,
            "attention_levels": with_attention,
            "attention_head_dim": attention_head_dim,
            "norm_groups": norm_groups,
        }
        self.multiple = 2 ** (len(widths) - 1)
        self.conv_in = nn.Conv2d(3, widths[0], 3, padding=1)
        self.latent_conv_in = nn.Conv2d(latent_channels, widths[LATENT_LEVEL - 1], 1)
        nn.init.zeros_(self.latent_conv_in.weight)
        if self.latent_conv_in.bias is not None:
            nn.init.zeros_(self.latent_conv_in.bias)
        blocks = _Blocks(attention_head_dim, norm_groups)
        last = len(widths) - 1
        attends = [level > last - with_attention for level in range(len(widths))]
        finer = [widths[0], *widths[:-1]]
        coarser = [*widths[1:], widths[-1]]
        self.down_blocks = nn.ModuleList(
            blocks.down(finer[level], widths[level], layers_per_block, attends[level], halve=level < last)
            for level in range(len(widths))
        )
        self.mid_block = blocks.middle(widths[-1])
        self.up_blocks = nn.ModuleList(
            blocks.up(
                finer[level],
                coarser[level],
                widths[level],
                layers_per_block + 1,
                attends[level],
                double=level > 0,
            )
            for level in reversed(range(len(widths)))
        )
        self.conv_norm_out = nn.GroupNorm(norm_groups, widths[0], eps=1e-5)
        self.conv_out = nn.Conv2d(widths[0], 4, 3, padding=1)

    def forward(
        self, picture: Float[Tensor, "n 3 h w"], latent: Float[Tensor, "n c h/8 w/8"]
    ) -> Float[Tensor, "n 4 h w"]:
        """Alpha first, then RGB, roughly in [0, 1] but not clipped.

        `picture` is the VAE's decoded picture in [0, 1]; `latent` the unscaled latent; both are computed
        in the decoder's own dtype. Sides that are no multiple of `self.multiple` are extended by
        repeating the last row and column, and the result is cropped again. Raises ValueError when the
        picture is not eight times the latent's size.
        """
        height, width = picture.shape[2:]
        if (height, width) != (latent.shape[2] * 8, latent.shape[3] * 8):
            raise ValueError(
                f"the picture is {width} x {height} pixels, but its latent belongs to one of "
                f"{latent.shape[3] * 8} x {latent.shape[2] * 8}"
            )
        picture, latent = picture.to(self.conv_in.weight), latent.to(self.conv_in.weight)
        down, right = -height % self.multiple, -width % self.multiple
        if down or right:
            picture = F.pad(picture, (0, right, 0, down), mode="replicate")
            latent = F.pad(latent, (0, right // 8, 0, down // 8), mode="replicate")
        return self._unet(picture, latent)[:, :, :height, :width]

    def _unet(self, picture: Tensor, latent: Tensor) -> Tensor:
        hidden = self.conv_in(picture)
        skips: tuple[Tensor, ...] = (hidden,)
        for level, block in enumerate(self.down_blocks):
            if level == LATENT_LEVEL:
                hidden = hidden + self.latent_conv_in(latent)
            hidden, outputs = block(hidden_states=hidden)
            skips += outputs
        hidden = self.mid_block(hidden)
        count = self.config["layers_per_block"] + 1
        for block in self.up_blocks:
            skips, used = skips[:-count], skips[-count:]
            hidden = block(hidden_states=hidden, res_hidden_states_tuple=used)
        result: Tensor = self.conv_out(F.silu(self.conv_norm_out(hidden)))
        return result


class _Blocks:
    """Makes diffusers' own UNet blocks, without a time step, all normalised alike."""

    def __init__(self, head_dim: int, norm_groups: int) -> None:
        self._head = {"attention_head_dim": head_dim}
        self._common = {
            "temb_channels": None,
            "resnet_eps": 1e-5,
            "resnet_act_fn": "silu",
            "resnet_groups": norm_groups,
        }

    def down(self, before: int, width: int, layers: int, attention: bool, halve: bool) -> nn.Module:
        sizes = {"in_channels": before, "out_channels": width, "num_layers": layers}
        if attention:
            kind = "conv" if halve else None
            return AttnDownBlock2D(**sizes, downsample_type=kind, **self._head, **self._common)  # type: ignore[no-any-return]
        return DownBlock2D(**sizes, add_downsample=halve, **self._common)  # type: ignore[no-any-return]

    def middle(self, width: int) -> nn.Module:
        return UNetMidBlock2D(in_channels=width, **self._head, **self._common)  # type: ignore[no-any-return]

    def up(self, skipped: int, before: int, width: int, layers: int, attention: bool, double: bool) -> nn.Module:
        sizes = {
            "in_channels": skipped,
            "prev_output_channel": before,
            "out_channels": width,
            "num_layers": layers,
        }
        if attention:
            kind = "conv" if double else None
            return AttnUpBlock2D(**sizes, upsample_type=kind, **self._head, **self._common)  # type: ignore[no-any-return]
        return UpBlock2D(**sizes, add_upsample=double, **self._common)  # type: ignore[no-any-return]
