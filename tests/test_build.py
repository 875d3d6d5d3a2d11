"""The build: nothing on disk before everything is right, the same bytes for the same files, provenance beside."""

import gzip
import hashlib
import json
import os
from functools import partial
from unittest.mock import Mock

import pytest
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
    copy_of_data,
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
    return copy_of_data(tmp_path)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A copy that no test changes."""
    return copy_of_data(tmp_path_factory.mktemp("kept"))


def snapshot(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def plan(place, *rows, folder):
    """The plan from a strike file with these rows."""
    return plan_build(None, folder=folder, files={"air_force": put(place / "raw", {RAW: csv_file(rows)})})


# Whatever is wrong with a raw file of whatever recipe


def in_row(old, new, line=2):
    """Change a line of the file (a text editor counts the header as 1)."""

    def change(content):
        lines = content.split(b"\n")
        assert old.encode() in lines[line - 1]
        lines[line - 1] = lines[line - 1].replace(old.encode(), new.encode(), 1)
        return b"\n".join(lines)

    return change


ANY_CSV = {
    "empty": (b"", ["file is empty"]),
    "only a byte order mark": (b"\xef\xbb\xbf", ["file is empty"]),
    "only a header": (lambda content: content.split(b"\n")[0] + b"\n", ["only a header"]),
    "web page": (b"\n<!DOCTYPE html><html><body>404</body></html>", ["a web page"]),
    "spreadsheet": (b"PK\x03\x04\x14\x00\x06\x00xl/workbook.xml", ["a spreadsheet or a zip archive"]),
    "old spreadsheet": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(64), ["Excel"]),
    "gzip": (b"\x1f\x8b\x08\x00" + bytes(16), ["gzip archive"]),
    "parquet": (b"PAR1\x15\x04", ["a parquet file"]),
    "Windows-1251": (lambda content: content + "Київ".encode("cp1251"), ["wrong encoding", "UTF-8"]),
    "UTF-16": (lambda content: content.decode().encode("utf-16"), ["wrong encoding", "UTF-8"]),
    "quote left open": (lambda content: content + b'"', ["not readable as CSV"]),
    "last row cut": (lambda content: content.rstrip().rpartition(b",")[0], ["cut short or broken"]),
    "a cell too many": (lambda content: content.rstrip() + b",1\n", ["cut short or broken"]),
    "semicolons": (lambda content: content.replace(b",", b";"), ["column missing"]),
    "column missing": (lambda content: b"x" + content, ["column missing"]),
    "column twice": (lambda content: content.replace(content.split(b",")[1], content.split(b",")[0], 1), ["twice"]),
}
SPOILT = SALVO | {"launched": "x", "time_end": "?"}
OWN = {
    "air_force": [
        (in_row("100.0", "-100"), ["launched", "(2)", "not a count", "'-100'"]),
        (in_row(",60,", ",sixty,"), ["destroyed", "(2)", "not a count", "'sixty'"]),
        *((in_row("100.0", count), ["not a count", repr(count), "to 10000"]) for count in ("100.5", "inf", "1e300")),
        (in_row(",60,", ",101,"), ["destroyed", "(2)", "at most launched", "101"]),
        (in_row(",30,", ",41,"), ["not_reach_goal", "(2)", "60 + 41 of 100.0"]),
        (in_row("2025-06-02 08:30", "2025-06-01 17:00"), ["time_end", "ends before it starts"]),
        (in_row("2025-06-02 08:30", "2025-02-30 08:30"), ["time_end", "not a time", "2025-02-30"]),
        (in_row("2025-06-01 18:00", "2025-06-01 25:00"), ["time_start", "not a time", "25:00"]),
        (in_row("2025-06-01 18:00", "01.06.2025 18:00"), ["time_start", "YYYY-MM-DD"]),
        (in_row("2025-06-02 08:30", ""), ["time_end", "not a time", "''"]),
        (in_row("2025-06-01 18:00", "2005-06-01 18:00"), ["time_start", "impossible date"]),
        (in_row("2025-06-02", "2925-06-02"), ["time_end", "impossible date", "2925"]),
        (csv_file([NIGHT, NIGHT | {"launched": "99"}]), ["1 row (3)", "row repeated"]),
        (in_row("kpszsu/posts/1", ""), ["source", "(2)", "no source"]),
        (csv_file([NIGHT | {"source": "somebody"}]), ["no national report", "somebody"]),
        (
            csv_file([NIGHT | {"launched": "-1"}, SALVO | {"model": "Geran-3"}, SPOILT]),
            ["3 kinds of fault", "launched, 2 rows (2, 4)", "model, 1 row (3): unknown weapon label", "'Geran-3'"],
        ),
    ],
    "alerts": [
        (lambda content: gzip.compress(content)[:-20], ["damaged gzip"]),
        (b"region,started_at,finished_at,naive\nLviv,1,2,3\n", ["another series of alerts; expected official"]),
        (lambda content: content.replace(b"\nLviv,", b"\nLemberg,"), ["unknown region", "'Lemberg'"]),
        (in_row("2025-05-07", "2025-13-07", 50), ["started_at, 1 row (50): not a time"]),
        (in_row("2025-05-07 17:", "", 50), ["started_at, 1 row (50): not a time"]),
        (in_row("2025-05-07 18:00:00+00:00", "soon", 50), ["finished_at, 1 row (50): not a time"]),
        (in_row("2025", "2052", 50), ["row (50): no alert anywhere for half a year"]),
        (lambda content: content.replace(b"\nLviv,", b"\nOdesa,"), ["an oblast has no alert; found none for Lviv"]),
        (lambda content: content + b"Atlantis,yesterday,today", ["3 kinds of fault"]),
        (merged_file(around=("2022-03-01", "2022-06-01")), ["no whole strike day"]),
    ],
    "communiques": [(in_row("2025-02-20 04:00", "20.02.2025", 3), ["datetime", "row (3): not a time"])],
    "news": [
        (content, ["not a file of addresses"])
        for content in (b"", b"[]x", b"[1, 2]", b'{"20260110": [[1, 2]]}', b'{"10 January": []}')
    ] + [(b"{}", ["no article that can be coded"])],
    "coded": [
        (in_row(",no,", ",maybe,", 3), ["days.csv, field code, 1 row (3)", "maybe"]),
        (in_row("2026-01-11", "2026-01-10", 3), ["day twice"]),
        (in_row("2026-01-11", "11.01.2026", 3), ["not a day"]),
        (in_row(LINK, "", 3), ["days.csv, field evidence_urls, 1 row (3): address missing"]),
        (in_row(",not_found,", f",yes,{LINK}", 5), ["coded yes without an event"]),
        (in_row(",yes,", ",no,"), ["a hit on a day not coded yes"]),
        (
            coded_files([CODED_DAYS[0], CODED_DAYS[1] | {"code": "maybe"}, CODED_DAYS[2] | {"evidence_urls": ""}],
                        [*HITS, hit("2026-01-10", "Mordor")], [coded_day("2026-02-01", "not_found")]),
            ["'maybe'", "evidence_urls", "'Mordor'", "double_coding.csv, field day", "day not coded a first time"],
        ),
        *(
            (coded_files(CODED_DAYS, [HITS[0], HITS[1] | changes, *HITS[2:]]), [words])
            for changes, words in (
                ({"url": ""}, "events.csv, field url, 1 row (3): address missing"),
                ({"url": LINK}, "claim twice"),
                ({"oblast": "Kiev"}, "events.csv, field oblast, 1 row (3): not an oblast"),
                ({"rear_or_front": "front"}, "not as in oblasts.csv"),
                ({"asset": "bridge"}, "field asset"),
                ({"weapon": "laser"}, "field weapon"),
                ({"found_via": "luck"}, "field found_via"),
            )
        ),
    ],
    "raids": [
        (in_row("facility", "factory"), ["field code, 1 row (2)", "'factory'"]),
        (in_row(",9,", ",nine,"), ["drones", "not in the protocol", "'nine'"]),
        (in_row(",high", ","), ["confidence", "a value in every row"]),
        (in_row(LINK, ""), ["evidence_urls, 1 row (2): address missing"]),
        (in_row(",30,", ",31,"), ["coder_2.csv, field day, 1 row (2): not a raid of the first coder"]),
        (in_row(",30,", ",3,"), ["missiles", "20 or more"]),
    ],
    "digest": [
        (in_row("2026-01-10", ""), ["strike_day, 1 row (2): not a day"]),
        (in_row("yes_rear", "yes"), ["field ukraine_energy, 1 row (2)", "'yes'"]),
        (in_row("silent", ""), ["field russia_energy", "a value in every row"]),
        (in_row(",1,", ",partly,"), ["field list_seen_whole", "'partly'"]),
        (in_row(LINK, ""), ["evidence_url, 1 row (2): address missing"]),
    ],
    "acled": [
        (in_row("2025-03-20", "soon", 3), ["field event_date, 1 row (3)"]),
        (in_row("Odesa", "Atlantis", 3), ["field admin1, 1 row (3)"]),
    ],
}  # fmt: skip
CASES = [
    pytest.param(name, damage, words, id=f"{name}: {kind}")
    for name in GOOD
    for kind, (damage, words) in [*(ANY_CSV.items() if name != "news" else ()), *enumerate(OWN[name])]
]


@pytest.mark.parametrize(("name", "damage", "words"), CASES)
def test_every_kind_of_damaged_file_is_named_and_leaves_data_as_it_was(tmp_path, kept, name, damage, words):
    first, *others = put(tmp_path / "raw", damage if isinstance(damage, dict) else GOOD[name])
    if not isinstance(damage, dict):
        first.write_bytes(damage if isinstance(damage, bytes) else damage(first.read_bytes()))
    before = snapshot(kept)
    with pytest.raises(DataError) as refusal:
        plan_build(None, folder=kept, files={name: [first, *others]})
    message = str(refusal.value)
    assert any(path.name in message for path in (first, *others)) or "no whole strike day" in message
    assert [word for word in words if word not in message] == []
    assert str(tmp_path) not in message
    assert snapshot(kept) == before


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
        ("lexicon_communiques.toml", "night = [", "communiques", "not a readable lexicon"),
        ("lexicon_news.toml", "= x", "news", "not a readable lexicon"),
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
    assert changes.query("change == 'added'")["row"].tolist() == ["2025-06-04"]
    cells = changes.query("change == 'changed'").set_index("column")
    assert cells.loc["missiles_launched", ["row", "old", "new"]].tolist() == ["2025-06-03", "8", "11"]
    assert "strikes: 1 row added (2025-06-04), 1 row changed (2025-06-03)." in made.summary()
    assert snapshot(folder) == before
    assert "strikes.csv" in made.write()
    assert check_tables(folder=folder).empty
    assert made.changes().empty and made.write() == ()
    fewer = plan(tmp_path, NIGHT, folder=folder)
    assert set(fewer.changes().query("table == 'strikes'")["change"]) == {"removed"}
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
    synced = Mock(side_effect=[None, OSError(28, "No space left on device", "strikes.json")])
    monkeypatch.setattr(os, "fsync", synced)
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


def test_a_copy_that_ends_before_the_tables_is_refused_and_nothing_changes(kept, tmp_path):
    before, files = snapshot(kept), {"air_force": put(tmp_path / "raw", {RAW: csv_file([NIGHT])})}
    with pytest.raises(DataError, match=r"ends before strikes does; expected 2026-06-07 or later; found 2025-06-02"):
        kit.plan_build(None, folder=kept, files=files)
    assert snapshot(kept) == before
    assert plan_build(None, folder=kept, files=files).imported
