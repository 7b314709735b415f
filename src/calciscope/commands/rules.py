"""``calciscope rules``: the knowledge, browsable, and the check of a hospital's own folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from calciscope.errors import KnowledgeError

if TYPE_CHECKING:
    from calciscope.interpret.rules import CompiledRule

app = typer.Typer(help="The rules: list, search, print, and check a folder of your own.", no_args_is_help=False)

KnowledgeOption = Annotated[
    list[Path] | None, typer.Option("--knowledge", metavar="DIR", help="A folder of your own rules, added.")
]
# A statement longer than this is cut in a list.
_LINE = 110


@app.callback(invoke_without_command=True)
def _root(context: typer.Context) -> None:
    """The rules: list, search, print, and check a folder of your own."""
    if context.invoked_subcommand is None:
        list_rules()


@app.command("list")
def list_rules(
    words: Annotated[list[str] | None, typer.Argument(metavar="[WORD]...", help="Words that a rule holds.")] = None,
    site: Annotated[str | None, typer.Option(metavar="SITE", help="Only rules about this place.")] = None,
    status: Annotated[
        str | None, typer.Option(metavar="current|superseded|unverified", help="Only rules of this status.")
    ] = None,
    knowledge: KnowledgeOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """List rules, a line each: id, status, statement."""
    from calciscope.domain import site as sites
    from calciscope.interpret import rules
    from calciscope.report import rules as text

    if status not in (None, "current", "superseded", "unverified"):
        raise typer.BadParameter(f"--status is current, superseded or unverified, not {status!r}")
    if site is not None and not sites.exists(site):
        close = sites.nearest(site)
        raise typer.BadParameter(f"--site: there is no site {site}" + (f"; did you mean {close}?" if close else ""))
    known = rules.load(tuple(knowledge or ()))
    found = text.chosen(known, words or (), site, status)
    if as_json:
        typer.echo(json.dumps([_whole(rule) for rule in found], indent=1, ensure_ascii=False))
        return
    chapter = ""
    for rule in found:
        if rule.chapter != chapter:
            chapter = rule.chapter
            typer.echo(f"{chapter}:")
        statement = rule.rule.statement
        shown = statement if len(statement) <= _LINE else statement[: _LINE - 1].rstrip() + "…"
        typer.echo(f"  {rule.id} ({rule.rule.status}): {shown}")
    typer.echo(f"{len(found)} of {len(known.rules)} rules")


@app.command()
def show(
    names: Annotated[list[str], typer.Argument(metavar="ID...", help="Ids of rules.")],
    knowledge: KnowledgeOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Print rules with their condition, source, edition, status and examples."""
    from difflib import get_close_matches

    from calciscope.interpret import rules
    from calciscope.report import rules as text

    known = rules.load(tuple(knowledge or ()))
    found = []
    for name in names:
        rule = known.get(name)
        if rule is None:
            close = get_close_matches(name, [one.id for one in known.rules], n=1, cutoff=0.4)
            raise KnowledgeError(f"there is no rule {name}" + (f"; did you mean {close[0]}?" if close else ""))
        found.append(rule)
    if as_json:
        typer.echo(json.dumps([_whole(rule) for rule in found], indent=1, ensure_ascii=False))
        return
    typer.echo("\n\n".join("\n".join(text.everything(rule, known)) for rule in found))


@app.command()
def check(folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder of your own rules.")]) -> None:
    """Check a folder of rules: one line for each thing that is wrong; exit code 2 if there is any."""
    from calciscope.interpret.audit import audit
    from calciscope.interpret.rules import load

    found = audit(folder)
    for line in found:
        typer.echo(line, err=True)
    if found:
        raise KnowledgeError(f"{folder.name}: {len(found)} {'mistake' if len(found) == 1 else 'mistakes'}")
    embedded = {rule.id: rule.rule for rule in load().rules}
    own = [rule for rule in load((folder,)).rules if embedded.get(rule.id) != rule.rule]
    replaced = sum(rule.id in embedded for rule in own)
    typer.echo(f"{folder.name}: nothing wrong; {len(own) - replaced} rules added, {replaced} replaced")


def _whole(rule: CompiledRule) -> dict[str, object]:
    return {"chapter": rule.chapter, "at": list(rule.sites), **rule.rule.model_dump(mode="json", exclude_defaults=True)}
