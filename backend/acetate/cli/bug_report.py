"""`acetate bug-report`: one file for the people who are to find out what went wrong."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import re
import shutil
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Annotated, Any

import typer
from acetate_wire.errors import AcetateError
from acetate_wire.launch import load_launch_command

import acetate
from acetate.cli.console import echo
from acetate.cli.jobs import open_session, running
from acetate.cli.redaction import redactor, request_texts, without_prompts
from acetate.daemon.config import state_dir
from acetate.daemon.failed_requests import read_failures
from acetate.daemon.job_record import decode_stored_request
from acetate.daemon.job_store import JOURNAL
from acetate.i18n import tr as _
from acetate.io import whole

LOGS = tuple(f"{name}.log{part}" for name in ("daemon", "worker", "krita", "blender") for part in (".1", ""))
VARIABLES = re.compile(
    "ACETATE_.*|HF_HOME|HF_HUB_(CACHE|OFFLINE)|(CUDA|HIP)_VISIBLE_DEVICES|HSA_OVERRIDE_GFX_VERSION|OMP_NUM_THREADS"
    "|PYTORCH_.*_CONF|LANG|LANGUAGE|LC_ALL|XDG_.*_(HOME|DIR)"
)
"""The environment variables that change what Acetate does."""


def bug_report(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help=_("The zip file to write."))] = Path(
        "acetate-bug-report.zip"
    ),
    with_prompts: Annotated[
        bool, typer.Option("--with-prompts", help=_("Also what was to be drawn; without it, prompts are left out."))
    ] = False,
) -> None:
    """Write what helps to find a fault into one zip file: versions, graphics card, the daemon's state, logs, settings.

    Also the last failed requests. Pictures, keys and the home folder's place are left out.
    """
    state = state_dir()
    report = {name: _collected(collect) for name, collect in PARTS.items()}
    failed = read_failures(state)
    requests = [entry["request"] for entry in failed]
    with contextlib.suppress(sqlite3.Error, ValueError):
        requests += _requests(state / JOURNAL)
    hidden = redactor(state, () if with_prompts else (text for request in requests for text in request_texts(request)))
    if not with_prompts:
        failed = [{**entry, "request": without_prompts(entry["request"])} for entry in failed]
    try:
        with whole(output) as fresh, zipfile.ZipFile(fresh, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, document in (("report.json", report), ("failed.json", failed)):
                archive.writestr(name, json.dumps(hidden.value(document), indent=2, ensure_ascii=False) + "\n")
            for name in (*LOGS, *sorted(path.name for path in state.glob("worker-*.log*"))):
                with contextlib.suppress(FileNotFoundError):
                    text = (state / name).read_text(encoding="utf-8", errors="replace")
                    archive.writestr(name, hidden.text(text))
    except OSError as error:
        raise AcetateError(
            "bad_request",
            f"{output} cannot be written: {error.strerror}",
            field="output",
            hint=_("choose another place"),
        ) from None
    echo(_("The report is in {path}. Look into it before you send it.").format(path=output))


def _collected(collect: Callable[[], Any]) -> Any:
    """What a function finds out, or why it does not: a report must come about whatever is broken."""
    try:
        return collect()
    except Exception as error:
        return {"not_found_out": f"{type(error).__name__}: {error}"}


def _requests(journal: Path) -> list[dict[str, Any]]:
    """The requests in the journal, which is not changed."""
    found = []
    with contextlib.closing(sqlite3.connect(f"{journal.as_uri()}?mode=ro", uri=True)) as opened:
        for (blob,) in opened.execute("SELECT request FROM job"):
            # One damaged entry must not let the prompts of the others into the report.
            with contextlib.suppress(ValueError):
                found.append(decode_stored_request(blob)[0])
    return found


def _versions() -> dict[str, str]:
    names = [re.split(r"[^\w.-]", each)[0] for each in requires("acetate") or ()]
    found = {"acetate": acetate.__version__, "python": sys.version, "executable": sys.executable}
    for name in dict.fromkeys(names):
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _computer() -> dict[str, Any]:
    import psutil

    memory, disk = psutil.virtual_memory(), shutil.disk_usage(Path.home())
    return {
        "platform": platform.platform(),
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "memory": memory.total,
        "memory_free": memory.available,
        "home_disk_free": disk.free,
        "session": {name: os.environ.get(name) for name in ("XDG_SESSION_TYPE", "FLATPAK_ID", "APPIMAGE", "SNAP")},
    }


def _graphics() -> dict[str, Any]:
    from acetate.cards import find_cards

    driver = Path("/proc/driver/nvidia/version")
    return {
        "cards": [asdict(card) for card in find_cards()],
        "nvidia_driver": driver.read_text(encoding="utf-8").splitlines() if driver.exists() else None,
        "nvidia_smi": _answer("nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"),
        "rocm_smi": _answer("rocm-smi", "--showproductname", "--showdriverversion"),
    }


def _answer(program: str, *arguments: str) -> list[str] | None:
    """What a program writes, None where it is not installed."""
    if shutil.which(program) is None:
        return None
    ran = subprocess.run([program, *arguments], capture_output=True, text=True, check=False, timeout=20)
    return (ran.stdout + ran.stderr).strip().splitlines()


def _torch() -> dict[str, Any]:
    import torch

    from acetate.models.devices import best_device, free_memory

    device = best_device()
    return {
        "cuda": torch.version.cuda,
        "hip": torch.version.hip,
        "device": str(device),
        "device_name": torch.cuda.get_device_name(device) if device.type == "cuda" else None,
        "free": free_memory(device),
    }


def _daemon() -> Mapping[str, Any]:
    if running() is None:
        return {"running": False}
    with open_session(start=False) as session:
        return {"running": True, **session.status()}


def _settings() -> dict[str, Any]:
    return {
        "environment": {name: value for name, value in os.environ.items() if VARIABLES.fullmatch(name)},
        "launch_command": _collected(load_launch_command),
        "state_folder": str(state_dir()),
    }


def _models() -> list[dict[str, Any]]:
    from acetate.models.inventory import installed_models
    from acetate.models.registry import ModelRegistry

    return [asdict(model) for model in installed_models(ModelRegistry())]


PARTS: Mapping[str, Callable[[], Any]] = {
    "versions": _versions,
    "computer": _computer,
    "graphics": _graphics,
    "torch": _torch,
    "daemon": _daemon,
    "settings": _settings,
    "models": _models,
}
