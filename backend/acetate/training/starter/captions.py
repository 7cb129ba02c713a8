"""Captions for the starter's pictures, its tokenizer, and the list of words that it knows."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterable
from pathlib import Path

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import CLIPTokenizer

from acetate.training import packages
from acetate.training.backdrops import BACKDROPS
from acetate.training.starter.concepts import COLOUR_WORDS, STYLE_WORDS, Concept, without_colour
from acetate.training.starter.pictures import PictureRecord

STYLE_DROPPED = {"3d": 0.7, "cartoon": 0.35, "flat": 0.35, "painted": 0.8}
"""How often a style's word is left out: a prompt without a style should mostly give the richest look."""

COLOUR_NAMED = 0.4
FILLERS = (
    "a",
    "an",
    "the",
    "of",
    "with",
    "one",
    "some",
    "picture",
    "drawing",
    "painting",
    "photo",
    "style",
    "in",
    "and",
)
TOKENS = 2500
MAX_TOKENS = 32
ROLES = {"layer": "<|layer|>", "background": "<|background|>", "blend": "<|blend|>"}
"""The mark, one token, that a caption begins with: what the picture is. A layer's words can then not ask for an
opaque backdrop.
"""


def with_role(role: str, text: str) -> str:
    """A caption behind the mark of its role in `ROLES`; a dropped (empty) caption keeps the mark."""
    return f"{ROLES[role]} {text}".rstrip()


def article(phrase: str) -> str:
    """`a` or `an`, or nothing before a plural."""
    if phrase.endswith("s") and not phrase.endswith("ss") and not phrase.endswith("us"):
        return ""
    return "an " if phrase[0] in "aeiou" else "a "


def caption(record: PictureRecord, colour: str, turned: bool, chance: random.Random) -> str:
    """One way to ask for the picture; a turned hue is always named, a picture's own colour sometimes."""
    noun = chance.choice((record.name, record.name, *record.words))
    named = colour if colour and (turned or chance.random() < COLOUR_NAMED) else ""
    if named and turned:
        noun = without_colour(noun)
    phrase = noun if not named or named in noun.split() else f"{named} {noun}"
    style = "" if chance.random() < STYLE_DROPPED[record.style] else record.style
    if style and chance.random() < 0.5:
        phrase, style = f"{style} {phrase}", ""
    text = phrase if chance.random() < 0.4 else article(phrase) + phrase
    return f"{text}, {style}" if style else text


def train_tokenizer(records: Iterable[PictureRecord], folder: Path) -> CLIPTokenizer:
    """A small CLIP tokenizer for these records' words, saved in `folder`; unknown words fall apart into letters."""
    words = [*FILLERS, *COLOUR_WORDS, *STYLE_WORDS, "abcdefghijklmnopqrstuvwxyz0123456789-',."]
    words += [word for record in records for word in (*record.words, record.colour)]
    tokenizer = Tokenizer(models.BPE(end_of_word_suffix="</w>", unk_token="<|endoftext|>"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Whitespace(), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    alphabet = [symbol + end for symbol in pre_tokenizers.ByteLevel.alphabet() for end in ("", "</w>")]
    trainer = trainers.BpeTrainer(
        vocab_size=TOKENS + len(alphabet),
        special_tokens=["<|startoftext|>", "<|endoftext|>", *sorted(alphabet)],
        end_of_word_suffix="</w>",
        show_progress=False,
    )
    tokenizer.train_from_iterator(words, trainer)
    trained = json.loads(tokenizer.to_str())["model"]
    merges = [tuple(merge) if isinstance(merge, list) else tuple(merge.split(" ")) for merge in trained["merges"]]
    clip = CLIPTokenizer(vocab=trained["vocab"], merges=merges, model_max_length=MAX_TOKENS)
    clip.add_special_tokens({"additional_special_tokens": list(ROLES.values())})
    clip.save_pretrained(folder)
    return clip


def write_vocabulary(
    path: Path, size: int, records: Iterable[PictureRecord], concepts: Iterable[Concept], keywords: Path
) -> None:
    """Write vocabulary.json: the things, backgrounds and other words that captions used, and related words."""
    records = list(records)
    known = {record.name: list(record.words[1:]) for record in records}
    vocabulary = {
        "native_size": size,
        "roles": ROLES,
        "things": [{"name": name, "words": words} for name, words in known.items()],
        "backgrounds": [{"name": each.name, "words": list(each.synonyms)} for each in BACKDROPS.values()],
        "styles": list(STYLE_WORDS),
        "colours": sorted({*COLOUR_WORDS, *(record.colour for record in records if record.colour)}),
        "words": list(FILLERS),
        "related": _related_words(known, concepts, keywords),
    }
    path.write_text(json.dumps(vocabulary, indent=1) + "\n", encoding="utf-8")


def _related_words(known: dict[str, list[str]], concepts: Iterable[Concept], keywords: Path) -> dict[str, str]:
    """Words about the known things (emojilib's keywords) and about unknown ones of their kind, to the nearest thing."""
    by_emoji = json.loads((keywords / "dist" / "emoji-en-US.json").read_text(encoding="utf-8"))
    by_code = {"-".join(f"{ord(c):x}" for c in emoji if ord(c) != 0xFE0F): words for emoji, words in by_emoji.items()}
    taken = {word for name, words in known.items() for phrase in (name, *words) for word in phrase.split()}
    counts: dict[str, list[str]] = {}
    for concept in concepts:
        if concept.name in known:
            for phrase in by_code.get(concept.code.replace("-fe0f", ""), []):
                for word in re.findall(r"[a-z]+", phrase.lower()):
                    counts.setdefault(word, []).append(concept.name)
    # A word that half the vocabulary shares ("nature", "food") points nowhere.
    return {
        word: names[0]
        for word, names in sorted(counts.items())
        if len(set(names)) <= 3 and word not in taken and len(word) > 2
    }


KEYWORD_PACKAGE = packages.KEYWORDS
