"""`acetate data render`: own pictures of soft subjects, ready for `acetate data build`."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path

import numpy as np
from acetate_wire.errors import AcetateError
from PIL import Image

from acetate_lab.data.rendering.blender_process import run_studio, straight

LICENCE = "CC0-1.0"
"""The licence of what is rendered here: the scenes are this project's own."""
SUBJECTS = ("fire", "fur-ball", "glass-ball", "glass-bottle", "glow", "hair-tuft", "smoke", "thin-leaf")
RAW = "raw"


def render(
    folder: Path,
    subjects: Sequence[str],
    count: int,
    size: int,
    samples: int,
    seed: int,
    blender: Path | None,
    log: Callable[[str], None],
) -> list[Path]:
    """Render `count` pictures of each subject as PNG files with captions and licence beside them.

    The same seed gives the same pictures; those that are there already stay. Raises AcetateError `bad_request` for an
    unknown subject or a missing Blender.
    """
    for subject in subjects:
        if subject not in SUBJECTS:
            near = get_close_matches(subject, SUBJECTS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"choose from {', '.join(SUBJECTS)}"
            raise AcetateError("bad_request", f"there is no subject {subject!r}", field="subjects", hint=hint)
    orders = [
        {"name": f"{subject}-{seed}-{number:04d}", "subject": subject, "seed": seed * 1_000_003 + number, "size": size}
        for subject in subjects
        for number in range(count)
    ]
    paths = [folder / f"{order['name']}.png" for order in orders]
    missing = [order for order, path in zip(orders, paths, strict=True) if not path.is_file()]
    if missing:
        raw = folder / RAW
        run_studio({"folder": str(raw.resolve()), "samples": samples, "pictures": missing}, blender, log)
        for order in missing:
            _develop(raw / f"{order['name']}.npy", folder / f"{order['name']}.png", str(order["subject"]))
        with suppress(OSError):
            # What somebody else has put there stays.
            raw.rmdir()
    return paths


def _develop(raw: Path, path: Path, subject: str) -> None:
    """Convert a rendering to the picture; the picture is written last, as the mark of completion."""
    told = json.loads(raw.with_suffix(".json").read_text(encoding="utf-8"))
    told |= {"subject": subject.replace("-", " "), "licence": LICENCE}
    path.with_suffix(".json").write_text(json.dumps(told) + "\n", encoding="utf-8")
    part = path.with_suffix(".part")
    Image.fromarray(straight(np.load(raw)), "RGBA").save(part, "PNG")
    part.replace(path)
    raw.with_suffix(".json").unlink()
    raw.unlink()
