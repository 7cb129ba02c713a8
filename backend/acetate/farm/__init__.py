"""A farm: workers on many machines, which Ray (extra `ray`) starts, watches and carries messages and pictures to.

A farm is one trust domain: whoever has its key runs code on each of its machines. Only processes of their own import
Ray (`foreman`, `actor`, `pull`); the daemon and the command line never do.
"""
