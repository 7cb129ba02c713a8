"""Trainings described by TOML files."""
