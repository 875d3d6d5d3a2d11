"""What the figures for readers show: a tidy frame for each, and the words around it.

Nothing is estimated here: numbers are those of the effects, of the tables and of the registry.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.days import KYIV, PROVISIONAL
from analysis.effect import PauseEffect
from analysis.estimate import BAND
from analysis.expected import Floats
from analysis.figures import region_label
from analysis.launches import Assessment, decide_pause
from analysis.pauses import Pause, load_pauses, reported_pauses
from analysis.placebo import most_alike, window_ratios
from analysis.series import SALVO_MISSILES
from analysis.setting import Registry, days_of_others, set_up
from analysis.sirens import alert_minutes, estimate_alerts, inferred_zeros, usable_regions
from analysis.tables import load_strikes, load_table, outcome_series
from analysis.vocabulary import NO_DATA, SILENT, about, plain_row, rounded, word
from analysis.windows import ONE_DAY, placebo_starts
from analysis.words import MORE, amount, counted, days_text, listed, outcome_label

DRONES, MISSILES = "drones_launched", "missiles_launched"
INFERRED = "inferred zero"
FORTNIGHT = 14
MOST = 3.0  # times the expected number, where the axis of ratios ends
ASKED = ("Kyiv City", "Odesa", "Lviv", "Kharkiv")  # the regions said in words
ONE_SIDE = "Ukrainian Air Force, one side's counts."


@dataclass(frozen=True)
class Words:
    """What stands around a figure: the finding as title, how to read it, source and limits, and the whole in words."""

    title: str
    reading: str
    caption: str
    alt: str
    told: str = ""  # for the text beside it


# --- A: all pauses, day by day ---


def nine_pauses_frame(
    registry: Registry | None = None, *, words: Mapping[str, str] | None = None, folder: Path | None = None
) -> pd.DataFrame:
    """A row a pause and day: drones launched over that day's expected number, and missiles; `words` by pause id."""
    registry = load_pauses() if registry is None else registry
    strikes, parts = load_strikes(folder=folder), []
    for pause in sorted(reported_pauses(registry), key=lambda pause: pause.days()[0]):
        days = pause.days()
        every = pd.date_range(days[0] - FORTNIGHT * ONE_DAY, max(days[0] + FORTNIGHT * ONE_DAY, days[-1]))
        effect = decide_pause(pause.id, outcomes=[DRONES], registry=registry, folder=folder)[0]
        daily = effect.daily.set_index("day").reindex(every)
        usable, seen = effect.expected is not None, daily["observed"].to_numpy()
        roles = [every.isin(days), every.isin(list(days_of_others(registry, pause)))]
        part = {
            "pause": pause.id,
            "name": pause.name,
            "promise": pause.spared,
            "word": (words or {}).get(pause.id, ""),
            "first_day": days[0],
            "last_day": days[-1],
            "day": every,
            "offset": (every - days[0]).days,
            "role": np.select(roles, ["pause", "another pause"], "outside"),
            "drones": seen,
            "expected": daily["expected"].to_numpy(),
            "multiple": (daily["observed"] / daily["expected"]).to_numpy(),
            "basis": _basis(DRONES, every, seen, folder) if usable else "not usable",
            "missiles": strikes["missiles_launched"].reindex(every).to_numpy(),
        }
        parts.append(pd.DataFrame(part))
    return pd.concat(parts, ignore_index=True)


def nine_pauses_words(frame: pd.DataFrame) -> Words:
    """Title and words of the figure of all pauses."""
    inside = frame[(frame["role"] == "pause") & (frame["basis"] != "not usable")].drop_duplicates("day")
    wide = inside["promise"] == ""
    kinds = {"Truces": inside[wide], "Narrower pauses": inside[~wide]}
    told = [f"{kind}{_each_word(part)}: {_launched(part, days=False)}." for kind, part in kinds.items() if len(part)]
    title = " ".join(told) or "No pause has usable counts."
    reading = "Bars: drones divided by expected, cut at 4; blue: pause. Circle: zero inferred. Cross: no report. "
    reading += f"Triangle: {SALVO_MISSILES} or more missiles. Stripe: another."
    known = frame[frame["role"] == "pause"].groupby("name", sort=False)
    each = [f"{name}: {_launched(part)}" for name, part in known]
    alt = f"{frame['pause'].nunique()} small charts of days. {'; '.join(each)}."
    return Words(title, reading, f"{_typed(inside['basis'])}Ukrainian Air Force, compiled by Petro Ivaniuk.", alt)


def _each_word(part: pd.DataFrame) -> str:
    """The word for the pauses of a kind, where it is the same for all."""
    words, n_pauses = set(part["word"]), part["pause"].nunique()
    return f", {'both' if n_pauses == 2 else 'each'} {words.pop()}" if len(words) == 1 and "" not in words else ""


def _basis(outcome: str, every: pd.DatetimeIndex, seen: Floats, folder: Path | None) -> Any:
    """What the number of each day stands on."""
    strikes = load_strikes(folder=folder)
    zeros = inferred_zeros(strikes) if outcome == DRONES else []
    typed = strikes[f"{outcome.removesuffix('_launched')}_basis"].reindex(every) == PROVISIONAL
    later = every > outcome_series(outcome, folder=folder).index[-1]
    kinds = {"not yet": later, "no report": np.isnan(seen), PROVISIONAL: typed}
    kinds[INFERRED] = every.isin(zeros) & (seen == 0)
    return np.select(list(kinds.values()), list(kinds), "report")


def _stands_on(basis: pd.Series) -> str:
    """On how many days of a pause zero is inferred or a number typed in, for a caption."""
    zeros = int((basis == INFERRED).sum())
    return (f"Zero is inferred, not reported, on {days_text(zeros)}. " if zeros else "") + _typed(basis)


def _typed(basis: pd.Series) -> str:
    typed = int((basis == PROVISIONAL).sum())
    return f"Diamond: {days_text(typed)} typed in from a newsroom, provisional. " if typed else ""


# --- B: how unusual ---

DOTS, RARE = 100, 40  # dots a row; at most one ordinary spell in 40 is rare


def unusual_frame(effects: Sequence[PauseEffect], *, registry: Registry | None = None) -> pd.DataFrame:
    """A row a pause, and a hundred quantiles of the ordinary spells of its length, by launched to expected.

    `as_far` of `n_placebo` spells are as quiet, or as heavy where more than expected was launched; `among` says which
    spells they are.
    """
    registry, parts = load_pauses() if registry is None else registry, []
    for effect in effects:
        ordinary, ratio = effect.placebo["ratio"].to_numpy(), effect.ratio
        dots = np.quantile(ordinary, (np.arange(DOTS) + 0.5) / DOTS) if len(ordinary) else []
        part = pd.DataFrame({"kind": ["pause", *["ordinary"] * len(dots)], "ratio": [ratio, *dots]}, dtype=object)
        own = {
            "pause": effect.pause,
            "name": registry[effect.pause].name,
            "outcome": effect.outcome,
            "observed": effect.observed,
            "expected": effect.expected,
            "n_days": effect.n_days,
            "n_placebo": len(ordinary),
            "as_far": effect.n_as_extreme or 0,
            "side": "heavy" if ratio is not None and ratio > 1 else "quiet",
            "among": "after a heavy day" if effect.test == "after-salvo" else "",
            "testable": effect.testable or effect.verdict == MORE,
        }
        parts.append(part.astype({"ratio": float}).assign(**own))
    frame = pd.concat(parts, ignore_index=True)[[*own, "kind", "ratio"]]
    return frame.astype({"observed": float, "expected": float})


def how_often(row: Mapping[str, Any], spells: str = "") -> str:
    """How often an ordinary spell lies as far out, as one says it.

    >>> how_often({"n_placebo": 297, "as_far": 43, "side": "quiet", "testable": True})
    '43 of 297 as quiet'
    """
    n, far, side = row["n_placebo"], row["as_far"], row["side"]
    if not n:
        return "no usable counts"
    if not row["testable"]:
        return "too short to tell"
    return f"{far or 'none'} of {n}{spells} as {side}"


def unusual_words(frame: pd.DataFrame) -> Words:
    """Title and words of the figure of pauses among ordinary spells; for one pause the title is its own finding."""
    rows = frame[frame["kind"] == "pause"].to_dict("records")
    drones = [row for row in rows if row["outcome"] == DRONES and row["testable"]]
    rare = [row for row in drones if row["side"] == "quiet" and row["as_far"] * RARE <= row["n_placebo"]]
    title = f"In {len(rare)} of {len(drones)} testable pauses drones were fewer than in {RARE - 1} of {RARE} "
    title += "ordinary spells"
    if len({row["pause"] for row in rows}) == 1:
        among = rows[0]["among"]
        spells = f"{'' if among else ' ordinary'} spells of {days_text(rows[0]['n_days'])}{among and f' {among}'}"
        title = f"{rows[0]['name']}: {how_often(rows[0], spells)}"
    reading = "Large dot: the pause; grey: spells compared."
    each = [f"{row['name']}, {outcome_label(row['outcome'], short=True)}: {how_often(row)}" for row in rows]
    return Words(title, reading, "Ukrainian Air Force.", f"{title}. {'; '.join(each)}.")


# --- C: what was promised and what happened ---

CLAIM, SIRENS, ENERGY = "claim", "minutes of sirens in Kyiv", "energy in the rear"
BEFORE, AFTER = 4, 5  # days shown around the window
READABLE = 0.25  # of the days shown; below, the row says nothing
ENERGY_STATES = {"no": "denied", "silent": "none named", "not_found": "nothing readable"}


def claims_frame(pause: Pause, *, registry: Registry | None = None, folder: Path | None = None) -> pd.DataFrame:
    """Each claim as a row from start to end, then a row a day of drones, missiles, sirens in Kyiv and energy hit.

    `start` and `end` are on the clock of strike days, six hours ahead; an edge that no party named is empty.
    """
    claims = []
    for claim in pause.claims:
        start, end = (None if edge is None else _on_strike_clock(edge) for edge in claim.span)
        state = "main" if claim.id == pause.main else "claimed"
        label = "all stated dates overlap" if claim.basis == "overlap" else claim.party
        claims.append({"part": CLAIM, "label": label, "start": start, "end": end, "state": state})
    known = [edge for row in claims for edge in (row["start"], row["end"]) if edge is not None]
    days = pause.days()
    first = min(days[0] - BEFORE * ONE_DAY, min(known).normalize() - ONE_DAY)
    every = pd.date_range(first, max(days[-1] + AFTER * ONE_DAY, max(known).normalize() + ONE_DAY))
    parts = [pd.DataFrame(claims)]
    for effect in decide_pause(pause.id, registry=registry, folder=folder):
        daily = effect.daily.set_index("day").reindex(every)
        if daily["expected"].isna().all():
            continue
        part = _by_day(effect.outcome, every, daily["observed"]).assign(expected=daily["expected"].to_numpy())
        parts.append(part.assign(state=_basis(effect.outcome, every, part["value"].to_numpy(), folder)))
    sirens = alert_minutes(folder=folder)["Kyiv City"].reindex(every)
    parts += [_by_day(SIRENS, every, sirens)] * bool(sirens.notna().any())
    coded = load_table("energy_coded", folder=folder).set_index("day").reindex(every)
    hit = np.where(coded["rear_oblasts"] > 0, "reported", "near the front only")
    state = np.where(coded["code"] == "yes", hit, coded["code"].map(ENERGY_STATES).fillna("nothing readable"))
    if (state != "nothing readable").mean() >= READABLE:
        parts.append(_by_day(ENERGY, every, coded["rear_oblasts"]).assign(state=state))
    frame = pd.concat(parts, ignore_index=True).assign(pause=pause.id)
    frame["inside"] = frame["start"].isin(days) & (frame["part"] != CLAIM)
    return frame.reindex(columns=["pause", "part", "label", "start", "end", "value", "expected", "state", "inside"])


def _by_day(part: str, every: pd.DatetimeIndex, values: pd.Series) -> pd.DataFrame:
    values = values.reindex(every).to_numpy(float, na_value=np.nan)
    return pd.DataFrame({"part": part, "label": "", "start": every, "end": every + ONE_DAY, "value": values})


def _on_strike_clock(moment: datetime) -> pd.Timestamp:
    """A moment on the clock of strike days, which begin at 18:00 of the eve."""
    return pd.Timestamp(moment).tz_convert(KYIV).tz_localize(None) + pd.Timedelta(hours=6)


def claims_words(frame: pd.DataFrame) -> Words:
    """Title and words of the figure of one pause's claims and days."""
    drones, missiles = (frame[frame["part"] == part] for part in (DRONES, MISSILES))
    seen, raids = (part[part["inside"] & part["value"].notna()] for part in (drones, missiles))
    title = "No usable counts of launches for this window"
    if len(seen):
        title = counted(seen["value"].sum(), "drones")
        title += f" and {counted(raids['value'].sum(), 'missiles')}" if len(raids) else ""
        whole = int(drones["inside"].sum())
        title += f" in {days_text(len(seen))}" if len(seen) == whole else f" in {len(seen)} of {days_text(whole)}"
        title += f", about {rounded(seen['expected'].sum())} drones expected"
    reading = "Bars: what each party said, faded where it named no edge; bold: the days counted."
    caption = f"{_stands_on(seen['state'])}Days run from 18:00 to 18:00, Kyiv time."
    sirens, energy = (frame[(frame["part"] == part) & frame["inside"]] for part in (SIRENS, ENERGY))
    told = f" Minutes of sirens in Kyiv on these days: {_values(sirens['value'])}." if len(sirens) else ""
    if len(energy):
        told += f" Energy on these days: {'; '.join(dict.fromkeys(energy['state']))}."
        reading += " Energy: full, hit reported; half, near the front; open, none named; hatched, nothing readable."
    parties = listed([f"{row.label}{_edges(row)}" for row in frame[frame["part"] == CLAIM].itertuples()])
    return Words(title, reading, caption, f"{title}. Claims: {parties}.{told}")


def _values(values: pd.Series) -> str:
    """The values of days, of many only the smallest and the largest."""
    known = values.dropna()
    return f"{amount(known.min())} to {amount(known.max())}" if len(known) > WEEK else listed([*map(amount, known)])


def in_kyiv_time(frame: pd.DataFrame) -> pd.DataFrame:
    """A frame for others to read: its moments on the clock of Kyiv with their offset, not on that of strike days."""
    moments = frame.select_dtypes("datetime").columns
    return frame.assign(**{name: frame[name].map(_off_strike_clock, na_action="ignore") for name in moments})


def _off_strike_clock(moment: pd.Timestamp) -> str:
    local = (moment - pd.Timedelta(hours=6)).tz_localize(KYIV, ambiguous=False, nonexistent="shift_forward")
    return local.isoformat(sep=" ", timespec="minutes")


def _edges(row: Any) -> str:
    half = pd.Timedelta(hours=12)  # a day belongs to the span that covers half of it
    edges = (("from", row.start + half), ("to", row.end - half))
    ends = [f"{word} {edge.day} {edge:%B}" for word, edge in edges if pd.notna(edge)]
    return f" ({' '.join(ends)})" if ends else " (no dates)"


def _launched(part: pd.DataFrame, *, days: bool = True) -> str:
    seen = part.dropna(subset=["drones", "expected"])
    if seen.empty:
        return "no usable counts"
    flown, expected = amount(seen["drones"].sum()), rounded(seen["expected"].sum())
    span = days_text(len(seen)) if len(seen) == len(part) else f"{len(seen)} of {days_text(len(part))}"
    return f"{flown} drones{f' in {span}' * days}, about {expected} expected"


# --- D: was it made up? ---

WEEK = 7


def running_sum_frame(assessment: Assessment) -> pd.DataFrame:
    """Launched less expected, summed up from the start of the pause; low and high: 95 of 100 after spells like it.

    What is expected after the pause is brought to the record's number for the week after, where it has one. Spells
    like it: the tenth that `estimate_rebound` takes. A day without a report adds nothing.
    """
    parts = [pd.DataFrame(columns=["pause", "outcome", "day", "offset", "role", "running"])]
    for effect in map(assessment.primary, assessment.outcomes()):
        if effect.expected is None:
            continue
        days = pd.date_range(effect.first_day, effect.last_day)
        every = pd.date_range(days[0] - ONE_DAY, days[-1] + FORTNIGHT * ONE_DAY)  # the account opens at nought
        daily = effect.daily.set_index("day")
        here = daily.reindex(every)
        expected = here["expected"].where(here["observed"].notna())
        after = assessment.select(effect.outcome, window=f"after-{WEEK}")[0].expected
        week = expected[days[-1] + ONE_DAY : days[-1] + WEEK * ONE_DAY].sum()
        if after is not None and week:  # on the day after a pause there is no week yet
            expected[every > days[-1]] *= after / week
        sums = (here["observed"] - expected).where(every >= days[0]).fillna(0).cumsum()
        sums = sums.where(every <= here["observed"].last_valid_index())
        roles = [every.isin(days), every.isin(list(assessment.setting.busy))]
        low, high, n_quiets = _after_quiets(daily, len(days), effect.ratio, float(here["expected"].mean()))
        part = {
            "pause": effect.pause,
            "outcome": effect.outcome,
            "day": every,
            "offset": np.arange(-1, len(every) - 1),
            "role": np.select(roles, ["pause", "another pause"], "outside"),
            "observed": here["observed"].to_numpy(),
            "expected": expected.to_numpy(),
            "running": sums.to_numpy(),
            "low": [0.0, *low],
            "high": [0.0, *high],
            "n_quiets": n_quiets,
        }
        parts.append(pd.DataFrame(part))
    return pd.concat(parts[1:] or parts, ignore_index=True)


def _after_quiets(daily: pd.DataFrame, length: int, ratio: float, level: float) -> tuple[Floats, Floats, int]:
    """Band of the running sums of the spells most like the pause, brought to its level, and how many they are."""
    observed, expected = daily["observed"].to_numpy(), daily["expected"].to_numpy()
    spell = length + FORTNIGHT
    starts = placebo_starts((daily["role"] == "baseline").to_numpy(), np.ones(spell, bool))
    if not len(starts):
        return np.full(spell, np.nan), np.full(spell, np.nan), 0
    ratios = window_ratios(np.nan_to_num(observed), expected, starts, np.ones(length, bool))
    chosen = starts[most_alike(ratios, np.array([ratio]))[0]]
    at = chosen[:, None] + np.arange(spell)
    sums = level * (observed[at] - expected[at]).cumsum(1) / expected[at].mean(1, keepdims=True)
    low, high = np.quantile(sums, BAND, axis=0)
    return low, high, len(chosen)


def running_sum_words(frame: pd.DataFrame) -> Words:
    """Title and words of the figure of running sums: how the account stands a week after the pause."""
    told, lowest = [], []
    dates = {_date(week_later(part)["day"]) for _, part in frame.groupby("outcome")}
    for outcome, part in frame.groupby("outcome", sort=False):
        row = week_later(part)
        side, label = "more" if row["running"] > 0 else "fewer", outcome_label(outcome, short=True)
        by = f" by {_date(row['day'])}" * (len(dates) > 1)
        told.append(f"{amount(round(abs(row['running'])))} {side} {label}{by}")
        low = part.loc[part.loc[part["offset"] >= 0, "running"].idxmin()]
        lowest.append(f"Lowest sum of {label}: {low['running']:,.0f} on {_date(low['day'])}")
    title = "No usable counts to sum up"
    if told:
        by = f"by {_date(row['day'])}, " * (len(dates) == 1)
        title = f"Running sum, not tested: {by}since the start, {listed(told)} than expected"
    if told and (frame.loc[frame["offset"].between(0, row["offset"]), "role"] == "another pause").any():
        title += ", with another pause between"
    first = frame[frame["role"] == "pause"].groupby("outcome")["running"].last()
    began = "as quiet" if (first < 0).all() else "as heavy" if (first > 0).all() else "alike"
    reading = "Line: launched less expected, summed since the start. Grey: 95 of 100 spells that began "
    reading += f"{began}. Blue: the pause. Stripe: another."
    return Words(title, reading, ONE_SIDE, ". ".join([title, *lowest]) + ".")


def week_later(part: pd.DataFrame) -> pd.Series:
    """The row of one outcome's running sum a week after the last day of the pause, or where the data end before."""
    last = part.loc[part["role"] == "pause", "day"].max()
    return part[(part["day"] <= last + WEEK * ONE_DAY) & part["running"].notna()].iloc[-1]


def _date(day: pd.Timestamp) -> str:
    return f"{day.day} {day:%B}"


# --- E: sirens against each region's own usual ---


def region_ratio_frame(
    pause_id: str,
    *,
    claim: str = "main",
    regions: Sequence[str] | None = None,
    registry: Registry | None = None,
    folder: Path | None = None,
) -> pd.DataFrame:
    """A row a region: minutes under alert in the pause, the usual for as many days, whether outside 95 of 100."""
    setting = set_up(pause_id, claim=claim, registry=registry, folder=folder)
    days, announced = setting.pause.days(setting.claim), setting.pause.first_announced_day(setting.claim)
    minutes, oblasts = alert_minutes(folder=folder), load_table("oblasts", folder=folder).set_index("oblast")
    usable, rows = usable_regions(minutes, days, minutes.columns), []
    for region in minutes.columns if regions is None else regions:
        row = {"pause": pause_id, "oblast": region, **oblasts.loc[region, ["name_en", "tile_row", "tile_column"]]}
        if region in usable:
            series = minutes[region].rename("alert_minutes")
            effect = estimate_alerts(series, days, exclude=setting.exclude, announced=announced, level=setting.level)
            row |= {"minutes": effect.observed, "usual": effect.expected, "ratio": effect.ratio}
            row |= {"low": effect.expected_low, "high": effect.expected_high, "reason": effect.reason}
            row |= {"word": word(plain_row(effect.row()))}
        rows.append(row)
    numbers = ["minutes", "usual", "ratio", "low", "high"]
    frame = pd.DataFrame(rows).reindex(columns=list(dict.fromkeys([*row, *numbers, "reason", "word"])))
    frame[numbers] = frame[numbers].astype(float)
    beyond = [frame["minutes"] > frame["high"], frame["minutes"] < frame["low"]]
    return frame.assign(outside=np.select(beyond, ["more", "fewer"], ""), n_days=len(days))


def region_ratio_words(frame: pd.DataFrame) -> Words:
    """Title and words of the map of sirens."""
    known = frame[frame["ratio"].notna()]
    more, fewer = known[known["ratio"] > 1], known[known["ratio"] < 1]
    title = (
        f"Sirens above the usual in {len(more) or 'none'} of {len(known)} comparable regions, below it in {len(fewer)}"
    )
    if (known["word"].isin(SILENT) | known["word"].astype(str).str.endswith("chance")).mean() > 0.5:
        title += " (most may be chance)"
    reading = f"Bold: time under alert divided by the usual; then {unit_of(frame)[0]} (usual). Blue: less; red: more. "
    reading += "Ring: outside 95 of 100 ordinary spells. Hatched: alerts too long or without end."
    told = [f"{region_label(row.oblast)} {ratio_text(row.ratio)}" for row in known.sort_values("ratio").itertuples()]
    asked = frame[frame["oblast"].isin(ASKED)].assign(scale=unit_of(frame)[1]).itertuples()
    caption = "Usual: 90 days before and after. Alerts are wider than strikes."
    said = f"{'; '.join(map(_region_text, asked))}. One region alone may be chance."
    return Words(title, reading, caption, f"{title}. {', '.join(told)}.", said)


def _region_text(row: Any) -> str:
    if pd.isna(row.ratio):
        return f"{region_label(row.oblast)}: not usable (hatched)"
    unit, seen = "minutes" if row.scale == 1 else "hours", round(row.minutes / row.scale)
    seen = f"{amount(seen) if seen else 'no'} {unit}, {about(row.usual / row.scale)} usual"
    found = "not tested" if row.word == NO_DATA else row.word.removesuffix(" to tell")
    return f"{region_label(row.oblast)}: {seen}: {found}"


def ratio_text(ratio: float) -> str:
    """A ratio in a tile: 0.5×, 0.07×, or none.

    >>> ratio_text(0.46), ratio_text(0.067), ratio_text(0.0)
    ('0.5×', '0.07×', 'none')
    """
    return "none" if ratio == 0 else f"{ratio:.1f}×" if ratio >= 0.1 else f"{max(ratio, 0.01):.2f}×"


def unit_of(frame: pd.DataFrame) -> tuple[str, int]:
    """Minutes, or hours where minutes would be long numbers; and how many minutes it has."""
    return ("hours", 60) if frame["usual"].max() > 2000 else ("minutes", 1)
