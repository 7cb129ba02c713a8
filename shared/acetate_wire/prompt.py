"""The syntax of prompts, as AUTOMATIC1111's web UI reads it: weights in brackets, BREAK, LoRAs in angle brackets."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Dict, List, Tuple

from .errors import AcetateError
from .request import Lora

STEP = 1.1
"""The factor of a bracket without a number: round ones raise by it, square ones lower."""
LARGEST_WEIGHT = 10.0
BREAK = re.compile(r"\s*\bBREAK\b\s*")
TAG = re.compile(r"<(\w+):([^<>]*)>")
SCHEDULED = re.compile(r"(?<!\\)\[(?:[^\[\]]*\|[^\[\]]*|[^\[\]]*:\s*\d*\.?\d+\s*)(?<!\\)\]")
"""`[from:to:when]` and `[one|other]`."""
TOKEN = re.compile(
    r"\\(?P<escaped>[\\()\[\]])|:\s*(?P<weight>[+-]?\d*\.?\d+)\s*\)|(?P<bracket>[()\[\]])|[^\\()\[\]:]+|.", re.S
)
OPENS = {")": "(", "]": "["}


@dataclass(frozen=True)
class WeightedText:
    """A part of a prompt, and how strongly it counts; 1 is as it is."""

    text: str
    weight: float = 1.0


@dataclass(frozen=True)
class Prompt:
    """A prompt as it is read: its parts between BREAKs, and the LoRAs that it names."""

    sections: Tuple[Tuple[WeightedText, ...], ...]
    loras: Tuple[Lora, ...] = ()

    @property
    def plain(self) -> str:
        """Its words alone."""
        sections = ("".join(part.text for part in section).strip() for section in self.sections)
        return " ".join(" ".join(sections).split())


def parse_prompt(text: str, field: str = "prompt") -> Prompt:
    """Read a prompt. Raises AcetateError `bad_request`, naming `field`, for what would be passed over in silence.

    `(word)` and `[word]` weigh 1.1 and 1/1.1, `(word:1.3)` 1.3, and brackets in brackets multiply; a backslash makes a
    bracket part of the text. A bracket that is not closed reaches to the end, and one that was not opened is text.
    """
    loras = tuple(_lora(tag[1], tag[2], tag[0], field) for tag in TAG.finditer(text))
    words = TAG.sub("", text)
    scheduled = SCHEDULED.search(words)
    if scheduled:
        raise AcetateError(
            "bad_request",
            f"the {field} has {scheduled[0]!r}, words that change between steps, which are not drawn",
            field=field,
            hint="write the words alone, or \\[ and \\] for brackets that belong to the text",
        )
    return Prompt(_sections(_weighted(words, field)), loras)


def plain_words(text: str) -> str:
    """The words of a prompt without its syntax; a prompt that cannot be read comes back as it is."""
    try:
        return parse_prompt(text).plain
    except AcetateError:
        return text


def _weighted(text: str, field: str) -> List[WeightedText]:
    found: List[WeightedText] = []
    opened: Dict[str, List[int]] = {"(": [], "[": []}

    def close(bracket: str, factor: float) -> None:
        start = opened[bracket].pop()
        found[start:] = [WeightedText(part.text, part.weight * factor) for part in found[start:]]

    for token in TOKEN.finditer(text):
        bracket = token["bracket"]
        if bracket in opened:
            opened[bracket].append(len(found))
        elif token["weight"] and opened["("]:
            close("(", _weight(float(token["weight"]), field))
        elif bracket in OPENS and opened[OPENS[bracket]]:
            close(OPENS[bracket], STEP if bracket == ")" else 1 / STEP)
        else:
            found.append(WeightedText(token["escaped"] or token[0]))
    for bracket, factor in (("(", STEP), ("[", 1 / STEP)):
        while opened[bracket]:
            close(bracket, factor)
    return found


def _weight(value: float, field: str) -> float:
    if abs(value) <= LARGEST_WEIGHT:
        return value
    raise AcetateError(
        "bad_request",
        f"a weight of {value:g} in the {field} is over the limit of {LARGEST_WEIGHT:g}",
        field=field,
        hint="weights from 0.5 to 1.5 are usual, as in (word:1.3)",
    )


def _sections(parts: List[WeightedText]) -> Tuple[Tuple[WeightedText, ...], ...]:
    """The parts between BREAKs; neighbours of the same weight are one."""
    sections: List[List[WeightedText]] = [[]]
    for part in parts:
        for number, text in enumerate(BREAK.split(part.text)):
            if number > 0:
                sections.append([])
            last = sections[-1]
            if last and last[-1].weight == part.weight:
                last[-1] = WeightedText(last[-1].text + text, part.weight)
            elif text:
                last.append(WeightedText(text, part.weight))
    return tuple(map(tuple, sections))


def _lora(kind: str, content: str, whole: str, field: str) -> Lora:
    name, *weights = content.split(":")
    if kind.lower() not in ("lora", "lyco") or not name.strip() or len(weights) > 1:
        raise AcetateError(
            "bad_request",
            f"the {field} has {whole}, which is not known",
            field=field,
            hint="a LoRA is named with one weight or none, as in <lora:ink:0.8>",
        )
    try:
        return Lora(name.strip(), float(weights[0]) if weights else 1.0)
    except (ValueError, AcetateError) as error:
        raise AcetateError(
            "bad_request",
            f"the {field} has {whole}, whose weight is no number from -4 to 4",
            field=field,
            hint="write a number, as in <lora:ink:0.8>",
        ) from error
