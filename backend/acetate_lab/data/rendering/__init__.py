"""Pictures with exact soft alpha, rendered by Blender in a process of its own."""
