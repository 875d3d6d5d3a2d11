"""The command line as a user meets it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from analysis.cli import main

ROOT = Path(__file__).parents[1]


def run(*words, **options):
    return CliRunner().invoke(main, words, **options)


def test_list_names_every_pause_as_text_and_as_json():
    text, lines = run("list"), run("list", "--json").output.splitlines()
    assert "us-three-day-2026-05" in text.output and text.exit_code == 0
    assert {json.loads(line)["id"] for line in lines} >= {"easter-2025", "christmas-2025"}


def test_test_prints_verdict_reason_and_lull():
    shown = run("test", "victory-day-2025")
    assert shown.exit_code == 0
    assert "FEWER" in shown.output and "NOT TESTABLE" in shown.output and "In this window of 3 days" in shown.output


def test_show_of_a_future_pause_says_what_its_length_could_reveal():
    shown = run("show", "capitals-pause-2026-09").output
    assert "hold 0 of its 3 days" in shown and "would show reliably" in shown


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
    ],
)
def test_wrong_use_ends_with_2_and_one_message(words, message):
    shown = run(*words)
    assert shown.exit_code == 2
    assert message in shown.output
    assert "Traceback" not in shown.output


def test_debug_shows_where_an_error_arose():
    assert run("--debug", "test", "easter-2052").exception is not None


def test_data_check_finds_the_committed_tables_in_order():
    shown = run("data", "check")
    assert shown.exit_code == 0, shown.output


def test_data_build_refuses_a_page_saved_as_csv_and_changes_nothing(tmp_path):
    page = tmp_path / "missile_attacks_daily.csv"
    page.write_text("<!DOCTYPE html><html><body>Sign in</body></html>", encoding="utf-8")
    before = {path.name: path.read_bytes() for path in (ROOT / "data").iterdir() if path.is_file()}
    shown = run("data", "build", "--air-force", str(page))
    assert shown.exit_code == 2
    assert "missile_attacks_daily.csv" in shown.output
    assert before == {path.name: path.read_bytes() for path in (ROOT / "data").iterdir() if path.is_file()}
