"""A test fixed before its data: thresholds, looks, and a file that is written once."""

import shutil
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from made_up import refused

import analysis as pa
from analysis import plan as room
from analysis.calibration.processes import CountAutoregression
from analysis.errors import RegistryError
from analysis.plan import Plan, allowed_p, departures, follow_plan, load_plan, look_p_values, plan_outcome, write_plan
from analysis.setting import not_ordinary, set_up
from analysis.tables import data_folder
from analysis.windows import lay_out

DAYS = pd.date_range("2025-01-01", periods=370)
NONE = pd.DatetimeIndex([])


def planned(seed=1, n_days=3, level=0.95):
    counts = CountAutoregression(mean=100.0, dispersion=0.2).draw(1, 365, seed=seed)[0].astype(float)
    series = pd.Series(counts, DAYS[:365], name="drones")
    return series, plan_outcome(series, DAYS[365 : 365 + n_days], exclude=NONE, level=level)


def test_the_stated_threshold_is_found_and_one_more_is_not():
    series, plan = planned()
    assert plan.p_at_most < planned(n_days=1)[1].p_at_most <= 0.05 + 1e-9  # more looks ask for a smaller p
    with refused("a plan comes before the data", "a first night after 2025-12-31"):
        plan_outcome(series, DAYS[364:366], exclude=NONE, level=0.95)
    for look in plan.looks:
        for counted, found in ((look.at_most, True), (look.at_most + 2 * look.nights, False)):
            mean = np.diff([0, *(one.expected for one in plan.looks[: look.nights])])
            inside = (mean + 5) * (counted + 5 * look.nights) / (mean + 5).sum() - 5
            longer = pd.concat([series, pd.Series(inside, DAYS[365 : 365 + look.nights])]).rename("drones")
            layout = lay_out(longer, DAYS[365 : 365 + look.nights], trend="linear")
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
    path = write_plan(plan, folder=tmp_path)
    text = path.read_bytes()
    read = load_plan("p", folder=tmp_path)
    assert read.days.equals(plan.days) and read.outcomes[0].looks == outcome.looks
    assert read.outcomes[0].p_at_most == pytest.approx(outcome.p_at_most, abs=1e-6)
    with pytest.raises(RegistryError, match="there is a plan already"):
        write_plan(plan, folder=tmp_path)
    assert path.read_bytes() == text and load_plan("other", folder=tmp_path) is None


def test_the_committed_plans_are_older_than_their_data():
    for path in sorted((data_folder() / room.FOLDER).glob("*-2026-09.toml")):
        plan = load_plan(path.stem)
        assert plan.fixed.isoformat() == "2026-11-27" and plan.first_day.year == 2026
        assert all(look.at_most is None or look.at_most < look.expected for one in plan.outcomes for look in one.looks)


def followed(tmp_path, *, first=None, level=0.95):
    """The plan of a pause whose nights the tables hold, in a folder of its own, and what is said of it."""
    folder = tmp_path / "data"
    shutil.copytree(data_folder(), folder, ignore=shutil.ignore_patterns("raw", "plans"))
    registry = pa.load_pauses()
    pause, known = registry["us-three-day-2026-05"], pa.outcome_series("drones_launched")[:"2026-05-05"]
    days = pause.days() if first is None else pd.date_range(first, pause.days()[-1])
    outcome = plan_outcome(known, days, exclude=not_ordinary(registry, besides=pause), level=level)
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
    seen = follow_plan(plan, plan.outcomes[0], registry=registry, folder=tmp_path / "data")
    assert [look.observed for look in seen] == [43, 70, 70] and all(look.found for look in seen)


def test_departures_from_a_plan_are_named(tmp_path):
    said = followed(tmp_path, first="2026-05-08", level=0.9).planned()
    assert "it: the registry now has the window 2026-05-09 to 2026-05-11; it holds to a level of" in said
    assert departures(replace(load_plan("capitals-pause-2026-09"), rules={}), set_up("capitals-pause-2026-09"))[0] == (
        "the rules were worded otherwise on statistic, side, test, baseline, looks"
    )


def test_a_plan_waits_for_its_nights_and_most_pauses_have_none():
    assert pa.assess("capitals-pause-2026-09").planned().count("do not hold the planned nights yet") == 2
    assert pa.assess("easter-2025").planned() == ""
