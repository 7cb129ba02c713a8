"""The models: which there are, their files, samplers and words, and loading them."""
