"""Cutting a series: window, baseline, and the days that are neither."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up import DAYS, noisy, refused

from analysis.windows import check_counts, check_window, holiday_days, lay_out

COUNTS = noisy()
THIRD = np.arange(len(DAYS)) == 2
WINDOW = pd.date_range("2025-06-10", periods=3)


# --- which days are what


def test_three_more_weeks_are_shown_and_days_since_the_evening_of_an_announcement_are_no_baseline():
    layout = lay_out(COUNTS, WINDOW, first_day="2025-01-01", announced=pd.Timestamp("2025-06-07 21:30"))
    assert set(layout.days[layout.baseline]) == set(pd.date_range("2025-01-01", "2025-06-06"))
    assert layout.days[-1] == pd.Timestamp("2025-07-03")
    assert not lay_out(COUNTS, pd.date_range("2025-06-10", periods=30), trend="linear").leave_out


@pytest.mark.parametrize("n_days, before, after", [(1, 365, 0), (13, 365, 0), (14, 700, 365), (30, 700, 365)])
def test_how_far_a_baseline_reaches(n_days, before, after):
    layout = lay_out(COUNTS, DAYS[800 : 800 + n_days])
    reference = layout.days[layout.baseline]
    assert (reference[0], reference[-1]) == (DAYS[800 - before], DAYS[799 + after + n_days * (after > 0)])
    assert len(reference) == before + max(after - 14, 0)


near = st.sets(st.integers(-60, 60), max_size=20)


@settings(max_examples=40)
@given(st.integers(0, 1399), st.integers(1, 40), near, near, st.integers(0, 30), st.integers(-800, 9), st.booleans())
def test_every_day_plays_the_part_that_a_loop_gives_it(start, n_days, missing, exclude, lead, since, both_sides):
    counts, window = COUNTS.copy(), pd.date_range(DAYS[start], periods=n_days)
    counts[[day for day in DAYS if (day - window[0]).days in missing]] = np.nan
    around = {"baseline": (DAYS[max(start - 200, 0)], DAYS[min(start + 200, 1399)])} if both_sides else {}
    layout = lay_out(
        counts,
        window,
        exclude=[window[0] + pd.Timedelta(days=k) for k in exclude],
        announced=window[0] - pd.Timedelta(days=lead),
        first_day=window[0] + pd.Timedelta(days=since),
        **around,
    )
    recovery, before, after = (14, 700, 365) if n_days >= 14 else (7, 365, 0)
    low, high = (-200, 200) if both_sides else (-before, n_days - 1 + after)

    def reported(k):
        return k >= since and 0 <= start + k < 1400 and k not in missing

    def ordinary(k):
        apart = k < -lead or k >= n_days + recovery
        return reported(k) and apart and low <= k <= high and k not in exclude

    usable = {k for k in range(-800, 500) if ordinary(k)}
    inside = {k for k in range(n_days) if reported(k)}
    assert {(day - window[0]).days for day in layout.days[layout.baseline]} == usable
    assert layout.pattern.tolist() == [reported(k) for k in range(n_days)]
    assert layout.days[layout.start] == window[0] and layout.leave_out == (n_days >= 14)
    fitted = {(day - window[0]).days for day in layout.days[layout.fitted]}
    assert fitted == usable | (set() if layout.leave_out else inside)
    shown = [int(k) for k in (layout.days - window[0]).days]
    assert shown == list(range(shown[0], shown[-1] + 1)) and shown[0] <= 0 <= n_days - 1 <= shown[-1]
    np.testing.assert_array_equal(layout.counts, [counts[DAYS[start + k]] if reported(k) else np.nan for k in shown])
    whole = shown[: len(shown) - n_days + 1]
    fits = [k for k in whole if inside and all(k + j in usable for j in inside)]
    assert [(day - window[0]).days for day in layout.days[layout.starts]] == fits


# --- the null model that goes with it


@pytest.mark.parametrize("n_holidays, n_terms", [(7, 8), (8, 9)])
def test_a_few_holidays_in_the_baseline_are_not_enough_for_a_holiday_term(n_holidays, n_terms):
    layout = lay_out(COUNTS, WINDOW, holidays=WINDOW[0] - pd.to_timedelta(range(1, n_holidays + 1), unit="D"))
    assert layout.X.shape[1] == n_terms
    assert layout.notes == ("too few holidays in the baseline for a holiday term",) * (n_terms == 8)


def test_a_covariate_that_repeats_another_term_is_left_out_and_named():
    covariates = pd.DataFrame({"weekend": (DAYS.day_of_week >= 5).astype(float)}, index=DAYS)
    layout = lay_out(COUNTS, WINDOW, covariates=covariates)
    assert layout.notes == ("weekend repeats other terms and was left out",)
    assert (layout.X == lay_out(COUNTS, WINDOW).X).all()


def test_the_edges_of_what_is_read():
    for values, kind, read in (([1, None, 3], "Int64", [1, 3]), (["1", None, "2.5"], None, [1, 2.5])):
        found = check_counts(pd.Series(values, index=DAYS[:3], dtype=kind))
        assert found.tolist()[::2] == read and np.isnan(found.iloc[1])
    for value in (0.0, 1e-9, 1e15):
        assert check_counts(COUNTS.mask(THIRD, value)).iloc[2] == value
    assert check_window(["2025-06-10", pd.Timestamp("2025-06-11 18:00")]).tolist() == WINDOW[:2].tolist()
    assert lay_out(COUNTS, WINDOW, covariates=pd.DataFrame({"frost": "1.5"}, index=DAYS)).start == 365
    assert lay_out(COUNTS, WINDOW, baseline=36_525).baseline.sum() == 526


def test_holidays_that_fill_as_they_are_asked_are_found_and_others_own_must_be_given():
    class Fridays(dict):
        def __contains__(self, day):
            return day.weekday() == 4

    assert holiday_days(Fridays(), DAYS[:14], ours=True).tolist() == [DAYS[4], DAYS[11]]
    assert holiday_days(None, DAYS, ours=True) is True and holiday_days(None, DAYS, ours=False) is False
    for holidays, words in ((True, "whose holidays?"), ("US", "not holidays"), (5, "not holidays")):
        with refused(f"field holidays: {words}"):
            holiday_days(holidays, DAYS, ours=False)


# --- refusals

KYIV = "Europe/Kyiv"
LEVEL = np.arange(1400.0)


@pytest.mark.parametrize(
    "given, words",
    [
        ({"counts": COUNTS.tz_localize(KYIV)}, "field raids|time zone|2024-01-01|Europe/Kyiv"),
        ({"counts": COUNTS[::-1]}, "unsorted or repeated|each day once, in order"),
        ({"counts": COUNTS.drop(DAYS[7])}, "missing from the index|1400 days|1399|leave missing reports empty, not 0"),
        ({"counts": COUNTS.set_axis([pd.NaT, pd.NaT, *DAYS[2:]])}, "field raids|days without a date; found 2"),
        *[
            ({"counts": COUNTS.astype(object).mask(THIRD, wrong)}, f"1 row (3)|not numbers of 0 or more|{wrong}")
            for wrong in (-4, np.inf, "many", 9e-10, 1.1e15)
        ],
        ({"days": DAYS[[3, 4, 6]]}, "not one window|consecutive plain dates in order|estimate_joint()"),
        ({"days": DAYS[[3, 3]]}, "not one window"),
        ({"days": DAYS[[4, 3]]}, "not one window|2 dates from 2024-01-04 to 2024-01-05"),
        ({"days": []}, "field days: the window has no day; expected consecutive plain dates in order; found none"),
        *[
            ({"baseline": wrong}, "field baseline: not a baseline; expected a number of days")
            for wrong in (0, 36_526, 30.0, True, (1, 2, 3))
        ],
        ({"baseline": ("2025-03-01", "2025-02-01")}, "field baseline: the baseline ends before it starts"),
        *[({field: ["soon"]}, f"field {field}: not a day") for field in ("announced", "first_day", "exclude")],
        ({"covariates": pd.Series(1.0, index=DAYS, name="frost")}, "covariates cannot be used|Series"),
        ({"covariates": pd.DataFrame({"level": LEVEL}, index=DAYS)}, "covariates cannot be used|no column named"),
        ({"covariates": pd.concat([pd.DataFrame({"frost": LEVEL}, index=DAYS)] * 2)}, "each day once"),
    ],
)
def test_what_cannot_be_read_is_refused_with_place_and_remedy(given, words):
    with refused(*words.split("|")):
        lay_out(**{"counts": COUNTS, "days": WINDOW} | given)


@pytest.mark.parametrize(
    "counts, exclude",
    [(COUNTS[-3:], ()), (COUNTS * np.nan, ()), (COUNTS, DAYS)],
    ids=["a series of three days", "no report at all", "a pause on every baseline day"],
)
def test_a_window_at_the_end_without_any_baseline_can_still_be_laid_out(counts, exclude):
    layout = lay_out(counts, DAYS[-3:], exclude=exclude)
    assert not layout.baseline.any() and len(layout.starts) == 0
