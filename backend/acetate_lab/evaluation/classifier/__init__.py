"""The classifier that judges generated layers, and its training."""
