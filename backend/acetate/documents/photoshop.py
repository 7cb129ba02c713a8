"""Photoshop documents (.psd), written with psd-tools."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from PIL import Image

from acetate.documents.document import Document

if TYPE_CHECKING:
    from psd_tools import PSDImage

NAME_CHARACTERS = 255
"""The longest name that a layer of this format can have."""
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
NOTES = "urn:acetate:xmp:1"
"""The namespace of `layers`, a sequence with the notes of every layer as JSON, from below."""


def write(document: Document, path: Path) -> None:
    """Write the document, with the merged picture that viewers show. Raises OSError.

    The format has no texts for a layer, so the notes of the layers go into the document's XMP packet.
    """
    from psd_tools import PSDImage
    from psd_tools.constants import BlendMode, Resource
    from psd_tools.psd.image_resources import ImageResource

    psd = PSDImage.frompil(document.merged())
    for layer in document.layers:
        added = psd.create_pixel_layer(Image.fromarray(layer.pixels, "RGBA"), top=layer.y, left=layer.x)
        # Set afterwards, a name is stored in Unicode too, not only in the format's old 8-bit letters.
        added.name = layer.name[:NAME_CHARACTERS]
        added.visible = layer.visible
        if layer.blend == "add":
            added.blend_mode = BlendMode.LINEAR_DODGE
    layers = psd._record.layer_and_mask_information.layer_info
    if layers is not None:
        # Below zero it says that the merged picture's fourth channel is its transparency, not a stored selection.
        layers.layer_count = -abs(layers.layer_count)
    packet = _packet([layer.notes for layer in document.layers])
    psd.image_resources[Resource.XMP_METADATA] = ImageResource(key=Resource.XMP_METADATA, data=packet)
    psd.save(path)


def read_notes(psd: PSDImage) -> list[dict[str, str]]:
    """The notes of every layer that `write` wrote, from below; none for a document of another program."""
    from psd_tools.constants import Resource

    try:
        root = ElementTree.fromstring(psd.image_resources.get_data(Resource.XMP_METADATA) or b"<none/>")
        return [
            {str(keyword): str(text) for keyword, text in json.loads(each.text or "{}").items()}
            for layers in root.iter(f"{{{NOTES}}}layers")
            for each in layers.iter(f"{{{RDF}}}li")
        ]
    except (ElementTree.ParseError, ValueError, AttributeError):
        return []


def _packet(notes: Sequence[Mapping[str, str]]) -> bytes:
    """An XMP packet (ISO 16684-1)."""
    root = ElementTree.Element("{adobe:ns:meta/}xmpmeta")
    about = ElementTree.SubElement(ElementTree.SubElement(root, f"{{{RDF}}}RDF"), f"{{{RDF}}}Description")
    about.set(f"{{{RDF}}}about", "")
    sequence = ElementTree.SubElement(ElementTree.SubElement(about, f"{{{NOTES}}}layers"), f"{{{RDF}}}Seq")
    for each in notes:
        # ASCII alone: no character of a prompt can make the packet unreadable.
        ElementTree.SubElement(sequence, f"{{{RDF}}}li").text = json.dumps(dict(each))
    packet: bytes = ElementTree.tostring(root, encoding="utf-8")
    return packet
