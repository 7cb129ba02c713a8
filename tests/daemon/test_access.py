"""Who may connect, and what others get: nothing."""

from __future__ import annotations

import os
import socket as sockets
import stat
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgpack
import pytest
import zmq
from acetate.daemon import auth
from acetate_wire import connection as connections
from acetate_wire.blocking import BlockingClient
from acetate_wire.connection import Connection
from acetate_wire.errors import AcetateError
from acetate_wire.request import Lora, PictureSpec
from acetate_wire.request_codec import encode_request

from tests.daemon.harness import Daemon, Raw, a_request, until

NOBODY = 65534
LOOPBACK = "127.0.0.1:*"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Unix permissions")


def mode(path: Path) -> int:
    """A file's permission bits."""
    return stat.S_IMODE(path.stat().st_mode)


def test_everything_of_the_daemon_is_for_its_user_only(daemon: Daemon) -> None:
    with daemon.session() as session:
        session.wait(session.submit(a_request()))
    assert mode(daemon.runtime) == mode(daemon.state) == 0o700
    assert mode(daemon.runtime / "connection.json") == mode(daemon.runtime / "daemon.sock") == 0o600
    files = [path for path in daemon.home.rglob("*") if path.is_file() and "config" not in path.parts]
    assert not [path for path in files if mode(path) & 0o077]


@pytest.mark.skipif(sys.platform == "win32" or os.getuid() != 0, reason="only root can become somebody else")
def test_another_user_of_the_machine_cannot_connect(daemon: Daemon) -> None:
    daemon.home.chmod(0o755)
    child = os.fork()
    if child == 0:
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        entered = 0
        try:
            sockets.socket(sockets.AF_UNIX).connect(str(daemon.runtime / "daemon.sock"))
            entered += 1
        except PermissionError:
            pass
        try:
            (daemon.runtime / "connection.json").read_bytes()
            entered += 2
        except PermissionError:
            pass
        os._exit(entered)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_connection_file_that_others_can_read_is_not_trusted(home: Path) -> None:
    path = home / "connection.json"
    connections.write(Connection("ipc://x", "", "", "", ""), path)
    assert connections.find(path) is not None
    path.chmod(0o644)
    with pytest.raises(AcetateError, match="chmod 600"):
        connections.find(path)


@pytest.fixture
def tcp_daemon(make_daemon: Callable[..., Daemon]) -> Daemon:
    """A daemon that also listens on loopback TCP."""
    return make_daemon(tcp=LOOPBACK).start()


def greeted_by(connection: Connection, curve: bool = True) -> bool:
    """Whether a bare socket with these keys gets any answer to its hello."""
    context = zmq.Context()
    socket = context.socket(zmq.DEALER)
    socket.set(zmq.LINGER, 0)
    if curve:
        socket.set(zmq.CURVE_SERVERKEY, connection.server_key.encode())
        socket.set(zmq.CURVE_PUBLICKEY, connection.client_public.encode())
        socket.set(zmq.CURVE_SECRETKEY, connection.client_secret.encode())
    socket.connect(connection.endpoint)
    socket.send(b"\x82\xa1v\x01\xa4kind\xa4ping")
    answered = bool(socket.poll(1000))
    socket.close()
    context.term()
    return answered


def test_tcp_opens_to_the_right_keys_only(tcp_daemon: Daemon) -> None:
    right = tcp_daemon.connection().over_tcp()
    public, secret = (key.decode() for key in zmq.curve_keypair())
    assert greeted_by(right)
    assert not greeted_by(replace(right, client_public=public, client_secret=secret))
    assert not greeted_by(replace(right, server_key=public))
    assert not greeted_by(right, curve=False)


def test_a_job_over_tcp_brings_the_same_layers(tcp_daemon: Daemon) -> None:
    with tcp_daemon.session(connection=tcp_daemon.connection().over_tcp()) as session:
        far = session.run(a_request(seed=1))
    with tcp_daemon.session() as session:
        near = session.run(a_request(seed=1))
    assert bytes(far.layers[0].picture.pixels) == bytes(near.layers[0].picture.pixels)


def test_a_paired_machine_comes_in_until_it_is_unpaired(tcp_daemon: Daemon, home: Path) -> None:
    file = home / "studio.json"
    auth.pair(tcp_daemon.state, "studio", tcp_daemon.connection().tcp, file)
    paired = connections.find(file)
    assert paired is not None and mode(file) == 0o600
    with tcp_daemon.session("studio", connection=paired) as session:
        assert session.run(a_request()).layers
    assert auth.unpair(tcp_daemon.state, "studio")
    assert not greeted_by(paired)


def test_a_machines_file_holds_no_secret_of_the_daemons_user(tcp_daemon: Daemon, home: Path) -> None:
    file = home / "studio.json"
    auth.pair(tcp_daemon.state, "studio", tcp_daemon.connection().tcp, file)
    keys = auth.load_keys(tcp_daemon.state)
    assert all(len(secret) >= 40 for secret in (keys.access, keys.server_secret, keys.client_secret))
    assert not [
        secret for secret in (keys.access, keys.server_secret, keys.client_secret) if secret in file.read_text()
    ]


def test_unpairing_disconnects_at_once_and_the_job_goes_on(tcp_daemon: Daemon, home: Path) -> None:
    file = home / "studio.json"
    auth.pair(tcp_daemon.state, "studio", tcp_daemon.connection().tcp, file)
    raw = Raw(tcp_daemon, greet=False, connection=connections.find(file))
    raw.hello("studio")
    request = encode_request(a_request("steps=60 pause=0.05", seed=4))
    assert raw.submit(request)["kind"] == "accepted"
    assert auth.unpair(tcp_daemon.state, "studio")
    raw.send("jobs")
    refusal = raw.answer()
    assert (refusal["kind"], refusal["code"], refusal["message"]) == (
        "rejected",
        "not_allowed",
        "this machine is no longer paired",
    )
    while raw.socket.poll(1500):
        assert msgpack.unpackb(raw.socket.recv_multipart()[0])["kind"] in ("progress", "rejected", "ping")
    assert raw.silence(3.0), "neither pings nor the end of the job reach it"
    with tcp_daemon.session() as session:
        until(lambda: session.status()["jobs"].get("done") == 1, "the end of the job")
    raw.close()


def test_a_machine_is_one_client_however_many_ids_it_makes_up(make_daemon: Callable[..., Daemon]) -> None:
    daemon = make_daemon(tcp=LOOPBACK).start()
    file = daemon.home / "studio.json"
    auth.pair(daemon.state, "studio", daemon.connection().tcp, file)
    connection = connections.find(file)
    request = encode_request(a_request("steps=1000 pause=0.1"))
    first = Raw(daemon, greet=False, connection=connection)
    first.hello("first")
    answers = [first.submit(request)["kind"] for _ in range(64 + 1)]
    assert answers == ["accepted"] * 65, "one runs, 64 wait"
    second = Raw(daemon, greet=False, connection=connection)
    second.hello("second")
    refusal = second.submit(request)
    assert refusal["code"] == "busy" and "this paired machine" in refusal["message"]
    own = Raw(daemon)
    assert own.submit(request)["kind"] == "accepted", "others have room of their own"
    for each in (first, second, own):
        each.close()


def test_a_machine_takes_no_room_from_the_users_own_layers(make_daemon: Callable[..., Daemon]) -> None:
    daemon = make_daemon(tcp=LOOPBACK, keep_bytes=2 * 64 * 64 * 4, waiting_bytes=50_000).start()
    file = daemon.home / "studio.json"
    auth.pair(daemon.state, "studio", daemon.connection().tcp, file)
    paired = connections.find(file)
    small = encode_request(a_request(width=64, height=64))
    given = a_request("steps=1000 pause=0.1", 64, 64, mode="refine", inputs={"layer": PictureSpec(0, 64, 64)})
    with daemon.session() as session:
        own = session.submit(a_request(width=64, height=64))
        session.wait(own)
        for name in ("first", "second", "third"):
            raw = Raw(daemon, greet=False, connection=paired)
            raw.hello(name)
            assert raw.submit(small)["kind"] == "accepted"
            raw.close()
        until(lambda: session.status()["jobs"] == {"done": 3, "expired": 1}, "the oldest of the machine to expire")
        assert session.jobs().jobs[0]["state"] == "done"
        raw = Raw(daemon, greet=False, connection=paired)
        raw.hello("fourth")
        answers = [raw.submit(encode_request(given), bytes(64 * 64 * 4)) for _ in range(4)]
        assert [answer["kind"] for answer in answers] == ["accepted"] * 3 + ["rejected"]
        assert answers[3]["code"] == "busy" and "waiting jobs" in answers[3]["message"]
        session.submit(given, [bytes(64 * 64 * 4)])
        raw.close()


def test_a_paired_machine_may_not_stop_the_daemon(tcp_daemon: Daemon, home: Path) -> None:
    file = home / "studio.json"
    auth.pair(tcp_daemon.state, "studio", tcp_daemon.connection().tcp, file)
    paired = connections.find(file)
    assert paired is not None
    raw = Raw(tcp_daemon, greet=False, connection=paired)
    raw.hello("studio")
    for kind in ("status", "stop"):
        raw.send(kind)
        assert raw.answer()["code"] == "not_allowed"
    raw.close()


@pytest.mark.parametrize("name", ["/etc/passwd", "../secret", "~/ink", "C:\\ink", "sub/ink"])
def test_a_paired_machine_names_no_file_by_its_path(tcp_daemon: Daemon, home: Path, name: str) -> None:
    file = home / "studio.json"
    auth.pair(tcp_daemon.state, "studio", tcp_daemon.connection().tcp, file)
    far, near = (a_request(loras=(Lora(each, 0.5),)) for each in (name, "ink"))
    with tcp_daemon.session("studio", connection=connections.find(file)) as session:
        with pytest.raises(AcetateError) as refusal:
            session.run(far)
        assert (refusal.value.code, refusal.value.field) == ("not_allowed", "loras[0].name")
        assert session.run(near).layers
    with tcp_daemon.session() as session:
        assert session.run(far).layers, "the daemon's own user may"


def test_nothing_listens_beyond_loopback_before_a_machine_is_paired(make_daemon: Callable[..., Daemon]) -> None:
    daemon = make_daemon(tcp="0.0.0.0:*")
    process = daemon.spawn()
    _, complaint = process.communicate(timeout=30)
    assert process.returncode == 2 and b"acetate pair NAME" in complaint
    auth.pair(daemon.state, "studio", "tcp://studio.example:1", daemon.home / "studio.json")
    daemon.start()
    assert daemon.alive


def test_a_daemon_that_was_killed_keeps_its_keys(daemon: Daemon) -> None:
    before = daemon.connection()
    after = daemon.restart().connection()
    assert replace(before, pid=0) == replace(after, pid=0)


def test_a_client_starts_with_a_key_of_its_own(home: Path) -> None:
    krita, blender = (connections.client_key(name, home / "clients") for name in ("krita", "blender"))
    assert krita != blender and len(krita) == 64
    assert connections.client_key("krita", home / "clients") == krita
    assert mode(home / "clients" / "krita.key") == 0o600


def test_a_session_without_a_daemon_says_what_to_do(home: Path) -> None:
    missing = Connection(f"ipc://{home}/none.sock", "", "", "", "")
    with pytest.raises(AcetateError, match="does not answer"):
        BlockingClient("test", connection=missing, key="k" * 32, start=False, timeout=0.5)
