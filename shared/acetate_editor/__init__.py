"""What the plug-ins of every editor do alike: the connection, a job's life, saved layers, texts, the log.

No Qt, no bpy, no thread: an editor calls `pump`, `handle` and `TaskQueue.run` from a timer on its own thread. Needs
only acetate_wire and the standard library; Python 3.9 or newer.
"""
