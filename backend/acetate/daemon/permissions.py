"""What a client may not ask because of where it is, or because of what its version can take."""

from __future__ import annotations

from pathlib import PurePosixPath, PureWindowsPath

from acetate_wire.errors import AcetateError
from acetate_wire.limits import Limits
from acetate_wire.request import LayerRequest
from acetate_wire.request_codec import megabytes, reply_bytes

from acetate.daemon.clients import ClientConnection


def require_local(peer: ClientConnection) -> None:
    """Raise AcetateError when this is not the daemon's own user on its own machine."""
    if not peer.local:
        raise AcetateError(
            "not_allowed",
            "only this user on the daemon's own machine may ask that",
            hint="ask on that machine: `acetate status`, `acetate stop`, `acetate models pull`",
        )


def unpaired() -> AcetateError:
    """The refusal of a machine whose key the daemon's user has taken back."""
    hint = "ask the daemon's user for a new key: acetate pair NAME"
    return AcetateError("not_allowed", "this machine is no longer paired", field="hello", hint=hint)


def check_parts(peer: ClientConnection, request: LayerRequest, limits: Limits) -> None:
    """Refuse layers that an older client cannot take, since they are larger than a message."""
    size, most = reply_bytes(request), limits.message_bytes
    if size > most and not peer.parts:
        raise AcetateError(
            "too_large",
            f"the layers are {megabytes(size)} MB; this version of {peer.name} takes {megabytes(most)} MB",
            field="target",
            hint="update the plug-in (acetate plugins install), or choose a smaller selection",
        )


def check_files(peer: ClientConnection, request: LayerRequest) -> None:
    """Only this user on this machine names files by path: to others it would tell what lies where."""
    for number, lora in enumerate(request.loras):
        if not peer.local and (PurePosixPath(lora.name).name, PureWindowsPath(lora.name).name) != (lora.name,) * 2:
            raise AcetateError(
                "not_allowed",
                f"another machine cannot name a LoRA by its path, as in {lora.name[:80]!r}",
                field=f"loras[{number}].name",
                hint="put the file into the folder lora/ of the daemon's models, and give its name",
            )
