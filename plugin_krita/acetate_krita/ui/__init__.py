"""The widgets of the docker."""
