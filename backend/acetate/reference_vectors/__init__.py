"""The check against reference vectors of the published implementation."""
