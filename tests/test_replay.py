"""What was known on a day: no later row, entry or source reaches a test as of that day."""

import hashlib
import json
import re
import shutil
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from click.testing import CliRunner

import analysis as pa
from analysis import cli
from analysis.errors import RegistryError
from analysis.pauses import FILE
from analysis.replay import assess_as_of, cut_registry, words_changed
from analysis.reports.front import as_known
from analysis.setting import VOLUME
from analysis.tables import check_tables, data_folder, load_table

COLD = "cold-week-pause-2026-01"


def revised(which, figure):
    """strikes.csv and its sidecar with other launches on some days."""
    table = pd.read_csv(data_folder() / "strikes.csv", dtype=str, keep_default_na=False)
    table.loc[which(table["day"]), ["drones_launched", "missiles_launched"]] = figure
    content = table.to_csv(index=False, lineterminator="\n").encode()
    beside = json.loads((data_folder() / "strikes.json").read_text())
    beside["output"]["sha256"] = hashlib.sha256(content).hexdigest()
    return {"strikes.csv": content, "strikes.json": json.dumps(beside).encode()}


def test_before_the_announcement_there_is_no_such_pause(tmp_path):
    with pytest.raises(RegistryError, match=COLD):
        assess_as_of(COLD, "2026-01-25", into=tmp_path)


@pytest.mark.parametrize(("day", "held", "observed"), [("2026-01-31", 1, 111), ("2026-02-01", 2, 196)])
def test_nights_count_once_they_are_over(tmp_path, day, held, observed):
    found = assess_as_of(COLD, day, into=tmp_path).primary("drones_launched")
    assert (found.n_days - found.n_missing, found.observed) == (held, observed)


def test_the_verdict_of_a_week_later_is_that_of_today(tmp_path):
    then, now = assess_as_of(COLD, "2026-02-08", into=tmp_path), pa.assess(COLD)
    for outcome in VOLUME:
        assert then.primary(outcome).verdict == now.primary(outcome).verdict
    assert then.primary("drones_launched").observed == now.primary("drones_launched").observed
    assert as_known(tmp_path) == "As known on 8 February 2026. " and as_known() == ""


def test_what_is_cut_is_a_sound_data_folder_without_later_days(tmp_path):
    cut = pa.cut_data("2026-02-01", into=tmp_path)
    assert check_tables(folder=cut).empty
    strikes = load_table("strikes", folder=cut).set_index("day")
    assert strikes.index[-1] == pd.Timestamp("2026-02-01") and pd.isna(strikes["drones_launched"].iloc[-1])
    events = load_table("energy_coded_events", folder=cut)
    assert (events["day"] < "2026-02-01").all()
    assert not (events["published"].dropna().loc[lambda text: text.str[:2] == "20"] > "2026-02-01").any()
    assert not list((cut / "plans").glob("*.toml"))  # all were fixed later


def test_planted_later_rows_and_entries_change_nothing(tmp_path):
    planted = Path(shutil.copytree(data_folder(), tmp_path / "p", ignore=shutil.ignore_patterns("raw", "recipes")))
    for name, content in revised(lambda day: day >= "2026-02-01", "999").items():
        (planted / name).write_bytes(content)
    text = (planted / FILE).read_text("utf-8")
    entry = "[[pause]]" + text.split("[[pause]]")[-1]
    later = entry.replace('id = "', 'id = "x-', 1) + "\n"
    known = [line for line in later.splitlines(keepends=True) if not line.startswith("announced_at")]
    known.insert(2, "announced_at = 2026-02-02\n")
    (planted / FILE).write_text(text + "\n" + "".join(known), "utf-8")
    mine = assess_as_of(COLD, "2026-02-01", into=tmp_path / "a", folder=planted)
    clean = assess_as_of(COLD, "2026-02-01", into=tmp_path / "b")
    assert list(mine.setting.registry) == list(clean.setting.registry)
    pd.testing.assert_frame_equal(mine.to_frame(), clean.to_frame())


def test_of_an_entry_whatever_is_dated_later_goes_and_the_other_claims_stay():
    text = (data_folder() / FILE).read_text("utf-8")
    entry = text[text.index(f'[[pause]]\nid = "{COLD}"') :]
    cut = cut_registry(entry, date(2026, 1, 31))
    assert "2026-01-30/31" in cut and "2026-01-31/02-01" in cut and "2026-02-02/03" not in cut
    assert "date = 2026-02" not in cut and 'id = "us-2026-01-29"' in cut
    assert "us-2026-02-03" not in cut and "kept his word" not in cut and "3rd, aimed at energy" not in cut


def test_without_an_agreed_truce_the_comparison_says_so(tmp_path):
    cut = pa.cut_data("2026-02-01", into=tmp_path)
    found = pa.compare_truces(margins=True, registry=pa.load_pauses(cut / FILE), folder=cut)
    assert "agreed truce: no such pause yet" in found.summary()
    assert found.held() and found.surges() and len(found.table())


def test_how_an_answer_formed():
    found = pa.verdict_by_date(COLD, ["2026-01-25", "2026-01-31", "2026-02-08"])
    rows = found.to_frame()
    assert rows["held"].tolist() == [0, 1, 2] and rows["counted"].tolist()[1:] == [111, 196]
    assert rows["word"].tolist()[0] == "" and rows["word"].tolist()[2]
    assert "25 January 2026: not announced." in found.summary() and found.plot() is not None
    with pytest.raises(RegistryError):
        pa.verdict_by_date("no-such-pause", ["2026-02-08"])


def test_fresh_tests_say_the_words_of_the_stored_scorecard_until_figures_change():
    assert words_changed({}).empty
    rows = words_changed(revised(lambda day: day.between("2026-01-30", "2026-01-31"), "0"))
    (row,) = rows[(rows["pause"] == COLD) & (rows["question"] == "Drones")].to_dict("records")
    assert row["new"] in ("fewer", "clearly fewer") and row["old"] != row["new"]


@pytest.fixture
def planned(monkeypatch):
    """A build that would revise the nights of the cold week, which `write` only notes."""
    written, reported = [], []
    contents = revised(lambda day: day.between("2026-01-30", "2026-01-31"), "0")
    changes = pd.DataFrame([{"table": "strikes", "change": "changed", "row": "2026-01-30", "old": "111", "new": "0"}])
    plan = SimpleNamespace(imported={}, contents=contents, changes=lambda: changes, summary=lambda: "strikes: 1 row")
    plan.write = lambda: written.append("strikes.csv") or written
    monkeypatch.setattr(cli, "_recipes", lambda name: SimpleNamespace(plan_build=lambda *a, **b: plan))
    monkeypatch.setattr(cli.report, "callback", lambda **options: reported.append(options["pause_ids"]))
    return written, reported


@pytest.mark.parametrize(("words", "done"), [(["--dry-run"], False), (["--yes"], True)])
def test_update_shows_days_and_words_and_writes_only_when_told(planned, words, done):
    written, reported = planned
    shown = CliRunner().invoke(cli.main, ["update", *words])
    assert shown.exit_code == 0, shown.output
    assert "2026-01-30" in shown.output and "111" in shown.output and COLD in shown.output
    assert (bool(written), bool(reported)) == (done, done) and ("Nothing was written" in shown.output) is not done


def test_test_and_report_take_a_day(tmp_path, monkeypatch):
    shown = CliRunner().invoke(cli.main, ["test", COLD, "--as-of", "2026-02-01"])
    assert shown.output.startswith("As known on 1 February 2026. Cold-week") and "196 long-range" in shown.output
    wrong = [
        CliRunner().invoke(cli.main, ["test", COLD, "--as-of", day]) for day in ("2026-01-25", "2020-01-01", "foo")
    ]
    assert [one.exit_code for one in wrong] == [2, 2, 2] and COLD in wrong[0].output and "as_of" in wrong[1].output
    asked = []
    monkeypatch.setattr("analysis.replay.cut_clone", lambda day: tmp_path)
    monkeypatch.setattr(cli.subprocess, "run", lambda command, env, check: asked.append((command, env)) or wrong[0])
    wrong[0].returncode = 0
    assert CliRunner().invoke(cli.main, ["report", COLD, "--as-of", "2026-02-01", "--only", "pause"]).exit_code == 0
    ((command, env),) = asked
    assert command[4:6] == [COLD, "--only=pause"] and command[-2:] == ["--out", str(tmp_path / "reports")]
    assert env["PAUSES_DATA"] == str(tmp_path / "data")


def test_the_entry_of_the_weekly_guide_is_a_pause(tmp_path):
    guide = (data_folder().parent / "docs" / "weekly.md").read_text("utf-8")
    (entry,) = re.findall(r"^```toml\n(.*?)^```$", guide, re.DOTALL | re.MULTILINE)
    (tmp_path / FILE).write_text((data_folder() / FILE).read_text("utf-8") + "\n" + entry, "utf-8")
    pause = pa.load_pauses(tmp_path / FILE)["made-up-2026-12"]
    assert len(pause.days()) == 3 and len(guide.splitlines()) <= 70
