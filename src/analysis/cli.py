"""The command line: a thin door to the package. Exit 0 done, 1 some reports failed, 2 wrong use."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

import click

from analysis.errors import PausesError, ReportError
from analysis.places import ELSEWHERE, data_folder

MANY_CELLS, SECONDS_A_REPLICATE = 20, 0.0006  # of a cell of the size study
SHOWN = 40  # changed cells


class _Place(click.Path):
    """A path; an empty one, as of a shell's variable that is not set, is no wish for the default."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return super().convert(value, param, ctx) if value else self.fail("an empty path", param, ctx)


OUTCOMES = "Default: drones and missiles launched. May be repeated; a name that is none lists all."
RAW = click.option("--raw", type=_Place(file_okay=False), help="Folder of raw files; default data/raw.")
YES = click.option("--yes", is_flag=True, help="Replace without asking.")
OLDER = click.option("--older", is_flag=True, help="Take a copy that begins or ends inside the tables.")


class _Group(click.Group):
    """Show the package's own errors as one message; keep the traceback for --debug."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except PausesError as error:
            if ctx.params.get("debug"):
                raise
            click.echo(f"Error: {error}", err=True)
            sys.exit(2)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--debug", is_flag=True, help="Show tracebacks.")
@click.version_option(package_name="strike-pauses")
def main(debug: bool) -> None:
    """Did announced pauses change the strikes?"""


@main.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_pauses(as_json: bool) -> None:
    """List the announced pauses."""
    from analysis.machine import line, listed
    from analysis.pauses import REPORTED, load_pauses

    if not as_json:
        click.echo(f"{'id (* has a report)':38} {'announced':10}  {'status':13}  name")
    for pause in load_pauses().values():
        mark, announced = " *" if pause.role in REPORTED else "", str(pause.announced_at or "")[:10]
        plain = f"{pause.id + mark:38} {announced:10}  {pause.status:13}  {pause.name}"
        click.echo(line(listed(pause)) if as_json else plain)


@main.command()
@click.argument("pause_id", metavar="PAUSE")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def show(pause_id: str, as_json: bool) -> None:
    """Show one pause: who claimed which window, and what its length could reveal."""
    from analysis.launches import what_to_expect
    from analysis.machine import line, pause_object
    from analysis.pauses import get_pause, load_pauses, overlapping
    from analysis.plan import describe_looks, load_plan
    from analysis.words import listed

    registry = load_pauses()
    pause = get_pause(registry, pause_id)
    if as_json:
        click.echo(line(pause_object(pause)))
        return
    claims = pause.to_frame()
    windows = claims.drop(columns=["precision", "note"]).dropna(axis=1, how="all")
    about = [pause.summary(), f"Covers: {pause.geography}. Status: {pause.status}. Role: {pause.role}."]
    if others := [f"{other.id} ({other.status})" for other in overlapping(registry, pause)]:
        about.append(f"On some of the same days: {listed(others)}.")
    told = [_wrapped(about), windows.to_string(index=False, na_rep="–") if len(claims) else ""]
    told.append(_wrapped(f"{row.claim}: {row.note}" for row in claims.itertuples() if row.note))
    told.append(_wrapped(what_to_expect(pause)))
    if plan := load_plan(pause.id):
        told.append(_wrapped([f"By the plan fixed on {plan.fixed}:", *describe_looks(plan)]))
    click.echo("\n\n".join(filter(None, told)))


def _wrapped(lines: Iterable[str]) -> str:
    return "\n".join(click.wrap_text(line, width=100, subsequent_indent="  ") for line in lines)


@main.command()
@click.argument("pause_id", metavar="PAUSE")
@click.option("--outcome", "outcome_names", multiple=True, metavar="NAME", help=OUTCOMES)
@click.option("--claim", default="main", show_default=True)
@click.option("--as-of", metavar="DATE", help="With what was known on that day, as YYYY-MM-DD.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def test(pause_id: str, outcome_names: tuple[str, ...], claim: str, as_of: str | None, as_json: bool) -> None:
    """Test one pause: the answers in a word, then the verdicts and what they rest on."""
    from analysis.energy import assess_energy
    from analysis.launches import assess
    from analysis.machine import line, span
    from analysis.replay import assess_as_of
    from analysis.reports.front import as_known
    from analysis.scorecard import UNSURE, score_pause
    from analysis.setting import VOLUME
    from analysis.sirens import assess_regions
    from analysis.words import capital, outcome_label

    asked = {"claim": claim, "outcomes": outcome_names or VOLUME}
    with TemporaryDirectory() as place:
        found = assess_as_of(pause_id, as_of, into=place, **asked) if as_of else assess(pause_id, **asked)
        effects = list(found.effects)
        if not as_of and not outcome_names and found.claim == found.pause.main:
            effects += [*assess_energy(pause_id).effects, *assess_regions(pause_id).effects]
        card = score_pause(effects, found.pause, folder=found.setting.folder)
        answers = [a for a in card.leading if a.outcome and (not outcome_names or a.outcome in outcome_names)]
        if as_json:
            asked = {"pause": pause_id, "claim": found.claim, "as_of": as_of} | span(found.pause.days(found.claim))
            rows = [effect.row() for effect in effects]
            click.echo(line(asked | {"answers": [answer.row() for answer in answers], "rows": rows}))
            return
        sure = [f" How sure: {answer.how_sure()}." * (answer.how_sure() != UNSURE) for answer in answers]
        lines = [f"{a.asked}: {a.sentence()}{how}" for a, how in zip(answers, sure, strict=True)]
        parts = [[f"{as_known(place) if as_of else ''}{found.pause.name} (window: {found.claim})"], lines]
        for effect in map(found.primary, found.outcomes()):
            if effect.observed is None and any(answer.outcome == effect.outcome for answer in answers):
                continue  # that there is nothing to tell was told above
            basis = f"  Basis: {effect.reason}." * (effect.reason not in effect.summary())
            after = "" if effect.observed is None else f"  {found.rebound(effect.outcome)}"
            head = f"{capital(outcome_label(effect.outcome))}: {effect.verdict.upper()}"
            parts.append(filter(None, [head, f"  {effect.summary()}", basis, after]))
        parts += [[told] for told in (found.sirens(), found.planned(), found.lull and found.lull.summary()) if told]
        click.echo("\n\n".join(filter(None, map(_wrapped, parts))))


@main.command()
@click.argument("pause_id", metavar="PAUSE")
@click.option("--claim", default="main", show_default=True, help="Whose window.")
@click.option("--first", help="First night of the window, where no claim states one, as YYYY-MM-DD.")
@click.option("--last", help="Last night.")
@click.option("--why", default="", help="Why this window; stands in the plan.")
def plan(pause_id: str, claim: str, first: str | None, last: str | None, why: str) -> None:
    """Fix the test of a pause whose nights the data do not hold yet; a plan is never overwritten."""
    from analysis.pauses import get_pause, load_pauses
    from analysis.plan import describe_looks, make_plan, write_plan
    from analysis.windows import days_between

    if bool(first) != bool(last):
        raise click.UsageError("--first and --last name a window together: give both, or neither.")
    days = days_between(first, last) if first and last else None
    made = make_plan(get_pause(load_pauses(), pause_id), claim=claim, days=days, why_window=why)
    path = write_plan(made)
    click.echo(_wrapped(describe_looks(made)))
    click.echo(f"Fixed in data/{path.parent.name}/{path.name}.")


@main.command()
@click.argument("pause_ids", nargs=-1, metavar="[PAUSE]...")
@click.option("--only", multiple=True, metavar="NOTEBOOK", help="Only these notebooks, such as pause.")
@click.option("--jobs", type=int, help="Notebooks at a time; default as many as processors, at most 8.")
@click.option("--force", is_flag=True, help="Run what is up to date too.")
@click.option("--cold", is_flag=True, help="Start a plain kernel for each notebook.")
@click.option("--timeout", default=600, show_default=True, help="Seconds a cell may take.")
@click.option("--scheduler", metavar="ADDRESS", help="Execute on a dask cluster, such as tcp://host:8786.")
@click.option("--out", type=_Place(file_okay=False), help="Folder of reports; default reports/ of the clone.")
@click.option("--as-of", metavar="DATE", help="With what was known on that day, into reports/as-of/DATE.")
@click.option("--quiet", is_flag=True, help="Say only what failed.")
@click.option("--json", "as_json", is_flag=True, help="One JSON event a line.")
def report(
    pause_ids: tuple[str, ...], only: tuple[str, ...], jobs: int | None, force: bool, cold: bool, timeout: int,
    scheduler: str | None, out: str | None, as_of: str | None, quiet: bool, as_json: bool,
) -> None:  # fmt: skip
    """Make the reports of all reported pauses, or of those named, and the index."""
    from analysis.reports.progress import Progress
    from analysis.reports.store import inputs_digest, settled

    clone = data_folder().parent
    notebooks = clone / "notebooks"
    if not notebooks.is_dir():
        notebooks = clone / "_notebooks"
        if not out:
            raise ReportError("outside a clone reports need a place", field="--out", remedy="add --out FOLDER")
    if as_of:
        if scheduler or out:
            raise click.UsageError("--as-of writes to a place of its own, on this machine: without --scheduler, --out.")
        flags = {"--force": force, "--cold": cold, "--quiet": quiet, "--json": as_json}
        words = [*pause_ids, *(f"--only={name}" for name in only), *(flag for flag, given in flags.items() if given)]
        sys.exit(_report_as_of(as_of, [*words, f"--timeout={timeout}", *([f"--jobs={jobs}"] if jobs else ())]))
    place, inputs = Path(out or clone / "reports"), ""
    if not (pause_ids or only or jobs is not None or force or scheduler or as_json) and timeout > 0:
        inputs = inputs_digest(notebooks, bool(out))
        if kept := settled(place, inputs):
            Progress(quiet=quiet)({"event": "end", "made": 0, "kept": len(kept), "failed": 0})
            return

    from analysis.pauses import REPORTED, get_pause, load_pauses
    from analysis.reports.answers import write_answers, write_committed
    from analysis.reports.front import report_rows
    from analysis.reports.run import run_reports

    registry = load_pauses()
    for pause in (get_pause(registry, pause_id) for pause_id in pause_ids):
        if pause.role not in REPORTED:
            remedy = "give it the role primary or secondary in data/pauses.toml once the data reach it"
            raise ReportError("no report of this pause", file=pause.id, found=f"role {pause.role}", remedy=remedy)

    stories: dict[str, object] = {}

    def answer(folder: Path, rows: list[dict], *, surroundings: dict[str, str]) -> None:
        stories.update(write_answers(folder, rows, registry=registry, surroundings=surroundings))

    def tell() -> None:
        write_committed(clone, registry=registry, stories=stories)

    with Progress(quiet=quiet, as_json=as_json) as progress:
        outcomes = run_reports(
            report_rows(registry), notebooks=notebooks, out=place, jobs=jobs,
            selected=pause_ids or None, only=only or None, force=force, cold=cold, timeout=timeout,
            scheduler=scheduler, progress=progress, tell=None if out else tell,
            answer=answer, inputs=inputs,
        )  # fmt: skip
    sys.exit(1 if any(outcome.state == "failed" for outcome in outcomes) else 0)


def _report_as_of(as_of: str, words: Sequence[str]) -> int:
    """Make reports from cut tables in a process of its own, so that nothing of today is read; its exit code."""
    from analysis.replay import cut_clone

    clone = cut_clone(as_of)
    command = [sys.executable, "-m", "analysis", "report", *words, "--out", str(clone / "reports")]
    return subprocess.run(command, env=os.environ | {ELSEWHERE: str(clone / "data")}, check=False).returncode


@main.command()
@click.option("--replicates", default=2000, show_default=True, help="Simulated series per cell.")
@click.option("--jobs", type=click.IntRange(1), default=2, show_default=True, help="Processes.")
@click.option("--seed", default=0, show_default=True)
@click.option("--only", multiple=True, metavar="TEXT", help="Only cells whose name contains this.")
@click.option("--scheduler", metavar="ADDRESS", help="Compute on a dask cluster, such as tcp://host:8786.")
@click.option("--out", type=_Place(dir_okay=False), help="Table; default reports/calibration.csv of the clone.")
@click.option("--yes", is_flag=True, help="Compute many cells outside of a clone without asking.")
def calibrate(
    replicates: int, jobs: int, seed: int, only: tuple[str, ...], scheduler: str | None, out: str | None, yes: bool
) -> None:
    """Measure on known truth how often the tests cry wolf and what they see; computes what is missing or stale."""
    from analysis.calibration import cells

    def ask(n_cells: int) -> None:
        if not yes and n_cells > MANY_CELLS and not (data_folder().parent / "notebooks").is_dir():
            minutes = max(1, round(n_cells * replicates * SECONDS_A_REPLICATE / jobs / 60))
            click.confirm(f"Compute {n_cells} cells, about {minutes} min in {jobs} processes?", abort=True)

    cluster = nullcontext()
    if scheduler:
        from analysis.reports.pool import cluster_executor

        cluster = cluster_executor(scheduler)

    def progress(done: int, total: int, name: str) -> None:
        if sys.stdout.isatty():
            click.echo(f"\r{done}/{total}  {name:90.90}", nl=done == total)
        else:
            click.echo(f"{done}/{total}  {name}")

    with cluster as executor:
        found = cells.calibrate(
            replicates=replicates, jobs=jobs, seed=seed, only=only, path=out, progress=progress, executor=executor,
            ask=ask,
        )  # fmt: skip
    click.echo(f"Cells up to date: {len(found)}.")
    if out is None:
        cells.store_placebo_study()


@main.group()
def data() -> None:
    """Build and verify the committed tables."""


@data.command()
@RAW
@click.option("--air-force", type=_Place(dir_okay=False), help="missile_attacks_daily.csv")
@click.option("--alerts", type=_Place(dir_okay=False), help="Air-raid alerts.")
@click.option("--viina", multiple=True, type=_Place(dir_okay=False), help="Yearly VIINA archives, your own.")
@click.option("--acled", type=_Place(dir_okay=False), help="An ACLED export, your own; never shipped.")
@YES
@OLDER
def build(
    raw: str | None, air_force: str | None, alerts: str | None, viina: tuple[str, ...], acled: str | None, yes: bool,
    older: bool,
) -> None:  # fmt: skip
    """Build the tables from raw files; show what changes before anything is replaced."""
    folder = data_folder()
    given = {"air_force": [air_force], "alerts": [alerts], "news": list(viina), "acled": [acled]}
    files = {name: paths for name, paths in given.items() if any(paths)}
    raw = raw or (folder / "raw" if not files else None)
    plan = _recipes("kit").plan_build(raw, folder=folder, files=files, older=older)
    if _agreed(_show_changes(plan), yes):
        _write(plan)


@data.command()
@click.argument("sources", nargs=-1, metavar="[air_force] [alerts]")
@RAW
@click.option("--sha256", metavar="HEX", help="Refuse a download with another checksum (name one source).")
@YES
@OLDER
def fetch(sources: tuple[str, ...], raw: str | None, sha256: str | None, yes: bool, older: bool) -> None:
    """Bring newer raw files and build from them; show what changes before anything is replaced.

    The strike file (air_force) needs your own Kaggle token, in KAGGLE_API_TOKEN or in KAGGLE_USERNAME and
    KAGGLE_KEY; it is read from the environment only. The alerts need none.
    """
    if sha256 and len(sources) != 1:
        raise click.UsageError("--sha256 is the checksum of one file: name its source.")
    kit, fetching = _recipes("kit"), _recipes("fetch")
    folder, fetched = data_folder(), []
    raw = Path(raw or folder / "raw")
    try:
        for source in sources or fetching.remotes():
            fetched.append(fetching.fetch(source, into=raw / ".incoming", sha256=sha256))
            click.echo(fetched[-1].summary())
        plan = kit.plan_build(None, folder=folder, files={item.source: [item.path] for item in fetched}, older=older)
        if _agreed(_show_changes(plan), yes):
            fetching.accept(fetched, raw=raw)
            _write(plan)
    finally:
        for item in fetched:
            item.path.unlink(missing_ok=True)


def _recipes(module: str) -> ModuleType:
    """A module of the recipes, which lie beside the tables and are no part of the package."""
    if str(data_folder()) not in sys.path:
        sys.path.insert(0, str(data_folder()))
    return import_module(f"recipes.{module}")


def _show_changes(plan: Any) -> bool:
    """Show what a build would change, cell by cell, old and new; whether that is anything."""
    for source, made in plan.imported.items():
        for rule in made.rules:
            click.echo(f"{source}: {rule.name.replace('_', ' ')}: {rule.rows_touched} rows")
    for note in (note for made in plan.imported.values() for note in made.notes):
        click.echo(f"Note: {note}")
    changes = plan.changes()
    click.echo(f"\n{plan.summary()}")
    if len(changes):
        click.echo(changes.head(SHOWN).to_string(index=False))
    if len(changes) > SHOWN:
        click.echo(f"... and {len(changes) - SHOWN:,} more cells and rows.")
    return len(changes) > 0


def _agreed(changed: bool, yes: bool) -> bool:
    """Ask; without a change in a table there is nothing to ask."""
    if yes or not changed or click.confirm("Replace the tables?"):
        return True
    click.echo("Nothing was changed.")
    return False


def _write(plan: Any) -> None:
    written = plan.write()
    click.echo(f"Written: {', '.join(written)}" if written else "All files are as they were.")


@main.command()
@RAW
@click.option("--dry-run", is_flag=True, help="Only say what would change; write nothing.")
@YES
@OLDER
@click.pass_context
def update(context: click.Context, raw: str | None, dry_run: bool, yes: bool, older: bool) -> None:
    """Build from raw files, show which days and which words of findings change, then make the reports."""
    from analysis.replay import words_changed

    folder = data_folder()
    plan = _recipes("kit").plan_build(raw or folder / "raw", folder=folder, older=older)
    changed = _show_changes(plan)
    words = words_changed(plan.contents, folder=folder)
    click.echo("No finding changes its word." if words.empty else f"\n{words.to_string(index=False)}")
    if dry_run:
        click.echo("Nothing was written.")
    elif _agreed(changed, yes):
        _write(plan)
        context.invoke(check)
        context.invoke(report)


@data.command()
def check() -> None:
    """Verify checksums, columns, ranges and days of every table, and nights typed in; list all faults."""
    from analysis.setting import compare_nights
    from analysis.tables import check_tables

    faults = check_tables()
    if len(faults):
        click.echo(faults.to_string(index=False), err=True)
        sys.exit(1)
    for line in compare_nights():
        click.echo(line)
    click.echo("All tables are as their sidecars and the dictionary say.")
