"""A page on this computer alone: served on the loopback address, to whoever has the token in its address."""

from __future__ import annotations

import hmac
import json
import secrets
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec
from acetate_wire.errors import AcetateError

from acetate_lab.data.review.review_page import page
from acetate_lab.data.review.session import ReviewSession

LOOPBACK = "127.0.0.1"
LARGEST_BODY = 1 << 16
POLICY = "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'"


class ReviewServer:
    """Serves the review of one data set for a `with` block. Port 0 takes a free one."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        """Listen on localhost under a random token. Raises AcetateError `bad_request` when the port is taken."""
        self.desk = ReviewSession(folder)
        self.token = secrets.token_urlsafe(24)
        handler = type("Handler", (_Handler,), {"desk": self.desk, "token": self.token})
        try:
            self._server = ThreadingHTTPServer((LOOPBACK, port), handler)
        except OSError as error:
            raise AcetateError(
                "bad_request", f"port {port} cannot be used ({error.strerror})", field="port", hint="leave it out"
            ) from error
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]

    @property
    def address(self) -> str:
        """Where the page is."""
        return f"http://{LOOPBACK}:{self.port}/{self.token}/"

    def serve(self) -> None:
        """Answer until `stop`, or until Ctrl+C."""
        try:
            self._server.serve_forever(poll_interval=0.2)
        except KeyboardInterrupt:
            return

    def stop(self) -> None:
        """End `serve`, from another thread."""
        self._server.shutdown()

    def __enter__(self) -> ReviewServer:
        """Nothing more to do: the port is bound already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the listening socket."""
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    """GET: the page, the list, a picture. POST: a decision. Everything lies below the token."""

    desk: ReviewSession
    token: str
    server_version = "Acetate"
    sys_version = ""

    def do_GET(self) -> None:
        parts = self._parts()
        if parts is None:
            return
        try:
            if parts == [""]:
                self._answer(HTTPStatus.OK, "text/html; charset=utf-8", page().encode())
            elif parts == ["entries"]:
                self._answer(HTTPStatus.OK, "application/json", msgspec.json.encode(self.desk.entries()))
            elif len(parts) == 3 and parts[0] == "picture":
                self._answer(HTTPStatus.OK, "image/png", self.desk.picture(parts[1], parts[2]).read_bytes())
            else:
                self._refuse(HTTPStatus.NOT_FOUND, "there is nothing here")
        except AcetateError as error:
            self._refuse(HTTPStatus.NOT_FOUND, str(error))
        except OSError as error:
            self._refuse(HTTPStatus.NOT_FOUND, f"the picture cannot be read ({error.strerror})")

    def do_POST(self) -> None:
        parts = self._parts()
        if parts is None:
            return
        # A form on another site cannot send this type without asking first.
        if len(parts) != 2 or parts[0] != "decide" or self.headers.get("Content-Type") != "application/json":
            self._refuse(HTTPStatus.NOT_FOUND, "there is nothing here")
            return
        try:
            length = int(self.headers.get("Content-Length", ""))
            if not 0 <= length <= LARGEST_BODY:
                raise ValueError("too long")
            told: Any = json.loads(self.rfile.read(length))
            entry = self.desk.decide(parts[1], told.get("verdict"), told.get("captions"))
        except (ValueError, AttributeError):
            self._refuse(HTTPStatus.BAD_REQUEST, "that is no decision")
        except AcetateError as error:
            self._refuse(HTTPStatus.BAD_REQUEST, str(error))
        except OSError as error:
            self._refuse(HTTPStatus.INSUFFICIENT_STORAGE, f"the manifest cannot be written ({error.strerror})")
        else:
            self._answer(HTTPStatus.OK, "application/json", msgspec.json.encode(entry))

    def _parts(self) -> list[str] | None:
        """The path below the token; refused without it, or when a page elsewhere asks under another name."""
        first, *parts = [unquote(part) for part in urlsplit(self.path).path.removeprefix("/").split("/")]
        host = self.headers.get("Host", "").rpartition(":")[0]
        if not parts or host != LOOPBACK or not hmac.compare_digest(first.encode(), self.token.encode()):
            self._refuse(HTTPStatus.FORBIDDEN, "open the address that acetate data review printed")
            return None
        return parts

    def _refuse(self, status: HTTPStatus, reason: str) -> None:
        self._answer(status, "application/json", json.dumps({"error": reason}).encode())

    def _answer(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        for name, value in (
            ("Content-Type", kind),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
            ("Content-Security-Policy", POLICY),
            ("Referrer-Policy", "no-referrer"),
            ("X-Content-Type-Options", "nosniff"),
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: the page shows what happens."""
