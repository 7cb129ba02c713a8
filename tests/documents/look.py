"""Runs inside Krita: tells what it sees in documents. `kritarunner -s look -f main REPORT FILE…`."""

# This is Krita's own Python, with Krita's modules.
# mypy: ignore-errors

import json
from pathlib import Path

from krita import Krita


def main(arguments):
    """Write the layers of each document, from below, with their visible pixels as Krita holds them."""
    report, *files = arguments
    seen = {}
    for file in files:
        document = Krita.instance().openDocument(file)
        width, height = document.width(), document.height()
        seen[file] = {
            "size": [width, height],
            "layers": [
                {
                    "name": node.name(),
                    "type": node.type(),
                    "visible": node.visible(),
                    "bgra": bytes(node.pixelData(0, 0, width, height)).hex(),
                }
                for node in document.topLevelNodes()
            ],
        }
        document.close()
    Path(report).write_text(json.dumps(seen), encoding="utf-8")
