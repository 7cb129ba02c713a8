"""Documents that were written are read again: names, places, order, what is hidden, and texts."""

from __future__ import annotations

import zipfile
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from acetate.documents import Document, DocumentLayer, write
from acetate.documents.reading import UnreadableDocumentError, flatten, open_document
from acetate.image.reading import UnreadablePictureError

RNG = np.random.default_rng(3)
LOW, HIGH = (RNG.integers(1, 256, shape, dtype=np.uint8) for shape in ((30, 40, 4), (8, 12, 4)))
AWKWARD = "tab\t bell\x07 escape\x1b[31m zero\x00 <b>&amp; äöü 日本 \U0001f525"
DOCUMENT = Document(
    40, 30, (DocumentLayer("below", 0, 0, LOW, notes={"k": AWKWARD}), DocumentLayer(AWKWARD, 5, 7, HIGH, visible=False))
)


@pytest.mark.parametrize("ending", [".ora", ".psd"])
def test_a_document_comes_back(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"made{ending}"
    write(DOCUMENT, path)
    with open_document(path) as found:
        below, above = found.layers
        assert (found.width, found.height, below.name) == (40, 30, "below")
        assert [(layer.x, layer.y, layer.opacity) for layer in found.layers] == [(0, 0, 1.0), (5, 7, 0.0)]
        assert above.name.replace("\N{REPLACEMENT CHARACTER}", "").startswith("tab\t bell")
        for layer, drawn in ((below, LOW), (above, HIGH)):
            picture = layer.read()
            assert picture is not None and np.array_equal(np.asarray(picture), drawn)
        assert below.read_notes()["k"] == AWKWARD
        assert "k" not in above.read_notes()
        assert np.array_equal(np.asarray(flatten(found, found.layers)), LOW)


def test_viewers_are_told_that_the_merged_picture_of_a_psd_is_transparent(tmp_path: Path) -> None:
    from psd_tools import PSDImage

    path = tmp_path / "made.psd"
    write(DOCUMENT, path)
    psd = PSDImage.open(path)
    information = psd._record.layer_and_mask_information.layer_info
    assert information is not None and information.layer_count == -2, "its fourth channel is no stored selection"
    merged = psd.topil()
    assert merged is not None and merged.mode == "RGBA"
    assert np.array_equal(np.asarray(merged)[..., 3], LOW[..., 3])


def test_any_name_leaves_the_document_readable_for_every_xml_parser(tmp_path: Path) -> None:
    every = "".join(map(chr, range(0x20))) + "\x7f\ufffe\ud800 end"
    write(Document(40, 30, (DocumentLayer(every, 0, 0, LOW),)), tmp_path / "made.ora")
    with zipfile.ZipFile(tmp_path / "made.ora") as archive:
        (layer,) = ElementTree.fromstring(archive.read("stack.xml")).iter("layer")
    assert layer.get("name", "").endswith(" end")


def test_a_layer_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "made.ora"
    write(DOCUMENT, path)
    with zipfile.ZipFile(path) as whole, zipfile.ZipFile(tmp_path / "cut.ora", "w") as cut:
        for name in whole.namelist():
            if not name.endswith("layer0.png"):
                cut.writestr(name, whole.read(name))
    with open_document(tmp_path / "cut.ora") as found, pytest.raises(UnreadableDocumentError, match=r"layer0\.png"):
        found.layers[0].read()
    with open_document(path, most_pixels=100) as found, pytest.raises(UnreadablePictureError, match="limit"):
        found.layers[0].read()
