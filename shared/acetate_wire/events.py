"""What a client hands out: one small value for each thing that happened, decoded from the daemon's messages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union

from .errors import AcetateError
from .limits import Limits
from .messages import Message
from .pictures import nbytes
from .request import PictureSpec
from .vocabulary import Vocabulary


@dataclass(frozen=True)
class Picture:
    """Raw pixels (bytes-like) and how to read them; `profile` is the ICC profile where the space is `icc`."""

    header: PictureSpec
    pixels: Any
    profile: Optional[bytes] = None


@dataclass(frozen=True)
class Layer:
    """One finished layer and where its top-left corner belongs on the canvas, in pixels.

    `blend` is `normal`, or `add` for light, which is added to what is below.
    """

    name: str
    role: str
    x: int
    y: int
    picture: Picture
    blend: str = "normal"


@dataclass(frozen=True)
class Connected:
    """The daemon said welcome; also after a lost connection was found again."""

    version: str
    device: str
    models: Tuple[Mapping[str, Any], ...]
    limits: Limits


@dataclass(frozen=True)
class Disconnected:
    """The daemon went silent. Nothing is lost: the client reconnects by itself and attaches to its jobs."""

    reason: str


@dataclass(frozen=True)
class Accepted:
    """The job is on the daemon's disk; `position` jobs run before it."""

    id: str
    position: int


@dataclass(frozen=True)
class Rejected:
    """A refusal: of the job `id`, or of another message when that is empty."""

    id: str
    code: str
    field: Optional[str]
    message: str
    hint: str


@dataclass(frozen=True)
class Progress:
    """How far a job is: `step` of `steps` in this stage, and the seconds left where they are known."""

    id: str
    stage: str
    step: int
    steps: int
    seconds_left: Optional[float]
    preview: Optional[Picture]


@dataclass(frozen=True)
class LayerWarning:
    """Something about finished layers that the artist should know: a code for programs, and words for people."""

    code: str
    message: str
    hint: str = ""


@dataclass(frozen=True)
class Done:
    """Finished layers, in stacking order from below; `settings` make them again. Acknowledge once they are safe."""

    id: str
    layers: Tuple[Layer, ...]
    seed: int
    settings: Mapping[str, Any]
    warnings: Tuple[LayerWarning, ...] = ()


@dataclass(frozen=True)
class Failed:
    """The job ended without layers; `retry` says whether trying again can help.

    `field` is what of the request it is about, where it is about one.
    """

    id: str
    code: str
    message: str
    hint: str
    retry: bool
    field: Optional[str] = None


@dataclass(frozen=True)
class Cancelled:
    """The job was cancelled."""

    id: str


@dataclass(frozen=True)
class Forgotten:
    """The daemon holds nothing under this id: `reason` is `acknowledged`, `expired` or `unknown`."""

    id: str
    reason: str


@dataclass(frozen=True)
class JobList:
    """This client's jobs, oldest first, as maps (`id`, `state`, `submitted`, `position`, …).

    Where there are older ones, the question `jobs` with this `before` brings the next of them.
    """

    jobs: Tuple[Mapping[str, Any], ...]
    keep_days: float = 0.0
    keep_bytes: int = 0
    before: Optional[int] = None


@dataclass(frozen=True)
class ModelVocabulary:
    """The words that a model knows; `vocabulary` is None where it does not tell."""

    model: str
    vocabulary: Optional[Vocabulary]


@dataclass(frozen=True)
class ModelList:
    """What the daemon offers now, as in Connected; `lora_folder` is where LoRA files go, empty on another machine."""

    models: Tuple[Mapping[str, Any], ...]
    lora_folder: str


@dataclass(frozen=True)
class DownloadList:
    """What can be fetched from the Hugging Face hub, as maps (`name`, `licence`, `bytes`, `state`, …)."""

    downloads: Tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Status:
    """How the daemon does (processes, device, loaded models, jobs); of the kind `stop` when it is about to end."""

    kind: str
    values: Mapping[str, Any] = field(default_factory=dict)


Event = Union[
    Connected,
    Disconnected,
    Accepted,
    Rejected,
    Progress,
    Done,
    Failed,
    Cancelled,
    Forgotten,
    JobList,
    ModelVocabulary,
    ModelList,
    DownloadList,
    Status,
]


def decode_event(message: Message) -> Event:
    """The event that a message brings. Raises AcetateError when the kind is unknown or a field is missing."""
    try:
        return _decode(message)
    except (KeyError, TypeError, ValueError) as error:
        raise AcetateError("internal", f"the daemon's {message.kind} cannot be read ({error!r})") from None


def _decode(message: Message) -> Event:
    fields = message.fields
    kind = message.kind
    if kind == "progress":
        return _decode_progress(fields, message.frames)
    if kind == "done":
        try:
            return _decode_done(fields, message.frames)
        except AcetateError as error:
            return Failed(fields["id"], error.code, error.message, "update the older of editor and acetate", False)
    if kind == "accepted":
        return Accepted(fields["id"], int(fields["position"]))
    if kind == "rejected":
        field: Optional[str] = fields.get("field")
        return Rejected(fields.get("id") or "", fields["code"], field, fields["message"], fields.get("hint", ""))
    if kind == "failed":
        hint, retry = fields.get("hint", ""), bool(fields.get("retry"))
        return Failed(fields["id"], fields["code"], fields["message"], hint, retry, fields.get("field"))
    if kind == "cancelled":
        return Cancelled(fields["id"])
    if kind == "forgotten":
        return Forgotten(fields["id"], fields.get("reason", "unknown"))
    if kind == "jobs":
        keep_days, keep_bytes = float(fields["keep_days"]), int(fields["keep_bytes"])
        return JobList(tuple(fields["jobs"]), keep_days, keep_bytes, fields.get("before"))
    if kind == "vocabulary":
        found = fields.get("vocabulary")
        return ModelVocabulary(fields["model"], None if found is None else Vocabulary.from_map(found))
    if kind == "models":
        return ModelList(tuple(fields["models"]), str(fields.get("lora_folder", "")))
    if kind == "downloads":
        return DownloadList(tuple(fields["downloads"]))
    if kind in ("status", "stopping"):
        return Status("stop" if kind == "stopping" else kind, dict(fields))
    if kind == "welcome":
        limits = Limits.from_map(fields["limits"])
        return Connected(fields["version"], fields["device"], tuple(fields["models"]), limits)
    raise AcetateError("internal", f"the daemon sent a message of the unknown kind {kind!r}")


def _decode_progress(fields: Mapping[str, Any], frames: Any) -> Progress:
    preview = fields.get("preview")
    left = fields.get("seconds_left")
    return Progress(
        fields["id"],
        fields["stage"],
        int(fields["step"]),
        int(fields["steps"]),
        None if left is None else float(left),
        None if preview is None else _decode_picture(preview, frames),
    )


def _decode_picture(fields: Mapping[str, Any], frames: Sequence[Any]) -> Picture:
    """A picture of an incoming message. Raises AcetateError when the frame is not what the header says."""
    try:
        header = PictureSpec(**{name: fields[name] for name in PictureSpec.__dataclass_fields__ if name in fields})
        pixels = frames[header.frame]
        profile = None if header.profile_frame is None else bytes(frames[header.profile_frame])
    except (TypeError, KeyError, IndexError, AcetateError) as error:
        raise AcetateError("internal", f"the daemon sent a picture that cannot be read ({error!r})") from None
    if len(pixels) != nbytes(header):
        raise AcetateError("internal", f"the daemon sent {len(pixels)} bytes for {header}")
    return Picture(header, pixels, profile)


def _decode_done(fields: Mapping[str, Any], frames: Sequence[Any]) -> Done:
    """The `done` message as an event. Raises AcetateError when it cannot be read."""
    layers: List[Layer] = []
    try:
        for entry in fields["layers"]:
            picture = _decode_picture(entry["picture"], frames)
            blend = str(entry.get("blend", "normal"))
            layers.append(Layer(entry["name"], entry["role"], int(entry["x"]), int(entry["y"]), picture, blend))
        settings: Dict[str, Any] = dict(fields.get("settings", {}))
        warnings = tuple(
            LayerWarning(str(each["code"]), str(each["message"]), str(each.get("hint", "")))
            for each in settings.get("warnings", ())
        )
        return Done(fields["id"], tuple(layers), int(fields["seed"]), settings, warnings)
    except (KeyError, TypeError, ValueError) as error:
        raise AcetateError("internal", f"the daemon sent layers that cannot be read ({error!r})") from None
