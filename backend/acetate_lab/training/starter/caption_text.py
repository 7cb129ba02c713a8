"""Captions for the starter's pictures, its tokenizer, and the list of words that it knows."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterable
from pathlib import Path

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import CLIPTokenizer

from acetate_lab.synthetic.backgrounds import BACKDROPS
from acetate_lab.training import packages
from acetate_lab.training.starter.concepts import ATTRIBUTE_WORDS, COLOUR_WORDS, STYLE_WORDS, TINT_WORDS, Concept
from acetate_lab.training.starter.dataset import PictureRecord
from acetate_lab.training.starter.plurals import IRREGULAR, plural
from acetate_lab.training.starter.wording import ROLES, Wording

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
    "on",
    "next",
    "to",
    "beside",
    "two",
    "three",
    "front",
    "behind",
)
TOKENS = 2500
MAX_TOKENS = 32


def wording(record: PictureRecord, colour: str, turned: bool) -> Wording:
    """Caption texts of one picture; a changed hue is always named, the original colour sometimes."""
    role = "background" if record.use == "backdrop" else "layer"
    return Wording((record.words,), (colour,), (turned,), record.style, role=role)


def caption(record: PictureRecord, colour: str, turned: bool, chance: random.Random) -> str:
    """One way to ask for the picture, without the mark of its role."""
    return wording(record, colour, turned).phrase(chance)


def train_tokenizer(records: Iterable[PictureRecord], folder: Path) -> CLIPTokenizer:
    """A small CLIP tokenizer for these records' words, saved in `folder`; unknown words fall apart into letters."""
    records = list(records)
    words = [
        *FILLERS,
        *COLOUR_WORDS,
        *TINT_WORDS,
        *ATTRIBUTE_WORDS,
        *STYLE_WORDS,
        "abcdefghijklmnopqrstuvwxyz0123456789-',.",
    ]
    words += [word for record in records for word in (*record.words, record.colour)]
    words += [several for record in records if (several := plural(record.name))]
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
    known: dict[str, list[str]] = {}
    for record in records:
        words = known.setdefault(record.name, [])
        words += [word for word in record.words if word != record.name and word not in words]
    vocabulary = {
        "native_size": size,
        "roles": ROLES,
        "things": [{"name": name, "words": words} for name, words in known.items()],
        "backgrounds": [{"name": each.name, "words": list(each.synonyms)} for each in BACKDROPS.values()],
        "styles": list(STYLE_WORDS),
        "colours": sorted({*COLOUR_WORDS, *TINT_WORDS, *(record.colour for record in records if record.colour)}),
        "words": [*FILLERS, *ATTRIBUTE_WORDS, *IRREGULAR.values()],
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
