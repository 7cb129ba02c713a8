"""Where model files live: the models folder and the Hugging Face cache. Nothing here reaches the network."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

SUFFIX = ".safetensors"
"""The ending of published weight files."""
ENDINGS = (SUFFIX, ".sft")
"""The endings of the only weight format that is loaded, in small letters: it cannot contain code."""


def is_weight_file(path: Path) -> bool:
    """Whether a name is that of a .safetensors file, in small or capital letters."""
    return path.suffix.lower() in ENDINGS


def weight_files(folder: Path) -> tuple[Path, ...]:
    """The .safetensors files in a folder, by name; none where there is no folder."""
    if not folder.is_dir():
        return ()
    return tuple(sorted(path for path in folder.iterdir() if is_weight_file(path) and path.is_file()))


def models_dir() -> Path:
    """The folder of this user's own models; it may not exist yet. `ACETATE_MODELS_DIR` overrides the platform's."""
    chosen = os.environ.get("ACETATE_MODELS_DIR")
    if chosen:
        return Path(chosen).expanduser()
    import platformdirs

    return platformdirs.user_data_path("acetate", appauthor=False) / "models"


def cached_file(repository: str, path: str) -> Path | None:
    """A file of a hub repository that was downloaded earlier, by Acetate or any other program."""
    folder = cached_snapshot(repository)
    found = None if folder is None else folder / path
    return found if found is not None and found.is_file() else None


def cached_snapshot(repository: str) -> Path | None:
    """The folder of a hub repository's newest snapshot in the cache."""
    # The cache's documented layout, read here because the library's own look-up brings its whole network stack
    # into the daemon.
    from huggingface_hub.constants import HF_HUB_CACHE

    repository_folder = Path(HF_HUB_CACHE) / f"models--{repository.replace('/', '--')}"
    try:
        commit = (repository_folder / "refs" / "main").read_text(encoding="utf-8").strip()
    except OSError:
        return None
    folder = repository_folder / "snapshots" / commit
    return folder if folder.is_dir() else None


def layer_file(names: Iterable[str], repositories: Iterable[str]) -> Path | None:
    """The first of these published files in the models folder's `layers`, else in the cache of these repositories."""
    return next(_places(tuple(names), tuple(repositories)), None)


def _places(names: tuple[str, ...], repositories: tuple[str, ...]) -> Iterator[Path]:
    folder = models_dir() / "layers"
    own = {path.stem: path for path in weight_files(folder)}
    yield from (own[name] for name in names if name in own)
    for name in names:
        for repository in repositories:
            found = cached_file(repository, f"{name}{SUFFIX}")
            if found is not None:
                yield found
