"""What a model can be asked for, checked before it is loaded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from acetate_wire.element import ELEMENTS
from acetate_wire.errors import AcetateError
from acetate_wire.modes import MODES, NEEDED, UNASKED
from acetate_wire.prompt import parse_prompt
from acetate_wire.request import Control, LayerRequest, output_roles

from acetate.models.adapter_files import (
    STYLE_KIND,
    control_adapter_path,
    installed_loras,
    ip_adapter_paths,
    lora_path,
    split_kind,
)
from acetate.models.backbones.stable_diffusion.samplers import SAMPLERS, Sampler, fewest_steps, get_sampler
from acetate.models.embeddings import check_embeddings, text_layers
from acetate.models.few_steps import FewSteps, few_steps_among
from acetate.models.hub_cache import models_dir
from acetate.models.recipes import ModeRecipe
from acetate.models.registry import ModelRegistry, ModelSpec, model_missing_error
from acetate.pipelines.prompts import all_loras, prompt_fields

TERMINAL_STEPS = 2
"""The fewest steps of a schedule that is stretched to end at a given noise."""


def resolve_request(request: LayerRequest, catalogue: ModelRegistry) -> LayerRequest:
    """The request with every default filled in, seed included, ready to be drawn.

    Loads no model. Raises AcetateError naming the field, the limit and the way out.
    """
    entry = catalogue.entry(request.model)
    recipe = entry.recipe(request.mode, request.inputs)
    _check_pictures(request, recipe)
    _check_unused(request, entry, recipe)
    _check_prompts(request, entry, recipe)
    _check_adapters(request, entry)
    family = entry.family
    usual = _usual(request, entry)
    sampler = get_sampler(usual.sampler if request.sampler is None else request.sampler)
    _check_sampler(sampler, entry)
    return replace(
        request.with_seed(),
        steps=_steps(request, entry, sampler, usual.steps),
        passes=family.passes if request.passes is None else request.passes,
        guidance=usual.guidance if request.guidance is None else request.guidance,
        sampler=sampler.name,
    )


def _check_sampler(sampler: Sampler, entry: ModelSpec) -> None:
    if sampler.name not in entry.family.samplers:
        raise AcetateError(
            "bad_request",
            f"{entry.name} does not draw with the sampler {sampler.name}",
            field="sampler",
            hint=f"choose from {', '.join(entry.family.samplers)}",
        )


def _usual(request: LayerRequest, entry: ModelSpec) -> FewSteps:
    """Steps, sampler and guidance where nothing is said: those of a distilled LoRA or checkpoint, else the family's."""
    family = entry.family
    names = [Path(lora.name).stem for lora in all_loras(request) if lora.weight != 0]
    names += [entry.name] if entry.file is None else [entry.name, entry.file.stem]
    return few_steps_among(names) or FewSteps(family.name, family.steps, family.sampler, family.guidance)


def _steps(request: LayerRequest, entry: ModelSpec, sampler: Sampler, usual: int) -> int:
    """The steps to take: as many as the sampler needs at least, where nothing is said."""
    if entry.scheduler_config.get("shift_terminal"):
        # The noise of a single step would be shifted by a division by zero.
        return max(TERMINAL_STEPS, usual if request.steps is None else request.steps)
    spec = MODES[request.mode]
    from_noise = not spec.changes_layer or (spec.takes_strength and request.strength == 1)
    fewest = fewest_steps(sampler, entry.scheduler_config) if from_noise else 1
    if request.steps is None:
        return max(usual, fewest)
    if request.steps < fewest:
        enough = [each.name for each in SAMPLERS if fewest_steps(each, entry.scheduler_config) <= request.steps]
        raise AcetateError(
            "bad_request",
            f"the sampler {sampler.name} needs {fewest} steps or more with {entry.name}, not {request.steps}",
            field="steps",
            hint=f"give it {fewest} steps, or choose from {', '.join(enough)}",
        )
    return request.steps


def _check_pictures(request: LayerRequest, recipe: ModeRecipe) -> None:
    """Every picture is one that the mode takes, and shows the target; a style may be any picture."""
    for role in request.inputs:
        if role not in recipe.inputs:
            raise AcetateError(
                "mode_unsupported",
                f"the mode {request.mode} of {request.model} does not take a picture for the role {role}",
                field=f"inputs.{role}",
                hint="leave it out",
            )
    target = request.target
    pictures = {f"inputs.{role}": picture for role, picture in request.inputs.items()}
    styles = {
        f"controls[{n}].picture" for n, control in enumerate(request.controls) if adapter_kind(control) == STYLE_KIND
    }
    pictures |= {f"controls[{number}].picture": control.picture for number, control in enumerate(request.controls)}
    pictures = {field: picture for field, picture in pictures.items() if field not in styles}
    for field, picture in pictures.items():
        if (picture.width, picture.height) != (target.width, target.height):
            raise AcetateError(
                "bad_request",
                f"{field} is {picture.width} x {picture.height} pixels, the target {target.width} x {target.height}",
                field=field,
                hint="send the part of the layer that lies in the target",
            )


def _check_unused(request: LayerRequest, entry: ModelSpec, recipe: ModeRecipe) -> None:
    """Refuse what would be passed over in silence."""
    if request.element is not None:
        raise AcetateError(
            "bad_request",
            f"the model {request.model} draws no elements",
            field="element",
            hint=f"leave it out, or use the model {ELEMENTS}",
        )
    plain = all(part.kind in ("plain", "native") for part in recipe.adapters)
    unused = {
        "strength": request.strength != 1 and not MODES[request.mode].takes_strength,
        "transparency_weight": request.transparency_weight != 1 and plain,
        "stop_at": request.stop_at is not None and plain,
        "detail": request.detail > 0 and MODES[request.mode].splits,
        "controls": bool(request.controls) and (MODES[request.mode].splits or entry.family.is_native),
        "clip_skip": request.clip_skip is not None and entry.family.is_native,
    }
    for name, wrong in unused.items():
        if wrong:
            raise AcetateError(
                "mode_unsupported",
                f"{name} changes nothing in the mode {request.mode} of {request.model}",
                field=name,
                hint="leave it out",
            )
    if request.detail > 0 and recipe.needs_decoder and "encoder" not in entry.files:
        raise AcetateError(
            "mode_unsupported",
            f"detail needs the offset encoder of {entry.name}, which is not there",
            field="detail",
            hint="leave it out, or fetch the encoder's file",
        )


def _check_adapters(request: LayerRequest, entry: ModelSpec) -> None:
    """The files of LoRAs and controls are there."""
    for lora in request.loras:
        lora_path(lora.name)
    installed = installed_loras()
    for field, text in prompt_fields(request).items():
        for lora in parse_prompt(text, field).loras:
            if lora.name not in installed:
                names = ", ".join(installed)
                raise AcetateError(
                    "bad_request",
                    f"the {field} asks for the LoRA {lora.name!r}, which is not here",
                    field=field,
                    hint=f"there are {names}" if names else f"put its file into {models_dir() / 'lora'}",
                )
    for control in request.controls:
        kind = adapter_kind(control)
        if kind == STYLE_KIND:
            ip_adapter_paths(entry.family.name)
        else:
            control_adapter_path(entry.family.name, kind)


def adapter_kind(control: Control) -> str:
    """The kind of adapter that a control asks for, without what its picture is to be made from."""
    return split_kind(control.kind)[0]


def _check_prompts(request: LayerRequest, entry: ModelSpec, recipe: ModeRecipe) -> None:
    drawn = {role for part in recipe.adapters for role in part.roles} - set(request.inputs)
    spec = MODES[request.mode]
    several = sorted(drawn) if (len(drawn) > 1 or spec.one_of) and not spec.stacks else []
    for role in request.layer_prompts:
        if role not in several:
            raise AcetateError(
                "mode_unsupported",
                f"the mode {request.mode} of {request.model} draws no {role} with a prompt of its own",
                field="layer_prompts",
                hint=f"choose from {', '.join(several)}" if several else "put it into the prompt",
            )
    prompts = {
        field: parse_prompt(text, field)
        for field, text in {**prompt_fields(request), "negative": request.negative}.items()
    }
    if spec.prompt == UNASKED and request.prompt.strip():
        raise AcetateError(
            "bad_request",
            f"the mode {request.mode} takes no prompt: what is around the mask goes on into it",
            field="prompt",
            hint="leave it out, or use the mode inpaint to draw something there",
        )
    needed = spec.prompt == NEEDED and not drawn <= set(request.layer_prompts)
    behind = spec.stacks and "background" in output_roles(request)
    if (needed or behind) and not prompts["prompt"].plain:
        what = "background" if behind else "layer"
        hint = f"say what the {what} is to show"
        raise AcetateError("bad_request", "the prompt is empty", field="prompt", hint=hint)
    if prompts["negative"].loras:
        raise AcetateError(
            "bad_request",
            f"the LoRA {prompts['negative'].loras[0].name} is in the negative prompt, where it cannot work",
            field="negative",
            hint="put it into the prompt; a negative weight turns it round",
        )
    if entry.family.is_native:
        return
    try:
        for field, prompt in prompts.items():
            check_embeddings(entry, prompt, field)
        deepest = text_layers(entry)
    except (OSError, ValueError, KeyError) as error:
        raise model_missing_error(f"the model {entry.name} cannot be read ({error})") from error
    if request.clip_skip is not None and request.clip_skip > deepest:
        raise AcetateError(
            "bad_request",
            f"clip_skip is {request.clip_skip}, over the {deepest} layers that the text encoder of {entry.name} has",
            field="clip_skip",
            hint="1 is the last layer, 2 the one before; leave it out for the model's own",
        )
