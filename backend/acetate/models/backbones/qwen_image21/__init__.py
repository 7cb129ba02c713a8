"""Qwen-Image-2.1: a transformer that draws from text, with a VAE of 64 channels that has alpha."""
