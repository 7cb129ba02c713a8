"""Taking out of a report what is nobody else's business: prompts, and where the home folder is."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, Iterable, Mapping

LEFT_OUT = "(left out)"
SHORTEST_PROMPT = 4
"""Characters; shorter ones are parts of ordinary words."""


def home_places() -> Dict[str, str]:
    """The home folder as it may be written, each with `~` in its place; nothing for a home that is the root."""
    homes = {Path.home(), Path.home().resolve()}
    return {form: "~" for home in homes if len(home.parts) > 1 for form in _forms(home)}


def prompt_texts(prompts: Iterable[str]) -> Dict[str, str]:
    """Prompts as they are and as Python shows them, each with LEFT_OUT in its place."""
    forms = (form for prompt in prompts for form in (prompt, repr(prompt)[1:-1]))
    return {form: LEFT_OUT for form in forms if len(form) >= SHORTEST_PROMPT}


def replace_texts(text: str, replacements: Mapping[str, str]) -> str:
    """The text with each of these texts replaced, the longest first."""
    for found in sorted(replacements, key=len, reverse=True):
        text = text.replace(found, replacements[found])
    return text


def _forms(home: Path) -> Iterable[str]:
    """A folder's path as it is, with backslashes doubled, and in an address."""
    address = home.as_uri()
    return (
        str(home),
        str(home).replace("\\", "\\\\"),
        home.as_posix(),
        address[len("file://") :] if address.startswith("file://") else address,
    )
