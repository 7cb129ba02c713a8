"""Qwen-Image-Layered: a transformer that splits a picture into layers of a VAE with alpha."""
