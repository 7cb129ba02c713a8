"""Data sets to learn from: collecting transparent pictures, making scenes of them, drawing and reviewing them."""
