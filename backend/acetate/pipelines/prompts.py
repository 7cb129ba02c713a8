"""The prompts of a request: what each frame is drawn from, and the LoRAs that are named in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from acetate_wire.events import LayerWarning
from acetate_wire.prompt import parse_prompt
from acetate_wire.request import LayerRequest, Lora

from acetate.i18n import tr as _
from acetate.models.embeddings import installed_embeddings, read_embedding, split_at_embeddings
from acetate.models.recipes import AdapterSpec

if TYPE_CHECKING:
    from torch import Tensor

    from acetate.models.diffusion_model import DiffusionModel
    from acetate.models.prompt_embeds import PromptEmbeds
    from acetate.models.prompt_encoding import Vectors


def prompt_fields(request: LayerRequest) -> dict[str, str]:
    """The texts of a request that are drawn from, by field."""
    layers = {f"layer_prompts.{role}": text for role, text in request.layer_prompts.items()}
    stack = {f"stack[{number}].prompt": layer.prompt for number, layer in enumerate(request.stack)}
    return {"prompt": request.prompt, **layers, **stack}


def all_loras(request: LayerRequest) -> tuple[Lora, ...]:
    """The LoRAs of a request, then those that its prompts name, each once."""
    named = (lora for field, text in prompt_fields(request).items() for lora in parse_prompt(text, field).loras)
    return tuple(dict.fromkeys([*request.loras, *named]))


def frame_prompts(request: LayerRequest, part: AdapterSpec) -> list[str]:
    """The prompt of each frame: its own or the common one; "own, common" where the part joins them.

    So does the published implementation for Forge with attention sharing. A layer that is drawn alone, and the
    starter's, whose captions said what each frame shows, come out better from their own prompt alone.
    """
    prompts = []
    for role in part.roles:
        own = request.layer_prompts.get(role, "")
        together = part.joins_prompts and own.strip() and request.prompt.strip()
        prompts.append(f"{own}, {request.prompt}" if together else own or request.prompt)
    return prompts


def encode_frames(request: LayerRequest, model: DiffusionModel, part: AdapterSpec) -> PromptEmbeds:
    """What the model reads: for every frame the negative prompt, then each frame's prompt; only the latter where
    guidance is 1.

    Where the model's captions had marks of their role, all of these have them too, so that even an empty prompt asks
    for a layer in a layer's frame. Run it with the LoRAs attached. Raises AcetateError.
    """
    import torch

    prompts = frame_prompts(request, part)
    texts = [request.negative] * len(prompts) + prompts
    marks = ["" if model.vocabulary is None else model.vocabulary.mark(role) for role in part.roles] * 2
    asked = dict.fromkeys(zip(texts, marks, strict=True))
    with torch.inference_mode():
        embeds = _encoded(request, model, list(asked))
        places = [list(asked).index(each) for each in zip(texts, marks, strict=True)]
        if request.guidance == 1:
            return embeds.rows(places[len(prompts) :])
        embeds = embeds.rows(places)
        if model.spec.zeros_for_empty_negative and not request.negative.strip():
            embeds = embeds.with_zeros(len(prompts))
        return embeds


def _encoded(request: LayerRequest, model: DiffusionModel, asked: Sequence[tuple[str, str]]) -> PromptEmbeds:
    """A row for each text with its mark; those of an earlier job where no LoRA may have changed the text encoder."""
    from acetate.models.feature_cache import content_hash
    from acetate.models.finite import finite
    from acetate.models.prompt_embeds import PromptEmbeds
    from acetate.models.prompt_encoding import encode_prompts

    texts, marks = [text for text, _mark in asked], [mark for _text, mark in asked]
    vectors = _vectors(texts)

    def compute() -> tuple[Tensor | None, ...]:
        embeds = encode_prompts(model.sd.text, texts, marks, request.clip_skip, vectors)
        finite(embeds.prompt_embeds, "text encoder")
        return embeds.tensors

    if all_loras(request):
        return PromptEmbeds.of(compute())
    called = tuple((name, content_hash(found)) for name, found in vectors.items())
    key = ("prompts", tuple(asked), request.clip_skip, called)
    return PromptEmbeds.of(model.features.get(key, model.device, compute))


def length_warning(request: LayerRequest, model: DiffusionModel) -> LayerWarning | None:
    """What the artist is told of a prompt in several chunks, where the model learned from captions of one."""
    from acetate.models.prompt_encoding import chunk_count

    if model.vocabulary is None:
        return None
    long = [text for text in prompt_fields(request).values() if chunk_count(model.sd.text, text) > 1]
    if not long:
        return None
    message = _("the prompt “{prompt}” is longer than any that the model has read")
    return LayerWarning("long_prompt", message.format(prompt=long[0]), _("say it in fewer words"))


def lora_warnings(request: LayerRequest, model: DiffusionModel) -> list[LayerWarning]:
    """What the artist is told of LoRAs that were applied in part."""
    message = _("{foreign} of {all} modules of the LoRA {name} belong to another model")
    hint = _("it may be made for another base model")
    return [
        LayerWarning("partial_lora", message.format(foreign=foreign, all=count, name=lora.name), hint)
        for lora in all_loras(request)
        for foreign, count in [model.partial_loras.get(lora.name, (0, 0))]
        if foreign
    ]


def _vectors(texts: list[str]) -> Vectors:
    """The vectors of the embeddings that prompts call."""
    installed = installed_embeddings()
    called = {
        name
        for text in texts
        for section in parse_prompt(text).sections
        for part in section
        for _words, name in split_at_embeddings(part.text, installed)
        if name is not None
    }
    return {name: read_embedding(installed[name]) for name in called}
