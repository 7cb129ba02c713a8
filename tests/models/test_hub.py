"""Promises of fetching: every hint works as it is printed, one of twins comes, and each failure has its own way out."""

from __future__ import annotations

import errno
import re
import shlex
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from acetate.cli import app
from acetate.models.adapter_files import KNOWN, control_adapter_path, ip_adapter_paths
from acetate.models.families import PUBLISHED, SD15, SDXL, ModelFamily, ModelSource
from acetate.models.hub_download import DownloadSpec, download_spec, plan_download
from acetate.models.hub_fetch import fetch
from acetate.models.inventory import installed_models
from acetate.models.memory_report import mode_plans
from acetate.models.model_cache import ModelCache
from acetate.models.registry import ModelRegistry, known_sources
from acetate.models.transparency_loader import load_decoder
from acetate.models.user_models import UserModel, write_user_models
from acetate_wire.errors import AcetateError
from safetensors.torch import load_file, save, save_file
from typer.testing import CliRunner

from tests.hub import COMMIT, Hub, serving
from tests.models.tiny_families import write_sd15_layers, write_sdxl_layers
from tests.models.tiny_published import write_checkpoint, write_folder

Repositories = dict[str, dict[str, bytes]]
OWN = "owner/ink"
UNWANTED = ("v1-5-pruned.safetensors", "unet/diffusion_pytorch_model.bin", "safety_checker/model.fp16.safetensors")


def files_in(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The published folders in float32, and all layer files."""
    root = tmp_path_factory.mktemp("published")
    write_sd15_layers(root / "layers", write_folder(root / "sd15", SD15))
    write_sdxl_layers(root / "layers", write_folder(root / "sdxl", SDXL))
    return {name: root / name for name in ("sd15", "sdxl", "layers")}


@pytest.fixture(scope="module")
def repositories(folders: dict[str, Path]) -> Repositories:
    """All that Acetate fetches, as the hub has it: in both precisions, with files that nobody needs."""
    found: Repositories = {PUBLISHED[0]: files_in(folders["layers"])}
    for family in (SD15, SDXL):
        files = files_in(folders[family.name])
        for name in [name for name in files if name.endswith(".safetensors")]:
            half = {key: value.half() for key, value in load_file(folders[family.name] / name).items()}
            files[name.replace(".safetensors", ".fp16.safetensors")] = save(half)
        found[family.repository] = files | dict.fromkeys(UNWANTED, b"nothing")
    found[OWN] = {name: data for name, data in found[SD15.repository].items() if ".fp16" not in name}
    network = save({"a": torch.zeros(1)})
    for kinds in KNOWN.values():
        for names in kinds.values():
            found[names[0]] = {
                "config.json": b"{}",
                "diffusion_pytorch_model.safetensors": network,
                "diffusion_pytorch_model.fp16.safetensors": network,
            }
    style = ("models/ip-adapter_sd15.safetensors", "sdxl_models/ip-adapter_sdxl_vit-h.safetensors")
    found["h94/IP-Adapter"] = {
        "models/image_encoder/config.json": b"{}",
        "models/image_encoder/model.safetensors": network,
        **dict.fromkeys(style, network),
    }
    return found


@pytest.fixture
def hub(repositories: Repositories, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The hub, and a computer without any model."""
    with serving({name: dict(files) for name, files in repositories.items()}) as hub:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub.address)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
        monkeypatch.setattr("time.sleep", lambda seconds: None)
        monkeypatch.setenv("ACETATE_MODELS_DIR", str(tmp_path / "models"))
        monkeypatch.delenv("HF_TOKEN", raising=False)
        yield hub


def run_hint(text: str) -> None:
    """Run the command that a message ends with, as a user would."""
    found = re.search(r"acetate (models pull [^\n]+)$", text)
    assert found is not None, text
    result = CliRunner().invoke(app, shlex.split(found[1]), catch_exceptions=False)
    assert result.exit_code == 0, result.output


def refusal_of(call: Callable[[], object]) -> str:
    with pytest.raises(AcetateError) as refusal:
        call()
    assert refusal.value.code == "model_missing"
    return str(refusal.value)


def source_of(path: Path, family: ModelFamily) -> ModelRegistry:
    return ModelRegistry({"photo": ModelSource(None, family, "unknown", file=path)})


@pytest.mark.parametrize("name", ["sd15", "sdxl", "sdxl-conv"])
def test_the_hint_of_an_absent_model_fetches_it(hub: Hub, name: str) -> None:
    run_hint(refusal_of(lambda: ModelRegistry().entry(name)))
    entry = ModelRegistry().entry(name)
    assert {"text", "scene", "refine"} <= set(entry.modes)
    assert [path.name for path in (entry.folder / "unet").glob("*.safetensors")] == [
        "diffusion_pytorch_model.fp16.safetensors"
    ]
    assert not any((entry.folder / each).exists() for each in UNWANTED)
    assert ModelCache(ModelRegistry(), torch.device("cpu"), torch.float32).get(name).sd.unet is not None


@pytest.mark.parametrize("family", [SD15, SDXL], ids=lambda family: family.name)
def test_the_hints_of_one_file_fetch_what_it_lacks(
    hub: Hub, folders: dict[str, Path], tmp_path: Path, family: ModelFamily
) -> None:
    whole = source_of(write_checkpoint(tmp_path / "photo.safetensors", folders[family.name]), family)
    run_hint(refusal_of(lambda: whole.entry("photo")))
    entry = whole.entry("photo")
    assert not list(entry.folder.rglob("*.safetensors"))
    # Its layer files are missing yet: the list, the doctor and the decoder say how to fetch them.
    (listed,) = installed_models(whole)
    _plans, absent = mode_plans(ModelCache(whole, torch.device("cpu")))
    decoder = refusal_of(lambda: load_decoder(entry, torch.device("cpu")))
    hints = {text.rpartition(": ")[2] for text in (listed.missing, absent["photo"], decoder)}
    assert hints == {f"acetate models pull {family.name} --layers"}
    run_hint(listed.missing)
    assert "text" in whole.entry("photo").modes
    bare = write_checkpoint(
        tmp_path / "bare.safetensors", folders[family.name], lambda name: name.startswith("first_stage_model.")
    )
    run_hint(refusal_of(lambda: source_of(bare, family).entry("photo")))
    assert source_of(bare, family).entry("photo").folder == entry.folder


def test_the_hint_of_an_added_repository_fetches_it_in_float32_where_there_is_no_other(hub: Hub) -> None:
    write_user_models({"ink": UserModel(SD15.name, repository=OWN)})
    run_hint(refusal_of(lambda: ModelRegistry().entry("ink")))
    entry = ModelRegistry().entry("ink")
    (weights,) = (entry.folder / "unet").glob("*.safetensors")
    assert weights.name == "diffusion_pytorch_model.safetensors"
    weights.unlink()
    run_hint(refusal_of(lambda: ModelRegistry().entry("ink")))
    assert ModelRegistry().entry("ink").folder == entry.folder


CONTROLS = [(family, kind) for family, kinds in KNOWN.items() for kind in kinds]


def test_the_hint_of_every_control_and_style_fetches_one_of_twins(hub: Hub) -> None:
    for family, kind in CONTROLS:
        run_hint(refusal_of(lambda family=family, kind=kind: control_adapter_path(family, kind)))  # type: ignore[misc]
        found = control_adapter_path(family, kind)
        assert sorted(path.name for path in found.iterdir()) == [
            "config.json",
            "diffusion_pytorch_model.fp16.safetensors",
        ]
    for family in ("sd15", "sdxl"):
        run_hint(refusal_of(lambda family=family: ip_adapter_paths(family)))  # type: ignore[misc]
        assert all(path.exists() for path in ip_adapter_paths(family))


def shard(folder: Path, name: str, variant: str) -> None:
    """Split a network's weights into two files with an index, as diffusers saves large ones."""
    import json

    whole = folder / f"{name}.safetensors"
    tensors = load_file(whole)
    whole.unlink()
    places: dict[str, str] = {}
    for number, keys in enumerate((list(tensors)[::2], list(tensors)[1::2]), start=1):
        file = f"{name}{variant and f'.{variant}'}-0000{number}-of-00002.safetensors"
        save_file({key: tensors[key] for key in keys}, folder / file, {"format": "pt"})
        places |= dict.fromkeys(keys, file)
    index = f"{name}.safetensors.index{variant and f'.{variant}'}.json"
    (folder / index).write_text(json.dumps({"metadata": {}, "weight_map": places}), encoding="utf-8")


@pytest.mark.parametrize("variant", ["", "fp16"])
def test_weights_in_several_files_are_fetched_counted_and_loaded(
    hub: Hub, folders: dict[str, Path], tmp_path: Path, variant: str
) -> None:
    from acetate.models.backbones.stable_diffusion.footprint import footprint

    folder = shutil.copytree(folders["sdxl"], tmp_path / "sharded")
    shard(folder / "unet", "diffusion_pytorch_model", variant)
    shard(folder / "text_encoder_2", "model", variant)
    hub.repositories[SDXL.repository] = files_in(folder)
    result = CliRunner().invoke(app, ["models", "pull", "sdxl"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    whole = ModelRegistry({"sdxl": ModelSource(folders["sdxl"], SDXL, "unknown")})
    entries = [registry.entry("sdxl") for registry in (ModelRegistry(), whole)]
    needs = [footprint(entry, entry.recipe("text"), 64, 64, 4) for entry in entries]
    assert (needs[0].denoiser, needs[0].text) == (needs[1].denoiser, needs[1].text)
    networks = [
        ModelCache(registry, torch.device("cpu"), torch.float32).get("sdxl").sd.unet.state_dict()
        for registry in (ModelRegistry(), whole)
    ]
    assert all(torch.equal(value, networks[1][name]) for name, value in networks[0].items())
    next((entries[0].folder / "unet").glob("*2-of-00002*")).unlink()
    assert "00002-of-00002.safetensors" in refusal_of(lambda: ModelRegistry().entry("sdxl"))


def test_a_pull_says_what_comes_and_asks_before_much(hub: Hub) -> None:
    large = "unet/diffusion_pytorch_model.fp16.safetensors"
    hub.sizes[large] = 5_135_149_760
    answer = CliRunner().invoke(app, ["models", "pull", "sdxl"])
    assert isinstance(answer.exception, AcetateError) and "add --yes" in str(answer.exception)
    assert re.search(rf"{re.escape(SDXL.repository)} \(base model\): \d+ files, 5\.1 GB", answer.output)
    assert re.search(rf"{re.escape(PUBLISHED[0])} \(layer files\): \d+ files, ", answer.output)
    assert not any("/resolve/" in asked for asked in hub.asked)
    del hub.sizes[large]
    assert CliRunner().invoke(app, ["models", "pull", "sdxl", "--yes"], catch_exceptions=False).exit_code == 0


FAILURES = {
    "gated": ((401, "GatedRepo"), "not_allowed", r"is gated.*accept it at http.*set HF_TOKEN"),
    "forbidden": ((403, ""), "not_allowed", r"is gated.*accept it at http.*set HF_TOKEN"),
    "private": ((401, ""), "not_allowed", r"private, or there is no such.*set HF_TOKEN to a token"),
    "gone": ((404, "RepoNotFound"), "unknown_model", r"there is no .* on the hub: check the name"),
    "out of order": ((503, ""), "model_missing", r"out of order \(503\): try again in a few minutes"),
    "busy": ((429, ""), "model_missing", r"asks to wait \(429\): try again in a few minutes"),
}


@pytest.mark.parametrize("cause", FAILURES)
def test_every_refusal_of_the_hub_has_its_own_hint(hub: Hub, cause: str) -> None:
    refusal, code, words = FAILURES[cause]
    hub.refusals[SD15.repository] = refusal
    with pytest.raises(AcetateError) as caught:
        fetch(plan_download(download_spec("sd15", configuration=True)))
    assert caught.value.code == code
    assert re.search(words, str(caught.value)), str(caught.value)


def test_a_token_is_sent_and_one_that_is_not_accepted_is_told(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_something")
    fetch(plan_download(download_spec("sd15", configuration=True)))
    assert set(hub.tokens) == {"Bearer hf_something"}
    hub.refusals[PUBLISHED[0]] = (401, "")
    with pytest.raises(AcetateError, match="HF_TOKEN is not accepted"):
        plan_download(download_spec("sd15", layers=True))


def test_a_cut_line_a_full_disk_and_a_stop_are_told_apart_and_lose_nothing(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "photo/model.safetensors"
    hub.repositories[OWN] = {name: bytes(range(256)) * 80_000}
    spec = DownloadSpec(OWN, (name,), purpose="base")
    hub.breaks_at, hub.cut = 6_000_000, True
    with pytest.raises(AcetateError, match=r"the connection to the hub failed.*what has come already is kept") as cut:
        fetch(plan_download([spec]))
    assert cut.value.retry
    hub.breaks_at, hub.cut = None, False
    plan = plan_download([spec])
    assert 10_000_000 <= plan.files[0].here < plan.bytes and plan.to_fetch == plan.bytes - plan.files[0].here
    came: list[int] = []
    with pytest.raises(AcetateError, match="stopped") as stopped:
        fetch(plan, came.append, lambda: sum(came) >= 2_000_000)
    assert stopped.value.code == "cancelled"
    plan = plan_download([spec])
    assert 0 < plan.to_fetch < plan.bytes - sum(came) + 1
    with monkeypatch.context() as patch:
        patch.setattr("shutil.disk_usage", lambda path: shutil._ntuple_diskusage(9, 9, 9))
        with pytest.raises(AcetateError, match=r"there is no room on the disk .* HF_HOME"):
            fetch(plan)
    full = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(AcetateError, match=r"there is no room on the disk .* HF_HOME"):
        fetch(plan, lambda count: (_ for _ in ()).throw(full))
    came.clear()
    fetch(plan_download([spec]), came.append)
    snapshot = tmp_path / "cache" / "models--owner--ink" / "snapshots" / COMMIT
    assert (snapshot / name).read_bytes() == hub.repositories[OWN][name]
    assert plan_download([spec]).to_fetch == 0
    assert sum("bytes=" in asked for asked in hub.asked) >= 2


def test_what_comes_damaged_is_not_taken(hub: Hub, tmp_path: Path) -> None:
    name = "photo/model.safetensors"
    hub.repositories[OWN] = {name: b"12345678"}
    plan = plan_download([DownloadSpec(OWN, (name,))])
    hub.repositories[OWN] = {name: b"12345679"}
    with pytest.raises(AcetateError, match="came damaged: fetch it again"):
        fetch(plan)
    assert not list((tmp_path / "cache").rglob("model.safetensors"))
    with pytest.raises(AcetateError, match=r"owner/ink has no unet/diffusion_pytorch_model.safetensors"):
        plan_download([DownloadSpec(OWN, (name,), ("unet/diffusion_pytorch_model",))])


def test_every_hint_to_fetch_in_the_sources_is_run_here() -> None:
    """A new one has to be added to the tests above."""
    import acetate

    root = Path(acetate.__file__).parent
    hints = [
        f"{path.relative_to(root)}: {line.strip()}"
        for path in sorted(root.rglob("*.py"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if "acetate models pull" in line and '"""' not in line and "`acetate" not in line
    ]
    assert len(hints) == 7, hints
    assert set(known_sources()) == {"starter", "sd15", "sdxl", "sdxl-conv", "qwen-layered", "qwen-image-2.1", "klein"}
