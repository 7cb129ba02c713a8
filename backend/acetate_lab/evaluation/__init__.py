"""Measurements of models and methods, with reports."""
