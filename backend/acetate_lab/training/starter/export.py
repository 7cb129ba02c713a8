"""Writing a trained starter as the folder that ships: diffusers' layout, vocabulary and held-out pictures."""

from __future__ import annotations

import json
from pathlib import Path

import diffusers
import numpy as np
import torch
from acetate.transparency import files
from acetate.transparency.files import Transparency
from diffusers import DPMSolverMultistepScheduler

from acetate_lab.metrics.coverage import coverage_of, mean_coverage
from acetate_lab.metrics.held_out import HeldOutPicture, write_held_out
from acetate_lab.training.augment import RandomView, from_stored, random_views
from acetate_lab.training.autoencoder import picture_batches
from acetate_lab.training.packages import fetch
from acetate_lab.training.starter.caption_text import KEYWORD_PACKAGE, write_vocabulary
from acetate_lab.training.starter.concepts import load_concepts
from acetate_lab.training.starter.dataset import SOFT_SET, PictureSet
from acetate_lab.training.starter.recipe import StarterRecipe, TrainedStarter
from acetate_lab.training.starter.sharing import save_sharing
from acetate_lab.training.text_training import noise_scheduler
from acetate_lab.training.trainer import Trainer

STORED = torch.float16
HELD_OUT_STYLES = ("3d", "cartoon", "painted")
COVERAGE_PICTURES = 512
VIEW = RandomView(scale=(0.86, 1.0), turn=0.08, shift=0.015, mirror=False)
"""How pictures lie in their frames when figures are taken: always alike, however the training turns them."""


def export_starter(starter: TrainedStarter, recipe: StarterRecipe, cache: Path, folder: Path) -> None:
    """Write all of the model but its card under `folder`; weights are stored as float16, or less."""
    folder.mkdir(parents=True, exist_ok=True)
    model = starter.transparency
    model.vae.register_to_config(scaling_factor=starter.scaling_factor, sample_size=recipe.size)
    for name, part in (("vae", model.vae), ("unet", starter.unet), ("text_encoder", starter.text_encoder)):
        part.to(STORED).save_pretrained(folder / name, safe_serialization=True)
        _forget_origin(folder / name / "config.json")
        part.float()
    starter.tokenizer.save_pretrained(folder / "tokenizer")
    DPMSolverMultistepScheduler.from_config(noise_scheduler().config).save_pretrained(folder / "scheduler")
    save_sharing(folder, starter.sharing)
    files.save_upsampler(folder / "upsampler", starter.upsampler, dtype=STORED)
    files.save(folder / "transparency", Transparency(model.encoder, model.decoder, model.multiplier), dtype=STORED)
    (folder / "model_index.json").write_text(json.dumps(_model_index(), indent=2) + "\n", encoding="utf-8")
    records = [starter.pictures.records[row] for row in starter.pictures.indices("vocabulary")]
    write_vocabulary(folder / "vocabulary.json", recipe.size, records, load_concepts(), fetch(KEYWORD_PACKAGE, cache))
    export_held_out(starter.pictures, starter.upsampler.factor * recipe.size, folder / "held_out")


def export_held_out(pictures: PictureSet, size: int, folder: Path) -> None:
    """Write the pictures that no training has seen, and the coverage of those that the UNet learnt from."""
    rows = [row for row in pictures.indices("held_out") if pictures.records[row].style in HELD_OUT_STYLES]
    draw = picture_batches(pictures, COVERAGE_PICTURES, size, VIEW, "vocabulary")
    coverage = mean_coverage(coverage_of(picture[3]) for picture in draw(0))
    views = random_views(from_stored(pictures.pictures[np.array(rows)]), size, VIEW, Trainer.generator(0))
    shown = []
    for row, view in zip(rows, views, strict=True):
        record = pictures.records[row]
        kind = "soft" if record.set == SOFT_SET else "hard"
        pixels = (view.permute(1, 2, 0) * 255).round().byte().numpy()
        shown.append((HeldOutPicture(record.name, record.set, record.licence, kind), pixels))
    write_held_out(folder, shown, coverage)


def _forget_origin(path: Path) -> None:
    """Take out of a configuration from which folder its training went on: it means nothing elsewhere."""
    config = json.loads(path.read_text(encoding="utf-8"))
    config.pop("_name_or_path", None)
    path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def _model_index() -> dict[str, object]:
    return {
        "_class_name": "StableDiffusionPipeline",
        "_diffusers_version": diffusers.__version__,
        "feature_extractor": [None, None],
        "requires_safety_checker": False,
        "safety_checker": [None, None],
        "scheduler": ["diffusers", "DPMSolverMultistepScheduler"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    }
