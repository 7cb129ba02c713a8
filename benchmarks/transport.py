"""A layer there and back: Acetate's wire against PNG in base64 in JSON over HTTP, in one run.

`python benchmarks/transport.py [--sides 1024,4096] [--repeats N] [--json FILE]`. Both sides of every way are real
processes on this machine; the server sends each picture back as it came (for HTTP: decoded and encoded again, which is
what a server that works on pixels has to do). The picture is a soft blob with noise in it, of the kind that generated
layers are: neither the best nor the worst case of PNG.
"""

from __future__ import annotations

import argparse
import base64
import http.client
import http.server
import io
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import zmq
from acetate_wire.messages import decode, encode
from acetate_wire.pictures import picture_to_map
from acetate_wire.request import PictureSpec
from PIL import Image

BARS = {"tcp+curve": 1 / 30, "ipc": 1 / 200}
"""The share of HTTP's time that each way may take at 1024 x 1024."""


@dataclass(frozen=True)
class Measured:
    """One way at one size: the median seconds there and back, and the share of HTTP's time."""

    way: str
    side: int
    seconds: float
    share: float
    bar: float | None


def picture(side: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """A soft round blob with some noise on it, clear around: RGBA, h w 4."""
    axis = np.linspace(-1, 1, side, dtype=np.float32)
    radius = np.hypot(axis[:, None], axis[None, :])
    dice = np.random.default_rng(1)
    shade = np.stack([radius, 1 - radius, axis[:, None] * axis[None, :] / 2 + 0.5], -1) * 255
    noisy = shade + dice.normal(0, 3, shade.shape).astype(np.float32)
    alpha = np.clip((0.8 - radius) * 10, 0, 1) * 255
    return np.concatenate([np.clip(noisy, 0, 255) * (alpha > 0)[..., None], alpha[..., None]], -1).astype(np.uint8)


# The other ends, each in a process of its own


def serve_zmq(endpoint: str, secret: str) -> None:
    """Send every message back over a ROUTER."""
    socket = zmq.Context().socket(zmq.ROUTER)
    if secret:
        socket.set(zmq.CURVE_SERVER, 1)
        socket.set(zmq.CURVE_SECRETKEY, secret.encode("ascii"))
    socket.bind(endpoint)
    print(socket.getsockopt_string(zmq.LAST_ENDPOINT), flush=True)
    while True:
        address, *parts = socket.recv_multipart(copy=False)
        message = decode([part.buffer for part in parts])
        answer = encode("done", message.fields, message.frames)
        socket.send_multipart([address.bytes, *answer], copy=False)


def serve_http() -> None:
    """Decode the PNG in every request, and send the pixels back as one."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            answer = json.dumps({"images": [to_png(from_png(body["init_images"][0]))]}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *values: object) -> None:
            """Say nothing."""

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()


def to_png(pixels: np.ndarray[Any, np.dtype[np.uint8]]) -> str:
    """Pixels as PNG in base64."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode("ascii")


def from_png(text: str) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """The pixels of a PNG in base64."""
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text))))


# This end


def way_zmq(endpoint: str, server_key: str) -> Callable[[np.ndarray[Any, Any]], bytes]:
    """Sends a picture through Acetate's messages, and returns the pixels that come back."""
    socket: Any = zmq.Context.instance().socket(zmq.DEALER)
    if server_key:
        public, secret = zmq.curve_keypair()
        socket.set(zmq.CURVE_SERVERKEY, server_key.encode("ascii"))
        socket.set(zmq.CURVE_PUBLICKEY, public)
        socket.set(zmq.CURVE_SECRETKEY, secret)
    socket.connect(endpoint)

    def there_and_back(pixels: np.ndarray[Any, Any]) -> bytes:
        header = picture_to_map(PictureSpec(0, pixels.shape[1], pixels.shape[0]))
        # As the client does it: its own frames copied, the answer's not.
        socket.send_multipart(encode("submit", {"picture": header}, [pixels.data]))
        message = decode([part.buffer for part in socket.recv_multipart(copy=False)])
        return message.frames[message.fields["picture"]["frame"]]  # type: ignore[no-any-return]

    return there_and_back


def way_http(port: int) -> Callable[[np.ndarray[Any, Any]], bytes]:
    """Sends a picture as PNG in JSON over one lasting connection, and returns the pixels that come back."""
    connection = http.client.HTTPConnection("127.0.0.1", port)

    def there_and_back(pixels: np.ndarray[Any, Any]) -> bytes:
        body = json.dumps({"init_images": [to_png(pixels)]}).encode()
        connection.request("POST", "/", body, {"Content-Type": "application/json"})
        answer = json.loads(connection.getresponse().read())
        return from_png(answer["images"][0]).tobytes()

    return there_and_back


def start(*arguments: str) -> tuple[subprocess.Popen[str], str]:
    """Another end in its own process, and the line that it says when it listens."""
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).resolve()), "--serve", *arguments], stdout=subprocess.PIPE, text=True
    )
    if process.stdout is None:
        raise RuntimeError("the other end has no output")
    return process, process.stdout.readline().strip()


def measure(way: Callable[[np.ndarray[Any, Any]], bytes], pixels: np.ndarray[Any, Any], repeats: int) -> float:
    """The median seconds there and back, after one trip that is not counted; every trip must bring every pixel."""
    wanted, times = pixels.tobytes(), []
    for _ in range(repeats + 1):
        began = time.perf_counter()
        back = way(pixels)
        times.append(time.perf_counter() - began)
        if bytes(back) != wanted:
            raise RuntimeError("the picture came back changed")
    return statistics.median(times[1:])


def run(sides: list[int], repeats: int) -> list[Measured]:
    """Measure every way at every size."""
    public, secret = (key.decode("ascii") for key in zmq.curve_keypair())
    with tempfile.TemporaryDirectory(prefix="ac-") as folder:
        ends = [start("http"), start("tcp://127.0.0.1:*", secret)]
        ways = {"http": way_http(int(ends[0][1])), "tcp+curve": way_zmq(ends[1][1], public)}
        if sys.platform != "win32":
            ends.append(start(f"ipc://{folder}/bench.sock"))
            ways["ipc"] = way_zmq(ends[2][1], "")
        try:
            found = []
            for side in sides:
                pixels = picture(side)
                seconds = {
                    name: measure(way, pixels, max(3, repeats * 1024**2 // side**2)) for name, way in ways.items()
                }
                for name, taken in seconds.items():
                    bar = BARS.get(name) if side == 1024 else None
                    found.append(Measured(name, side, taken, taken / seconds["http"], bar))
            return found
        finally:
            for process, _ in ends:
                process.kill()
                process.wait()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sides", default="1024,4096", help="picture sides in pixels")
    parser.add_argument("--repeats", type=int, default=7, help="trips at 1024 pixels; fewer for larger pictures")
    parser.add_argument("--json", metavar="FILE", help="write the figures here too; - for standard output")
    parser.add_argument("--serve", nargs="+", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        what, *more = given.serve
        serve_http() if what == "http" else serve_zmq(what, "".join(more))
        return
    found = run([int(side) for side in given.sides.split(",")], given.repeats)
    lines = [f"{'way':<12}{'side':>6}{'there and back':>18}{'of HTTP':>12}{'bar':>10}"]
    for one in found:
        bar = "" if one.bar is None else f"1/{1 / one.bar:.0f}"
        share = f"1/{1 / one.share:.0f}"
        lines.append(f"{one.way:<12}{one.side:>6}{one.seconds * 1000:>15.2f} ms{share:>12}{bar:>10}")
    print("\n".join(lines), file=sys.stderr if given.json == "-" else sys.stdout)
    if given.json:
        content = json.dumps({"transport": [asdict(one) for one in found]}, indent=2)
        if given.json == "-":
            print(content)
        else:
            Path(given.json).write_text(content + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
