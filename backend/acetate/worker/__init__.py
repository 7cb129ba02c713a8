"""The worker process and its engine, which makes the layers of one job at a time.

The daemon imports an engine's module to learn its models, so such a module imports its framework (PyTorch, …) only when
an engine is instantiated, never at its top.
"""

OTHER_VERSION = 76
"""The exit code of a worker whose package is of another version than its daemon; the same in every version."""
