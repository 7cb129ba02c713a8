"""The starter's own recipe: data, networks and stages of its training."""
