"""Attention sharing: several layers of one scene generated side by side, as one sample."""

from acetate.adapters.shared_attention.attach import SharedAttention, SharedAttentionLayers, attention_layers
from acetate.adapters.shared_attention.condition_encoder import ConditionEncoder, ControlMaps
from acetate.adapters.shared_attention.layer import (
    FramePrompts,
    SharedAttentionConfig,
    SharedAttentionLayer,
    SharedContext,
)

__all__ = [
    "ConditionEncoder",
    "ControlMaps",
    "FramePrompts",
    "SharedAttention",
    "SharedAttentionConfig",
    "SharedAttentionLayer",
    "SharedAttentionLayers",
    "SharedContext",
    "attention_layers",
]
