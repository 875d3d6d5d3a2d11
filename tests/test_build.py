"""The build: nothing on disk before everything is right, the same bytes for the same files, provenance beside."""

import gzip
import hashlib
import json
import os
from functools import partial
from pathlib import Path
from unittest.mock import Mock

import pandas as pd
import pytest
from made_up import copied_tables
from made_up_raw import (
    CODED_DAYS,
    DATA,
    GOOD,
    HITS,
    LINK,
    NIGHT,
    SALVO,
    coded_day,
    coded_files,
    csv_file,
    event,
    hit,
    merged_file,
    put,
)  # fmt: skip

from analysis.errors import DataError
from analysis.tables import check_tables, data_package, dictionary, folder_contents, readme
from recipes import kit

RAW = "missile_attacks_daily.csv"
needs_raw = pytest.mark.skipif("PAUSES_RAW" not in os.environ, reason="PAUSES_RAW names no folder of raw files")

plan_build = partial(kit.plan_build, older=True)  # made-up files end before the tables of the project


@pytest.fixture
def folder(tmp_path):
    return copied_tables(tmp_path / "data")


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A copy that no test changes."""
    return copied_tables(tmp_path_factory.mktemp("kept") / "data")


def snapshot(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def plan(place, *rows, folder):
    """The plan from a strike file with these rows."""
    return plan_build(None, folder=folder, files={"air_force": put(place / "raw", {RAW: csv_file(rows)})})


# Whatever is wrong with a raw file of whatever recipe


ANY_CSV = {
    "empty": (b"", "file is empty"),
    "only a byte order mark": (b"\xef\xbb\xbf", "file is empty"),
    "only a header": (lambda content: content.split(b"\n")[0] + b"\n", "only a header"),
    "web page": (b"\n<!DOCTYPE html><html><body>404</body></html>", "a web page"),
    "spreadsheet": (b"PK\x03\x04\x14\x00\x06\x00xl/workbook.xml", "a spreadsheet or a zip archive"),
    "old spreadsheet": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(64), "Excel"),
    "gzip": (b"\x1f\x8b\x08\x00" + bytes(16), "gzip archive"),
    "parquet": (b"PAR1\x15\x04", "a parquet file"),
    "Windows-1251": (lambda content: content + "Київ".encode("cp1251"), "wrong encoding"),
    "UTF-16": (lambda content: content.decode().encode("utf-16"), "wrong encoding"),
    "quote left open": (lambda content: content + b'"', "not readable as CSV"),
    "last row cut": (lambda content: content.rstrip().rpartition(b",")[0], "cut short or broken"),
    "a cell too many": (lambda content: content.rstrip() + b",1\n", "cut short or broken"),
    "semicolons": (lambda content: content.replace(b",", b";"), "column missing"),
    "column missing": (lambda content: b"x" + content, "column missing"),
    "column twice": (lambda content: content.replace(content.split(b",")[1], content.split(b",")[0], 1), "twice"),
}
SPOILT = SALVO | {"launched": "x", "time_end": "?"}
OWN = {  # what stands in a line (2, or the one named) and what instead; or a whole file, or files
    "air_force": [
        ("100.0", "-100"), (",60,", ",sixty,"), ("100.0", "100.5"), ("100.0", "inf"), ("100.0", "1e300"),
        (",60,", ",101,"), (",30,", ",41,"), ("2025-06-02 08:30", "2025-06-01 17:00"), ("kpszsu/posts/1", ""),
        ("2025-06-02 08:30", "2025-02-30 08:30"), ("2025-06-01 18:00", "2025-06-01 25:00"), ("2025-06-02 08:30", ""),
        ("2025-06-01 18:00", "01.06.2025 18:00"), ("2025-06-01", "2005-06-01"), ("2025-06-02", "2925-06-02"),
        csv_file([NIGHT, NIGHT | {"launched": "99"}]), csv_file([NIGHT | {"source": "somebody"}]),
        csv_file([NIGHT | {"launched": "-1"}, SALVO | {"model": "Geran-3"}, SPOILT]),
    ],
    "alerts": [
        lambda content: gzip.compress(content)[:-20], b"region,started_at,finished_at,naive\nLviv,1,2,3\n",
        lambda content: content.replace(b"\nLviv,", b"\nLemberg,"), ("2025-05-07", "2025-13-07", 50),
        lambda content: content.replace(b"\nLviv,", b"\nOdesa,"), ("2025-05-07 17:", "", 50), ("2025", "2052", 50),
        lambda content: content + b"Atlantis,yesterday,today", ("2025-05-07 18:00:00+00:00", "soon", 50),
        merged_file(around=("2022-03-01", "2022-06-01")),
    ],
    "communiques": [("2025-02-20 04:00", "20.02.2025", 3)],
    "news": [b"", b"[]x", b"[1, 2]", b'{"20260110": [[1, 2]]}', b'{"10 January": []}', b"{}"],
    "coded": [
        (",no,", ",maybe,", 3), ("2026-01-11", "2026-01-10", 3), ("2026-01-11", "11.01.2026", 3), (LINK, "", 3),
        (",not_found,", f",yes,{LINK}", 5), (",yes,", ",no,"),
        coded_files([CODED_DAYS[0], CODED_DAYS[1] | {"code": "maybe"}, CODED_DAYS[2] | {"evidence_urls": ""}],
                    [*HITS, hit("2026-01-10", "Mordor")], [coded_day("2026-02-01", "not_found")]),
        *(coded_files(CODED_DAYS, [HITS[0], HITS[1] | changes, *HITS[2:]]) for changes in (
            {"url": ""}, {"url": LINK}, {"oblast": "Kiev"}, {"rear_or_front": "front"}, {"asset": "bridge"},
            {"weapon": "laser"}, {"found_via": "luck"},
        )),
    ],
    "raids": [
        ("facility", "factory"), (",9,", ",nine,"), (",high", ","), (LINK, ""), (",30,", ",31,"), (",30,", ",3,"),
    ],
    "digest": [("2026-01-10", ""), ("yes_rear", "yes"), ("silent", ""), (",1,", ",partly,"), (LINK, "")],
    "acled": [("2025-03-20", "soon", 3), ("Odesa", "Atlantis", 3)],
}  # fmt: skip


def spoilt(content, damage):
    """A file with a cell of one line changed (a text editor counts the header as 1), or another file altogether."""
    if not isinstance(damage, tuple):
        return damage if isinstance(damage, bytes) else damage(content)
    old, new, line = (*damage, 2)[:3]
    lines = content.split(b"\n")
    assert old.encode() in lines[line - 1]
    lines[line - 1] = lines[line - 1].replace(old.encode(), new.encode(), 1)
    return b"\n".join(lines)


def refusal(place, kept, name, damage):
    """What is said of a damaged file; nothing changes, and no place on this machine is named."""
    first, *others = put(place / "raw", damage if isinstance(damage, dict) else GOOD[name])
    if not isinstance(damage, dict):
        first.write_bytes(spoilt(first.read_bytes(), damage))
    before = snapshot(kept)
    with pytest.raises(DataError) as caught:
        plan_build(None, folder=kept, files={name: [first, *others]})
    assert snapshot(kept) == before and str(place) not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", [name for name in GOOD if name != "news"])
@pytest.mark.parametrize(("damage", "words"), ANY_CSV.values(), ids=ANY_CSV)
def test_what_is_no_whole_csv_file_is_refused_by_every_recipe(tmp_path, kept, name, damage, words):
    message = refusal(tmp_path, kept, name, damage)
    assert next(iter(GOOD[name])) in message and words in message and "To do: " in message


def test_every_kind_of_damage_is_named_by_file_row_column_expected_found_and_what_to_do(tmp_path, kept, golden):
    said = {f"{name} {n}": refusal(tmp_path, kept, name, damage) for name in GOOD for n, damage in enumerate(OWN[name])}
    today = f"{pd.Timestamp.now():%Y-%m-%d}"
    libraries = {case: text.partition("; found")[0] if case.startswith("news") else text for case, text in said.items()}
    golden("refusals", {case: text.replace(today, "today") for case, text in libraries.items()})


def test_the_good_file_of_every_recipe_is_taken_and_every_rule_is_told(tmp_path, kept):
    files = {name: put(tmp_path / name, content) for name, content in GOOD.items()}
    plan = plan_build(None, folder=kept, files=files)
    assert list(plan.imported) == list(dictionary()["recipes"]) and set(plan.imported) == set(GOOD)
    for made in plan.imported.values():
        told = {rule["rule"] for name in made.tables for rule in json.loads(plan.contents[f"{name}.json"])["rules"]}
        assert told == {rule.name for rule in made.rules}


# Words and labels that users edit


def test_a_new_label_is_one_line_in_the_map(tmp_path, folder):
    new = SALVO | {"model": "X-BM Kulibr"}
    with pytest.raises(DataError, match=r"add it to data/weapon_classes\.csv"):
        plan(tmp_path, NIGHT, new, folder=folder)
    with (folder / "weapon_classes.csv").open("a") as classes:
        classes.write("X-BM Kulibr,cruise,1\n")
    made = plan(tmp_path, NIGHT, new, folder=folder).imported["air_force"]
    assert made.tables["strikes"]["cruise_launched"].tolist() == [0, 8]


@pytest.mark.parametrize(
    ("file", "line", "name", "words"),
    [
        ("weapon_classes.csv", "X-BM Kulibr,supersonic,1\n", "air_force", "class, 1 row"),
        ("weapon_classes.csv", "Kalibr,ballistic,1\n", "air_force", "model, 1 row .*repeated"),
        ("lexicon_communiques.toml", "night = [", "communiques", "not valid TOML"),
        ("lexicon_news.toml", "= x", "news", "not valid TOML"),
    ],
)
def test_a_spoilt_map_or_lexicon_is_refused(tmp_path, folder, file, line, name, words):
    with (folder / file).open("a") as kept_by_hand:
        kept_by_hand.write(line)
    with pytest.raises(DataError, match=f"{file}.*{words}"):
        plan_build(None, folder=folder, files={name: put(tmp_path / "raw", GOOD[name])})


# What a build shows and does


def test_a_build_shows_what_changes_and_touches_nothing_before_write(tmp_path, folder):
    plan(tmp_path, NIGHT, SALVO, folder=folder).write()
    assert check_tables(folder=folder).empty
    late = SALVO | {"model": "Iskander-M", "source": "kpszsu/posts/3", "launched": "3", "destroyed": "1"}
    morrow = NIGHT | {"time_start": "2025-06-03 18:00", "time_end": "2025-06-04 08:30"}
    before = snapshot(folder)
    made = plan(tmp_path, NIGHT, SALVO, late, morrow, folder=folder)
    changes = made.changes().query("table == 'strikes'")
    (added,) = changes.query("change == 'added'").to_dict("records")
    assert added["row"] == "2025-06-04" and "drones_launched 100, " in added["new"] and added["old"] == ""
    cells = changes.query("change == 'changed'").set_index("column")
    assert cells.loc["missiles_launched", ["row", "old", "new"]].tolist() == ["2025-06-03", "8", "11"]
    assert "strikes: 1 row added (2025-06-04), 1 row changed (2025-06-03)." in made.summary()
    assert snapshot(folder) == before
    assert "strikes.csv" in made.write()
    assert check_tables(folder=folder).empty
    assert made.changes().empty and made.write() == ()
    fewer = plan(tmp_path, NIGHT, folder=folder)
    assert set(fewer.changes().query("table == 'strikes'")["change"]) == {"removed"}
    assert "missiles_launched 11, " in fewer.changes().query("row == '2025-06-03'")["old"].iloc[0]
    assert "strikes: 2 rows removed (2025-06-03 to 2025-06-04)" in fewer.summary()


def test_a_source_may_be_named_by_its_file_and_private_ones_must_be(tmp_path, kept):
    raw = put(tmp_path / "raw", GOOD["air_force"])[0].parent
    other = (raw / RAW).rename(tmp_path / "copy of yesterday.csv")
    contents = plan_build(None, folder=kept, files={"air_force": [other]}).contents
    assert json.loads(contents["strikes.json"])["inputs"][0]["file"] == "copy of yesterday.csv"
    with pytest.raises(DataError, match=r"raw: no raw file to build from; expected missile_attacks_daily\.csv, "):
        plan_build(raw, folder=kept)
    with pytest.raises(DataError, match=r"nowhere\.csv: file cannot be read"):
        plan_build(raw, folder=kept, files={"air_force": [tmp_path / "nowhere.csv"]})
    with pytest.raises(DataError, match=r"no such source; expected one of air_force, .*; found navy"):
        plan_build(raw, folder=kept, files={"navy": [other]})
    put(raw, GOOD["air_force"] | {"acled.csv": csv_file([event(1)])})
    assert list(plan_build(raw, folder=kept).imported) == ["air_force"]


def test_a_failure_while_writing_leaves_the_old_files(tmp_path, folder, monkeypatch):
    made, before = plan(tmp_path, NIGHT, folder=folder), snapshot(folder)
    full = Mock(side_effect=[None, OSError(28, "No space left on device", "strikes.json")])
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(DataError, match="No space left"):
        made.write()
    assert snapshot(folder) == before


def test_a_table_that_breaks_its_own_dictionary_is_refused(tmp_path, kept):
    many = NIGHT | {"launched": "9000", "destroyed": "0", "not_reach_goal": "0"}
    with pytest.raises(DataError, match=r"strikes.csv, field drones_launched, 1 row \(2\).*10000 or less; found 18000"):
        plan(tmp_path, many, many | {"source": "kpszsu/posts/2"}, folder=kept)


def test_the_sidecar_tells_where_figures_come_from(tmp_path, kept):
    contents = plan(tmp_path, NIGHT, SALVO, folder=kept).contents
    sidecar, content = json.loads(contents["strikes.json"]), (tmp_path / "raw" / RAW).read_bytes()
    checksums = [hashlib.sha256(file).hexdigest() for file in (content, contents["strikes.csv"])]
    assert sidecar["inputs"][0] == {"file": RAW, "bytes": len(content), "sha256": checksums[0]}
    assert (sidecar["output"]["sha256"], sidecar["output"]["rows"]) == (checksums[1], 2)
    assert "Ivaniuk" in sidecar["sources"][0]["producer"]
    dated = next(rule for rule in sidecar["rules"] if rule["rule"] == "date_by_end")
    assert (dated["rows_touched"], dated["rows"], dated["why"][:8]) == (2, "2-3", "A report")
    assert not any(str(tmp_path).encode() in content for content in contents.values())


def test_package_and_readme_are_those_of_the_committed_tables_and_csv_is_plain():
    contents = folder_contents(DATA)
    assert data_package(contents) == contents["datapackage.json"]
    assert readme(contents) == contents["README.md"]
    built = [contents[f"{name}.csv"] for name in dictionary()["tables"] if f"{name}.json" in contents]
    assert all(b"\r" not in content and content.endswith(b"\n") for content in built)


@needs_raw
def test_the_same_raw_files_give_the_committed_bytes(folder):
    made = plan_build(os.environ["PAUSES_RAW"], folder=folder)
    assert [name for name, content in made.contents.items() if content != (DATA / name).read_bytes()] == []
    assert set(made.contents) > {"README.md", "datapackage.json", "energy_coded_events.json"}


LATE = NIGHT | {"time_start": "2026-06-06 18:00", "time_end": "2026-06-07 08:30"}


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([NIGHT], "ends before strikes does; expected 2026-06-07 or later; found 2025-06-02"),
        ([NIGHT, LATE], "begins after strikes does; expected 2022-09-28 or earlier; found 2025-06-02"),
    ],
)
def test_a_copy_that_lost_its_end_or_its_beginning_is_refused_and_nothing_changes(kept, tmp_path, rows, words):
    before, files = snapshot(kept), {"air_force": put(tmp_path / "raw", {RAW: csv_file(rows)})}
    with pytest.raises(DataError, match=f"{words}.*--older"):
        kit.plan_build(None, folder=kept, files=files)
    assert snapshot(kept) == before
    assert plan_build(None, folder=kept, files=files).imported
