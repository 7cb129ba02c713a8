"""Text for the terminal. Names and settings come from files: nothing in them may control the terminal."""

from __future__ import annotations

import re

import typer

# Control characters but tab and line feed, characters that turn the direction of what follows, and lone surrogates,
# which stand for the bytes of a file name that is no UTF-8.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    """A text with the codes of its control characters, as `\\x1b`, in their place."""
    return _UNPRINTABLE.sub(lambda found: ascii(found[0])[1:-1], text)


def echo(text: object = "", err: bool = False) -> None:
    """Print a line on standard output, or on standard error."""
    typer.echo(printable(str(text)), err=err)
