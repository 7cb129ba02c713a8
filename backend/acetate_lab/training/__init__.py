"""Training of transparent layers on diffusion models, and of the starter."""
