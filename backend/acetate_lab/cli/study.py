"""`acetate study`: ask people, blind, whether they prefer native layers or cut-outs, and count their votes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from acetate.cli.json_output import JsonOption, refuse, write_json
from acetate.i18n import tr as _

from acetate_lab.cli.reports import ReportOption, finish, prepare

app = typer.Typer(help=_("Ask people, blind, whether they prefer native layers or cut-outs."))


@app.callback(invoke_without_command=True)
def study(
    context: typer.Context,
    pairs: Annotated[
        Path,
        typer.Option(
            "--pairs", metavar="DIR", help=_("Pictures NAME.native.png and NAME.cutout.png, as evaluate cutout writes.")
        ),
    ] = Path("cutout-report/pairs"),
    output: Annotated[
        Path, typer.Option("--output", "-o", help=_("The page to write; its key goes beside it."))
    ] = Path("study.html"),
    seed: Annotated[int, typer.Option(min=0, help=_("Decides which picture of a pair comes first in the page."))] = 0,
    json_file: JsonOption = None,
) -> None:
    """Write a page that asks which of two pictures looks better, and the key that tells which is which.

    Send the page to people; each saves a file of votes. Keep the key: `acetate study result VOTES…` needs it.
    """
    if context.invoked_subcommand is not None:
        return
    from acetate_lab.evaluation.study.pairs import read_pairs
    from acetate_lab.evaluation.study.study_page import key_path, write_study

    if output.suffix.lower() not in (".html", ".htm"):
        refuse(_("{path} is no page: give a name that ends in .html").format(path=output))
    console = prepare(output.parent, json_file)
    try:
        written = write_study(read_pairs(pairs), output, seed)
    except ValueError as error:
        refuse(str(error))
    except OSError as error:
        refuse(_("{path} cannot be written: {reason}").format(path=output, reason=error.strerror))
    lines = (
        _("{count} pairs: {path}").format(count=len(written.pairs), path=output),
        _("Keep the key to yourself: {path}").format(path=key_path(output)),
    )
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)
    document = {"study": written.id, "pairs": len(written.pairs), "page": str(output), "key": str(key_path(output))}
    write_json(json_file, document)


@app.command()
def result(
    votes: Annotated[list[Path], typer.Argument(metavar="VOTES...", help=_("The files that people saved."))],
    key: Annotated[Path, typer.Option("--key", metavar="FILE", help=_("The key written beside the page."))] = Path(
        "study.key.json"
    ),
    report: ReportOption = Path("study-report"),
    json_file: JsonOption = None,
) -> None:
    """Count votes: how often the native layer was preferred, with its confidence interval."""
    from acetate_lab.evaluation.study.report import study_json, write_study_report
    from acetate_lab.evaluation.study.study_page import read_key
    from acetate_lab.evaluation.study.votes import count_votes, read_ballot

    try:
        opened = read_key(key)
        counted = count_votes([read_ballot(path, opened) for path in votes], opened)
    except ValueError as error:
        refuse(str(error))
    console = prepare(report, json_file)
    console.print(
        _("Native preferred in {share} of {votes} votes by {people} people").format(
            share=counted.overall.text(), votes=counted.overall.votes, people=counted.people
        )
    )
    for share in counted.kinds:
        console.print(f"  {share.label}: {share.text()}", markup=False)
    finish(console, json_file, study_json(counted), lambda: write_study_report(counted, report))
