"""Evaluation of a study's votes: a percentage with its confidence interval, in all and by kind."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import Any

from acetate_lab.evaluation.study.study_page import Study

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Ballot:
    """One person's answers: for the number of each pair, whether the native picture was chosen."""

    person: str
    answers: dict[int, bool]


@dataclass(frozen=True)
class Share:
    """How many of `votes` were for native, and the confidence interval of the share at `CONFIDENCE`."""

    label: str
    native: int
    votes: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """The share of votes for native, in [0, 1]."""
        return self.native / self.votes

    def text(self) -> str:
        """`97.0% (93.1% to 98.7%)`."""
        return f"{self.share:.1%} ({self.low:.1%} to {self.high:.1%})"


@dataclass(frozen=True)
class StudyResult:
    """The shares in all, of each kind of picture, and of each pair, and how many people voted."""

    study: str
    people: int
    overall: Share
    kinds: tuple[Share, ...]
    pairs: tuple[Share, ...]


def wilson(successes: int, trials: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The Wilson score interval of a share (Wilson 1927), which stays inside [0, 1] however few the trials are.

    Raises ValueError without trials.
    """
    if trials < 1:
        raise ValueError("an interval needs at least one vote")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share, shrink = successes / trials, 1 + z * z / trials
    middle = (share + z * z / (2 * trials)) / shrink
    reach = z / shrink * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    return max(0.0, middle - reach), min(1.0, middle + reach)


def read_ballot(path: Path, study: Study) -> Ballot:
    """Read the file that the study's page saved. Raises ValueError of one line when it is not one of this study."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from None
    if not isinstance(found, dict) or not isinstance(found.get("votes"), list) or not found.get("person"):
        raise ValueError(f"{path} holds no votes: give the files that the study's page saved")
    if found.get("study") != study.id:
        raise ValueError(f"{path} is of another study ({found.get('study')!r}, not {study.id!r})")
    answers: dict[int, bool] = {}
    for vote in found["votes"]:
        pair, chosen = _vote(path, vote, len(study.pairs))
        answers[pair] = chosen == study.pairs[pair].native
    if not answers:
        raise ValueError(f"{path} holds no votes yet")
    return Ballot(str(found["person"]), answers)


def count_votes(ballots: Sequence[Ballot], study: Study) -> StudyResult:
    """Add up all ballots. Raises ValueError when there are none, or a person voted twice."""
    people = [ballot.person for ballot in ballots]
    twice = next((person for person in people if people.count(person) > 1), None)
    if twice is not None:
        raise ValueError(f"the person {twice} is there twice: give each file of votes once")
    answers = [(pair, native) for ballot in ballots for pair, native in ballot.answers.items()]
    kinds = [kind for kind in dict.fromkeys(pair.kind for pair in study.pairs) if kind]
    return StudyResult(
        study=study.id,
        people=len(people),
        overall=_share("all", [native for _, native in answers]),
        kinds=_shares([(study.pairs[pair].kind, native) for pair, native in answers], kinds),
        pairs=_shares([(study.pairs[pair].name, native) for pair, native in answers], [p.name for p in study.pairs]),
    )


def _shares(answers: Sequence[tuple[str, bool]], labels: Sequence[str]) -> tuple[Share, ...]:
    found = {label: [native for name, native in answers if name == label] for label in labels}
    return tuple(_share(label, votes) for label, votes in found.items() if votes)


def _share(label: str, votes: Sequence[bool]) -> Share:
    low, high = wilson(sum(votes), len(votes))
    return Share(label, sum(votes), len(votes), low, high)


def _vote(path: Path, vote: Any, pairs: int) -> tuple[int, int]:
    pair = vote.get("pair") if isinstance(vote, dict) else None
    chosen = vote.get("chosen") if isinstance(vote, dict) else None
    if not isinstance(pair, int) or not 0 <= pair < pairs or chosen not in (0, 1):
        raise ValueError(f"{path} has a damaged vote: {vote!r:.80}")
    return pair, chosen
