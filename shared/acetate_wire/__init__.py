"""Both sides of the socket: requests, pixel frames, messages, client.

`request` and `validate` say what may be asked for, `pictures` how pixels travel, `messages` how a message
is packed, `connection` and `launch` how a client finds or starts the daemon, `client` is for user
interfaces (no thread, never blocks) and `session` for scripts. Only the standard library, zmq and msgpack
are needed; Python 3.9 or newer.
"""
