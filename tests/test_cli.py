"""The command line as a user meets it."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from analysis.cli import main
from analysis.reports.progress import Progress

ROOT = Path(__file__).parents[1]


def run(*words, **options):
    return CliRunner().invoke(main, words, **options)


def test_list_names_every_pause_as_text_and_as_json():
    text, lines = run("list"), run("list", "--json").output.splitlines()
    assert "us-three-day-2026-05" in text.output and text.exit_code == 0
    assert {json.loads(line)["id"] for line in lines} >= {"easter-2025", "christmas-2025"}


def test_show_of_a_future_pause_says_what_its_length_could_reveal():
    shown = run("show", "capitals-pause-2026-09").output
    assert "hold 0 of its 3 days" in shown and "would show reliably" in shown
    assert "By the plan fixed on 2026-11-27:" in shown and "Fewer than 106 long-range drones launched" in shown
    assert "the data end 91 days before the first planned night" in shown


def test_the_committed_tables_are_in_order():
    assert run("data", "check").exit_code == 0


@pytest.mark.parametrize(
    "words, message",
    [
        (["test", "easter-2052"], "no such entry"),
        (["test", "victory-day-2025", "--claim", "ukraine"], "not stated"),
        (["test", "easter-2025", "--outcome", "tanks"], "no such outcome"),
        (["report", "nowhere"], "nowhere"),
        (["report", "capitals-pause-2026-09"], "found role outside-data"),
        (["data", "build", "--raw", "no-such-folder"], "raw"),
        (["list", "--colour"], "No such option"),
        (["plan", "capitals-pause-2026-09", "--first", "2026-09-05"], "give both, or neither"),
        (["plan", "capitals-pause-2026-09", "--first", "2026-11-30", "--last", "2026-11-30"], "bring newer data"),
        (["test", "easter-2025", "--as-of", "2200-01-01"], "a day to come"),
        (["report", "--as-of", "2200-01-01"], "a day to come"),
        (["test", "easter-2025", "--as-of", "2024-01-01"], "easter-2025 was not announced yet"),
        (["test", "easter-2052", "--as-of", "2024-01-01"], "no such entry"),
        (["report", "--out", ""], "an empty path"),
        (["update", "--raw", ""], "an empty path"),
    ],
)
def test_wrong_use_ends_with_2_and_one_message(words, message):
    shown = run(*words)
    assert shown.exit_code == 2
    assert message in shown.output
    assert "Traceback" not in shown.output


def test_a_test_is_wrapped_names_what_it_found_and_says_not_yet_once():
    shown = run("test", "capitals-pause-2026-09").output
    assert max(map(len, shown.splitlines())) <= 100
    assert shown.count("Drones: not yet") == 1 and "NOT TESTABLE" not in shown and "Rebound" not in shown
    shown = run("test", "us-three-day-2026-05", "--outcome", "cruise_launched").output
    assert max(map(len, shown.splitlines())) <= 100 and "\n\nCruise missiles launched: NOT TESTABLE\n" in shown
    assert "How sure" not in shown.split("NOT TESTABLE")[0]  # what leads is not about sirens, which nobody asked for


def test_debug_shows_where_an_error_arose():
    assert run("--debug", "test", "easter-2052").exception is not None


def told(monkeypatch, *, terminal=False, **options):
    """What a report kept, one made and one that failed look like in progress."""
    ends = {"kept": "", "made": "", "failed": "ValueError: no such window"}
    report = {"event": "report", "pause": "easter-2025", "notebook": "pause", "seconds": 1.26, "ended": "", "path": ""}
    events = [report | {"state": state, "error": error} for state, error in ends.items()]

    @click.command()
    def command():
        monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal, raising=False)
        with Progress(**options) as progress:
            for event in (
                {"event": "start", "total": 3, "stale": 2},
                *events,
                {"event": "end"} | dict.fromkeys(ends, 1),
            ):
                progress(event)

    return CliRunner().invoke(command, catch_exceptions=False)


PLAIN = r"made      1\.3 s  easter-2025 pause\nfailed    1\.3 s  easter-2025 pause\n"
BAR = r"(?s).*easter-2025 pause +0 s, 1 failed .*2/2.*"
END = r"1 made, 1 up to date, 1 failed\.\n"


@pytest.mark.parametrize(
    ("options", "said"), [({}, PLAIN + END), ({"terminal": True}, BAR + END), ({"quiet": True}, "")]
)
def test_progress_is_a_line_a_report_or_on_a_terminal_a_bar_and_quietly_only_what_failed(monkeypatch, options, said):
    shown = told(monkeypatch, **options)
    assert re.fullmatch(said, shown.stdout)
    assert shown.stderr.lstrip() == "FAILED easter-2025 pause: ValueError: no such window\n"


def test_json_is_one_event_a_line_on_standard_output(monkeypatch):
    events = [json.loads(line) for line in told(monkeypatch, as_json=True).stdout.splitlines()]
    assert [event["event"] for event in events] == ["start", "report", "report", "report", "end"]
    assert events[3]["error"] == "ValueError: no such window"


@pytest.mark.skipif(os.name != "posix", reason="permissions bind differently elsewhere")
def test_reports_into_a_folder_that_may_only_be_read_are_one_message(tmp_path):
    (tmp_path / "out" / "executed").mkdir(parents=True)
    (tmp_path / "out" / "results.csv").write_text("old")
    (tmp_path / "out").chmod(0o555)
    command = [sys.executable, "-c", "from analysis.cli import main; main()", "report", "--out", str(tmp_path / "out")]
    if os.geteuid() == 0:  # whom permissions bind only without privileges
        if not shutil.which("setpriv"):
            pytest.skip("setpriv is not installed")
        command = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", *command]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("Error: out: cannot be written; what was there is as it was; found Permission denied")
    assert done.stderr.count("\n") == 1
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["executed", "results.csv"]


def test_data_build_refuses_a_page_saved_as_csv_and_changes_nothing(tmp_path):
    page = tmp_path / "missile_attacks_daily.csv"
    page.write_text("<!DOCTYPE html><html><body>Sign in</body></html>", encoding="utf-8")
    before = {path.name: path.read_bytes() for path in (ROOT / "data").iterdir() if path.is_file()}
    shown = run("data", "build", "--air-force", str(page))
    assert shown.exit_code == 2
    assert "missile_attacks_daily.csv" in shown.output
    assert before == {path.name: path.read_bytes() for path in (ROOT / "data").iterdir() if path.is_file()}
