"""The laboratory's commands, which `acetate` finds by entry points."""
