"""Progress of a batch: a bar on a terminal, plain lines elsewhere, JSON events for other programs."""

import sys
import time
from pathlib import Path
from typing import Any

import click


class Progress:
    """Callback for `run_reports`; a context manager, so that the bar is closed.

    `quiet` says only what failed, `as_json` one JSON object a line on standard output.
    """

    def __init__(self, *, quiet: bool = False, as_json: bool = False):
        self._quiet, self._as_json = quiet, as_json
        self._bar: Any = None
        self._failed, self._began = 0, time.monotonic()

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.render_finish()

    def __call__(self, event: dict) -> None:
        """Show an event."""
        if self._as_json:
            from analysis.machine import line

            click.echo(line(with_finding(event) if event["event"] == "report" else event))
        else:
            getattr(self, f"_{event['event']}")(event)

    def _start(self, event: dict) -> None:
        if not self._quiet and event["stale"] and sys.stdout.isatty():
            self._bar = click.progressbar(length=event["stale"], label="reports", show_eta=False, show_pos=True)
            self._bar.render_progress()

    def _report(self, event: dict) -> None:
        name = " ".join(filter(None, [event["pause"], event["notebook"]]))
        if event["state"] == "failed":
            self._failed += 1
            if self._bar is not None:
                click.echo(err=True)  # below the bar, not behind it
            click.echo(f"FAILED {name}: {event['error']}", err=True)
        if event["state"] == "kept" or self._quiet:
            return
        if self._bar is None:
            click.echo(f"{event['state']:7} {event['seconds']:5.1f} s  {name}")
        else:
            elapsed = time.monotonic() - self._began
            self._bar.label = f"{name[:40]:40} {elapsed:4.0f} s, {self._failed} failed"
            self._bar.update(1)

    def _record(self, event: dict) -> None:
        """Rows that a report no longer gives are worth a line, even where little is said."""
        click.echo(f"{len(event['gone'])} rows are gone from the record, which no report gives any more:", err=True)
        for key in event["gone"]:
            click.echo(f"  {key}", err=True)

    def _end(self, event: dict) -> None:
        if not self._quiet:
            self._bar = self._bar and self._bar.render_finish()
            click.echo(f"{event['made']} made, {event['kept']} up to date, {event['failed']} failed.")


def with_finding(event: dict) -> dict:
    """An event of a report with the outcome, verdict and word of the first question it answers, where it is known."""
    from analysis.pauses import load_pauses
    from analysis.reports.make import effect_rows
    from analysis.reports.store import read_executed
    from analysis.scorecard import first_answer
    from analysis.vocabulary import word

    pause, notebook = load_pauses().get(event["pause"]), read_executed(Path(event["path"]))
    row = first_answer(effect_rows(notebook), pause) if pause and notebook else None
    found = {name: row and row[name] for name in ("outcome", "verdict")}
    return event | found | {"word": row and word(row)}
