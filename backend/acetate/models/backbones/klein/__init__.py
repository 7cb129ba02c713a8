"""FLUX.2 klein: a transformer that draws from words and reference pictures, with a VAE that has alpha."""
