"""Latent transparency measured: pictures there and back, and probes for known failures."""
