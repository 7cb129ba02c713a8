"""Taking out of a bug report what is nobody else's business: prompts, keys, and where the home folder is."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acetate_wire import connection as connections
from acetate_wire.paths import config_dir, runtime_dir
from acetate_wire.redaction import LEFT_OUT, home_places, prompt_texts, replace_texts

SHORTEST_SECRET = 16
TELLING = frozenset({"mode", "model", "sampler", "kind", "format", "rows", "space", "returns", "name"})
"""Fields of a request whose texts say what was asked for without saying what was to be drawn."""


@dataclass(frozen=True)
class Redactor:
    """Replaces texts by what may be shown in their place, the longest first."""

    replacements: Mapping[str, str]

    def text(self, text: str) -> str:
        """The text without any of them."""
        return replace_texts(text, self.replacements)

    def value(self, value: Any) -> Any:
        """The same for every text in maps and lists."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(name)): self.value(each) for name, each in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.value(each) for each in value]
        return value if isinstance(value, (int, float, bool, type(None))) else self.text(str(value))


def redactor(state: Path, prompts: Iterable[str]) -> Redactor:
    """For this user's home folder, the keys of the daemon and its clients, and these prompts."""
    keys = dict.fromkeys(find_keys(state), LEFT_OUT)
    return Redactor({**home_places(), **keys, **prompt_texts(prompts)})


def find_keys(state: Path) -> set[str]:
    """Every secret on this account: of the daemon, of paired machines, and of each client."""
    files = [state / "keys.json", *state.glob("paired/*.json"), connections.connection_path()]
    files += [runtime_dir() / connections.FILE_NAME, *config_dir().glob("clients/*.key")]
    keys: set[Any] = set()
    for file in files:
        try:
            text = file.read_text(encoding="utf-8").strip()
        except (OSError, ValueError):
            continue
        try:
            values = json.loads(text)
        except ValueError:
            values = text
        keys.update(values.values() if isinstance(values, dict) else [values])
    return {key for key in keys if isinstance(key, str) and len(key) >= SHORTEST_SECRET and not key.startswith("ipc:")}


def request_texts(request: Mapping[str, Any]) -> list[str]:
    """The texts of a request that say what was to be drawn."""
    found = [request.get("prompt"), request.get("negative"), *(request.get("layer_prompts") or {}).values()]
    return [text for text in found if isinstance(text, str) and text]


def without_prompts(value: Any, field: str = "") -> Any:
    """A request's map with its numbers, and of its texts only those that tell nothing of what was to be drawn."""
    if isinstance(value, Mapping):
        return {name: without_prompts(each, str(name)) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_prompts(each, field) for each in value]
    if isinstance(value, str) and value:
        return value if field in TELLING or field.startswith("reply_") else LEFT_OUT
    return value if isinstance(value, (int, float, str, type(None))) else LEFT_OUT
