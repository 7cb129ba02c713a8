"""The daemon: takes jobs from editors over ZeroMQ, keeps them in a journal, and has a worker process do them.

`server` is the event loop, `conversation` answers each kind of message, `jobs` is the life of a job,
`journal` and `spool` are what outlives a kill, `supervisor` looks after the worker, `access` decides who
may connect. Nothing here imports torch or numpy: the daemon starts in well under a second and never dies
with a model.
"""
