"""The study's page in a real browser: answered by keyboard alone, it saves votes that the result command counts."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from acetate_lab.evaluation.study.pairs import read_pairs
from acetate_lab.evaluation.study.study_page import key_path, read_key, write_study
from acetate_lab.evaluation.study.votes import read_ballot
from PIL import Image

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PAIRS = 4
ANSWERS = """
<script>
const press = key => document.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
const visible = id => !document.getElementById(id).hidden;
const log = [];
log.push(["focus", document.activeElement.id]);
document.activeElement.click();
press("ArrowRight"); press("Backspace"); press("b");
log.push(["backdrop", document.getElementById("pair").className]);
for (let pair = 0; pair < PAIRS; pair++) press("ArrowLeft");
log.push(["end", visible("end")], ["focus", document.activeElement.id]);
const shown = session.plan.map(each => each.left);
URL.createObjectURL = blob => { window.saved = blob; return "#"; };
document.activeElement.click();
window.saved.text().then(text => {
  const told = JSON.stringify({ log, shown, votes: JSON.parse(text) });
  document.body.dataset.told = btoa(unescape(encodeURIComponent(told)));
});
</script>
""".replace("PAIRS;", f"{PAIRS};")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, object], Path]:
    """What the page did when a script pressed its keys, and the folder with the page's key."""
    if BROWSER is None:
        pytest.skip("no Chromium here; on Debian and Ubuntu: sudo apt install chromium")
    folder = tmp_path_factory.mktemp("study")
    for index in range(PAIRS):
        for half in ("native", "cutout"):
            pixels = np.random.default_rng(index).integers(0, 256, (8, 8, 4), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"kind.{index}.{half}.png")
    page = folder / "study.html"
    write_study(read_pairs(folder), page, seed=1)
    driven = folder / "driven.html"
    driven.write_text(page.read_text(encoding="utf-8").replace("</body>", f"{ANSWERS}</body>"), encoding="utf-8")
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=3000"]
    command += [f"--user-data-dir={folder / 'profile'}", "--dump-dom", driven.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    found = re.search(r'data-told="([^"]+)"', done.stdout)
    assert found is not None, done.stderr[-2000:]
    return json.loads(base64.b64decode(found[1])), folder


def test_the_page_is_answered_by_keyboard_alone(told: tuple[dict[str, object], Path]) -> None:
    log = told[0]["log"]
    assert isinstance(log, list)
    focus, backdrop, end, last = log
    assert focus == ["focus", "begin"] and last == ["focus", "save"]
    assert end == ["end", True]
    assert backdrop[1] in {"pair checker", "pair black", "pair white"}


def test_the_saved_votes_record_order_and_sides_and_are_counted(told: tuple[dict[str, object], Path]) -> None:
    saved, folder = told[0]["votes"], told[1]
    assert isinstance(saved, dict)
    assert sorted(vote["pair"] for vote in saved["votes"]) == list(range(PAIRS))
    assert [vote["pair"] for vote in saved["votes"]] == [each["pair"] for each in saved["plan"]]
    assert [vote["chosen"] for vote in saved["votes"]] == [vote["left"] for vote in saved["votes"]] == told[0]["shown"]
    (folder / "votes.json").write_text(json.dumps(saved), encoding="utf-8")
    study = read_key(key_path(folder / "study.html"))
    ballot = read_ballot(folder / "votes.json", study)
    assert ballot.answers == {v["pair"]: v["left"] == study.pairs[v["pair"]].native for v in saved["votes"]}
