"""Transparent picture layers for artists (LayerDiffuse), generated natively."""

__version__ = "0.1.0"
