"""Refuse words in names for which the field has a better term: `python3 run.py check` runs this.

Only names in Python code are read, not comments, docstrings or messages. Exits with 1 where it finds one.
"""

from __future__ import annotations

import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROOMS = ("backend", "shared", "plugin_krita", "plugin_blender", "tests", "benchmarks")

NAMES = {
    "About": "ServerContext",
    "Asked": "PreparedRequest",
    "Attachment": "UNetAdapter",
    "Average": "EMA",
    "Bench": "ScratchDocument",
    "Catalogue": "ModelRegistry",
    "Chores": "TaskScheduler",
    "ControlPicture": "ControlImage",
    "Conversation": "MessageHandler",
    "Course": "SamplingParams",
    "Desk": "ProgressReporter, JobController",
    "Drawing": "LayerPipeline",
    "Drawn": "ResultLayer",
    "Duel": "PairwiseComparison",
    "ENDED_BADLY": "FAILED_STATES",
    "FARTHEST": "MAX_OFFSET",
    "Form": "GenerationSettings",
    "Frames": "FrameBatch",
    "Hardware": "Distributed",
    "Holding": "InstalledModel",
    "Jobs": "JobManager",
    "Journal": "JobStore",
    "KEPT": "SAVED",
    "LAYERS_OUT": "OUTPUT_ROLES",
    "LOOK_AGAIN_S": "RECONNECT_S",
    "Learning": "OptimizerConfig",
    "Ledger": "JobTracker",
    "Limit": "Threshold",
    "Link": "DaemonConnection",
    "Live": "JobRuntime",
    "LoadedModel": "DiffusionModel",
    "Loop": "Trainer",
    "LoopSettings": "TrainerConfig",
    "LowRank": "LoRA",
    "Made": "EngineResult",
    "Missing": "MissingDependencies",
    "ModelEntry": "ModelSpec",
    "ModelStore": "ModelCache",
    "Moment": "UNetInput",
    "NEEDED_INPUTS": "REQUIRED_INPUTS",
    "Note": "UserModel",
    "ON_REQUEST": "OPTIONAL_OUTPUTS",
    "Offer": "ModelInfo",
    "Order": "RunOptions",
    "Origin": "Sender, InitImage, ResultContext",
    "Pace": "ProgressTracker",
    "Parcel": "PreparedRequest",
    "Part": "AdapterSpec",
    "Peer": "ClientConnection",
    "Peers": "ClientRegistry",
    "PictureHeader": "PictureSpec",
    "Predictor": "Denoiser",
    "Question": "GuidedDenoiser",
    "Round": "RenderPass",
    "SECOND_STEP_STOP": "CONCAT_DPM_STOP",
    "Sending": "CaptureTask",
    "Session": "BlockingClient",
    "SharingUnit": "SharedAttentionLayer",
    "Sheet": "WorkingSize, LayerToInsert",
    "Start": "InitLatents",
    "StarterEngine": "DiffusionEngine",
    "Structure": "SpatialAdapter",
    "Studio": "JobController",
    "Style": "IPAdapter",
    "TextStates": "PromptEmbeds",
    "ThereAndBack": "RoundTrip",
    "Told": "CaptionInfo",
    "Trained": "TrainableState",
    "Transit": "WireFormat",
    "Trouble": "Issue",
    "UnitShape": "SharedAttentionConfig",
    "WIDEST": "MAX_ASPECT",
    "Way": "ModeRecipe",
    "WireError": "AcetateError",
    "byte_count": "nbytes",
    "carry_out": "run",
    "check_private": "require_private",
    "encode_flat": "encode_opaque",
    "give_layer": "set_control_image",
    "give_weights": "load_state_dict_strict",
    "heading_for": "predict_x0",
    "is_lonely": "is_idle",
    "is_news": "accept_event",
    "known_command": "load_launch_command",
    "latent_part": "crop_latents",
    "lacking": "first_missing_file",
    "pay_debts": "resend_undelivered",
    "private_folder": "ensure_private_dir",
    "probable_device": "guess_device",
    "read_event": "decode_event",
    "sampler_named": "get_sampler",
    "session_key": "open_document_id",
    "tell_followers": "publish",
    "tensor_names": "read_safetensors_header",
    "unchanged": "passthrough",
    "vae_feed": "composite_on_grey",
    "wants_cancel": "cancel_requested",
    "write_private": "atomic_write",
}
"""Whole identifiers, leading underscores aside, and what stands for them now."""

PARTS = {
    "bench": "scratch_document",
    "chores": "task_scheduler",
    "debts": "undelivered",
    "gatekeeper": "auth",
    "homeless": "never_saved",
    "ledger": "job_tracker",
    "lonely": "idle",
    "shelf": "user_models",
    "thrift": "memory_level",
    "thriftily": "with_fallback",
    "thrifts": "memory_levels",
    "upkeep": "maintenance",
    "workshop": "worker_pool",
}
"""Words refused in any identifier or file name, and what stands for them now."""

WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def old_words(identifier: str) -> Iterator[tuple[str, str]]:
    """The old words in an identifier, each with what stands for it now."""
    plain = identifier.lstrip("_")
    if plain in NAMES:
        yield plain, NAMES[plain]
    for word in WORD.findall(plain):
        if word.lower() in PARTS:
            yield word, PARTS[word.lower()]


def findings(path: Path) -> Iterator[str]:
    """One line for each old word in a Python file's names and in its own name."""
    shown = path.relative_to(ROOT)
    for part in (*shown.parts[:-1], shown.stem):
        yield from (f"{shown}: the old word {old}: write {new}" for old, new in old_words(part))
    with path.open("rb") as file:
        for token in tokenize.tokenize(file.readline):
            if token.type == tokenize.NAME:
                for old, new in old_words(token.string):
                    yield f"{shown}:{token.start[0]}: the old word {old} in {token.string}: write {new}"


def main() -> int:
    """Print every old word. Returns the exit code."""
    paths = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))] + [ROOT / "run.py"]
    found = [line for path in paths for line in findings(path)]
    print("\n".join(found) if found else f"words: none of the old ones in {len(paths)} files")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
