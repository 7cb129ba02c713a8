"""Writes a model folder in the starter's layout, with tiny untrained networks."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from acetate.models.latent_preview import PreviewNetwork, save_preview
from acetate.transparency import OffsetEncoder, Transparency, TransparentDecoder
from acetate.transparency import save as save_transparency
from diffusers import AutoencoderKL, DPMSolverMultistepScheduler, UNet2DConditionModel
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

NATIVE_SIZE = 64
LATENT_CHANNELS = 4
TOKENS = 24
VOCABULARY = {
    "native_size": NATIVE_SIZE,
    "things": [
        {"name": "red apple", "words": ["apple"]},
        {"name": "fish", "words": ["tropical fish"]},
        {"name": "cat", "words": ["kitten"]},
        {"name": "guitar", "words": []},
        {"name": "cherries", "words": ["cherry"]},
        {"name": "leaf", "words": []},
        {"name": "fire engine", "words": ["fire engine"]},
    ],
    "styles": ["3d", "cartoon", "flat", "painted"],
    "colours": ["red", "green", "blue"],
    "words": ["a", "of", "two"],
    "related": {"violin": "guitar", "fire truck": "fire engine", "sushi": "fish"},
}


def write_tiny_starter(folder: Path) -> None:
    """Write the folder: 64 pixels native size, a few hundred thousand weights, the same ones every time."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        _vae().save_pretrained(folder / "vae")
        _unet().save_pretrained(folder / "unet")
        tokenizer = tiny_tokenizer()
        tokenizer.save_pretrained(folder / "tokenizer")
        _text_encoder(tokenizer).save_pretrained(folder / "text_encoder")
        save_transparency(folder / "transparency", _transparency())
        save_preview(folder, PreviewNetwork(LATENT_CHANNELS))
    DPMSolverMultistepScheduler(
        beta_schedule="scaled_linear",
        beta_start=0.00085,
        beta_end=0.012,
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
    ).save_pretrained(folder / "scheduler")
    (folder / "vocabulary.json").write_text(json.dumps(VOCABULARY), encoding="utf-8")
    (folder / "model_index.json").write_text(json.dumps({"_class_name": "Acetate"}), encoding="utf-8")


def _vae() -> AutoencoderKL:
    return AutoencoderKL(
        block_out_channels=[8, 8, 8, 8],
        down_block_types=["DownEncoderBlock2D"] * 4,
        up_block_types=["UpDecoderBlock2D"] * 4,
        latent_channels=LATENT_CHANNELS,
        layers_per_block=1,
        norm_num_groups=4,
        scaling_factor=0.5,
    )


def _unet() -> UNet2DConditionModel:
    return UNet2DConditionModel(
        sample_size=NATIVE_SIZE // 8,
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        block_out_channels=[16, 16],
        down_block_types=["CrossAttnDownBlock2D", "DownBlock2D"],
        up_block_types=["UpBlock2D", "CrossAttnUpBlock2D"],
        layers_per_block=1,
        attention_head_dim=2,
        norm_num_groups=4,
        cross_attention_dim=16,
    )


def tiny_tokenizer() -> CLIPTokenizer:
    """A word-piece tokenizer of CLIP's kind, learned from a few captions."""
    learned = Tokenizer(models.BPE(end_of_word_suffix="</w>", unk_token="<|endoftext|>"))
    learned.normalizer = normalizers.Lowercase()
    learned.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    learned.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=600,
        special_tokens=["<|startoftext|>", "<|endoftext|>"],
        end_of_word_suffix="</w>",
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    captions = ["a red apple", "two cherries", "a flat green leaf", "a cartoon cat", "a blue fish", "a guitar"]
    learned.train_from_iterator(captions, trainer)
    state = json.loads(learned.to_str())["model"]
    return CLIPTokenizer(
        vocab=state["vocab"], merges=[tuple(pair) for pair in state["merges"]], model_max_length=TOKENS
    )


def _text_encoder(tokenizer: CLIPTokenizer) -> CLIPTextModel:
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=16,
            intermediate_size=32,
            num_hidden_layers=1,
            num_attention_heads=2,
            max_position_embeddings=TOKENS,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def _transparency() -> Transparency:
    decoder = TransparentDecoder(LATENT_CHANNELS, block_out_channels=(8, 8, 8, 8), layers_per_block=1)
    return Transparency(OffsetEncoder(LATENT_CHANNELS, channels=(8,) * 8), decoder)
