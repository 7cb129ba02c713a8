"""A model as one of diffusers' pipelines, whose loaders for LoRA and IP-Adapter know every form of their files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from acetate.models.diffusion_model import DiffusionModel


def as_pipeline(model: DiffusionModel) -> Any:
    """A pipeline around the model's own networks; what is loaded into it is loaded into them."""
    from diffusers import DDIMScheduler, StableDiffusionPipeline, StableDiffusionXLPipeline

    # Every pipeline has a scheduler; this one is never called.
    scheduler = DDIMScheduler(clip_sample=False, steps_offset=1)
    encoders, tokenizers = model.sd.text.encoders, model.sd.text.tokenizers
    if len(encoders) > 1:
        return StableDiffusionXLPipeline(
            vae=model.sd.vae,
            text_encoder=encoders[0],
            text_encoder_2=encoders[1],
            tokenizer=tokenizers[0],
            tokenizer_2=tokenizers[1],
            unet=model.sd.unet,
            scheduler=scheduler,
            add_watermarker=False,
        )
    return StableDiffusionPipeline(
        vae=model.sd.vae,
        text_encoder=encoders[0],
        tokenizer=tokenizers[0],
        unet=model.sd.unet,
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
