"""What a model draws from prompts, measured against the pictures that it learned from."""
