"""A small Hugging Face hub on 127.0.0.1, as slow as a test wants it."""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

COMMIT = "0123456789abcdef0123456789abcdef01234567"
PIECE = 1 << 16


@dataclass
class Hub:
    """Repositories with their files, and the licences on their cards; `pause` is in seconds, after each PIECE."""

    files: dict[str, dict[str, bytes]]
    licences: dict[str, str] = field(default_factory=dict)
    pause: float = 0.0
    address: str = ""


@contextmanager
def running_hub(hub: Hub) -> Iterator[Hub]:
    """Serve it for a `with` block."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(hub))
    hub.address = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


def _handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *arguments: Any) -> None:
            """Say nothing."""

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            self._answer(body=True)

        def _answer(self, *, body: bool) -> None:
            path = self.path.partition("?")[0]
            repository = re.sub("^/api/models/|^/|/(revision|tree|resolve)/.*$", "", path)
            files = hub.files.get(repository)
            name = path.partition(f"/resolve/{COMMIT}/")[2]
            if files is not None and "/tree/" in path:
                self._json([_entry(each, data) for each, data in files.items()])
            elif files is not None and path.startswith("/api/models/"):
                siblings = [_sibling(each, data) for each, data in files.items()]
                card = {"license": hub.licences.get(repository, "apache-2.0")}
                self._json({"id": repository, "sha": COMMIT, "siblings": siblings, "cardData": card})
            elif files is not None and name in files:
                self._file(files[name], body=body)
            else:
                self.send_response(404)
                self.send_header("Content-Length", "0")
                self.end_headers()

        def _json(self, value: Any) -> None:
            data = json.dumps(value).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def _file(self, data: bytes, *, body: bool) -> None:
            start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("Content-Length", str(len(data) - start))
            self.end_headers()
            try:
                for at in range(start, len(data) if body else start, PIECE):
                    self.wfile.write(data[at : at + PIECE])
                    time.sleep(hub.pause)
            except OSError:
                self.close_connection = True

    return Handler


def _entry(name: str, data: bytes) -> dict[str, Any]:
    lfs = {"oid": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 134}
    return {"type": "file", "path": name, "size": len(data), "oid": "0" * 40, "lfs": lfs}


def _sibling(name: str, data: bytes) -> dict[str, Any]:
    blob = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
    lfs = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 134}
    return {"rfilename": name, "size": len(data), "blobId": blob, "lfs": lfs}
