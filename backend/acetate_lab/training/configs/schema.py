"""The schema of a training's TOML file; every value is checked when the file is read."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from msgspec import Meta

from acetate_lab.training.distributed import Precision
from acetate_lab.training.objectives import NoiseLevels
from acetate_lab.training.optimizer import OptimizerConfig
from acetate_lab.training.transparency_training import TransparencyWeights

Count: TypeAlias = Annotated[int, Meta(ge=1)]
Share: TypeAlias = Annotated[float, Meta(ge=0, le=1)]
Side: TypeAlias = Annotated[int, Meta(ge=64, multiple_of=64)]
Role: TypeAlias = Literal["foreground", "background", "blend"]
SaveFormat: TypeAlias = Literal["published", "diffusers", "model"]
Positive: TypeAlias = Annotated[float, Meta(gt=0)]


@dataclass(frozen=True)
class ModelSettings:
    """The model to start from: its name in the catalogue, or a folder in diffusers' layout.

    `transparency` is a folder with offset encoder and transparent decoder as Acetate writes them; `encoder` (with the
    factor `multiplier` on its output) and `decoder` are published files, and go before it. Without any of them the
    base model's own are taken, where it has some.
    """

    base: str
    transparency: Path | None = None
    encoder: Path | None = None
    decoder: Path | None = None
    multiplier: Positive = 1.0

    @property
    def names_transparency(self) -> bool:
        """Whether another latent transparency than the base model's own is named."""
        return self.transparency is not None or self.encoder is not None or self.decoder is not None


@dataclass(frozen=True)
class DataSettings:
    """A folder that `acetate data` made, and the side in pixels of the squares that are learnt from.

    `views` is how many versions of each picture are encoded, each placed a little differently; `mirror` lets half of
    them look the other way; `dropout` is the share of captions that are left out, so that guidance can work.
    """

    folder: Path
    size: Side
    views: Count = 1
    mirror: bool = False
    dropout: Share = 0.1


@dataclass(frozen=True)
class RunSettings:
    """The folders of checkpoints and logs (`folder`) and of the finished weights (`output`); the run's length.

    `min_snr` weighs the noise levels of diffusion models; `noise_levels` is how those of flow models are drawn
    (`acetate_lab.training.objectives.FlowObjective`).
    """

    folder: Path
    output: Path
    steps: Count
    batch: Count = 4
    accumulate: Count = 1
    precision: Precision = "auto"
    gradient_checkpointing: bool = False
    min_snr: Annotated[float, Meta(ge=0)] = 5.0
    noise_levels: NoiseLevels = "logit_normal"
    seed: Annotated[int, Meta(ge=0)] = 0
    checkpoint_seconds: Positive = 300.0
    sheet_steps: Count = 500
    sheet_prompts: tuple[str, ...] = ()


@dataclass(frozen=True)
class LearningSettings:
    """How fast is learnt; see `acetate_lab.training.optimizer.OptimizerConfig`, which these become."""

    rate: Positive = 1e-4
    warm_up: Count = 100
    cool_down: Share = 0.3
    weight_decay: Annotated[float, Meta(ge=0)] = 0.01
    optimiser: Literal["muon", "adamw"] = "adamw"
    average: Annotated[float, Meta(ge=0, lt=1)] = 0.999
    clip: Positive = 1.0

    @property
    def learning(self) -> OptimizerConfig:
        """The same in the trainings' own form."""
        return OptimizerConfig(**asdict(self))


@dataclass(frozen=True)
class NetworkSettings:
    """The shape of fresh networks; the defaults are the published ones.

    `reach` is how far an offset of 1 moves the latent, in deviations of the latent itself.
    """

    encoder: Annotated[tuple[Count, ...], Meta(min_length=8, max_length=8)] = (32, 32, 64, 64, 128, 128, 256, 256)
    decoder: Annotated[tuple[Count, ...], Meta(min_length=4)] = (32, 32, 64, 128, 256, 512, 512)
    decoder_layers: Count = 2
    reach: Positive = 0.1


@dataclass(frozen=True)
class TransparencySettings:
    """`acetate train transparency`: offset encoder and transparent decoder for a frozen VAE."""

    model: ModelSettings
    data: DataSettings
    run: RunSettings
    networks: NetworkSettings = NetworkSettings()
    losses: TransparencyWeights = field(default_factory=TransparencyWeights)
    learning: LearningSettings = LearningSettings()


@dataclass(frozen=True)
class MethodSettings:
    """What of the denoiser is trained: a LoRA, or weights of its own.

    `layers` is what the LoRA is attached to: the linear layers of the attention, or all that the denoiser has.
    `save` names the formats: `published` (SDXL's `::lora::` or `::diff::`), `diffusers` (full deltas under diffusers'
    names), or `model` (a whole model folder with the change in it). For transformers the first two are one LoRA file.
    """

    train: Literal["lora", "attention", "convolutions", "all"] = "lora"
    layers: Literal["attention", "all"] = "attention"
    rank: Count = 64
    save: Annotated[tuple[SaveFormat, ...], Meta(min_length=1)] = ("published", "diffusers")


@dataclass(frozen=True)
class TextSettings:
    """`acetate train text`: a base model that draws transparent layers."""

    model: ModelSettings
    data: DataSettings
    run: RunSettings
    method: MethodSettings = MethodSettings()
    learning: LearningSettings = LearningSettings()


@dataclass(frozen=True)
class SharingSettings:
    """The layers that are drawn together, in order.

    With `control` the layer of that role is the control image of all of them. `given` is the share of samples in
    which some of the layers are clean and the others are denoised.
    """

    frames: Annotated[tuple[Role, ...], Meta(min_length=1, max_length=3)] = ("foreground", "background", "blend")
    control: Role | None = None
    given: Share = 0.0
    rank: Count = 256
    control_channels: Annotated[int, Meta(ge=8, multiple_of=8)] = 256


@dataclass(frozen=True)
class LayersSettings:
    """`acetate train layers`: attention sharing over the layers of a scene."""

    model: ModelSettings
    data: DataSettings
    run: RunSettings
    sharing: SharingSettings = field(default_factory=SharingSettings)
    learning: LearningSettings = LearningSettings()
