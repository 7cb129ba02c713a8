"""Models that an artist adds or trains while the daemon runs: they are there for the next request."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from acetate_wire.blocking import BlockingClient
from acetate_wire.errors import AcetateError
from safetensors.torch import load_file, save_file

from tests.daemon.harness import Daemon, a_request

ENGINE = "acetate.worker.diffusion_engine:DiffusionEngine"


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    """A daemon with the engine that artists have, and an empty list of added models."""
    with tempfile.TemporaryDirectory(prefix="ac-") as folder:
        monkeypatch.setenv("ACETATE_MODELS_DIR", f"{folder}/models")
        daemon = Daemon(Path(folder), engine=ENGINE).start()
        yield daemon
        daemon.close()


@pytest.fixture
def trained(tiny_starter: Path, tmp_path: Path) -> Path:
    """A model folder as a training leaves it."""
    return shutil.copytree(tiny_starter, tmp_path / "model")


def models(*arguments: object) -> None:
    """`acetate models …`, as in another terminal."""
    command = [sys.executable, "-m", "acetate", "models", *map(str, arguments)]
    subprocess.run(command, check=True, env=os.environ, capture_output=True)


def drawn(session: BlockingClient) -> bytes:
    request = a_request("a cat", width=64, height=64, model="mine", seed=3, steps=2, passes=1)
    return bytes(session.run(request).layers[0].picture.pixels)


def test_a_model_that_is_added_or_removed_while_the_daemon_runs_is_known_at_once(daemon: Daemon, trained: Path) -> None:
    with daemon.session() as session:
        with pytest.raises(AcetateError, match="there is no model 'mine'"):
            drawn(session)
        models("add", trained, "--name", "mine")
        assert len(drawn(session)) == 64 * 64 * 4
        with daemon.session(name="docker") as another:
            assert "mine" in {model["name"] for model in another.welcome.models}
        models("remove", "mine")
        with pytest.raises(AcetateError, match="there is no model 'mine'"):
            drawn(session)


def test_a_model_that_was_trained_on_draws_with_its_new_weights(daemon: Daemon, trained: Path) -> None:
    models("add", trained, "--name", "mine")
    with daemon.session() as session:
        first = drawn(session)
        assert drawn(session) == first
        weights = trained / "unet" / "diffusion_pytorch_model.safetensors"
        save_file({name: value * 1.1 for name, value in load_file(weights).items()}, weights, metadata={"format": "pt"})
        assert drawn(session) != first
