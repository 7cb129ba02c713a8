"""Writes tiny untrained models that draw transparent layers by themselves, in their true topology."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKLFlux2,
    AutoencoderKLQwenImage,
    AutoencoderKLQwenImage21,
    FlowMatchEulerDiscreteScheduler,
    Flux2Transformer2DModel,
    QwenImage21Transformer2DModel,
    QwenImageTransformer2DModel,
)
from transformers import (
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2Tokenizer,
    Qwen3Config,
    Qwen3ForCausalLM,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
)
from transformers.convert_slow_tokenizer import bytes_to_unicode

WIDTH = 16
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>")
QWEN_SCHEDULE = {
    "base_image_seq_len": 256,
    "base_shift": 0.5,
    "max_image_seq_len": 8192,
    "max_shift": 0.9,
    "shift_terminal": 0.02,
    "time_shift_type": "exponential",
    "use_dynamic_shifting": True,
}
"""As `Qwen/Qwen-Image-Layered` has it."""

KLEIN_SCHEDULE = {"shift": 3.0, "use_dynamic_shifting": True, "time_shift_type": "exponential"}
CHAT = "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
"""The beginning of Qwen3's own template."""


def write_qwen_layered(folder: Path) -> None:
    """A folder in diffusers' layout; its transformer is in two files."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        tokenizer = byte_tokenizer(folder / "tokenizer")
        text = {
            "hidden_size": WIDTH, "intermediate_size": WIDTH, "num_hidden_layers": 2, "num_attention_heads": 2,
            "num_key_value_heads": 2, "vocab_size": len(tokenizer), "max_position_embeddings": 2048,
            "rope_parameters": {"mrope_section": [1, 1, 2], "rope_type": "default", "rope_theta": 1e6},
        }  # fmt: skip
        vision = {
            "depth": 2, "hidden_size": WIDTH, "intermediate_size": WIDTH, "num_heads": 2, "out_hidden_size": WIDTH,
            "fullatt_block_indexes": [1],
        }  # fmt: skip
        ids = {"image_token_id": tokenizer.convert_tokens_to_ids("<|image_pad|>"),
               "vision_start_token_id": tokenizer.convert_tokens_to_ids("<|vision_start|>")}  # fmt: skip
        config = Qwen2_5_VLConfig(text_config=text, vision_config=vision, tie_word_embeddings=False, **ids)
        Qwen2_5_VLForConditionalGeneration(config).save_pretrained(folder / "text_encoder")
        vae = AutoencoderKLQwenImage(
            base_dim=8, z_dim=8, num_res_blocks=1, input_channels=4,
            latents_mean=[0.1, -0.2, 0.3, 0.0] * 2, latents_std=[1.5, 0.8, 1.0, 1.2] * 2,
        )  # fmt: skip
        vae.save_pretrained(folder / "vae")
        transformer = QwenImageTransformer2DModel(
            in_channels=32, out_channels=8, num_layers=2, attention_head_dim=16, num_attention_heads=2,
            joint_attention_dim=WIDTH, axes_dims_rope=(4, 6, 6), use_additional_t_cond=True, use_layer3d_rope=True,
        )  # fmt: skip
        transformer.save_pretrained(folder / "transformer", max_shard_size="60KB")
        FlowMatchEulerDiscreteScheduler(**QWEN_SCHEDULE).save_pretrained(folder / "scheduler")
    _write_index(folder, "QwenImageLayeredPipeline", transformer=transformer, vae=vae)


def write_qwen_image21(folder: Path) -> None:
    """A folder in diffusers' layout, whose tokenizer is in the processor's folder."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        tokenizer = byte_tokenizer(folder / "processor")
        text = {
            "hidden_size": WIDTH, "intermediate_size": WIDTH, "num_hidden_layers": 2, "num_attention_heads": 2,
            "num_key_value_heads": 2, "head_dim": 8, "vocab_size": len(tokenizer), "max_position_embeddings": 2048,
            "rope_parameters": {"mrope_section": [1, 1, 2], "rope_type": "default", "rope_theta": 1e6},
        }  # fmt: skip
        vision = {
            "depth": 1, "hidden_size": WIDTH, "intermediate_size": WIDTH, "num_heads": 2, "out_hidden_size": WIDTH,
            "patch_size": 16, "num_position_embeddings": 64, "deepstack_visual_indexes": [0],
        }  # fmt: skip
        encoder = Qwen3VLForConditionalGeneration(Qwen3VLConfig(text_config=text, vision_config=vision))
        # As after training: at its beginning the last normalisation changes nothing, and none would miss it.
        encoder.model.language_model.norm.weight.data.uniform_(0.5, 2.0)
        encoder.save_pretrained(folder / "text_encoder")
        vae = AutoencoderKLQwenImage21(
            base_dim=4, decoder_base_dim=4, z_dim=8, dim_mult=[1, 1, 1, 1, 1], num_res_blocks=1, attn_scales=[],
            latents_mean=[0.1, -0.2, 0.3, 0.0] * 2, latents_std=[1.5, 0.8, 1.0, 1.2] * 2,
        )  # fmt: skip
        vae.save_pretrained(folder / "vae")
        transformer = QwenImage21Transformer2DModel(
            in_channels=8, out_channels=8, num_layers=2, attention_head_dim=16, num_attention_heads=2,
            context_in_dim=WIDTH, mlp_ratio=2, axes_dims_rope=(4, 6, 6),
        )  # fmt: skip
        transformer.save_pretrained(folder / "transformer")
        FlowMatchEulerDiscreteScheduler(**QWEN_SCHEDULE).save_pretrained(folder / "scheduler")
    _write_index(folder, "QwenImage21Pipeline", transformer=transformer, vae=vae)


def write_klein(folder: Path, vae: AutoencoderKLFlux2 | None = None) -> None:
    """A folder in diffusers' layout, whose VAE has alpha; without another `vae`, an untrained one."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        tokenizer = byte_tokenizer(folder / "tokenizer", CHAT)
        config = Qwen3Config(
            hidden_size=WIDTH, intermediate_size=WIDTH, num_hidden_layers=28, num_attention_heads=2,
            num_key_value_heads=2, head_dim=8, vocab_size=len(tokenizer), max_position_embeddings=512,
        )  # fmt: skip
        Qwen3ForCausalLM(config).save_pretrained(folder / "text_encoder")
        vae = vae or flux2_vae(4)
        vae.save_pretrained(folder / "vae")
        transformer = Flux2Transformer2DModel(
            in_channels=16, num_layers=1, num_single_layers=1, attention_head_dim=16, num_attention_heads=2,
            joint_attention_dim=3 * WIDTH, axes_dims_rope=(4, 4, 4, 4), timestep_guidance_channels=16,
            guidance_embeds=False,
        )  # fmt: skip
        transformer.save_pretrained(folder / "transformer")
        FlowMatchEulerDiscreteScheduler(**KLEIN_SCHEDULE).save_pretrained(folder / "scheduler")
    _write_index(folder, "Flux2KleinPipeline", transformer=transformer, vae=vae)


def flux2_vae(channels: int) -> AutoencoderKLFlux2:
    """An untrained VAE of FLUX.2's kind for pictures with 3 or 4 channels."""
    vae = AutoencoderKLFlux2(
        in_channels=channels, out_channels=channels, block_out_channels=(4, 4, 4, 4), layers_per_block=1,
        latent_channels=4, norm_num_groups=2, sample_size=64,
    )  # fmt: skip
    vae.bn.running_mean.uniform_(-0.5, 0.5)
    vae.bn.running_var.uniform_(0.5, 1.5)
    return vae


def byte_tokenizer(folder: Path, template: str = "") -> Any:
    """Qwen's tokenizer with a token for every byte, written into a folder too."""
    tokens = [*bytes_to_unicode().values(), *SPECIAL]
    tokenizer = Qwen2Tokenizer(vocab={token: number for number, token in enumerate(tokens)}, merges=[])
    tokenizer.add_special_tokens({"additional_special_tokens": list(SPECIAL)})
    tokenizer.chat_template = template or None
    tokenizer.save_pretrained(folder)
    return tokenizer


def _write_index(folder: Path, kind: str, **networks: Any) -> None:
    classes = {name: ["diffusers", type(network).__name__] for name, network in networks.items()}
    (folder / "model_index.json").write_text(json.dumps({"_class_name": kind, **classes}), encoding="utf-8")
