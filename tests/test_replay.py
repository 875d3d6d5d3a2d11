"""What was known on a day: no later row, entry or source reaches a test as of it; and nights typed in by hand."""

import re
from datetime import date
from types import SimpleNamespace

import pandas as pd
import pytest
from click.testing import CliRunner
from made_up import copied_tables, revised_strikes

import analysis as pa
from analysis import cli
from analysis.errors import DataError, DesignError, RegistryError
from analysis.panels import draw_claims
from analysis.pauses import FILE
from analysis.replay import assess_as_of, cut_registry, words_changed
from analysis.reports.front import as_known
from analysis.setting import VOLUME, compare_nights
from analysis.storyboard import claims_frame, claims_words
from analysis.tables import check_tables, data_folder, load_table, outcome_series

COLD = "cold-week-pause-2026-01"
LAUNCHED = ["drones_launched", "missiles_launched"]
REGISTRY = (data_folder() / FILE).read_text("utf-8")


def set_figures(which, figure):
    """strikes.csv and its sidecar with other launches on some days."""

    def change(table):
        table.loc[which(table["day"]), LAUNCHED] = figure
        return table

    return revised_strikes(change)


SILENT = set_figures(lambda day: day.between("2026-01-30", "2026-01-31"), "0")


@pytest.mark.parametrize(("day", "held", "observed"), [("2026-01-31", 1, 111), ("2026-02-01", 2, 196)])
def test_nights_count_once_they_are_over(tmp_path, day, held, observed):
    found = assess_as_of(COLD, day, into=tmp_path).primary("drones_launched")
    assert (found.n_days - found.n_missing, found.observed) == (held, observed)


def test_the_verdict_of_a_week_later_is_that_of_today(tmp_path):
    then, now = assess_as_of(COLD, "2026-02-08", into=tmp_path), pa.assess(COLD)
    assert [then.primary(name).verdict for name in VOLUME] == [now.primary(name).verdict for name in VOLUME]
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
    found = pa.compare_truces(margins=True, registry=pa.load_pauses(cut / FILE), folder=cut)
    assert "agreed truce: no such pause yet" in found.summary()
    assert found.held() and found.surges() and len(found.table())


@pytest.mark.parametrize(
    ("file", "content"),
    [("plans/half.toml", b"a = ["), ("plans/half.toml", b"level = 0.9"), ("nights.toml", b"[[night]]\nday = 5"),
     ("pauses.toml", b"[[pause]]\nid = 5"), ("strikes.json", b"[]"), ("alerts.csv", b"oblast")],
)  # fmt: skip
def test_what_is_damaged_is_named_before_it_is_cut(tmp_path, file, content):
    damaged, into = copied_tables(tmp_path / "s", {file: content}), tmp_path / "cut"
    with pytest.raises((DataError, RegistryError), match=file):
        pa.cut_data("2026-02-01", into=into, folder=damaged)
    assert not into.exists()


@pytest.mark.parametrize("files", [{"pauses.toml": b"mine"}, {"plans/mine.toml": b""}, None], ids=str)
def test_a_cut_overwrites_nothing_but_an_earlier_cut(tmp_path, files):
    place = copied_tables(tmp_path / "own") if files is None else tmp_path
    for name, content in (files or {}).items():
        (place / name).parent.mkdir(exist_ok=True)
        (place / name).write_bytes(content)
    before = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    with pytest.raises(DesignError, match="a cut would overwrite what is there"):
        pa.cut_data("2026-02-01", into=place, folder=place if files is None else None)
    assert {path: path.read_bytes() for path in place.rglob("*") if path.is_file()} == before


def test_planted_later_rows_and_entries_change_nothing(tmp_path):
    entry = ("[[pause]]" + REGISTRY.split("[[pause]]")[-1]).replace('id = "', 'id = "x-', 1) + "\n"
    known = [line for line in entry.splitlines(keepends=True) if not line.startswith("announced_at")]
    known.insert(2, "announced_at = 2026-02-02\n")
    later = {FILE: (REGISTRY + "\n" + "".join(known)).encode()}
    planted = copied_tables(tmp_path / "p", set_figures(lambda day: day >= "2026-02-01", "999") | later)
    mine = assess_as_of(COLD, "2026-02-01", into=tmp_path / "a", folder=planted)
    clean = assess_as_of(COLD, "2026-02-01", into=tmp_path / "b")
    assert list(mine.setting.registry) == list(clean.setting.registry)
    pd.testing.assert_frame_equal(mine.to_frame(), clean.to_frame())


def test_of_an_entry_whatever_is_dated_later_goes_and_the_other_claims_stay():
    cut = cut_registry(REGISTRY[REGISTRY.index(f'[[pause]]\nid = "{COLD}"') :], date(2026, 1, 31))
    assert "2026-01-30/31" in cut and "2026-01-31/02-01" in cut and "2026-02-02/03" not in cut
    assert "date = 2026-02" not in cut and 'id = "us-2026-01-29"' in cut
    assert "us-2026-02-03" not in cut and "kept his word" not in cut and "3rd, aimed at energy" not in cut


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
    rows = words_changed(SILENT)
    (row,) = rows[(rows["pause"] == COLD) & (rows["question"] == "Drones")].to_dict("records")
    assert row["new"] in ("fewer", "clearly fewer") and row["old"] != row["new"]


@pytest.mark.parametrize(("words", "done"), [(["--dry-run"], False), (["--yes"], True)])
def test_update_shows_days_and_words_and_writes_only_when_told(monkeypatch, words, done):
    written, reported = [], []
    changes = pd.DataFrame([{"table": "strikes", "change": "changed", "row": "2026-01-30", "old": "111", "new": "0"}])
    plan = SimpleNamespace(imported={}, contents=SILENT, changes=lambda: changes, summary=lambda: "strikes: 1 row")
    plan.write = lambda: written.append("strikes.csv") or written
    monkeypatch.setattr(cli, "_recipes", lambda name: SimpleNamespace(plan_build=lambda *a, **b: plan))
    monkeypatch.setattr(cli.report, "callback", lambda **options: reported.append(options["pause_ids"]))
    shown = CliRunner().invoke(cli.main, ["update", *words])
    assert shown.exit_code == 0, shown.output
    assert "2026-01-30" in shown.output and "111" in shown.output and COLD in shown.output
    assert (bool(written), bool(reported)) == (done, done) and ("Nothing was written" in shown.output) is not done


def test_a_test_takes_a_day():
    shown = CliRunner().invoke(cli.main, ["test", COLD, "--as-of", "2026-02-01"])
    assert shown.output.startswith("As known on 1 February 2026. Cold-week") and "196 long-range" in shown.output


@pytest.mark.parametrize(("day", "named"), [("2026-01-25", f"{COLD} was not announced yet"), ("2020-01-01", "as_of"),
                                             ("foo", "as_of"), ("2099-01-01", "a day to come")])  # fmt: skip
def test_a_day_before_the_announcement_or_to_come_is_refused(day, named):
    shown = CliRunner().invoke(cli.main, ["test", COLD, "--as-of", day])
    assert shown.exit_code == 2 and named in shown.output


def test_a_report_of_a_day_is_made_from_cut_tables_in_a_place_of_its_own(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr("analysis.replay.cut_clone", lambda day: tmp_path)
    done = SimpleNamespace(returncode=0)
    monkeypatch.setattr(cli.subprocess, "run", lambda command, env, check: asked.append((command, env)) or done)
    assert CliRunner().invoke(cli.main, ["report", COLD, "--as-of", "2026-02-01", "--only", "pause"]).exit_code == 0
    ((command, env),) = asked
    assert command[4:6] == [COLD, "--only=pause"] and command[-2:] == ["--out", str(tmp_path / "reports")]
    assert env["PAUSES_DATA"] == str(tmp_path / "data")


def test_the_entry_of_the_weekly_guide_is_a_pause(tmp_path):
    guide = (data_folder().parent / "docs" / "weekly.md").read_text("utf-8")
    (entry,) = re.findall(r"^```toml\n(.*?)^```$", guide, re.DOTALL | re.MULTILINE)
    (tmp_path / FILE).write_text(REGISTRY + "\n" + entry, "utf-8")
    pause = pa.load_pauses(tmp_path / FILE)["made-up-2026-12"]
    assert len(pause.days()) == 3 and len(guide.splitlines()) <= 70


# Nights typed in before the table holds them

NIGHT = """[[night]]
day = 2026-01-30
drones = 111
source = { publisher = "A newspaper", url = "https://example.org/night" }
seen_at = 2026-01-31
"""


@pytest.fixture
def typed(tmp_path):
    """A data folder as of 30 January 2026, its last whole day the 29th, with what is typed in."""

    def folder(text, as_of="2026-01-30"):
        cut = pa.cut_data(as_of, into=tmp_path)
        (cut / "nights.toml").write_text(text, "utf-8")
        return cut

    return folder


def test_a_night_typed_in_is_counted_and_named(typed):
    cut = typed(NIGHT)
    assert outcome_series("drones_launched", folder=cut).loc["2026-01-29":].iloc[1:].tolist() == [111]
    found = pa.assess(COLD, folder=cut, registry=pa.load_pauses(cut / FILE))
    effect = found.primary("drones_launched")
    assert effect.observed == 111 and effect.n_missing == 1
    assert effect.reason.endswith("provisional: 1 night typed in from A newspaper")
    assert found.nights().loc["2026-01-30", "drones"] == "111 (provisional)"
    assert "provisional" not in found.primary("missiles_launched").reason
    frame = claims_frame(found.pause, registry=found.setting.registry, folder=cut)
    drawn = frame[(frame["part"] == "drones_launched") & (frame["state"] == "provisional")]
    assert drawn["start"].tolist() == [pd.Timestamp("2026-01-30")] and drawn["value"].tolist() == [111]
    assert "Diamond: 1 day typed in from a newsroom, provisional." in claims_words(frame).caption
    assert len([line for ax in draw_claims(frame).axes for line in ax.lines if line.get_marker() == "D"]) == 1


def test_a_night_after_a_gap_leaves_the_gap_unknown(typed):
    series = outcome_series("drones_launched", folder=typed(NIGHT.replace("day = 2026-01-30", "day = 2026-01-31")))
    assert series.index[-1] == pd.Timestamp("2026-01-31") and pd.isna(series["2026-01-30"]) and series.iloc[-1] == 111


@pytest.mark.parametrize(("drones", "said"), [("111", "as typed in from A"), ("999", "but 999 typed in from A")])
def test_once_the_table_holds_the_night_what_was_typed_in_is_only_compared(typed, drones, said):
    cut = typed(NIGHT.replace("111", drones), as_of="2026-02-01")
    assert outcome_series("drones_launched", folder=cut)["2026-01-30"] == 111
    (line,) = compare_nights(folder=cut)
    assert line.startswith("30 January 2026: the table has 111 drones") and said in line


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("drones = 111", "dronez = 111", "dronez"),
        ("drones = 111", "drones = -1", "drones"),
        ("drones = 111", "drones = true", "drones"),
        ("drones = 111", "", "drones"),
        ("seen_at = 2026-01-31", "seen_at = 2026-01-29", "day"),
        ("day = 2026-01-30", 'day = "30 January"', "day"),
        ("https://example.org/night", "example.org", "source"),
        ("[[night]]", NIGHT + "[[night]]", "day"),
    ],
)
def test_a_malformed_night_is_named(typed, old, new, field):
    with pytest.raises(DataError, match=rf"nights.toml, field night .*{field}"):
        pa.load_strikes(folder=typed(NIGHT.replace(old, new)))


def test_the_file_that_is_shipped_holds_no_night_and_is_cut_by_when_a_night_was_seen(tmp_path):
    assert compare_nights() == [] and "[[night]]" in (data_folder() / "nights.toml").read_text("utf-8")
    source = copied_tables(tmp_path / "s", {"nights.toml": NIGHT.encode()})
    kept = [pa.cut_data(f"2026-01-{n}", into=tmp_path / str(n), folder=source) / "nights.toml" for n in (30, 31)]
    assert [path.read_text("utf-8").count("[[night]]") for path in kept] == [0, 1]
