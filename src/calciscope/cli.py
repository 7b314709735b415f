"""The command line: commands, exit codes and progress bars; the work is done elsewhere.

Exit codes: 0 done, 1 internal error, 2 usage, 3 nothing could be assessed.
"""

from __future__ import annotations

import io
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from calciscope.commands import compare, explain, node, outputs, rules, serve, terminal
from calciscope.commands import patient as reader
from calciscope.errors import CalciscopeError, NothingToAssessError, OutputError

if TYPE_CHECKING:
    from calciscope.domain.plain import PlainText
    from calciscope.domain.scores import LabelScores
    from calciscope.pipeline import Options, Run
    from calciscope.simulate.compare import Comparison

app = typer.Typer(
    name="calciscope",
    help="Is it serious? Finds, places, measures and interprets any calcification; informs, never diagnoses.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(rules.app, name="rules")
app.add_typer(serve.app, name="serve")
app.command()(compare.compare)
app.command()(explain.explain)
app.command()(node.node)
EXIT_INTERNAL, EXIT_USAGE, EXIT_NOTHING = 1, 2, 3

PatientOption = Annotated[
    Path | None, typer.Option("--patient", metavar="FILE", help="What is known of the patient (YAML or JSON).")
]
OutOption = Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the files are written.")]


def _version(show: bool) -> None:
    if show:
        from calciscope.provenance import calciscope_version

        typer.echo(f"calciscope {calciscope_version()}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and stop.")
    ] = False,
) -> None:
    """Is it serious? Finds, places, measures and interprets any calcification."""


@app.command()
def assess(
    inputs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[INPUT]...", help="DICOM folders or files, ZIPs, NIfTI, NRRD, MHA and report texts of one patient."
        ),
    ] = None,
    patient: PatientOption = None,
    anatomy: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME|FILE[,NAMES.csv]",
            help="Anatomy provider (embedded, totalsegmentator) or label map; of several a later one overrides.",
        ),
    ] = None,
    preset: Annotated[str, typer.Option(metavar="NAME", help="Rules of the calcium score.")] = "standard",
    guidelines: Annotated[str, typer.Option(metavar="esc|us", help="Which guidelines speak first.")] = "esc",
    corrections: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Deposits that a person moves, rejects, restores or merges.")
    ] = None,
    knowledge: Annotated[
        list[Path] | None, typer.Option(metavar="DIR", help="A folder of your own rules, added to the built-in ones.")
    ] = None,
    patient_id: Annotated[
        str | None, typer.Option(metavar="ID", help="Which patient, where the inputs hold several.")
    ] = None,
    debug_anatomy: Annotated[
        bool,
        typer.Option(
            "--debug-anatomy", help="Also list rejected candidates, and draw every structure and candidate in anatomy/."
        ),
    ] = False,
    audience: reader.ReaderOption = reader.CLINICIAN,
    formats: outputs.FormatOption = None,
    each_deposit: outputs.EachDepositOption = False,
    fhir_patient: outputs.FhirPatientOption = None,
    deidentify: outputs.DeidentifyOption = False,
    pseudonym: outputs.PseudonymOption = None,
    out: OutOption = Path("calciscope-out"),
) -> None:
    """Assess a study: is the calcium in it serious?"""
    reader.check(audience)
    wanted = outputs.check(formats, deidentify, pseudonym, each_deposit, fhir_patient)
    if not inputs and patient is None:
        raise typer.BadParameter("give at least one INPUT or --patient FILE")
    if guidelines not in ("esc", "us"):
        raise typer.BadParameter(f"--guidelines is esc or us, not {guidelines!r}")
    from calciscope.pipeline import Options

    options = Options(
        anatomy=tuple(anatomy or ("embedded",)),
        preset=preset,
        guidelines=guidelines,
        corrections=corrections,
        knowledge=tuple(knowledge or ()),
        patient_id=patient_id,
        rejected=debug_anatomy,
        origins=wanted.needs_origins,
    )
    terminal.check_writable(out)
    run = wanted.cleaned(_run(inputs or [], patient, options))
    # Written before anything is shown: a pipe that closes early must not lose the report.
    plain = reader.plain(run.assessment, options.knowledge) if audience == reader.PATIENT else None
    base = _write(run, out, plain)
    more = wanted.write(run, (*(inputs or ()), *([patient] if patient is not None else ())), out)
    written = (*more.paths, *base)
    if plain is not None:
        reader.show(plain)
    else:
        terminal.show(run.assessment)
    for line in more.refused:
        typer.echo(f"not written: {line}", err=True)
    for path in written:
        typer.echo(path)


@app.command()
def score(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="DICOM folder, file or ZIP, NIfTI, NRRD or MHA.")],
    mask: Annotated[
        Path,
        typer.Option(metavar="MASK", help="Labels on any grid: NIfTI, NRRD, MHA or DICOM SEG.", show_default=False),
    ],
    names: Annotated[
        Path | None, typer.Option(metavar="TABLE", help="CSV label,structure; without it numbers are the names.")
    ] = None,
    preset: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Rules of the score; several give a comparison.")
    ] = None,
    mass_factor: Annotated[
        float | None, typer.Option(metavar="F", help="Mass of a HU, mg/mm3/HU or mg/cm3/HU, from a calibration.")
    ] = None,
    kvp: Annotated[float | None, typer.Option(metavar="KV", help="Tube voltage if the image does not say it.")] = None,
    contrast: Annotated[
        str | None, typer.Option(metavar="none|given", help="Contrast if the image does not say it.")
    ] = None,
    patient_id: Annotated[
        str | None, typer.Option(metavar="ID", help="Which patient, where the image holds several.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
    csv: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Also write a row a number here.")] = None,
) -> None:
    """Score a mask: the numbers of every label and of all together, no search and no judgement."""
    from calciscope.domain.image import Contrast
    from calciscope.report import scores
    from calciscope.scoring import Options, score_files

    if contrast is not None and contrast not in tuple(Contrast):
        raise typer.BadParameter(f"--contrast is none or given, not {contrast!r}")
    chosen = [name.strip() for given in preset or ["standard"] for name in given.split(",") if name.strip()]
    options = Options(
        presets=tuple(dict.fromkeys(chosen)),
        names=names,
        mass_factor=mass_factor,
        kvp=kvp,
        contrast=Contrast(contrast) if contrast else None,
        patient_id=patient_id,
    )
    if csv is not None:
        terminal.check_writable(csv.parent, "--csv")
        _check_spared(csv, image, mask, names)
    with terminal.progress() as tell:
        results = score_files(image, mask, options, tell)
    if csv is not None:
        with terminal.writing(csv, "--csv"):
            csv.parent.mkdir(parents=True, exist_ok=True)
            scores.save_csv(results, csv)
    if as_json:
        typer.echo(scores.to_json(results))
    else:
        _show_scores(results)
    if why := scores.refusal(results):
        raise NothingToAssessError(f"no calcium score can be given: {why}")


@app.command()
def demo(
    seed: Annotated[int, typer.Option(help="The same seed gives the same patient.")] = 1,
    out: OutOption = Path("calciscope-demo"),
) -> None:
    """Simulate a patient with known deposits, assess the study as a stranger's, and compare measured with true."""
    from calciscope.pipeline import Options
    from calciscope.simulate import compare, dicom, mask
    from calciscope.simulate.patient import simulate

    terminal.check_writable(out)
    with terminal.progress() as tell:
        tell("simulating a patient", 0.0)
        simulated = simulate(seed=seed)
        tell("writing a DICOM series", 0.8)
        with terminal.writing(out):
            # Slices that the demo of another seed left behind would be a second patient's.
            for old in (out / "study").glob("[0-9][0-9][0-9][0-9].dcm"):
                old.unlink()
            study = dicom.write(simulated, out / "study")
            mask.write(simulated.mask, [one.site for one in simulated.truth], simulated.volume.geometry, out)
    run = _run([study], simulated.patient, Options())
    report = _write(run, out)[-1]
    terminal.show(run.assessment)
    _compare(compare.compare(simulated.truth, run.assessment))
    typer.echo(f"Open the report in a browser: {report}")


def main() -> None:
    """The entry point: every error becomes one line on standard error and an exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that cannot show a sign of a file name must not cost the whole answer.
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except NothingToAssessError as error:
        for line in error.lines:
            typer.echo(f"calciscope: {line}", err=True)
        sys.exit(EXIT_NOTHING)
    except CalciscopeError as error:
        typer.echo(f"calciscope: {error}", err=True)
        sys.exit(EXIT_USAGE)
    except Exception as error:  # noqa: BLE001 - the last door: an unforeseen error must not print patient data
        if os.environ.get("CALCISCOPE_TRACEBACK"):
            traceback.print_exc()
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(last.filename).name}:{last.lineno}"
        typer.echo(
            f"calciscope: internal error ({type(error).__name__} at {where}); please report it. "
            "CALCISCOPE_TRACEBACK=1 shows more, which may hold text from your files",
            err=True,
        )
        sys.exit(EXIT_INTERNAL)


def _run(inputs: list[Path], patient: object, options: Options) -> Run:
    from calciscope import pipeline

    with terminal.progress() as tell:
        return pipeline.assess(inputs, patient, options, progress=tell)  # type: ignore[arg-type]


def _write(run: Run, out: Path, plain: PlainText | None = None) -> tuple[Path, ...]:
    """Write the files of an assessment and return their paths, the report last, or that for the patient."""
    from calciscope.report import csv, html, json
    from calciscope.report import plain as page

    with terminal.writing(out):
        out.mkdir(parents=True, exist_ok=True)
        debug: list[Path] = []
        if run.scans:
            from calciscope.report import anatomy

            debug.append(anatomy.write(run.scans, out / "anatomy"))
        return (
            *debug,
            json.write(run.assessment, out / "assessment.json"),
            csv.write(run.assessment, out / "deposits.csv"),
            html.write(run.assessment, run.pictures, out / "report.html"),
            *([page.write(plain, out / "patient.html")] if plain is not None else []),
        )


def _check_spared(csv: Path, *inputs: Path | None) -> None:
    """Say before the work that a table cannot take the place of a folder, and must not take that of what is read."""
    if csv.is_dir():
        raise OutputError(f"--csv {csv}: it is a folder; give the name of a file")
    if any(one is not None and one.exists() and csv.exists() and csv.samefile(one) for one in inputs):
        raise OutputError(f"--csv {csv}: it is read as input and would be overwritten; give another name")


def _show_scores(results: Sequence[LabelScores]) -> None:
    """The measures of one preset or the scores of several as a table, then how far they hold."""
    from calciscope.report import scores

    head, rows = scores.table(results)
    shown = Table(box=None, pad_edge=False)
    for place, title in enumerate(head):
        shown.add_column(title, justify="left" if place == 0 else "right", no_wrap=True)
    for row in rows:
        shown.add_row(*row)
    terminal.print_table(shown, wide=True)
    for line in scores.reasons(results):
        typer.echo(line)
    for note in results[0].notes:
        typer.echo(f"note: {note}")
    typer.echo("preset: " + ", ".join(f"{one.preset} {one.version}".strip() for one in results))
    typer.echo(results[0].disclaimer)


def _compare(comparison: Comparison) -> None:
    """Measured beside true, a row a true deposit."""
    from calciscope.report.text import number

    def cell(value: float | None) -> str:
        return "-" if value is None else number(value)

    table = Table("true site", "placed at", "place", "true mm3", "measured mm3", "true mg", "measured mg", box=None)
    for row in comparison.rows:
        numbers = (row.volume_true, row.volume_measured, row.mass_true, row.mass_measured)
        table.add_row(row.site, row.placed or "-", row.agreement, *map(cell, numbers))
    typer.echo("Measured against true:")
    terminal.print_table(table)
    typer.echo(
        f"{comparison.found} of {len(comparison.rows)} true deposits found, {comparison.exact} at their exact site, "
        f"{len(comparison.extra)} extra"
    )
