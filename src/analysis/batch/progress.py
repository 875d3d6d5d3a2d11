"""Progress of a batch: a bar on a terminal, plain lines elsewhere, JSON events for other programs."""

import json
import sys
import time

import click


class Progress:
    """Callback for `run_reports`; use it as a context manager so that the bar is closed.

    Parameters
    ----------
    quiet : bool
        Say only what failed.
    as_json : bool
        One JSON object a line on standard output.
    """

    def __init__(self, *, quiet=False, as_json=False):
        self._quiet, self._as_json = quiet, as_json
        self._bar = None
        self._failed = 0
        self._began = time.monotonic()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if self._bar is not None:
            self._bar.render_finish()

    def __call__(self, event):
        if self._as_json:
            click.echo(json.dumps(event))
        elif event["event"] == "start":
            self._start(event)
        elif event["event"] == "report":
            self._report(event)
        elif event["event"] == "end" and not self._quiet:
            self._bar = self._bar and self._bar.render_finish()
            click.echo(f"{event['made']} made, {event['kept']} up to date, {event['failed']} failed.")

    def _start(self, event):
        if not self._quiet and event["stale"] and sys.stdout.isatty():
            self._bar = click.progressbar(length=event["stale"], label="reports", show_eta=False, show_pos=True)
            self._bar.render_progress()

    def _report(self, event):
        name = " ".join(filter(None, [event["pause"], event["notebook"]]))
        if event["status"] == "failed":
            self._failed += 1
            if self._bar is not None:
                click.echo(err=True)  # below the bar, not behind it
            click.echo(f"FAILED {name}: {event['error']}", err=True)
        if event["status"] == "kept" or self._quiet:
            return
        if self._bar is None:
            click.echo(f"{event['status']:7} {event['seconds']:5.1f} s  {name}")
        else:
            elapsed = time.monotonic() - self._began
            self._bar.label = f"{name[:40]:40} {elapsed:4.0f} s, {self._failed} failed"
            self._bar.update(1)
