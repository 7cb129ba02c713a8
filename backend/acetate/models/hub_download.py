"""What is to be downloaded from the Hugging Face hub: which files, how large, and how much of them is here."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase as fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acetate_wire.errors import AcetateError

from acetate.models.adapter_files import KNOWN, STYLE_ENCODER, STYLE_FILES, STYLE_KIND, STYLE_REPOSITORY, adapter_kinds
from acetate.models.backbones.diffusers_layout import VARIANTS, denoiser_folder, index_name, networks_of
from acetate.models.families import PUBLISHED, SDXL, ModelFamily, families
from acetate.models.hub_cache import SUFFIX
from acetate.models.hub_errors import hub_errors
from acetate.models.licences import RestrictedLicence, restricted_licence

if TYPE_CHECKING:
    from huggingface_hub import ModelInfo

DESCRIPTION = ("model_index.json", "*/config.json", "scheduler/*.json", "tokenizer/*", "tokenizer_2/*", "processor/*")
OWN_FILES = ("transparency/*", "layers/*", "upsampler/*", "vocabulary.*")
"""What a model has in its own folder where its family has no published layer files."""


@dataclass(frozen=True)
class DownloadSpec:
    """Files of one hub repository: `patterns` are paths or patterns with `*`.

    `weights` are paths of networks without ending, of which one form is fetched: float16 where there is one, with
    `full` float32. `purpose` is what the files are: `base`, `layers`, `configuration`, `control` or `style`.
    `licence` is what is known of theirs without the hub.
    """

    repository: str
    patterns: tuple[str, ...]
    weights: tuple[str, ...] = ()
    full: bool = False
    purpose: str = ""
    licence: str = ""

    def choose(self, names: Collection[str]) -> list[str]:
        """The files to fetch out of the names of all. Raises AcetateError `model_missing` when one is not there."""
        chosen = {name for pattern in self.patterns for name in names if fnmatch(name, pattern)}
        for pattern in self.patterns:
            if "*" not in pattern and pattern not in chosen:
                raise self._lacks(pattern)
        for stem in self.weights:
            chosen |= set(self._weights(stem, names))
        return sorted(chosen)

    def _weights(self, stem: str, names: Collection[str]) -> list[str]:
        for variant in VARIANTS if self.full else reversed(VARIANTS):
            ending = f".{variant}" if variant else ""
            if f"{stem}{ending}{SUFFIX}" in names:
                return [f"{stem}{ending}{SUFFIX}"]
            index = index_name(stem, variant)
            if index in names:
                numbered = re.compile(rf"{re.escape(stem)}({ending}-\d+-of-\d+|-\d+-of-\d+{ending}){SUFFIX}")
                return [index, *(name for name in names if numbered.fullmatch(name))]
        raise self._lacks(f"{stem}{SUFFIX}")

    def _lacks(self, path: str) -> AcetateError:
        return AcetateError(
            "model_missing",
            f"{self.repository} has no {path}",
            field="model",
            hint="choose a repository in diffusers' layout that has its weights as .safetensors",
        )


@dataclass(frozen=True)
class RemoteFile:
    """One file of a hub repository at a commit: its size in bytes, and how many of them are `here` already.

    `digest` is its SHA-256, or its git hash for a small one; the cache names files by it.
    """

    repository: str
    commit: str
    path: str
    bytes: int
    digest: str
    here: int = 0

    def place(self, cache: Path) -> Path:
        """The repository's folder in a cache."""
        return cache / f"models--{self.repository.replace('/', '--')}"

    def blob(self, cache: Path) -> Path:
        """Where its content is in a cache."""
        return self.place(cache) / "blobs" / self.digest

    def part(self, cache: Path) -> Path:
        """Where the part of it that has come is in a cache."""
        return self.blob(cache).with_name(f"{self.digest}.acetate.part")

    def pointer(self, cache: Path) -> Path:
        """Where it is found in a cache by its name."""
        return self.place(cache) / "snapshots" / self.commit / self.path

    def counted(self, cache: Path) -> RemoteFile:
        """The same with the number of bytes that are in this cache."""
        if self.pointer(cache).is_file() or self.blob(cache).is_file():
            return replace(self, here=self.bytes)
        part = self.part(cache)
        return replace(self, here=min(part.stat().st_size, self.bytes) if part.is_file() else 0)


@dataclass(frozen=True)
class DownloadPlan:
    """The files of a download with their sizes, the purpose of each repository, and what has to be agreed to."""

    files: tuple[RemoteFile, ...]
    purposes: Mapping[str, str]
    licences: tuple[RestrictedLicence, ...] = ()

    @property
    def bytes(self) -> int:
        """The size of all files together."""
        return sum(file.bytes for file in self.files)

    @property
    def to_fetch(self) -> int:
        """The bytes that are still to come."""
        return sum(file.bytes - file.here for file in self.files)

    def by_repository(self) -> dict[str, tuple[RemoteFile, ...]]:
        """The files by repository."""
        return {name: tuple(file for file in self.files if file.repository == name) for name in self.purposes}


def repository_info(repository: str, timeout: float | None = None) -> ModelInfo:
    """What the hub tells of a repository and its files, within so many seconds. Raises AcetateError."""
    from huggingface_hub import HfApi

    with hub_errors(repository):
        return HfApi().model_info(repository, files_metadata=True, timeout=timeout)


def remote_files(spec: DownloadSpec, info: ModelInfo) -> list[RemoteFile]:
    """The files of a specification as the hub has them. Raises AcetateError `model_missing` as `choose` does."""
    listed = {each.rfilename: each for each in info.siblings or ()}
    files = []
    for name in spec.choose(listed):
        each = listed[name]
        digest = each.lfs.sha256 if each.lfs is not None else each.blob_id
        files.append(RemoteFile(spec.repository, str(info.sha), name, each.size or 0, str(digest)))
    return files


@dataclass(frozen=True)
class StatedLicence:
    """The licence of a repository as its card names it, and what has to be agreed to."""

    name: str
    page: str
    restricted: tuple[RestrictedLicence, ...]

    @classmethod
    def of(cls, spec: DownloadSpec, info: ModelInfo) -> StatedLicence:
        """From the card of a specification's repository and what is known of it anyway."""
        from huggingface_hub.constants import ENDPOINT

        page = f"{ENDPOINT}/{spec.repository}"
        card: Any = info.card_data or {}
        stated = str(card.get("license") or "")
        stated = str(card.get("license_name") or stated) if stated in ("", "other") else stated
        link = str(card.get("license_link") or "LICENSE")
        link = link if link.startswith("https://") else f"{page}/blob/main/{link}"
        found = {restricted_licence(name, link): None for name in (stated, spec.licence) if name}
        return cls(stated or spec.licence, page, tuple(each for each in found if each is not None))


def plan_download(specs: Iterable[DownloadSpec]) -> DownloadPlan:
    """Ask the hub for the names and sizes of what is to be fetched; nothing is downloaded.

    Raises AcetateError: `not_allowed` in offline mode, and as `acetate.models.hub_fetch.fetch` does.
    """
    from huggingface_hub.constants import HF_HUB_CACHE, HF_HUB_OFFLINE

    if HF_HUB_OFFLINE:
        raise AcetateError(
            "not_allowed",
            "offline mode is on (HF_HUB_OFFLINE), so nothing is fetched",
            field="model",
            hint="unset HF_HUB_OFFLINE, or copy the files into the models folder",
        )
    files: list[RemoteFile] = []
    purposes: dict[str, str] = {}
    licences: dict[RestrictedLicence, None] = {}
    for spec in specs:
        info = repository_info(spec.repository)
        purposes[spec.repository] = spec.purpose
        licences |= dict.fromkeys(StatedLicence.of(spec, info).restricted)
        files += (file.counted(Path(HF_HUB_CACHE)) for file in remote_files(spec, info))
    return DownloadPlan(tuple(files), purposes, tuple(licences))


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
    goes with a checkpoint in one file, which is what describes the model, and for a transformer the other networks);
    `sd15/edge` for an adapter; `owner/model` for a model of `family` on the hub. Weights are fetched in float16, with
    `full` in float32. Raises AcetateError `unknown_model`.
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
        rest = [folder for folder in networks_of(known) if known.is_native and folder != denoiser_folder(known)]
        weights = tuple(f"{folder}/{networks_of(known)[folder]}" for folder in rest)
        return (DownloadSpec(known.repository, DESCRIPTION, weights, full, "configuration", known.licence),)
    base = _base(known.repository, known, full)
    if not known.decoders and known.architecture != "klein":
        return (base,)
    published = _layers(known)
    return (published,) if layers else (base, published)


def _base(repository: str, family: ModelFamily, full: bool) -> DownloadSpec:
    weights = tuple(f"{folder}/{name}" for folder, name in networks_of(family).items())
    own = OWN_FILES if family.has_own_transparency else ()
    licence = family.licence if repository == family.repository else ""
    return DownloadSpec(repository, (*DESCRIPTION, *own), weights, full, "base", licence)


def _layers(family: ModelFamily) -> DownloadSpec:
    """The layer files of a family, from the repository that has them all."""
    parts = {part.files[0]: None for recipe in family.recipes for part in recipe.adapters if part.is_published}
    if family.architecture == "klein":
        loras = tuple(f"loras/{name}{SUFFIX}" for name in parts)
        vae = ("vae/diffusion_pytorch_model",)
        return DownloadSpec(family.layer_repositories[0], (*loras, "vae/config.json"), vae, purpose="layers")
    names = [*parts, next(iter(family.encoders)), family.decoders[0]]
    return DownloadSpec(PUBLISHED[0], tuple(f"{name}{SUFFIX}" for name in names), purpose="layers")


def _adapter(family: str, kind: str) -> tuple[DownloadSpec, ...]:
    if kind == STYLE_KIND and family in STYLE_FILES:
        files = (STYLE_FILES[family], f"{STYLE_ENCODER}/config.json")
        return (DownloadSpec(STYLE_REPOSITORY, files, (f"{STYLE_ENCODER}/model",), purpose="style"),)
    repositories = KNOWN.get(family, {}).get(kind)
    if not repositories:
        kinds = adapter_kinds(family)
        raise AcetateError(
            "unknown_model",
            f"there is no known {kind} adapter for {family}",
            field="model",
            hint=f"choose from {', '.join(kinds)}" if kinds else "this family has none that can be fetched",
        )
    return (DownloadSpec(repositories[0], ("config.json",), ("diffusion_pytorch_model",), purpose="control"),)


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
