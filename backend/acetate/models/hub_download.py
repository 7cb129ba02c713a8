"""Downloads from the Hugging Face hub: on request only, resumable, into the shared cache."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from acetate_wire.errors import AcetateError

from acetate.models.adapter_files import KNOWN, STYLE_ENCODER, STYLE_FILES, STYLE_KIND, STYLE_REPOSITORY
from acetate.models.diffusers_layout import networks_of
from acetate.models.families import PUBLISHED, SDXL, ModelFamily, families
from acetate.models.hub_cache import SUFFIX

log = logging.getLogger("acetate.models")

DESCRIPTION = ("model_index.json", "*/config.json", "scheduler/*.json", "tokenizer/*", "tokenizer_2/*")
OWN_FILES = ("transparency/*", "layers/*", "upsampler/*", "vocabulary.*")
"""What a model has in its own folder where its family has no published layer files."""


@dataclass(frozen=True)
class DownloadSpec:
    """Files of one hub repository, by paths or patterns with `*`; those of `variants` are optional."""

    repository: str
    patterns: tuple[str, ...]
    variants: tuple[str, ...] = ()


def download_spec(
    name: str,
    *,
    family: ModelFamily | None = None,
    configuration: bool = False,
    layers: bool = False,
    full: bool = False,
) -> tuple[DownloadSpec, ...]:
    """What `acetate models pull` fetches under a name.

    A family's name stands for its base model with all layer files (`layers`: these alone; `configuration`: only what
    describes the model, for checkpoints in one file); `sd15/edge` for an adapter; `owner/model` for a model of
    `family` on the hub. Weights are fetched in float16, with `full` in float32. Raises AcetateError `unknown_model`.
    """
    head, _, kind = name.partition("/")
    if kind and head in families():
        return _adapter(head, kind)
    if kind:
        base = _base(name, family or SDXL, full)
        return (base,)
    known = families().get(name)
    if known is None or not known.repository:
        fetchable = ", ".join(each.name for each in families().values() if each.repository)
        raise AcetateError(
            "unknown_model",
            f"there is nothing to fetch under the name {name!r}",
            field="model",
            hint=f"choose {fetchable}, an adapter such as sdxl/edge, or a model on the hub such as owner/model",
        )
    if configuration:
        return (DownloadSpec(known.repository, DESCRIPTION),)
    base = _base(known.repository, known, full)
    if not known.decoders:
        return (base,)
    published = _layers(known)
    return (published,) if layers else (base, published)


def _base(repository: str, family: ModelFamily, full: bool) -> DownloadSpec:
    variant = "" if full else ".fp16"
    weights = (f"{folder}/{name}{variant}{SUFFIX}" for folder, name in networks_of(family).items())
    own = () if family.decoders else OWN_FILES
    return DownloadSpec(repository, (*DESCRIPTION, *weights, *own))


def _layers(family: ModelFamily) -> DownloadSpec:
    """The layer files of a family, from the repository that has them all."""
    parts = {part.files[0]: None for recipe in family.recipes for part in recipe.adapters if part.files}
    names = [*parts, next(iter(family.encoders)), family.decoders[0]]
    return DownloadSpec(PUBLISHED[0], tuple(f"{name}{SUFFIX}" for name in names))


def _adapter(family: str, kind: str) -> tuple[DownloadSpec, ...]:
    if kind == STYLE_KIND and family in STYLE_FILES:
        encoder = (f"{STYLE_ENCODER}/config.json", f"{STYLE_ENCODER}/model{SUFFIX}")
        return (DownloadSpec(STYLE_REPOSITORY, (STYLE_FILES[family], *encoder)),)
    repositories = KNOWN.get(family, {}).get(kind)
    if not repositories:
        kinds = [*KNOWN.get(family, {}), *([STYLE_KIND] if family in STYLE_FILES else [])]
        raise AcetateError(
            "unknown_model",
            f"there is no known {kind} adapter for {family}",
            field="model",
            hint=f"choose from {', '.join(kinds)}" if kinds else "this family has none that can be fetched",
        )
    weights = (f"diffusion_pytorch_model{SUFFIX}", f"diffusion_pytorch_model.fp16{SUFFIX}")
    return (DownloadSpec(repositories[0], ("config.json",), weights),)


def fetch(spec: DownloadSpec) -> None:
    """Download files into the hub's cache, showing progress and resuming partial downloads.

    Raises AcetateError: `not_allowed` in offline mode, `model_missing` when the hub does not have or give the files.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.constants import HF_HUB_OFFLINE

    if HF_HUB_OFFLINE:
        raise AcetateError(
            "not_allowed",
            "offline mode is on (HF_HUB_OFFLINE), so nothing is fetched",
            field="model",
            hint="unset HF_HUB_OFFLINE, or copy the files into the models folder",
        )
    log.info("fetching %s: %s", spec.repository, ", ".join(spec.patterns))
    try:
        folder = Path(snapshot_download(spec.repository, allow_patterns=[*spec.patterns, *spec.variants]))
    except Exception as error:  # the network library's own exceptions come through
        reason = " ".join(str(error).split())
        raise AcetateError(
            "model_missing",
            f"{spec.repository} could not be fetched ({reason:.200})",
            field="model",
            hint="check the connection and try again: what has come already is kept",
            retry=True,
        ) from error
    for name in spec.patterns:
        if "*" not in name and not (folder / name).is_file():
            raise AcetateError(
                "model_missing",
                f"{spec.repository} has no {name}",
                field="model",
                hint="try --full, for weights in float32" if ".fp16." in name else "choose another",
            )


def forget(repository: str) -> int:
    """Delete a hub repository from the cache. Returns the freed bytes."""
    from huggingface_hub import scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    try:
        cache = scan_cache_dir()
    except CacheNotFound:
        return 0
    found = [revision.commit_hash for repo in cache.repos if repo.repo_id == repository for revision in repo.revisions]
    strategy = cache.delete_revisions(*found)
    strategy.execute()
    return int(strategy.expected_freed_size)
