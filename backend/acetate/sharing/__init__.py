"""Attention sharing: several layers of one scene generated side by side, as one sample."""

from acetate.sharing.adapter import SharedAttention, SharingLayers, attention_layers
from acetate.sharing.condition import ConditionEncoder, ControlMaps
from acetate.sharing.unit import FramePrompts, Given, SharingUnit, UnitShape

__all__ = [
    "ConditionEncoder",
    "ControlMaps",
    "FramePrompts",
    "Given",
    "SharedAttention",
    "SharingLayers",
    "SharingUnit",
    "UnitShape",
    "attention_layers",
]
