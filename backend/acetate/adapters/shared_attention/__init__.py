"""Attention sharing: several layers of one scene generated side by side, as one sample."""

from acetate.adapters.shared_attention.attach import SharedAttention, SharingLayers, attention_layers
from acetate.adapters.shared_attention.condition_encoder import ConditionEncoder, ControlMaps
from acetate.adapters.shared_attention.layer import FramePrompts, Given, SharingUnit, UnitShape

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
