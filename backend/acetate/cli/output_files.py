"""Where finished layers go: a PNG each, or one document with all of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from acetate_wire.errors import AcetateError

from acetate.cli.console import echo
from acetate.cli.elements import APNG, Animation
from acetate.cli.layer_png import (
    CHUNK,
    DOCUMENTS,
    PNG,
    cannot_write,
    check_writable,
    numbered,
    preview_path,
    save_layer,
    save_loop,
    save_preview,
)
from acetate.cli.submit import ResultLayer
from acetate.i18n import tr as _

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ENDINGS = (PNG, *DOCUMENTS)
ORDER = ("background", "layer", "foreground", "blend")
"""The stacking order of roles, from below."""


@dataclass(frozen=True)
class Output:
    """The files of one command: `path` as it was typed, for `count` times the layers of these roles.

    Layers of several roles have the role in their files' names. `previews` writes a preview beside every PNG. The
    frames of a loop are layers of one role, which go into one PNG as `animation` says.
    """

    path: Path
    count: int
    roles: tuple[str, ...]
    previews: bool = False
    animation: Animation = APNG

    @classmethod
    def checked(
        cls,
        path: Path | None,
        count: int,
        roles: Sequence[str],
        previews: bool = False,
        inputs: Sequence[Path] = (),
        animation: Animation = APNG,
    ) -> Output:
        """All files found writable, and none of them one of the `inputs`. Raises AcetateError `bad_request`."""
        if path is None:
            raise AcetateError("bad_request", _("there is no file to write"), field="output", hint=_("add -o FILE.png"))
        output = cls(path, count, tuple(roles), previews, animation)
        if output.is_document and previews:
            raise AcetateError(
                "bad_request", _("a document has no preview"), field="preview", hint=_("leave it out, or write a .png")
            )
        for number in range(count):
            for each in output._files(number):
                check_writable(each, ENDINGS)
                if previews:
                    check_writable(preview_path(each))
        _check_inputs_stay(output.files, inputs)
        return output

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file that is written."""
        layers = [file for number in range(self.count) for file in self._files(number)]
        return (*layers, *map(preview_path, layers)) if self.previews else tuple(layers)

    @property
    def is_document(self) -> bool:
        """Whether all layers of a sample go into one file."""
        return self.path.suffix.lower() in DOCUMENTS

    def save_all(self, layers: Sequence[ResultLayer], given: Mapping[str, NDArray[np.uint8]] | None = None) -> None:
        """Write the layers of all samples, which follow each other; see `save`."""
        each = len(self.roles)
        for number in range(self.count):
            self.save(number, layers[number * each : (number + 1) * each], given)

    def save(
        self, number: int, layers: Sequence[ResultLayer], given: Mapping[str, NDArray[np.uint8]] | None = None
    ) -> None:
        """Write the layers of the sample with this number, in stacking order from below, and say so.

        A document also gets the `given` layers by role, where they belong.
        """
        files = self._files(number)
        if self.is_document:
            self._save_document(files[0], layers, given or {})
        elif self._is_loop:
            save_loop(layers, files[0], self.animation)
            if self.previews:
                save_preview(layers[0], preview_path(files[0]))
        else:
            for layer, file in zip(layers, files, strict=True):
                save_layer(layer, file)
                if self.previews:
                    save_preview(layer, preview_path(file))
        for file, layer in zip(files, layers, strict=False):
            echo(
                _("{path}: {width} x {height} pixels, seed {seed}").format(
                    path=file, width=layer.width, height=layer.height, seed=layer.settings.seed
                )
            )

    @property
    def _is_loop(self) -> bool:
        return len(self.roles) > 1 and set(self.roles) == {"layer"}

    def _files(self, number: int) -> tuple[Path, ...]:
        path = numbered(self.path, number, self.count)
        if self.is_document or len(self.roles) == 1 or self._is_loop:
            return (path,)
        return tuple(path.with_stem(f"{path.stem}-{role}") for role in self.roles)

    def _save_document(self, path: Path, layers: Sequence[ResultLayer], given: Mapping[str, NDArray[np.uint8]]) -> None:
        from acetate import documents
        from acetate.documents import Document, DocumentLayer

        found = [
            DocumentLayer(
                layer.name,
                0,
                0,
                layer.pixels,
                # Of the frames of a loop, the first is seen.
                visible=number == 0 if self._is_loop else layer.role != "blend",
                notes={CHUNK: json.dumps(layer.settings.to_map(), ensure_ascii=False)},
                blend=layer.blend,
            )
            for number, layer in enumerate(layers)
        ]
        roles = [layer.role for layer in layers]
        found += [DocumentLayer(role, 0, 0, pixels, visible=role != "blend") for role, pixels in given.items()]
        stacked = sorted(range(len(found)), key=lambda index: ORDER.index([*roles, *given][index]))
        try:
            documents.write(Document(layers[0].width, layers[0].height, tuple(found[index] for index in stacked)), path)
        except OSError as error:
            raise cannot_write(path, error) from error


def _check_inputs_stay(files: Sequence[Path], inputs: Sequence[Path]) -> None:
    """Refuse to write over a picture that the layers are made from."""
    for file in files:
        if file.exists() and any(file.samefile(given) for given in inputs):
            raise AcetateError(
                "bad_request",
                _("{path} is what the layer is made from, and would be written over").format(path=file),
                field="output",
                hint=_("choose another name"),
            )
