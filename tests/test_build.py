"""The build: nothing on disk before everything is right, the same bytes for the same files, provenance beside."""

import hashlib
import json
import os
import shutil
from pathlib import Path

import pandas as pd
import pytest

from analysis.errors import DataError
from analysis.sources.build import build
from analysis.tables import check_tables, table_definitions

DATA = Path(__file__).parents[1] / "data"
HEADER = "time_start,time_end,model,launch_place,target,launched,destroyed,not_reach_goal,source"
NIGHT = "2025-06-01 18:00,2025-06-02 08:30,Shahed-136/131,Kursk oblast,Ukraine,100.0,60.0,30.0,kpszsu/posts/1"
SALVO = "2025-06-02 18:00,2025-06-03 08:30,Kalibr,Black Sea,Ukraine,8.0,6.0,,kpszsu/posts/2"
RAW = "missile_attacks_daily.csv"


@pytest.fixture
def folder(tmp_path):
    """A copy of the committed data folder."""
    return Path(shutil.copytree(DATA, tmp_path / "data"))


def write_raw(tmp_path, *rows, header=HEADER):
    raw = tmp_path / "raw"
    raw.mkdir(exist_ok=True)
    (raw / RAW).write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return raw


def snapshot(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def changed(old, new):
    """A raw night with one cell changed."""
    assert old in NIGHT
    return [NIGHT.replace(old, new), SALVO]


LONG = "\n".join([HEADER, NIGHT, SALVO]) + "\n"
BAD = {
    "unknown label": (
        changed("Shahed-136/131", "Shahed-999"),
        ["model", "(2)", "'Shahed-999'", "weapon_classes"],
    ),
    "negative count": (changed("100.0", "-100"), ["launched", "(2)", "not a count", "'-100'"]),
    "words for a count": (changed("60.0", "sixty"), ["destroyed", "(2)", "not a count", "'sixty'"]),
    "fraction": (changed("100.0", "100.5"), ["launched", "whole number", "'100.5'"]),
    "infinite": (changed("100.0", "inf"), ["launched", "not a count", "'inf'"]),
    "absurdly many": (changed("100.0", "1e300"), ["launched", "not a count", "10000"]),
    "destroyed above launched": (changed("60.0", "101"), ["destroyed", "(2)", "at most launched", "101"]),
    "lost above launched": (changed("30.0", "41"), ["not_reach_goal", "(2)", "60.0 + 41 of 100.0"]),
    "end before start": (changed("2025-06-02 08:30", "2025-06-01 17:00"), ["time_end", "ends before it starts"]),
    "not a date": (changed("2025-06-02 08:30", "2025-02-30 08:30"), ["time_end", "not a time", "2025-02-30"]),
    "not a clock": (changed("2025-06-01 18:00", "2025-06-01 25:00"), ["time_start", "not a time", "25:00"]),
    "another date format": (changed("2025-06-01 18:00", "01.06.2025 18:00"), ["time_start", "YYYY-MM-DD"]),
    "empty time": (changed("2025-06-02 08:30", ""), ["time_end", "not a time", "''"]),
    "before the war": (changed("2025-06-01 18:00", "2005-06-01 18:00"), ["time_start", "impossible date"]),
    "in the future": ([NIGHT.replace("2025", "2925")], ["time_end", "impossible date", "2925"]),
    "row twice": ([NIGHT, NIGHT.replace("100.0", "99")], ["1 row (3)", "row repeated"]),
    "no source": (changed("kpszsu/posts/1", ""), ["source", "(2)", "no source"]),
    "no national source": ([NIGHT.replace("kpszsu", "somebody")], ["no national report", "somebody"]),
    "row cut short": ([NIGHT, SALVO[:40]], ["1 row (3)", "cut short", "9 cells"]),
    "too many cells": ([NIGHT + ",1", SALVO], ["1 row (2)", "cut short or broken"]),
    "quote left open": (['"' + NIGHT, SALVO], ["not readable as CSV"]),
    "column missing": (LONG.replace("launched,destroyed", "launched,shot").encode(), ["destroyed", "column missing"]),
    "column twice": (LONG.replace("launched,destroyed", "launched,launched").encode(), ["launched", "twice"]),
    "semicolons": (LONG.replace(",", ";").encode(), ["column missing", "time_start;time_end"]),
    "empty file": (b"", ["file is empty"]),
    "only blanks": (b" \n\n", ["file is empty"]),
    "only a byte order mark": (b"\xef\xbb\xbf", ["file is empty"]),
    "only a header": ((HEADER + "\n").encode(), ["only a header"]),
    "web page": (b"\n<!DOCTYPE html><html><body>404</body></html>", ["a web page"]),
    "spreadsheet": (b"PK\x03\x04\x14\x00\x06\x00xl/workbook.xml", ["a spreadsheet or a zip archive"]),
    "old spreadsheet": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(64), ["Excel"]),
    "gzip": (b"\x1f\x8b\x08\x00" + bytes(16), ["gzip"]),
    "Windows-1251": (LONG.replace("Kursk", "Курск").encode("cp1251"), ["1 row (2)", "wrong encoding", "UTF-8"]),
    "UTF-16": (LONG.encode("utf-16"), ["wrong encoding", "UTF-8"]),
    "a file of the same name with another schema": (
        b"time_start,time_end,model,launched,destroyed,not_reach_goal,still_attacking,target,launch_place\n"
        b"2022-10-06 03:02,2022-10-06 04:02,Shahed-136/Geran-2,19,16,1,2,Kharkiv,Kursk Oblast\n",
        ["source", "column missing"],
    ),
}


@pytest.mark.parametrize(("content", "words"), BAD.values(), ids=BAD)
def test_bad_input_is_refused_in_words_and_leaves_every_byte(tmp_path, folder, content, words):
    raw = write_raw(tmp_path, *(content if isinstance(content, list) else []))
    if isinstance(content, bytes):
        (raw / RAW).write_bytes(content)
    before = snapshot(folder)
    with pytest.raises(DataError) as refusal:
        build(raw, folder=folder)
    message = str(refusal.value)
    assert RAW in message
    assert [word for word in words if word not in message] == []
    assert str(tmp_path) not in message
    assert snapshot(folder) == before


def test_all_kinds_of_fault_come_in_one_message_with_their_rows(tmp_path, folder):
    rows = [
        NIGHT.replace("100.0", "-1"),
        NIGHT.replace("Shahed-136/131", "Geran-3"),
        SALVO.replace("8.0", "x").replace("06-03 08:30", "?"),
    ]
    with pytest.raises(DataError) as refusal:
        build(write_raw(tmp_path, *rows), folder=folder)
    lines = str(refusal.value).splitlines()
    assert "3 kinds of fault" in lines[0]
    assert "launched, 2 rows (2, 4)" in lines[1]
    assert any("model, 1 row (3): unknown weapon label" in line and "'Geran-3'" in line for line in lines)


def test_a_new_label_is_one_line_in_the_map(tmp_path, folder):
    raw = write_raw(tmp_path, NIGHT, SALVO.replace("Kalibr", "X-BM Kulibr"))
    with pytest.raises(DataError, match=r"add it to data/weapon_classes\.csv"):
        build(raw, folder=folder)
    with (folder / "weapon_classes.csv").open("a") as classes:
        classes.write("X-BM Kulibr,cruise,1\n")
    table = pd.DataFrame(build(raw, folder=folder).imported["air_force"].tables["strikes"])
    assert table["cruise_launched"].tolist() == [0, 8]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("X-BM Kulibr,supersonic,1\n", ["class", "supersonic"]),
        ("X-BM Kulibr,cruise,2\n", ["is_long_range_strike", "2"]),
        ("X-BM Kulibr,cruise,0\n", ["do not agree"]),
        ("Kalibr,ballistic,1\n", ["model", "repeated"]),
    ],
)
def test_a_spoilt_map_of_labels_is_refused(tmp_path, folder, line, words):
    with (folder / "weapon_classes.csv").open("a") as classes:
        classes.write(line)
    before = snapshot(folder)
    with pytest.raises(DataError) as refusal:
        build(write_raw(tmp_path, NIGHT, SALVO), folder=folder)
    assert [word for word in ["weapon_classes.csv", *words] if word not in str(refusal.value)] == []
    assert snapshot(folder) == before


def test_a_build_shows_what_changes_and_touches_nothing_before_write(tmp_path, folder):
    build(write_raw(tmp_path, NIGHT, SALVO), folder=folder).write()
    assert check_tables(folder=folder).empty
    late = SALVO.replace("Kalibr", "Iskander-M").replace("posts/2", "posts/3").replace("8.0,6.0", "3.0,1.0")
    morrow = NIGHT.replace("06-02", "06-04").replace("06-01", "06-03")
    before = snapshot(folder)
    plan = build(write_raw(tmp_path, NIGHT, SALVO, late, morrow), folder=folder)
    changes = plan.changes().query("table == 'strikes'")
    assert changes.query("change == 'added'")["row"].tolist() == ["2025-06-04"]
    cells = changes.query("change == 'changed'").set_index("column")
    assert cells.loc["missiles_launched", ["row", "old", "new"]].tolist() == ["2025-06-03", "8", "11"]
    assert "strikes: 1 row added (2025-06-04), 1 row changed (2025-06-03)." in plan.summary()
    assert set(plan.rules()["rule"]) >= {"date_by_end", "keep_national_reports", "empty_missing_reports"}
    assert snapshot(folder) == before
    assert "strikes.csv" in plan.write()
    assert check_tables(folder=folder).empty
    assert plan.changes().empty
    assert plan.write() == ()


def test_removed_days_are_shown(tmp_path, folder):
    build(write_raw(tmp_path, NIGHT, SALVO), folder=folder).write()
    plan = build(write_raw(tmp_path, NIGHT), folder=folder)
    assert plan.changes().query("table == 'strikes'")["change"].tolist() == ["removed"]
    assert "1 row removed (2025-06-03)" in plan.summary()


def test_one_source_may_be_named_by_its_file(tmp_path, folder):
    raw = write_raw(tmp_path, NIGHT)
    other = (raw / RAW).rename(tmp_path / "copy of yesterday.csv")
    plan = build(None, folder=folder, files={"air_force": other})
    assert json.loads(plan.contents["strikes.json"])["inputs"][0]["file"] == "copy of yesterday.csv"
    with pytest.raises(DataError, match="no raw file to build from"):
        build(raw, folder=folder)
    with pytest.raises(DataError, match=r"nowhere\.csv: file cannot be read"):
        build(raw, folder=folder, files={"air_force": tmp_path / "nowhere.csv"})
    with pytest.raises(DataError, match="no such source"):
        build(raw, folder=folder, files={"navy": other})


def test_a_failure_while_writing_leaves_the_old_files(tmp_path, folder, monkeypatch):
    plan, before = build(write_raw(tmp_path, NIGHT), folder=folder), snapshot(folder)
    synced = iter([None, OSError(28, "No space left on device", "strikes.json")])

    def full_disk(_):
        outcome = next(synced)
        if outcome:
            raise outcome

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(DataError, match="No space left"):
        plan.write()
    assert snapshot(folder) == before


def test_a_table_that_breaks_its_own_dictionary_is_refused(tmp_path, folder):
    rows = [NIGHT.replace("100.0,60.0,30.0", "9000,0,0").replace("posts/1", f"posts/{n}") for n in range(2)]
    before = snapshot(folder)
    with pytest.raises(DataError, match=r"strikes.csv, field drones_launched, 1 row \(2\).*10000 or less; found 18000"):
        build(write_raw(tmp_path, *rows), folder=folder)
    assert snapshot(folder) == before


def test_the_sidecar_tells_where_figures_come_from(tmp_path, folder):
    raw = write_raw(tmp_path, NIGHT, SALVO)
    contents = build(raw, folder=folder).contents
    sidecar = json.loads(contents["strikes.json"])
    assert sidecar["inputs"][0] == {
        "file": RAW,
        "bytes": (raw / RAW).stat().st_size,
        "sha256": hashlib.sha256((raw / RAW).read_bytes()).hexdigest(),
    }
    assert sidecar["output"]["sha256"] == hashlib.sha256(contents["strikes.csv"]).hexdigest()
    assert sidecar["output"]["rows"] == 2
    assert "Ivaniuk" in sidecar["sources"][0]["producer"]
    dated = next(rule for rule in sidecar["rules"] if rule["rule"] == "date_by_end")
    assert (dated["rows_touched"], dated["rows"]) == (2, "2-3")
    assert not any(str(tmp_path).encode() in content for content in contents.values())


def test_the_package_and_the_readme_describe_every_committed_table():
    package, readme = json.loads((DATA / "datapackage.json").read_bytes()), (DATA / "README.md").read_text("utf-8")
    resources = {resource["path"]: resource for resource in package["resources"]}
    assert all(resource["licenses"] and resource["hash"].startswith("sha256:") for resource in resources.values())
    for name, definition in table_definitions().items():
        if definition.get("optional"):
            continue  # only where a user builds it
        assert resources[f"{name}.csv"]["schema"]["fields"] == definition["fields"]
        assert f"## {name}.csv" in readme
        assert all(f"| `{field['name']}` |" in readme for field in definition["fields"])


def test_csv_is_plain():
    content = (DATA / "strikes.csv").read_bytes()
    assert b"\r" not in content
    assert content.endswith(b"\n")
    assert b"2025-04-07,False,missing,,,,,,,,,\n" in content
    assert b"2025-04-20,True,judged zero,0,0,0,0,0,0,0,0,0\n" in content


@pytest.mark.skipif("PAUSES_RAW" not in os.environ, reason="PAUSES_RAW names no folder of raw files")
def test_the_same_raw_files_give_the_committed_bytes_every_time(tmp_path, folder):
    raw = Path(os.environ["PAUSES_RAW"]) / RAW
    first = build(None, folder=folder, files={"air_force": raw})
    assert build(None, folder=folder, files={"air_force": raw}).contents == first.contents
    committed = snapshot(DATA)
    assert [name for name, content in first.contents.items() if content != committed[name]] == []


@pytest.mark.skipif("PAUSES_RAW" not in os.environ, reason="PAUSES_RAW names no folder of raw files")
def test_an_older_copy_of_the_real_file_changes_only_its_last_days(tmp_path, folder):
    table = pd.read_csv(Path(os.environ["PAUSES_RAW"]) / RAW, dtype=str, keep_default_na=False)
    old = table[table["time_end"].str[:10] <= "2025-05-26"].rename(columns={"border_crossing": "cross_border_belarus"})
    old = old.drop(columns=["target_main", "is_shahed", "num_hit_location", "turbojet"])
    old["model"] = old["model"].replace({"GBU": "KAB", "C-300/C-400": "C-300 and C-400", "X-22 and X-32": "X-22/X-32"})
    (tmp_path / "raw").mkdir()
    old.to_csv(tmp_path / "raw" / RAW, index=False)
    changes = build(tmp_path / "raw", folder=folder).changes()
    assert set(changes["change"]) == {"removed"}
    assert changes["row"].min() == "2025-05-27"
