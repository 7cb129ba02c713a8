"""Writes tiny untrained models around the published configuration files: as a folder, as the hub's cache, as a file.

Every value of `tests/reference/published_configurations.json` is kept but the sizes of layers. The weights are whole
in float16, so that all three forms hold the same numbers.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from acetate.models.families import SD15, SDXL, ModelFamily
from acetate.models.hub_download import download_spec
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from tests.models.published import original_name
from tests.tiny_starter import tiny_tokenizer

CONFIGURATIONS: Mapping[str, Mapping[str, dict[str, Any]]] = json.loads(
    (Path(__file__).parents[1] / "reference" / "published_configurations.json").read_text(encoding="utf-8")
)
VAE = {"block_out_channels": [8, 8, 8, 8], "norm_num_groups": 4, "sample_size": 64}
TEXT = {"hidden_size": 16, "intermediate_size": 32, "num_attention_heads": 2, "num_hidden_layers": 2}
SIZES: Mapping[str, Mapping[str, dict[str, Any]]] = {
    SD15.name: {
        "unet/config.json": {
            "block_out_channels": [8, 16, 16, 16],
            "cross_attention_dim": 16,
            "attention_head_dim": 2,
            "norm_num_groups": 4,
            "sample_size": 8,
        },
        "vae/config.json": VAE,
        "text_encoder/config.json": {**TEXT, "projection_dim": 16},
    },
    SDXL.name: {
        "unet/config.json": {
            "block_out_channels": [8, 16, 32],
            "cross_attention_dim": 40,
            "attention_head_dim": [1, 2, 4],
            "transformer_layers_per_block": [1, 1, 2],
            "addition_time_embed_dim": 8,
            "projection_class_embeddings_input_dim": 6 * 8 + 24,
            "norm_num_groups": 4,
            "sample_size": 8,
        },
        "vae/config.json": VAE,
        "text_encoder/config.json": {**TEXT, "projection_dim": 16},
        "text_encoder_2/config.json": {**TEXT, "hidden_size": 24, "projection_dim": 24},
    },
}
ENCODERS = {"text_encoder": CLIPTextModel, "text_encoder_2": CLIPTextModelWithProjection}


def write_folder(folder: Path, family: ModelFamily) -> UNet2DConditionModel:
    """The published folder with weights in float32; the UNet is handed back."""
    vocabulary = write_configurations(folder, family)
    networks: dict[str, Any] = {}
    with torch.random.fork_rng():
        torch.manual_seed(11)
        networks["unet"] = UNet2DConditionModel.from_config(UNet2DConditionModel.load_config(folder / "unet"))
        networks["vae"] = AutoencoderKL.from_config(AutoencoderKL.load_config(folder / "vae"))
        for name, kind in list(ENCODERS.items())[: family.text_encoders]:
            networks[name] = kind(CLIPTextConfig.from_pretrained(folder / name))
    assert vocabulary == networks["text_encoder"].config.vocab_size
    for name, network in networks.items():
        file = "model" if name.startswith("text") else "diffusion_pytorch_model"
        weights = {key: value.half().float().contiguous() for key, value in network.state_dict().items()}
        save_file(weights, folder / name / f"{file}.safetensors", {"format": "pt"})
    unet: UNet2DConditionModel = networks["unet"]
    return unet


def write_configurations(folder: Path, family: ModelFamily) -> int:
    """Everything but the weights; returns how many word pieces the vocabulary has."""
    vocabulary, merges = _word_pieces()
    for path, published in CONFIGURATIONS[family.repository].items():
        own = dict(SIZES[family.name].get(path, {}))
        if path.startswith("text_encoder"):
            own["vocab_size"] = len(vocabulary)
        assert own.keys() <= published.keys()
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(json.dumps({**published, **own}, indent=2) + "\n", encoding="utf-8")
    for tokenizer in ("tokenizer", "tokenizer_2")[: family.text_encoders]:
        (folder / tokenizer / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
        lines = "\n".join(["#version: 0.2", *merges]) + "\n"
        (folder / tokenizer / "merges.txt").write_text(lines, encoding="utf-8")
    return len(vocabulary)


def _word_pieces() -> tuple[dict[str, int], list[str]]:
    """A vocabulary in CLIP's order: characters, `!` first, then pieces, the begin and end marks last."""
    learned = json.loads(tiny_tokenizer().backend_tokenizer.to_str())["model"]
    pieces = [piece for piece in learned["vocab"] if not piece.startswith("<|")]
    pieces.sort(key=lambda piece: (piece != "!", len(piece) > 1, learned["vocab"][piece]))
    order = [*pieces, "<|startoftext|>", "<|endoftext|>"]
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in learned["merges"]]
    return {piece: number for number, piece in enumerate(order)}, merges


def write_hub(folder: Path, cache: Path, family: ModelFamily, *, configuration: bool = False) -> Path:
    """The cache after `models pull` of a family, from a published folder; returns the snapshot.

    With `configuration` only what `models pull --configuration` fetches is there.
    """
    place = cache / f"models--{family.repository.replace('/', '--')}"
    whole = place / "whole"
    shutil.copytree(folder, whole)
    for path in sorted(whole.rglob("*.safetensors")):
        half = {name: value.half() for name, value in load_file(path).items()}
        path.unlink()
        save_file(half, path.with_suffix(".fp16.safetensors"), {"format": "pt"})
    wanted = download_spec(family.name, configuration=configuration)[0]
    names = [str(path.relative_to(whole)) for path in sorted(whole.rglob("*")) if path.is_file()]
    snapshot = place / "snapshots" / "abc"
    for name in wanted.choose(names):
        (snapshot / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.move(whole / name, snapshot / name)
    shutil.rmtree(whole)
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text("abc", encoding="utf-8")
    return snapshot


def write_checkpoint(path: Path, folder: Path, without: Callable[[str], bool] = lambda name: False) -> Path:
    """A folder's model as one file in the original layout, in float16, but for the tensors named by `without`."""
    unet = UNet2DConditionModel.from_pretrained(folder / "unet")
    vae = AutoencoderKL.from_pretrained(folder / "vae")
    tensors = {f"model.diffusion_model.{original_name(key, unet)}": value for key, value in unet.state_dict().items()}
    for key, value in vae.state_dict().items():
        name = vae_name(key, vae)
        linear = ".attn_1." in name and key.endswith("weight") and value.ndim == 2
        tensors[f"first_stage_model.{name}"] = value[:, :, None, None] if linear else value
    first = clip_tensors(CLIPTextModel.from_pretrained(folder / "text_encoder"))
    if (folder / "text_encoder_2").is_dir():
        second = CLIPTextModelWithProjection.from_pretrained(folder / "text_encoder_2")
        tensors |= {f"conditioner.embedders.0.transformer.{name}": value for name, value in first.items()}
        tensors |= {f"conditioner.embedders.1.model.{name}": value for name, value in open_clip_tensors(second).items()}
    else:
        tensors |= {f"cond_stage_model.transformer.{name}": value for name, value in first.items()}
        tensors["alphas_cumprod"] = torch.linspace(1, 0, 1000)
    kept = {name: value.half().contiguous() for name, value in tensors.items() if not without(name)}
    if not (folder / "text_encoder_2").is_dir() and not without("cond_stage_model.transformer."):
        kept["cond_stage_model.transformer.text_model.embeddings.position_ids"] = torch.arange(77)[None]
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(kept, path)
    return path


def clip_tensors(encoder: nn.Module) -> dict[str, Tensor]:
    """A text encoder's tensors as the original checkpoints name them, in transformers' layout."""
    return {f"text_model.{name.removeprefix('text_model.')}": value for name, value in encoder.state_dict().items()}


def open_clip_tensors(encoder: nn.Module) -> dict[str, Tensor]:
    """A text encoder's tensors in OpenCLIP's layout, as in SDXL's checkpoints."""
    found = {"logit_scale": torch.tensor(4.6)}
    state = {name.removeprefix("text_model."): value for name, value in encoder.state_dict().items()}
    plain = {
        "embeddings.position_embedding.weight": "positional_embedding",
        "embeddings.token_embedding.weight": "token_embedding.weight",
        "final_layer_norm.weight": "ln_final.weight",
        "final_layer_norm.bias": "ln_final.bias",
    }
    for name, value in state.items():
        if name in plain:
            found[plain[name]] = value
        elif name == "text_projection.weight":
            found["text_projection"] = value.T
        elif ".self_attn.q_proj." in name:
            kind = name.rpartition(".")[2]
            parts = [state[name.replace("q_proj", f"{letter}_proj")] for letter in "qkv"]
            block = name.split(".")[2]
            found[f"transformer.resblocks.{block}.attn.in_proj_{kind}"] = torch.cat(parts)
        elif not any(f".self_attn.{letter}_proj." in name for letter in "kv"):
            changed = name.replace("encoder.layers.", "transformer.resblocks.")
            for new, old in (
                (".self_attn.", ".attn."),
                (".layer_norm1.", ".ln_1."),
                (".layer_norm2.", ".ln_2."),
                (".fc1.", ".c_fc."),
                (".fc2.", ".c_proj."),
            ):
                changed = changed.replace(new, old)
            found[changed] = value
    return found


def vae_name(name: str, vae: AutoencoderKL) -> str:
    """The name that a VAE's parameter has in an original checkpoint."""
    last = len(vae.config.block_out_channels) - 1
    head, *rest = name.split(".")
    if head not in ("encoder", "decoder"):
        return name
    text = ".".join(rest).replace("conv_norm_out", "norm_out").replace("conv_shortcut", "nin_shortcut")
    for old, new in (("mid_block.resnets.0", "mid.block_1"), ("mid_block.resnets.1", "mid.block_2")):
        text = text.replace(old, new)
    for old, new in (("group_norm", "norm"), ("to_q", "q"), ("to_k", "k"), ("to_v", "v"), ("to_out.0", "proj_out")):
        text = text.replace(f"mid_block.attentions.0.{old}", f"mid.attn_1.{new}")
    parts = text.split(".")
    if parts[0] in ("down_blocks", "up_blocks"):
        level = int(parts[1]) if parts[0] == "down_blocks" else last - int(parts[1])
        inside = {"resnets": "block", "downsamplers": "downsample", "upsamplers": "upsample"}[parts[2]]
        number = f".{parts[3]}" if inside == "block" else ""
        text = f"{parts[0].split('_')[0]}.{level}.{inside}{number}.{'.'.join(parts[4:])}"
    return f"{head}.{text}"
