"""Cutting a series: window, baseline, and the days that are neither."""

from contextlib import suppress

import numpy as np
import pandas as pd
import pytest

from analysis.errors import DesignError
from analysis.windows import check_counts, check_window, lay_out

DAYS = pd.date_range("2024-01-01", periods=1400, name="day")
COUNTS = pd.Series(np.random.default_rng(1).poisson(50, len(DAYS)).astype(float), index=DAYS, name="drones")
THIRD = np.arange(len(DAYS)) == 2


def days(first, n_days):
    return pd.date_range(first, periods=n_days)


def span(first, last):
    return set(pd.date_range(first, last))


def baseline_days(layout):
    return set(layout.days[layout.baseline])


# --- which days are what


def test_a_short_window_has_the_365_days_before_it_and_none_after():
    layout = lay_out(COUNTS, days("2025-06-10", 3))
    assert baseline_days(layout) == span("2024-06-10", "2025-06-09")
    assert set(layout.days[layout.window]) == span("2025-06-10", "2025-06-12")
    assert set(layout.days[layout.fitted]) == span("2024-06-10", "2025-06-12")
    assert not layout.leave_out and layout.n_after == 0
    assert layout.days[-1] == pd.Timestamp("2025-07-03")  # three weeks more to look at, neither fitted nor compared


def test_excluded_announced_and_unreported_days_are_no_baseline():
    counts = COUNTS.copy()
    counts["2025-02-01":"2025-02-02"] = np.nan
    layout = lay_out(
        counts, days("2025-06-10", 3), exclude=span("2025-04-20", "2025-04-27"), announced="2025-06-07 21:30",
        first_day="2025-01-01",
    )  # fmt: skip
    without = span("2025-02-01", "2025-02-02") | span("2025-04-20", "2025-04-27") | span("2025-06-07", "2025-06-09")
    assert baseline_days(layout) == span("2025-01-01", "2025-06-09") - without


def test_a_week_after_a_short_pause_and_two_after_a_long_one_are_no_baseline():
    short = lay_out(COUNTS, days("2025-06-10", 3), baseline=("2025-01-01", "2025-12-31"))
    assert baseline_days(short) == span("2025-01-01", "2025-06-09") | span("2025-06-20", "2025-12-31")
    assert short.n_after == len(span("2025-06-20", "2025-12-31"))
    long = lay_out(COUNTS, days("2025-06-10", 30))
    assert baseline_days(long) == span("2024-01-01", "2025-06-09") | span("2025-07-24", "2026-07-09")
    assert long.leave_out and set(long.days[long.fitted]) == baseline_days(long)


def test_thirteen_days_are_short_and_fourteen_long():
    assert not lay_out(COUNTS, days("2025-06-10", 13)).leave_out
    assert lay_out(COUNTS, days("2025-06-10", 14)).leave_out
    assert not lay_out(COUNTS, days("2025-06-10", 14), trend="linear").leave_out


def test_seven_hundred_days_before_a_long_window_at_most():
    counts = pd.Series(1.0, index=pd.date_range("2020-01-01", "2026-12-31"))
    layout = lay_out(counts, days("2024-06-01", 20))
    first = pd.Timestamp("2024-06-01") - pd.Timedelta(days=700)
    assert layout.days[layout.baseline][0] == first
    assert layout.days[layout.baseline][-1] == pd.Timestamp("2024-06-20") + pd.Timedelta(days=365)


def test_a_missing_day_of_the_window_is_masked_in_every_placebo():
    counts = COUNTS.copy()
    counts["2025-06-11"] = np.nan
    counts["2025-03-05"] = np.nan
    layout = lay_out(counts, days("2025-06-10", 3))
    assert layout.pattern.tolist() == [True, False, True]
    starts = set(layout.days[layout.starts])
    assert pd.Timestamp("2025-03-04") in starts  # its own second day is missing, and masked
    assert not starts & {pd.Timestamp("2025-03-05"), pd.Timestamp("2025-03-03")}
    assert pd.Timestamp("2025-06-11") not in set(layout.days[layout.fitted])


def test_placebos_share_no_day_with_window_or_excluded_days():
    layout = lay_out(COUNTS, days("2025-06-10", 3), baseline=("2025-01-01", "2025-12-31"), exclude=["2025-03-03"])
    taken = span("2025-06-10", "2025-06-19") | span("2025-03-03", "2025-03-03")
    for start in layout.days[layout.starts]:
        assert not taken & set(pd.date_range(start, periods=3))
    assert len(layout.starts) == 365 - 2 - (10 + 2) - (1 + 2)


def test_days_of_a_running_pause_that_lie_ahead_count_as_not_reported():
    layout = lay_out(COUNTS, days(DAYS[-2], 5))
    assert layout.pattern.tolist() == [True, True, False, False, False]
    assert layout.days[-1] == DAYS[-2] + pd.Timedelta(days=4)


def test_window_days_excluded_by_mistake_stay_in_the_window():
    plain, excluding = (lay_out(COUNTS, days("2025-06-10", 3), exclude=e) for e in ((), days("2025-06-11", 1)))
    assert (plain.baseline == excluding.baseline).all() and (plain.pattern == excluding.pattern).all()


# --- the null model that goes with it


def test_a_few_holidays_in_the_baseline_are_not_enough_for_a_holiday_term():
    with_term, without = lay_out(COUNTS, days("2025-06-10", 3)), lay_out(COUNTS, days("2025-06-10", 3), baseline=90)
    assert with_term.X.shape[1] == 9 and with_term.notes == ()
    assert without.X.shape[1] == 8
    assert without.notes == ("too few holidays in the baseline for a holiday term",)


def test_a_covariate_that_repeats_another_term_is_left_out_and_named():
    covariates = pd.DataFrame({"weekend": (DAYS.day_of_week >= 5).astype(float)}, index=DAYS)
    layout = lay_out(COUNTS, days("2025-06-10", 3), covariates=covariates)
    assert layout.notes == ("weekend repeats other terms and was left out",)
    assert (layout.X == lay_out(COUNTS, days("2025-06-10", 3)).X).all()


# --- refusals


@pytest.mark.parametrize(
    "counts, parts",
    [
        ([1, 2, 3], ["counts must be a Series indexed by day", "list"]),
        (pd.Series([1.0, 2.0]), ["counts must be a Series indexed by day"]),
        (COUNTS.tz_localize("Europe/Kyiv"), ["field drones", "time zone", "Europe/Kyiv", "strike_day()"]),
        (COUNTS[::-1], ["unsorted or repeated", "each day once, in order"]),
        (pd.concat([COUNTS[:5], COUNTS[4:]]), ["unsorted or repeated"]),
        (COUNTS.drop(DAYS[7]), ["missing from the index", "1400 days", "1399", "leave missing reports empty, not 0"]),
        (COUNTS.mask(THIRD, -4), ["1 row (3)", "not numbers of 0 or more", "-4"]),
        (COUNTS.mask(THIRD, np.inf), ["1 row (3)", "not numbers of 0 or more", "inf"]),
        (COUNTS.astype(object).mask(THIRD, "many"), ["1 row (3)", "many"]),
    ],
)
def test_a_series_that_cannot_be_read_is_refused_with_place_and_remedy(counts, parts):
    with pytest.raises(DesignError) as refusal:
        lay_out(counts, days("2025-06-10", 3))
    for part in parts:
        assert part in str(refusal.value)


def test_whole_numbers_with_missing_values_and_text_numbers_are_read():
    nullable = pd.Series([1, None, 3], index=DAYS[:3], dtype="Int64")
    assert check_counts(nullable).tolist()[::2] == [1.0, 3.0] and check_counts(nullable).isna().tolist()[1]
    assert check_counts(pd.Series(["1", None, "2.5"], index=DAYS[:3])).tolist()[::2] == [1.0, 2.5]


@pytest.mark.parametrize(
    "window, parts",
    [
        ([], ["field days", "the window has no day"]),
        (DAYS[[3, 5]], ["not one window", "consecutive plain dates in order", "estimate_joint()"]),
        (DAYS[[3, 3]], ["not one window"]),
        (DAYS[[4, 3]], ["not one window"]),
        (DAYS[3:5].tz_localize("Europe/Kyiv"), ["not one window", "plain dates"]),
    ],
)
def test_anything_but_one_run_of_plain_days_is_no_window(window, parts):
    with pytest.raises(DesignError) as refusal:
        lay_out(COUNTS, window)
    for part in parts:
        assert part in str(refusal.value)


def test_hours_of_a_window_do_not_matter():
    assert check_window(["2025-06-10 18:00", "2025-06-11 18:00"]).tolist() == days("2025-06-10", 2).tolist()


@pytest.mark.parametrize("baseline", [0, -5, 30.0, True, "365", (1, 2, 3), None.__class__])
def test_what_is_no_baseline_is_refused(baseline):
    with pytest.raises(DesignError, match="field baseline: not a baseline; expected a number of days"):
        lay_out(COUNTS, days("2025-06-10", 3), baseline=baseline)


def test_a_baseline_that_ends_before_it_starts_is_refused():
    with pytest.raises(DesignError, match="the baseline ends before it starts"):
        lay_out(COUNTS, days("2025-06-10", 3), baseline=("2025-03-01", "2025-02-01"))


@pytest.mark.parametrize(
    "counts, exclude",
    [(COUNTS[-3:], ()), (COUNTS * np.nan, ()), (COUNTS, DAYS)],
    ids=["a series of three days", "no report at all", "a pause on every baseline day"],
)
def test_a_window_at_the_end_without_any_baseline_can_still_be_laid_out(counts, exclude):
    layout = lay_out(counts, days(DAYS[-3], 3), exclude=exclude)
    assert not layout.baseline.any() and len(layout.starts) == 0


def test_an_index_with_hours_is_refused_or_read_by_date():
    noon = COUNTS.set_axis(DAYS + pd.Timedelta(hours=12))
    with suppress(DesignError):
        assert lay_out(noon, days("2025-06-10", 3)).pattern.all()


def test_a_window_without_a_date_is_refused():
    with pytest.raises(DesignError):
        lay_out(COUNTS, pd.DatetimeIndex([pd.NaT]))


@pytest.mark.parametrize(
    "options",
    [
        {"announced": pd.Timestamp("2025-06-07", tz="Europe/Kyiv")},
        {"first_day": pd.Timestamp("2025-01-01", tz="Europe/Kyiv")},
        {"announced": "soon"},
        {"exclude": ["soon"]},
        {"baseline": ("soon", "later")},
        {"baseline": (None, None)},
    ],
    ids=str,
)
def test_dates_that_cannot_be_read_are_refused_by_name(options):
    with pytest.raises(DesignError, match=next(iter(options))):
        lay_out(COUNTS, days("2025-06-10", 3), **options)


@pytest.mark.parametrize(
    "covariates",
    [
        pd.Series(1.0, index=DAYS, name="frost"),
        pd.DataFrame({"frost": "1.5"}, index=DAYS),
        pd.DataFrame({"level": np.arange(1400.0)}, index=DAYS),
        pd.concat([pd.DataFrame({"frost": np.arange(1400.0)}, index=DAYS)] * 2),
    ],
    ids=["a series", "numbers as text", "a name in use", "days twice"],
)
def test_malformed_covariates_are_refused_or_read(covariates):
    with suppress(DesignError):
        assert lay_out(COUNTS, days("2025-06-10", 3), covariates=covariates).start == 365
