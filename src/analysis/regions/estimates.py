"""Where the sirens sounded: alert-minutes of a region on its own, relative to the rest, and as a share of all.

Alerts became shorter and more local: a launched drone brought 34 alert-minutes at night in the rear in late 2024,
5.5 in the spring of 2026. Their level is comparable within about a quarter only, so the baseline is the 90 days on
either side of the window, without trend. Whole strike days are counted, not nights: launches are counted so too,
and in 2026 almost a third of all alert-minutes fall between 09:00 and 18:00.
"""

from dataclasses import replace
from difflib import get_close_matches

import numpy as np
import pandas as pd

from analysis.effects import decide
from analysis.errors import DesignError
from analysis.estimation import estimate_effect
from analysis.evidence import BAND, placebo_fields
from analysis.layout import ONE_DAY, check_window
from analysis.placebo import PlaceboTest, window_sums
from analysis.sentences import NOT_TESTABLE, days_text
from analysis.tables import load_table

QUARTER = 90  # days before and after a window within which levels are comparable
FEWEST_WINDOWS = 30  # separate windows in the baseline; with 10 to 20 of them 7 to 12 % of true nulls are rejected
MOSTLY_USABLE = 0.9
QUIET = 0.1  # in the quietest tenth of windows, distant regions keep less of their usual share anyway
RELATIVE = "relative_"


def alert_minutes(*, takeoffs=True, folder=None):
    """Minutes under alert by strike day and region.

    Parameters
    ----------
    takeoffs : bool
        Whether the nationwide alarms that look like the take-off of a MiG-31K count.
    folder : path, optional
        Folder of tables.

    Returns
    -------
    DataFrame
        Indexed by day, a column a region; NaN where the alerts of the region are not usable.

    Examples
    --------
    >>> alert_minutes().loc["2025-04-20", ["Kyiv City", "Lviv"]].tolist()
    [15.0, 0.0]
    """
    alerts = load_table("alerts", folder=folder)
    minutes = alerts["minutes"] - (0 if takeoffs else alerts["mig31k_minutes"])
    return alerts.assign(minutes=minutes.where(alerts["usable"])).pivot(index="day", columns="oblast", values="minutes")


def find_region(name, oblasts):
    """Return the key of a region with alerts from its key or full name; a DesignError names those most like it.

    Examples
    --------
    >>> find_region("Kyiv oblast", load_table("oblasts"))
    'Kyiv'
    """
    used = oblasts[oblasts["alerts_status"] == "used"]
    known = {word.casefold(): row.oblast for row in used.itertuples() for word in (row.name_en, row.oblast)}
    wanted = str(name).strip().casefold()
    if wanted in known:
        return known[wanted]
    close = dict.fromkeys(known[word] for word in get_close_matches(wanted, known, n=6, cutoff=0.5))
    raise DesignError(
        "no alerts of such a region", field="region", found=repr(name)[:60],
        expected=" or ".join(close) or "a region of data/oblasts.csv with alerts",
        remedy="choose a region whose alerts_status in data/oblasts.csv is used",
    )  # fmt: skip


def usable_regions(minutes, days, regions):
    """Those of `regions` that are usable on every day of the window and nine tenths of the quarter around it."""
    days = check_window(days)
    near = minutes.loc[days[0] - QUARTER * ONE_DAY : days[-1] + QUARTER * ONE_DAY, list(regions)]
    inside = near.reindex(days).notna().all()
    return [region for region in near if inside[region] and near[region].notna().mean() >= MOSTLY_USABLE]


def estimate_alerts(counts, days, *, exclude=(), announced=None, level=0.95):
    """Compare one window of a daily series of alerts with the quarter before and the quarter after it.

    Parameters
    ----------
    counts : Series
        Minutes under alert by day; NaN = not usable.
    days, exclude, announced, level
        As in `estimate_effect`.

    Returns
    -------
    PauseEffect
        Expected is the mean of the ordinary days. A window of which fewer than 30 separate ones fit into the
        baseline is not tested: windows that overlap are not that many placebos.

    Examples
    --------
    >>> days = pd.date_range("2025-01-01", periods=150)
    >>> minutes = pd.Series(np.random.default_rng(1).gamma(2, 100, 150), index=days, name="alert_minutes")
    >>> estimate_alerts(minutes, days[80:88]).reason
    'the quarters before and after hold only 16 separate windows of 8 days, at least 30 are needed'
    """
    return _if_separate(_against_quarters(counts, check_window(days), exclude, announced, level))


def estimate_relative(counts, others, days, *, exclude=(), announced=None, level=0.95):
    """Compare a region's alerts, relative to other regions', in one window and in ordinary windows.

    The ratio of sums, region over others, in the window against the baseline. The placebos shift the window of the
    whole panel in time: what moves all regions alike cancels, and the dependence between regions is kept.

    Parameters
    ----------
    counts, others : Series
        Minutes of the region, and of the other regions together. The rest is as in `estimate_alerts`.

    Returns
    -------
    PauseEffect
        Its outcome has "relative_" in front; expected is what the others' minutes in the window imply. Not tested
        where the others were as quiet as in the quietest tenth of ordinary windows: what still flies then stays near
        the front, so distant regions lose more than their share, pause or not.

    Examples
    --------
    >>> days = pd.date_range("2025-01-01", periods=180)
    >>> others = pd.Series(np.random.default_rng(1).gamma(2, 500, 180), index=days)
    >>> minutes = (0.1 * others).rename("alert_minutes")
    >>> minutes.iloc[90:93] *= 0.4
    >>> round(estimate_relative(minutes, others, days[90:93]).ratio, 6)
    0.4
    """
    days, others = check_window(days), others.reindex(counts.index)
    own = _against_quarters(counts.where(others.notna()), days, exclude, announced, level)
    own = replace(own, outcome=f"{RELATIVE}{own.outcome}")
    if own.p_value is None:
        return own
    daily = own.daily.set_index("day")
    ordinary, observed = daily["role"] == "baseline", daily["observed"]
    implied = others.reindex(daily.index) * observed[ordinary].sum() / (others[daily.index[ordinary]].sum() or np.nan)
    starts, pattern = daily.index.get_indexer([*own.placebo["start"], days[0]]), observed[days].notna().to_numpy()
    seen, mean = (window_sums(column.fillna(0).to_numpy(), starts, pattern) for column in (observed, implied))
    ratios = np.divide(seen, mean, out=np.full(len(seen), np.nan), where=mean > 0)
    low, high = (observed / implied)[ordinary & (implied > 0)].quantile(BAND)
    effect = replace(
        own, expected=float(mean[-1]), ratio=float(ratios[-1]) if mean[-1] > 0 else None,
        daily=daily.assign(expected=implied, low=low * implied, high=high * implied).reset_index(),
        placebo=own.placebo.assign(ratio=ratios[:-1]),
    )  # fmt: skip
    effect = _if_separate(effect)
    if effect.p_value is None:
        return effect
    if mean[-1] <= np.quantile(mean[:-1], QUIET):
        return _untested(effect, "the others were as quiet themselves as in the quietest tenth of ordinary windows")
    return _tested(effect)


def estimate_shares(minutes, days, whole):
    """Each region's share of all alert-minutes in the window, beside its usual share and ordinary windows.

    Parameters
    ----------
    minutes : DataFrame
        By day, a column a region.
    days : DatetimeIndex
    whole : PauseEffect
        The sum of these regions in the window `days`: it says which days are the baseline.

    Returns
    -------
    shares : DataFrame
        A row a region: minutes, share, usual, low, high, ratio, outside ("more", "less" or ""). The band from low
        to high holds 95 of 100 ordinary windows; empty where such windows are not tested, or none was as quiet.
    windows : DataFrame
        Shares by first day of a window, a column a region: the ordinary windows and the one asked about.
    """
    if not whole.n_placebo:
        empty = pd.DataFrame(np.nan, minutes.columns, ["minutes", "share", "usual", "low", "high", "ratio"])
        return empty.assign(outside=""), minutes.iloc[:0]
    starts = pd.DatetimeIndex([days[0], *whole.placebo["start"]])
    sums = window_sums(minutes.fillna(0).to_numpy().T, minutes.index.get_indexer(starts), np.ones(len(days), bool)).T
    windows = pd.DataFrame(sums, starts, minutes.columns)
    shares = windows.div(windows.sum(axis=1).replace(0, np.nan), axis=0)
    ordinary = minutes.loc[whole.daily.loc[whole.daily["role"] == "baseline", "day"]].sum()
    told = whole.p_value is not None and whole.ratio >= whole.placebo["ratio"].min()
    band = shares.iloc[1:].quantile(BAND) if told else shares.iloc[:0].reindex(BAND)
    table = pd.DataFrame({"minutes": windows.iloc[0], "share": shares.iloc[0], "usual": ordinary / ordinary.sum()})
    table = table.assign(low=band.loc[BAND[0]], high=band.loc[BAND[1]], ratio=table["share"] / table["usual"])
    beyond = [table["share"] > table["high"], table["share"] < table["low"]]
    return table.assign(outside=np.select(beyond, ["more", "less"], "")), shares.sort_index()


def _against_quarters(counts, days, exclude, announced, level):
    """Window shift against the level of 90 days before and 90 days after."""
    quarters = (days[0] - QUARTER * ONE_DAY, days[-1] + QUARTER * ONE_DAY)
    return estimate_effect(
        counts, days, baseline=quarters, exclude=exclude, announced=announced, trend="constant", weekday=False,
        holidays=False, test="shift", level=level,
    )  # fmt: skip


def _if_separate(effect):
    """Not tested where the baseline holds too few windows that do not overlap."""
    separate = int((effect.daily["role"] == "baseline").sum()) // effect.n_days
    if effect.p_value is None or separate >= FEWEST_WINDOWS:
        return effect
    windows = f"{separate} separate windows of {days_text(effect.n_days)}, at least {FEWEST_WINDOWS} are needed"
    return _untested(effect, f"the quarters before and after hold only {windows}")


def _tested(effect):
    """Judge the ratio against the placebos; expected, daily and placebo are already in place."""
    test = PlaceboTest(effect.ratio, effect.placebo["ratio"].to_numpy(), effect.alternative, effect.alpha)
    found = placebo_fields(test, effect.expected)
    silence = f"even total silence would have p = {found['p_min']:.2g} against {test.n_placebo} comparable windows"
    reason = "the window of the whole panel shifted in time" if found["testable"] else silence
    return decide(replace(effect, **found, reason=reason))


def _untested(effect, why):
    """The same description, with the reason why there is no test."""
    return replace(
        effect, p_value=None, p_min=None, ratio_low=None, ratio_high=None, expected_low=None, expected_high=None,
        smallest_visible_cut=None, testable=False, verdict=NOT_TESTABLE, reason=why,
    )  # fmt: skip
