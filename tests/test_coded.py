"""Coded reports: made-up tables with answers worked out by hand, and the known winter."""

import os
from pathlib import Path

import pandas as pd
import pytest

from analysis.errors import DataError
from analysis.sources.coded import DAY_COLUMNS, EVENT_COLUMNS, import_coded

DATA = Path(__file__).parents[1] / "data"
RAW = os.environ.get("PAUSES_RAW")
needs_raw = pytest.mark.skipif(not RAW, reason="PAUSES_RAW does not name the folder of raw files")
LINK = "https://example.org/1"


def day(date, code, **other):
    urls = "" if code == "not_found" else LINK
    return {"day": date, "coder": "1", "code": code, "evidence_urls": urls, "note": ""} | other


def hit(date, oblast, side="rear", **other):
    row = {"day": date, "oblast": oblast, "rear_or_front": side, "url": LINK, "coder": "1", "note": "", "published": ""}
    return row | {"asset": "heat", "weapon": "drone", "found_via": "assigned"} | other


DAYS = [day("2026-01-10", "yes"), day("2026-01-11", "no"), day("2026-01-12", "silent"), day("2026-01-13", "not_found")]
EVENTS = [
    hit("2026-01-10", "Odesa"),
    hit("2026-01-10", "Odesa", url="https://example.org/2"),  # the same oblast, told by another outlet
    hit("2026-01-10", "Kyiv City", weapon="missile"),
    hit("2026-01-10", "Sumy", "front"),
    hit("2026-01-10", "unspecified"),
    hit("2026-01-10", "Lviv", found_via="other"),
    hit("2026-01-13", "Rivne", found_via="other"),
]


def build(folder, days=DAYS, events=EVENTS, again=None):
    paths = [folder / "days.csv", folder / "events.csv"]
    pd.DataFrame(days, columns=DAY_COLUMNS).to_csv(paths[0], index=False)
    pd.DataFrame(events, columns=EVENT_COLUMNS).to_csv(paths[1], index=False)
    if again is not None:
        paths.append(folder / "double_coding.csv")
        pd.DataFrame(again, columns=DAY_COLUMNS).to_csv(paths[2], index=False)
    return import_coded(*paths, folder=DATA)


def coded_of(folder, *pairs):
    """The table of days whose two codings are given."""
    dates = [f"2026-01-{10 + i}" for i in range(len(pairs))]
    days = [day(date, first) for date, (first, _) in zip(dates, pairs, strict=True)]
    events = [hit(date, "Odesa") for date, (first, _) in zip(dates, pairs, strict=True) if first == "yes"]
    again = [day(date, second, coder="5") for date, (_, second) in zip(dates, pairs, strict=True) if second]
    events = events or [hit("2025-12-01", "Odesa", found_via="other")]
    return build(folder, days, events, again or None).tables["energy_coded"]


def test_only_assigned_finds_enter_the_main_series(tmp_path):
    imported = build(tmp_path)
    table = imported.tables["energy_coded"].set_index("day")
    counts = table[["rear_oblasts", "front_oblasts", "kyiv_city", "rear_oblasts_any_find"]]
    assert counts.loc["2026-01-10"].tolist() == [2, 1, 1, 3]
    assert counts.loc["2026-01-11"].tolist() == [0, 0, 0, 0]
    assert counts.loc["2026-01-12"].tolist() == [0, 0, 0, 0]
    assert counts.loc["2026-01-13"].isna().tolist() == [True, True, True, False]
    assert counts.loc["2026-01-13", "rear_oblasts_any_find"] == 1
    assert {rule.name: rule.rows_touched for rule in imported.rules} == {
        "count_assigned_finds_only": 2,
        "leave_out_unspecified_places": 1,
        "leave_days_not_found_open": 1,
    }


def test_unspecified_places_are_neither_rear_nor_front(tmp_path):
    events = build(tmp_path).tables["energy_coded_events"]
    assert len(events) == len(EVENTS)
    assert events.loc[events["oblast"] == "unspecified", "rear_or_front"].tolist() == ["unspecified"]


def test_provenance_tells_a_model_from_people(tmp_path):
    producer = build(tmp_path).sources[0].producer
    assert "language model" in producer and "not yet checked by people" in producer
    people = [row | {"coder": "O. Kovalenko"} for row in DAYS], [row | {"coder": "O. Kovalenko"} for row in EVENTS]
    assert build(tmp_path, *people).sources[0].producer == "coded by people: O. Kovalenko"


@pytest.mark.parametrize(
    ("file", "row", "change", "words"),
    [
        ("days", 1, {"code": "maybe"}, "days.csv, field code, 1 row (3)"),
        ("days", 1, {"day": "2026-01-10"}, "day twice"),
        ("days", 1, {"day": "11.01.2026"}, "not a day"),
        ("days", 1, {"evidence_urls": ""}, "days.csv, field evidence_urls, 1 row (3): address missing"),
        ("days", 3, {"code": "yes", "evidence_urls": LINK}, "coded yes without an event"),
        ("days", 0, {"code": "no"}, "a hit on a day not coded yes"),
        ("events", 1, {"url": ""}, "events.csv, field url, 1 row (3): address missing"),
        ("events", 1, {"url": LINK}, "claim twice"),
        ("events", 2, {"oblast": "Kiev"}, "events.csv, field oblast, 1 row (4): not an oblast"),
        ("events", 2, {"rear_or_front": "front"}, "not as in oblasts.csv"),
        ("events", 2, {"asset": "bridge"}, "field asset"),
        ("events", 2, {"weapon": "laser"}, "field weapon"),
        ("events", 2, {"found_via": "luck"}, "field found_via"),
    ],
)
def test_table_of_another_form_is_refused_with_its_rows(tmp_path, file, row, change, words):
    tables = {"days": [dict(entry) for entry in DAYS], "events": [dict(entry) for entry in EVENTS]}
    tables[file][row] |= change
    with pytest.raises(DataError) as caught:
        build(tmp_path, **tables)
    assert words in str(caught.value)


def test_all_faults_come_in_one_message(tmp_path):
    days = [DAYS[0], DAYS[1] | {"code": "maybe"}, DAYS[2] | {"evidence_urls": ""}, DAYS[3]]
    with pytest.raises(DataError) as caught:
        build(tmp_path, days, [*EVENTS, hit("2026-01-10", "Mordor")])
    assert all(words in str(caught.value) for words in ("maybe", "evidence_urls", "Mordor"))


def test_second_coding_of_an_unknown_day_is_refused(tmp_path):
    with pytest.raises(DataError, match="not coded a first time"):
        build(tmp_path, again=[day("2026-02-01", "not_found", coder="5")])


def test_table_without_any_find_is_no_error(tmp_path):
    table = coded_of(tmp_path, *[("not_found", "")] * 3)
    assert table["rear_oblasts"].isna().all() and (table["code"] == "not_found").all()


@needs_raw
def test_known_winter():
    raw = Path(RAW) / "energy_coding"
    table = import_coded(*(raw / name for name in ("days.csv", "events.csv", "double_coding.csv")), folder=DATA)
    winter = table.tables["energy_coded"].set_index("day").loc["2026-01-08":"2026-02-22"]
    assert winter["code"].value_counts().to_dict() == {"yes": 39, "not_found": 5, "no": 1, "silent": 1}
    assert winter.loc["2026-01-30", "rear_oblasts"] == 0 and pd.isna(winter.loc["2026-01-31", "rear_oblasts"])
