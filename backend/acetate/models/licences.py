"""Licences that forbid commercial work: how they are recognised, and which of them this user has agreed to."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from acetate_wire.errors import AcetateError
from acetate_wire.paths import atomic_write, config_dir, ensure_private_dir

log = logging.getLogger("acetate.models")

Allowed = Literal["research", "noncommercial"]
AGREED_FILE = "licences.json"
CREATIVE_COMMONS = re.compile(r"cc-(by-nc(?:-sa|-nd)?)-(\d\.\d)")


@dataclass(frozen=True)
class RestrictedLicence:
    """A licence that has to be agreed to before its files are fetched.

    `name` is in small letters with hyphens, as the hub writes licences. `allows` is `research` where only research and
    evaluation are allowed, `noncommercial` where all is that earns no money. `link` is the page with its text.
    """

    name: str
    allows: Allowed
    link: str


def restricted_licence(stated: str, link: str) -> RestrictedLicence | None:
    """What has to be agreed to, from the name of a licence; None where that forbids no commercial work.

    `link` is the page with its text, where it is none of Creative Commons.
    """
    name = re.sub(r"[^a-z0-9.]+", "-", stated.lower()).strip("-")
    name = re.sub(r"-(licen[cs]e|agreement)\b", "", name)
    words = name.split("-")
    common = CREATIVE_COMMONS.fullmatch(name)
    if common is not None:
        return RestrictedLicence(
            name, "noncommercial", f"https://creativecommons.org/licenses/{common[1]}/{common[2]}/"
        )
    if "research" in words:
        return RestrictedLicence(name, "research", link)
    if "nc" in words or "noncommercial" in words or "non-commercial" in name:
        return RestrictedLicence(name, "noncommercial", link)
    return None


def agreed_licences() -> frozenset[str]:
    """The names of the licences that this user has agreed to."""
    try:
        return frozenset(json.loads((config_dir() / AGREED_FILE).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return frozenset()
    except (OSError, ValueError, TypeError) as error:
        log.warning("%s cannot be read, so that no licence counts as agreed to: %s", AGREED_FILE, error)
        return frozenset()


def agree(licences: Iterable[RestrictedLicence]) -> None:
    """Note that this user has agreed to these. Raises AcetateError or OSError where the note cannot be written."""
    path = ensure_private_dir(config_dir()) / AGREED_FILE
    now = datetime.now(UTC).isoformat(timespec="seconds")
    try:
        notes = dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        notes = {}
    notes |= {licence.name: {"agreed": now, "link": licence.link} for licence in licences}
    atomic_write(path, json.dumps(notes, indent=2).encode() + b"\n")


def require_agreed(licences: Iterable[RestrictedLicence], agreed: Collection[str]) -> None:
    """Raise AcetateError `not_allowed`, naming the first licence that is not among the `agreed` names."""
    for licence in licences:
        if licence.name not in agreed:
            allowed = "research and evaluation" if licence.allows == "research" else "what earns no money"
            raise AcetateError(
                "not_allowed",
                f"the licence {licence.name} allows {allowed} alone, and is not agreed to ({licence.link})",
                field="licence",
                hint=f"read it, and agree with --accept-license {licence.name}, or in the editor's list of models",
            )
