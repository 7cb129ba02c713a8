"""Stable Diffusion 1.5, SDXL and the starter: a UNet that predicts noise or v in latents of 1/8 of the picture."""
