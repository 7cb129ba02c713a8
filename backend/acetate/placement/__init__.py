"""Canvas rectangles and model sizes: every pixel goes back where it belongs."""
