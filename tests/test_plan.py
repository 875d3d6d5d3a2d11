"""A test fixed before its data: thresholds, looks, and a file that is written once."""

import errno
import io
import re
import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_up import copied_tables, refused

import analysis as pa
from analysis import plan as room
from analysis.calibration.processes import CountAutoregression
from analysis.errors import RegistryError
from analysis.plan import (
    Plan,
    allowed_p,
    departures,
    describe_looks,
    follow_plan,
    load_plan,
    look_p_values,
    make_plan,
    plan_outcome,
    write_plan,
)
from analysis.setting import not_ordinary, set_up
from analysis.tables import data_folder
from analysis.windows import lay_out
from analysis.words import describe_followed

DAYS = pd.date_range("2025-01-01", periods=370)
NONE = pd.DatetimeIndex([])


def planned(seed=1, n_days=3, level=0.95):
    counts = CountAutoregression(mean=100.0, dispersion=0.2).draw(1, 365, seed=seed)[0].astype(float)
    series = pd.Series(counts, DAYS[:365], name="drones_launched")
    return series, plan_outcome(series, DAYS[365 : 365 + n_days], exclude=NONE, level=level)


def test_the_stated_threshold_is_found_and_one_more_is_not():
    series, plan = planned()
    assert plan.p_at_most < planned(n_days=1)[1].p_at_most <= 0.05 + 1e-9  # more looks ask for a smaller p
    with refused("a plan comes before the data", "a first night after 2025-12-31"):
        plan_outcome(series, DAYS[364:366], exclude=NONE, level=0.95)
    ahead = pd.date_range(series.index[-1] + pd.Timedelta(days=101), periods=3)
    with refused("the data end too early", "at most 100 days", "found 101 days", "bring newer data"):
        plan_outcome(series, ahead, exclude=NONE, level=0.95)
    typed = series.reindex(pd.date_range(series.index[0], ahead[0])[:-1]).fillna({ahead[0] - pd.Timedelta(days=1): 5.0})
    with refused("the data end too early", "found 101 days"):  # a night typed in long after is no end of the data
        plan_outcome(typed, ahead, exclude=NONE, level=0.95)
    assert len(plan_outcome(series, ahead[:2] - pd.Timedelta(days=1), exclude=NONE, level=0.95).looks) == 2
    for look in plan.looks:
        for counted, found in ((look.at_most, True), (look.at_most + 2 * look.nights, False)):
            mean = np.diff([0, *(one.expected for one in plan.looks[: look.nights])])
            inside = (mean + 5) * (counted + 5 * look.nights) / (mean + 5).sum() - 5
            longer = pd.concat([series, pd.Series(inside, DAYS[365 : 365 + look.nights])]).rename("drones_launched")
            layout = lay_out(longer, DAYS[365 : 365 + look.nights], trend="linear", holidays=True)
            own, _ = look_p_values(layout, look.nights)
            assert (own[-1] <= plan.p_at_most) == found


def test_sequential_looks_keep_their_overall_rate():
    """200 series without any effect: a fall is found at some look in about 5 %, Monte Carlo error of 1.5 points."""
    counts, found = CountAutoregression(mean=100.0, phi=0.3, dispersion=0.2).draw(200, 368, seed=3).astype(float), 0
    for row in counts:
        layout = lay_out(pd.Series(row, DAYS[:368]), DAYS[365:368], holidays=False)
        own, placebos = look_p_values(layout, 3)
        found += own.min() <= allowed_p(placebos, 0.05)
    assert 0.005 <= found / 200 <= 0.10


def test_a_plan_is_written_once_and_read_back(tmp_path):
    _, outcome = planned()
    plan = Plan("p", "main", DAYS[365].date(), DAYS[367].date(), DAYS[0].date(), "0", 0.95, (outcome,), {"a.csv": "0"})
    plan = replace(plan, why_window='a "b" \\ c\n\x7flevel = 0.5')
    path = write_plan(plan, folder=tmp_path)
    text = path.read_bytes()
    read = load_plan("p", folder=tmp_path)
    assert (read.why_window, read.level) == (plan.why_window, 0.95)
    assert read.days.equals(plan.days) and read.outcomes[0].looks == outcome.looks
    assert read.outcomes[0].p_at_most == pytest.approx(outcome.p_at_most, abs=1e-6)
    with pytest.raises(RegistryError, match="there is a plan already"):
        write_plan(plan, folder=tmp_path)
    assert path.read_bytes() == text and load_plan("other", folder=tmp_path) is None


class Full(io.BytesIO):
    def write(self, content):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_on_a_full_disk_no_plan_is_left_behind(tmp_path, monkeypatch):
    plan = replace(load_plan("capitals-pause-2026-09"), pause="p")
    (tmp_path / "plans").mkdir()
    with monkeypatch.context() as patched, pytest.raises(RegistryError, match=r"cannot be written.*No space left"):
        patched.setattr(Path, "open", lambda path, *_: (path.touch(), Full())[1])
        write_plan(plan, folder=tmp_path)
    assert write_plan(plan, folder=tmp_path).is_file() and load_plan("p", folder=tmp_path).outcomes == plan.outcomes


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("p_at_most = 0.025974025974025976", "p_at_most = 0.9", "field p_at_most: not a plan; expected 0 to 0.05"),
        ("p_at_most = 0.025974025974025976", "p_at_most = nan", "not a plan; found 1 validation error"),
        ("fixed = 2026-11-27", "fixed = 2126-11-27", "field fixed: not a plan; expected no day to come"),
        ("last_day = 2026-09-07", "last_day = 2026-09-04", "field last_day: not a plan; expected 1 to 13 nights"),
        ("last_day = 2026-09-07", "last_day = 2026-09-06", "field looks: not a plan; expected 2 nights, in order"),
        ('pause = "capitals-pause-2026-09"', 'pause = "other"', "field pause: not a plan; expected capitals-pause"),
        (
            'outcome = "drones_launched"',
            'outcome = "tanks"',
            "field outcomes: not a plan; expected known ones: drones_launched",
        ),
        ("level = 0.95", "level = 0.4", "field level: not a plan; expected 0.5 to below 1"),
        ("level = 0.95", "outcomes = 5", "not valid TOML"),
        ("level = 0.95", "level = " + "[" * 5000, "not .* TOML"),
        ("level = 0.95", ".".join("a" * 5000) + " = 1", "not .* TOML"),
        ("level = 0.95", "level = 'a'", "not a plan; found"),
    ],
)
def test_a_plan_that_cannot_be_followed_is_refused(tmp_path, old, new, told):
    (tmp_path / "plans").mkdir()
    text = (data_folder() / "plans" / "capitals-pause-2026-09.toml").read_text("utf-8")
    (tmp_path / "plans" / "capitals-pause-2026-09.toml").write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(RegistryError, match=rf"^plans/capitals-pause-2026-09.toml(, |: ){told}"):
        load_plan("capitals-pause-2026-09", folder=tmp_path)


def test_the_committed_plans_are_older_than_their_data():
    for path in sorted((data_folder() / room.FOLDER).glob("*-2026-09.toml")):
        plan = load_plan(path.stem)
        assert plan.fixed.isoformat() == "2026-11-27" and plan.first_day.year == 2026
        assert all(look.at_most is None or look.at_most < look.expected for one in plan.outcomes for look in one.looks)


def followed(tmp_path, *, name="us-three-day-2026-05", first=None, level=0.95, until="2026-05-05"):
    """The plan of a pause whose nights the tables hold, in a folder of its own, and what is said of it."""
    folder = tmp_path / "data"
    shutil.copytree(data_folder(), folder, ignore=shutil.ignore_patterns("raw", "plans"))
    registry = pa.load_pauses()
    pause, known = registry[name], pa.outcome_series("drones_launched")[:until]
    days = pause.days() if first is None else pd.date_range(first, pause.days()[-1])
    told = {"exclude": not_ordinary(registry, besides=pause), "announced": pause.first_announced_day()}
    outcome = plan_outcome(known, days, level=level, **told)
    plan = Plan(pause.id, pause.main, days[0].date(), days[-1].date(), date(2026, 5, 5), "0", level, (outcome,), {})
    write_plan(plan, folder=folder)
    return pa.assess(pause.id, folder=folder)


def test_a_pause_whose_nights_are_there_follows_its_plan(tmp_path):
    found = followed(tmp_path)
    assert found.planned() in found.summary()
    assert found.planned().startswith(
        "A test of 9 to 11 May 2026 was fixed on 5 May 2026, before its data. Nothing departs from it. "
        "43 long-range drones launched in the first night, "
    )
    assert "out of the ordinary, as the plan asks (p = " in found.planned()
    plan, registry = load_plan("us-three-day-2026-05", folder=tmp_path / "data"), pa.load_pauses()
    seen, refusal = follow_plan(plan, plan.outcomes[0], registry=registry, folder=tmp_path / "data")
    assert refusal is None and [look.observed for look in seen] == [43, 70, 70] and all(look.found for look in seen)


def test_what_is_expected_is_the_same_number_on_the_same_days_and_another_on_other_days_is_told(tmp_path):
    name = "victory-day-2025"  # announced ten days before it began: these days are no baseline
    told = followed(tmp_path, name=name, until="2025-05-07").planned()
    plan = load_plan(name, folder=tmp_path / "data")
    looks, _ = follow_plan(plan, plan.outcomes[0], registry=pa.load_pauses(), folder=tmp_path / "data")
    fixed = [look.expected for look in plan.outcomes[0].looks]
    assert [look.expected for look in looks] == pytest.approx(fixed, abs=0.06) and "by the days known now" not in told
    told = followed(tmp_path / "earlier", until="2026-03-01").planned()
    assert re.search(r"launched in [\w ]+, [\d,]+ expected when it was fixed, [\d,]+ by the days known now: ", told)


def test_nights_that_the_test_refuses_decide_no_plan(tmp_path):
    plan = replace(load_plan("capitals-pause-2026-09"), first_day=date(2026, 11, 20), last_day=date(2026, 11, 22))
    source = 'source = { publisher = "A newspaper", url = "https://example.org" }'
    nights = [f"[[night]]\nday = 2026-11-{d}\ndrones = 1\nseen_at = 2026-11-22\n{source}\n" for d in (20, 21)]
    folder = copied_tables(tmp_path / "data", {"nights.toml": "".join(nights).encode()})
    looks, refusal = follow_plan(plan, plan.outcomes[0], registry=pa.load_pauses(), folder=folder)
    assert "baseline days are too few or too far from the window" in refusal
    assert looks[-1].p_value <= plan.outcomes[0].p_at_most and not any(look.found for look in looks)
    told = describe_followed(plan, plan.outcomes[0], looks, refusal)
    assert f"no decision, as these nights cannot be tested: {refusal}" in told and "as the plan asks" not in told


def test_an_outcome_whose_nights_the_table_holds_is_named_and_the_other_planned():
    registry = pa.load_pauses()
    after = pd.date_range(pa.outcome_series("drones_launched").index[-1] + pd.Timedelta(days=1), periods=3)
    plan = make_plan(registry["capitals-pause-2026-09"], days=after)
    assert [planned.outcome for planned in plan.outcomes] == ["drones_launched"]
    assert list(plan.tables) == ["strikes.csv", "pauses.toml"]
    assert describe_looks(plan)[-1].startswith("Siren minutes at night away from the front: not planned, as the tables")
    with refused("a plan comes before the data"):
        make_plan(registry["capitals-pause-2026-09"], days=after - pd.Timedelta(days=9))


def test_departures_from_a_plan_are_named(tmp_path):
    said = followed(tmp_path, first="2026-05-08", level=0.9).planned()
    assert "it: the registry now has the window 2026-05-09 to 2026-05-11; it holds to a level of" in said
    assert departures(replace(load_plan("capitals-pause-2026-09"), rules={}), set_up("capitals-pause-2026-09"))[0] == (
        "the rules were worded otherwise on statistic, side, test, baseline, looks"
    )


def test_a_plan_waits_for_its_nights_and_most_pauses_have_none():
    told = pa.assess("capitals-pause-2026-09").planned()
    assert told.count("days before the first planned night") == 2 and "the data end 91 days before" in told
    assert "fixed on 27 November 2026, after its last night, before the tables held it" in told
    assert pa.assess("easter-2025").planned() == ""
