"""Attention sharing (LayerDiffuse, section 3.3): several layers of one scene generated in one batch."""

from acetate.adapters.shared_attention.condition_encoder import ConditionEncoder, ControlMaps
from acetate.adapters.shared_attention.layer import (
    FramePrompts,
    SharedAttentionConfig,
    SharedAttentionLayer,
    SharedContext,
)
from acetate.adapters.shared_attention.processors import SharedAttention, SharedAttentionLayers, attention_layers

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
