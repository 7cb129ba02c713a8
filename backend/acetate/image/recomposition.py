"""Layers that give a picture again, exactly: what an editor makes of them is compared with it and put right."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from acetate.image.color import decode_srgb, encode_srgb

FLOAT_STEP = 1e-5
"""What counts as equal where channels are floats."""
ROUNDS = 3
"""How often what a picture has and its layers lack is given back to their colours, before alpha changes."""
FINE_ROUNDS = 3
"""How often the rounding of whole numbers is put right."""
HIDDEN = 1e-5
"""A layer through which less than this is seen hides what is below it."""


@dataclass(frozen=True)
class Blending:
    """How an editor stores layers and blends them, with the blend mode Normal.

    `full` is the whole number that stands for 1 in a channel, None for floats. Colours are sRGB-encoded; with `linear`
    they are blended in linear light, in floats, as Blender does. Otherwise they are blended as they are stored, and
    rounded after every layer, as Krita does.
    """

    full: int | None = 255
    linear: bool = False

    @property
    def step(self) -> float:
        """The least difference between two values."""
        return FLOAT_STEP if self.full is None else 1 / self.full

    def stored(self, values: Tensor) -> Tensor:
        """Values in [0, 1] as they are stored."""
        return values if self.full is None else (values * self.full).round() / self.full

    def composite(self, layers: Float[Tensor, "n 4 h w"]) -> Float[Tensor, "4 h w"]:
        """What an editor shows of stored layers, given from the lowest; straight alpha."""
        colours, keep = (self._light(layers[:, :3]), _as_it_is) if self.linear else (layers[:, :3], self.stored)
        colour, alpha = torch.zeros_like(colours[0]), torch.zeros_like(layers[0, 3:])
        for each, own in zip(colours, layers[:, 3:], strict=True):
            together = own + alpha * (1 - own)
            share = torch.where(together > 0, own / together, 0.0)
            colour, alpha = keep(torch.lerp(colour, each, share)), keep(together)
        return torch.cat([self._encoded(colour) if self.linear else colour, alpha])

    def recomposed(self, layers: Float[Tensor, "n 4 h w"], picture: Float[Tensor, "4 h w"]) -> Float[Tensor, "n 4 h w"]:
        """The layers, changed as little as needed so that their composite equals the picture, as they are stored.

        The lowest becomes as opaque as the picture, so that the alpha of all together is the picture's. What colours
        differ by goes into the layers by their share of what is seen. Where that takes a colour beyond its range, the
        layer that is seen most becomes more opaque. All are straight alpha, sRGB-encoded, in [0, 1]; colours where
        alpha is 0 do not matter, neither in the layers nor in the picture.
        """
        picture = torch.cat([torch.where(picture[3:] > 0, picture[:3], 0.0), picture[3:]])
        colour, alpha = self.stored(picture[:3]), self.stored(picture[3:])
        colours = torch.where(layers[:, 3:] > 0, layers[:, :3], 0.0)
        if self.linear:
            colour, colours = self._light(colour), self._light(colours)
        alphas = self.stored(layers[:, 3:])
        alphas[0] = 1
        shares = _shares(alphas) * alpha
        colours, shares = _fitted(colours, shares, colour * alpha, self._tolerance(colour))
        alphas = self._alphas(shares, alphas, alpha)
        colours = self._encoded(colours) if self.linear else colours
        return self._exact(torch.cat([self.stored(colours), alphas], dim=1), picture)

    def _tolerance(self, colour: Tensor) -> Tensor:
        """Half a step at each colour of the space that is blended in."""
        if not self.linear:
            return torch.full_like(colour, self.step / 2)
        return (self._light(self._encoded(colour) + self.step / 2) - colour).abs()

    def _alphas(
        self, shares: Float[Tensor, "n 1 h w"], former: Float[Tensor, "n 1 h w"], alpha: Float[Tensor, "1 h w"]
    ) -> Float[Tensor, "n 1 h w"]:
        """The stored alphas with which layers have these shares; those that are hidden keep their former one."""
        alphas, through = former.clone(), torch.ones_like(alpha)
        for index in range(len(shares) - 1, 0, -1):
            wanted = (shares[index] / through.clamp_min(HIDDEN)).clamp(0, 1)
            alphas[index] = self.stored(torch.where(through > HIDDEN, wanted, alphas[index]))
            through = (through - shares[index]).clamp_min(0)
        seen = (1 - alphas[1:]).prod(dim=0)
        lowest = 1 - (1 - alpha) / seen.clamp_min(HIDDEN)
        alphas[0] = self.stored(torch.where((seen > HIDDEN) & (alpha < 1), lowest, alpha).clamp(0, 1))
        return alphas

    def _exact(self, layers: Float[Tensor, "n 4 h w"], picture: Float[Tensor, "4 h w"]) -> Float[Tensor, "n 4 h w"]:
        """Stored layers whose composite equals the picture to one step.

        What rounding left goes to the layer that is seen most; where even that is not enough, it alone is seen.
        """
        wanted = self.stored(picture)
        for _ in range(FINE_ROUNDS):
            shares = _shares(layers[:, 3:])
            share = shares.amax(dim=0)
            missing = wanted - self.composite(layers)
            if bool((missing.abs() * wanted[3:] < self.step / 2).all()):
                return layers
            gain = torch.where(share > 0, wanted[3:] / share.clamp_min(self.step), 0.0)
            move = missing[:3] * gain
            chosen = _most(shares)
            layers[:, :3] = torch.where(chosen, self.stored((layers[:, :3] + move).clamp(0, 1)), layers[:, :3])
            seen = (1 - layers[1:, 3:]).prod(dim=0)
            lowest = layers[0, 3:] + missing[3:] / seen.clamp_min(self.step)
            layers[0, 3:] = self.stored(torch.where(seen > self.step, lowest.clamp(0, 1), layers[0, 3:]))
        return self._alone(layers, wanted)

    def _alone(self, layers: Float[Tensor, "n 4 h w"], wanted: Float[Tensor, "4 h w"]) -> Float[Tensor, "n 4 h w"]:
        """Stored layers of which, where they miss the picture, only the one that is seen most is left."""
        made, visible = self.composite(layers), wanted[3:]
        missing = made[:3] * made[3:] - wanted[:3] * visible
        # Over black, and over white.
        wrong = torch.maximum(missing.abs(), (missing - (made[3:] - visible)).abs()).amax(dim=0) > self.step
        chosen = _most(_shares(layers[:, 3:]))
        below = chosen.flip(0).cumsum(dim=0).flip(0).bool() & ~chosen
        # What lies below an opaque layer stays: it is not seen.
        kept = below & (visible == 1)
        alone = torch.where(chosen, wanted, torch.where(kept, layers, torch.zeros_like(layers)))
        return torch.where(wrong, alone, layers)

    @staticmethod
    def _light(encoded: Tensor) -> Tensor:
        return torch.from_numpy(decode_srgb(encoded.numpy()))

    @staticmethod
    def _encoded(light: Tensor) -> Tensor:
        return torch.from_numpy(encode_srgb(light.numpy()))


def _as_it_is(values: Tensor) -> Tensor:
    return values


def _shares(alphas: Float[Tensor, "n 1 h w"]) -> Float[Tensor, "n 1 h w"]:
    """How much of each layer is seen through those above it; all together give their common alpha."""
    shares, through = torch.empty_like(alphas), torch.ones_like(alphas[0])
    for index in range(len(alphas) - 1, -1, -1):
        shares[index] = alphas[index] * through
        through = through * (1 - alphas[index])
    return shares


def _most(shares: Float[Tensor, "n 1 h w"]) -> Bool[Tensor, "n 1 h w"]:
    """Which layer is seen most; of equal ones the lowest."""
    largest, number = shares[0], torch.zeros_like(shares[0])
    for index, share in enumerate(shares[1:], start=1):
        number = torch.where(share > largest, index, number)
        largest = torch.maximum(largest, share)
    return torch.arange(len(shares))[:, None, None, None] == number


def _fitted(
    colours: Float[Tensor, "n 3 h w"],
    shares: Float[Tensor, "n 1 h w"],
    picture: Float[Tensor, "3 h w"],
    tolerance: Float[Tensor, "3 h w"],
) -> tuple[Float[Tensor, "n 3 h w"], Float[Tensor, "n 1 h w"]]:
    """Colours and shares whose sum is a premultiplied picture.

    The least change of all colours (in squares) that takes the difference to 0 gives each layer a part of it in
    proportion to its share. What is left after clamping goes away when the layer that is seen most gets a part of the
    others' shares.
    """
    weight = shares.square().sum(dim=0).clamp_min(1e-12)
    for _ in range(ROUNDS):
        missing = picture - (shares * colours).sum(dim=0)
        colours = (colours + shares * (missing / weight)).clamp(0, 1)
    missing = picture - (shares * colours).sum(dim=0)
    wrong = (missing.abs() > tolerance).any(dim=0, keepdim=True)
    if not bool(wrong.any()):
        return colours, shares
    most = _most(shares)
    alpha = shares.sum(dim=0)
    others = torch.where(most, 0.0, shares)
    rest, seen = others.sum(dim=0), (others * colours).sum(dim=0)
    # The others keep the share s of theirs: the largest that leaves 0 <= picture - s seen <= alpha - s rest.
    bound = torch.minimum(picture / seen.clamp_min(1e-12), (alpha - picture) / (rest - seen).clamp_min(1e-12))
    kept = torch.where(wrong, bound.amin(dim=0, keepdim=True).clamp(0, 1), 1.0)
    changed = torch.where(most, alpha - kept * rest, kept * shares)
    own = ((picture - kept * seen) / (alpha - kept * rest).clamp_min(1e-12)).clamp(0, 1)
    return torch.where(most & wrong, own, colours), torch.where(wrong, changed, shares)
