"""Reports of hits on energy facilities, coded day by day under a fixed protocol.

The rows that come with the project were coded by independent runs of a language model and are not yet checked by
people. Files of the same form, coded by people, take their place when the table is built from them: there `coder`
holds names instead of the numbers of runs.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from analysis.errors import DataError
from analysis.sources.imported import Imported, Input, Rule, Source, refuse
from analysis.sources.rawfile import read_bytes, read_rows
from analysis.tables import load_table

DAY_COLUMNS = ["day", "coder", "code", "evidence_urls", "note"]
EVENT_COLUMNS = ["day", "oblast", "asset", "weapon", "rear_or_front", "found_via", "published", "url", "coder", "note"]
EVENT_KEY = ["day", "oblast", "url", "asset", "weapon", "found_via", "coder"]
CHOICES = {
    "code": ("yes", "no", "silent", "not_found"),
    "asset": ("generation", "heat", "substation_grid", "gas", "energy_unspecified"),
    "weapon": ("missile", "drone", "missile_and_drone", "bomb", "artillery_fpv", "unknown"),
    "found_via": ("assigned", "other"),
}
NOWHERE = "unspecified"  # a report that names no oblast: neither rear nor front


def import_coded(days, events, double=None, *, folder):
    """Read coded days and events and derive the tables `energy_coded` and `energy_coded_events`.

    Parameters
    ----------
    days, events : path-like
        CSV, one row a strike day and one row a claim of a hit.
    double : path-like, optional
        CSV in the form of `days`: some days coded again by another coder.
    folder : path-like
        Folder that holds oblasts.csv.

    Returns
    -------
    Imported
        energy_coded has one row a day. rear_oblasts and front_oblasts count those with a hit that was found while
        coding that very day, kyiv_city is 1 if the capital is one of them; all are empty where nothing on the day
        was found. rear_oblasts_any_find also counts hits met by chance while coding another day.

    Raises
    ------
    DataError
        All faults in one message: entries that the protocol does not know, a day or claim twice, a missing address,
        events that do not fit the code of their day.
    """
    files = {Path(path).name: read_bytes(Path(path)) for path in (days, events, double) if path is not None}
    columns = [DAY_COLUMNS, EVENT_COLUMNS, DAY_COLUMNS]
    frames = [read_rows(files[name], name, required=need)[0] for name, need in zip(files, columns, strict=False)]
    days, events, again = (*frames, frames[0].iloc[:0])[:3]
    side = load_table("oblasts", folder=folder).set_index("oblast")["rear_or_front"]
    refuse(find_faults(days, events, again, side, tuple(files)), file=next(iter(files)))

    nowhere = events["oblast"] == NOWHERE
    events = events.assign(rear_or_front=events["rear_or_front"].mask(nowhere, NOWHERE))
    table = count_oblasts(days, events).join(
        again.set_index(pd.DatetimeIndex(again["day"]))[["coder", "code"]].add_prefix("second_"), on="day"
    )
    coders = sorted({*days["coder"], *events["coder"], *again["coder"]})
    runs = [coder for coder in coders if coder.isdigit()]
    people = [coder for coder in coders if coder not in runs]
    who = (
        [f"{len(runs)} independent runs of a language model under a fixed protocol, not yet checked by people"]
        if runs
        else []
    )
    who += [f"coded by people: {', '.join(people)}"] if people else []
    source = Source(
        title="Reported hits on energy facilities, coded by strike day",
        producer="; ".join(who),
        citation="Dated public reports, each row with its address",
        address="energy_coded_events.csv",
        licence="facts with links",
        state=f"{len(days)} days coded, {len(again)} of them twice",
    )
    chance, empty = events["found_via"] == "other", table["rear_oblasts"].isna()
    rules = (
        _rule("count_assigned_finds_only", "A chance find says nothing of days without one.", events[chance]),
        _rule("leave_out_unspecified_places", "Without an oblast a hit is neither rear nor front.", events[nowhere]),
        _rule("leave_days_not_found_open", "Nothing found on a day is not nothing hit.", table[empty]),
    )
    notes = (f"energy_coded: nothing found on {empty.sum()} of {len(table)} days ({empty.mean():.0%})",)
    inputs = tuple(Input.of(name, content) for name, content in files.items())
    tables = {"energy_coded": table, "energy_coded_events": events.sort_values(EVENT_KEY)[EVENT_COLUMNS]}
    return Imported(tables, rules, (source,), inputs, notes)


def count_oblasts(days, events):
    """Count the oblasts with a reported hit on each coded day.

    Parameters
    ----------
    days : DataFrame
        day, coder, code, evidence_urls, note; as text.
    events : DataFrame
        day, oblast, rear_or_front, found_via; as text.

    Returns
    -------
    DataFrame
        day, code, rear_oblasts, front_oblasts, kyiv_city, rear_oblasts_any_find, coder, evidence_urls, note, by day.
    """
    table = days.sort_values("day", ignore_index=True)
    assigned = events["found_via"] == "assigned"
    chosen = {
        "rear_oblasts": assigned & (events["rear_or_front"] == "rear"),
        "front_oblasts": assigned & (events["rear_or_front"] == "front"),
        "kyiv_city": assigned & (events["oblast"] == "Kyiv City"),
        "rear_oblasts_any_find": events["rear_or_front"] == "rear",
    }
    found = table["code"] != "not_found"
    for column, rows in chosen.items():
        hit = events[rows].groupby("day")["oblast"].nunique()
        counts = table["day"].map(hit)
        table[column] = counts.mask(found & counts.isna(), 0)
    columns = ["day", "code", *chosen, "coder", "evidence_urls", "note"]
    return table[columns].assign(day=pd.to_datetime(table["day"]))


def find_faults(days, events, again, side, files=("days.csv", "events.csv", "double_coding.csv")):
    """Return the faults of coded files as a list of DataError; `side` maps oblasts to rear or front."""
    day_file, event_file, again_file, faults = *files, *[None] * (3 - len(files)), []

    def check(bad, problem, file, frame, field, expected):
        if bad.any():
            rows, found = frame.index[bad], repr(frame.loc[bad, field].iloc[0])
            faults.append(DataError(problem, file=file, field=field, rows=rows, expected=expected, found=found))

    for file, frame in ((day_file, days), (event_file, events), (again_file, again)):
        bad = pd.to_datetime(frame["day"], format="%Y-%m-%d", errors="coerce").isna()
        check(bad, "not a day", file, frame, "day", "YYYY-MM-DD")
        for field in [name for name in CHOICES if name in frame]:
            check(
                ~frame[field].isin(CHOICES[field]), "not in the protocol", file, frame, field, ", ".join(CHOICES[field])
            )
        if "code" in frame:
            check(frame["day"].duplicated(), "day twice", file, frame, "day", "one row a day")
            none = (frame["code"] != "not_found") & ~frame["evidence_urls"].str.startswith("http")
            check(none, "address missing", file, frame, "evidence_urls", "an address for every day with a finding")
    check(~again["day"].isin(days["day"]), "day not coded a first time", again_file, again, "day", "a day of days.csv")
    check(events.duplicated(EVENT_KEY), "claim twice", event_file, events, "url", "one row a claim")
    check(
        ~events["url"].str.startswith("http"), "address missing", event_file, events, "url", "an address in every row"
    )
    known = events["oblast"].isin([*side.index, NOWHERE])
    check(~known, "not an oblast", event_file, events, "oblast", f"a name of oblasts.csv, or {NOWHERE}")
    placed = known & (events["oblast"] != NOWHERE)
    other = placed & (events["rear_or_front"] != events["oblast"].map(side))
    check(other, "not as in oblasts.csv", event_file, events, "rear_or_front", "rear or front, as in oblasts.csv")
    hits = events[events["found_via"] == "assigned"]
    coded_yes = days.loc[days["code"] == "yes", "day"]
    check(~hits["day"].isin(coded_yes), "a hit on a day not coded yes", event_file, hits, "day", "a day coded yes")
    bare = (days["code"] == "yes") & ~days["day"].isin(hits["day"])
    check(bare, "coded yes without an event", day_file, days, "day", "an event in the other file")
    return faults


def agreement(coded, *, level=0.95):
    """Measure how far two codings of the same days agree.

    Parameters
    ----------
    coded : DataFrame
        The table `energy_coded`.
    level : float
        Of the intervals.

    Returns
    -------
    DataFrame
        One row: days, agreed, raw, raw_low, raw_high, kappa, kappa_low, kappa_high, caution. The raw share has the
        exact (Clopper-Pearson) interval; Cohen's kappa has that interval carried through its formula at the observed
        chance agreement. Kappa is empty where both coders used one and the same code throughout.

    Raises
    ------
    DataError
        If no day was coded twice.
    """
    from scipy.stats import binomtest

    twice = coded.dropna(subset=["second_code"])
    if twice.empty:
        raise DataError("no day was coded twice", file="energy_coded.csv", field="second_code")
    agreed = int((twice["code"] == twice["second_code"]).sum())
    raw, exact = agreed / len(twice), binomtest(agreed, len(twice)).proportion_ci(level)
    shares = [twice[column].value_counts(normalize=True) for column in ("code", "second_code")]
    chance = float(shares[0].mul(shares[1], fill_value=0).sum())
    kappas = [(share - chance) / (1 - chance) if chance < 1 else np.nan for share in (raw, exact.low, exact.high)]
    caution = "runs of one model share their errors; no person has checked the rows"
    if not twice["coder"].str.isdigit().all():
        caution = ""
    row = (len(twice), agreed, raw, exact.low, exact.high, *kappas, caution)
    names = ["days", "agreed", "raw", "raw_low", "raw_high", "kappa", "kappa_low", "kappa_high", "caution"]
    return pd.DataFrame([row], columns=names)


def review_days(coded, *, n=20, seed=0):
    """Choose coded days for a check by hand: every day not coded yes, the rest drawn at random.

    Parameters
    ----------
    coded : DataFrame
        The table `energy_coded`; days where nothing was found have no evidence and are left out.
    n, seed : int
        How many days; how to draw them.

    Returns
    -------
    DataFrame
        day, code, evidence (list of addresses), note; by day.
    """
    found = coded[coded["code"] != "not_found"]
    rare = found[found["code"] != "yes"].head(n)
    rest = found.drop(rare.index)
    drawn = rest.sample(min(n - len(rare), len(rest)), random_state=seed)
    chosen = pd.concat([rare, drawn]).sort_values("day", ignore_index=True)
    return chosen.assign(evidence=chosen["evidence_urls"].str.split("|"))[["day", "code", "evidence", "note"]]


def _rule(name, why, rows):
    days = rows["day"].astype(str).str[:10].drop_duplicates()
    return Rule(name, why, len(rows), tuple(days.head(3)), tuple(days))
