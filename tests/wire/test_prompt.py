"""The syntax of prompts, as AUTOMATIC1111's web UI reads it."""

from __future__ import annotations

import pytest
from acetate_wire.errors import AcetateError
from acetate_wire.prompt import parse_prompt, plain_words
from acetate_wire.request import Lora

READ: dict[str, list[list[tuple[str, float]]]] = {
    "a red apple": [[("a red apple", 1)]],
    "": [[]],
    "a (red) apple": [[("a ", 1), ("red", 1.1), (" apple", 1)]],
    "a [red] apple": [[("a ", 1), ("red", 1 / 1.1), (" apple", 1)]],
    "(red:1.3)": [[("red", 1.3)]],
    "(red : 0.5 )": [[("red ", 0.5)]],
    "(red:-.5)": [[("red", -0.5)]],
    "((red))": [[("red", 1.21)]],
    "[[red]]": [[("red", 1 / 1.21)]],
    "(a (b:1.5) c:0.5)": [[("a ", 0.5), ("b", 0.75), (" c", 0.5)]],
    "([a])": [[("a", 1)]],
    r"a \(b\) \[c\] \\ d": [[("a (b) [c] \\ d", 1)]],
    r"(a \(b\):1.2)": [[("a (b)", 1.2)]],
    "a (b": [[("a ", 1), ("b", 1.1)]],
    "a) b] c": [[("a) b] c", 1)]],
    "ratio 3:4, (a:b)": [[("ratio 3:4, ", 1), ("a:b", 1.1)]],
    "a cat BREAK a dog": [[("a cat", 1)], [("a dog", 1)]],
    "(a BREAK b:1.2) c": [[("a", 1.2)], [("b", 1.2), (" c", 1)]],
    "BREAKFAST break": [[("BREAKFAST break", 1)]],
    "1 < 2 <b>": [[("1 < 2 <b>", 1)]],
}


@pytest.mark.parametrize("text", READ)
def test_prompts_are_read_as_the_web_ui_reads_them(text: str) -> None:
    read = parse_prompt(text)
    assert [[part.text for part in section] for section in read.sections] == [
        [words for words, _ in section] for section in READ[text]
    ]
    weights = [part.weight for section in read.sections for part in section]
    assert weights == pytest.approx([weight for section in READ[text] for _, weight in section])
    assert read.loras == ()


def test_loras_are_taken_out_of_the_text() -> None:
    read = parse_prompt("a <lora:ink:0.8> cat<lyco:old paper>, (soft<lora:x:-1>:1.2)")
    assert read.loras == (Lora("ink", 0.8), Lora("old paper"), Lora("x", -1.0))
    assert read.plain == "a cat, soft"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("a [cat:dog:0.5]", "[cat:dog:0.5]"),
        ("a [cat:10]", "[cat:10]"),
        ("a [cat|dog]", "[cat|dog]"),
        ("<hypernet:x:1>", "<hypernet:x:1>"),
        ("<lora:x:1:0.5>", "<lora:x:1:0.5>"),
        ("<lora::1>", "<lora::1>"),
        ("<lora:x:strong>", "<lora:x:strong>"),
        ("<lora:x:9>", "<lora:x:9>"),
        ("<lora:x:nan>", "<lora:x:nan>"),
        ("(a:12)", "12"),
    ],
)
def test_what_cannot_be_done_is_refused_by_name_and_never_passed_over(text: str, named: str) -> None:
    with pytest.raises(AcetateError) as refusal:
        parse_prompt(text, "negative")
    assert (refusal.value.code, refusal.value.field) == ("bad_request", "negative")
    assert named in refusal.value.message and refusal.value.hint
    assert plain_words(text) == text


def test_brackets_are_escaped_out_of_what_would_be_refused() -> None:
    assert parse_prompt(r"\[cat|dog\]").plain == "[cat|dog]"


def test_the_words_of_a_prompt_have_no_syntax() -> None:
    assert plain_words(r"(a [red] apple:1.2) BREAK \(ripe\) <lora:ink:0.5>") == "a red apple (ripe)"
