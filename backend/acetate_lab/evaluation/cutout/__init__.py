"""Native layers against layers that were cut out of a flat picture."""
