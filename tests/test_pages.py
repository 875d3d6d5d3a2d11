"""The pages that answer, their Markdown, and the blocks of both README files are those of the committed record."""

import io
import re
import shutil
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup

import analysis as pa
from analysis.campaigns import find_campaigns
from analysis.record import load_results
from analysis.reports.answers import (
    FINDINGS,
    METHOD,
    as_html,
    as_markdown_page,
    method,
    method_list,
    scorecard_csv,
    told,
    write_answers,
    write_committed,
)
from analysis.reports.drawings import draw
from analysis.reports.index import tell_all
from analysis.reports.pages import tell_pause
from analysis.reports.store import as_text
from analysis.sirens import alert_minutes

ROOT = Path(__file__).parents[1]
RESULTS = load_results()
PAUSES = pa.load_pauses()
REPORTED = [pause.id for pause in pa.reported_pauses(PAUSES)]
JARGON = re.compile(
    r"p-value|\bp [=<]|\bp below|\bwindow|\boutcome|\bstratum|told from chance|visible from a cut|strike day"
)


@pytest.fixture(scope="module")
def stories():
    return {name: tell_pause(RESULTS, PAUSES[name], draw=draw) for name in REPORTED}


@pytest.fixture(scope="module")
def front():
    return tell_all(RESULTS, PAUSES, draw=draw)


def test_what_is_committed_is_what_the_record_gives(stories, front):
    for name, story in stories.items():
        page = (ROOT / "reports" / "pauses" / f"{name}.md").read_text(encoding="utf-8")
        assert page == as_markdown_page(story), name
    for name, place in (("README.md", "reports/"), ("reports/README.md", "")):
        assert between((ROOT / name).read_text(encoding="utf-8"), FINDINGS).strip() == told(front, place).strip()
    assert between((ROOT / "README.md").read_text(encoding="utf-8"), METHOD).strip() == method_list()
    assert (ROOT / "reports" / "scorecard.csv").read_text(encoding="utf-8") == scorecard_csv(RESULTS, PAUSES)
    assert len(method()) == 10


@pytest.mark.parametrize("name", REPORTED)
def test_the_first_screen_is_plain_and_short(stories, name):
    story = stories[name]
    first = " ".join([story.question, story.answer, *story.bullets])
    assert not JARGON.search(first), JARGON.search(first)
    assert len(first.split()) <= 290
    words = sum(len((part.text + part.title).split()) for part in story.parts)
    words += sum(
        len(" ".join(map(str, part.table.to_numpy().ravel())).split()) for part in story.parts if part.table is not None
    )
    assert words + len(first.split()) <= 1000
    assert len(story.drawings) <= 4
    assert all(part.text or part.drawing or part.table is not None for part in story.parts)


def test_the_front_page_is_short_and_says_how_far_the_data_reach(front):
    first = " ".join([front.answer, *front.bullets])
    assert ": fewer. Confidence: weak" in front.answer and "347" in front.answer
    assert "Data end 6 June 2026" in first and "zeros we inferred from sirens and press" in first
    assert not JARGON.search(first)
    table = next(part.table for part in front.parts if part.table is not None)
    assert len(table) == 9


def test_a_pause_without_data_is_one_screen(stories):
    story = stories["orthodox-christmas-2023"]
    assert [part.key for part in story.parts] == ["announced", "why-not"] and not story.drawings


@pytest.mark.parametrize("planned", [True, False])
def test_the_page_of_a_pause_to_come_says_how_few_would_be_out_of_the_ordinary(planned, tmp_path):
    pause = PAUSES["capitals-pause-2026-09"]
    folder = shutil.copytree(ROOT / "data", tmp_path / "data", ignore=shutil.ignore_patterns("recipes", "raw"))
    if not planned:
        (folder / "plans" / f"{pause.id}.toml").unlink()
    rows = pa.assess(pause.id, folder=folder).to_frame()
    story = tell_pause(rows, pause, draw=draw, folder=folder)
    assert [part.key for part in story.parts] == ["announced", "why-not", "to-come"] and not story.drawings
    told = story.parts[-1].text
    assert re.search(r"Fewer than \d+ long-range drones launched in the first night would be out of the ordinary", told)
    assert told.startswith("No test was fixed") != planned
    assert "0 of 3 nights held" in story.answer


MONTH = "(?:January|February|March|April|May|June|July|August|September|October|November|December)"
DATE = re.compile(
    rf"\b\d{{1,2}}(?: {MONTH})?(?: \d{{4}})?(?: (?:to|and) \d{{1,2}})? {MONTH}(?: \d{{4}})?"
    rf"|{MONTH} \d{{4}}|\b20\d\d\b|\b\d\d:\d\d\b"
)
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
FIXED = {"15", "20", "27", "40", "90", "95", "100", "4.0", version("strike-pauses")}  # of sources, method, licence


def written(value):
    """A number in the ways in which pages write it: whole, with two digits, with one after the point."""
    return {f"{value:,.0f}", f"{float(f'{value:.2g}'):,.0f}", f"{value:.1f}", f"{abs(value):.2g}"}


def traced(name, story):
    """Numbers that the record, the tables behind the figures, the lull and the campaigns give for a page."""
    rows, given = RESULTS if name == "index" else RESULTS[RESULTS["pause"] == name], set(FIXED)
    alike = rows["n_as_extreme"].replace(0, float("nan"))
    values = [
        rows[["observed", "expected", "n_placebo", "n_days"]].to_numpy().ravel(),
        alike,
        rows["n_placebo"] / alike,
    ]
    for drawing in story.drawings:
        frame = pd.read_csv(io.StringIO(drawing.csv))
        values.append(frame.select_dtypes("number").to_numpy().ravel())
        if "ratio" in frame and "oblast" in frame:
            values.append([(frame["ratio"] < 1).sum(), (frame["ratio"] > 1).sum(), frame["ratio"].notna().sum()])
        if "promise" in frame:
            inside = frame[frame["role"] == "pause"].drop_duplicates("day")
            values += [group[["drones", "expected"]].sum() for _, group in inside.groupby(inside["promise"].isna())]
    for lull in (pa.assess(pause).lull for pause in (REPORTED if name == "index" else [name])):
        if lull is not None:
            values.append([lull.days_since_salvo, 100 * lull.quiet_probability])
    if name != "index" and len((zeros := pa.assess(name).zeros()).days):
        values.append([len(zeros.days), zeros.as_silent, zeros.n_nights, zeros.break_even or 200])
    if "Kyiv City" in set(rows["stratum"]):
        after = pd.date_range("2026-02-01", "2026-02-03")
        values.append(alert_minutes()["Kyiv City"][after].to_numpy(float))
    if any(drawing.name == "campaigns" for drawing in story.drawings):
        values.append(find_campaigns(pa.load_table("energy_raids"), PAUSES).runs["n_days"])
    for value in (float(value) for part in values for value in part):
        given |= written(abs(value)) if np.isfinite(value) else set()
    return given.union(*(NUMBER.findall(reason) for reason in rows["reason"].dropna()))


@pytest.mark.parametrize("name", [*REPORTED, "index"])
def test_every_number_of_a_page_stands_in_the_record_or_in_a_table(stories, front, name):
    story = front if name == "index" else stories[name]
    page = BeautifulSoup(as_html(story, evidence=[]), "html.parser")
    for part in page.select("head, svg, nav, footer, .downloads, a[href^=http]"):
        part.decompose()
    shown = set(NUMBER.findall(DATE.sub(" ", re.sub(r"\s+", " ", page.get_text(" ")))))
    given = traced(name, story)
    assert len(shown) > (2 if name == "orthodox-christmas-2023" else 20)
    assert shown <= given, shown - given
    long = [number for number in shown if len(number) > 2]
    wrong = [number for number in long if f"{number[:-1]}{(int(number[-1]) + 3) % 10}" not in given]
    assert len(wrong) >= len(long) / 3  # wrong digits would be noticed


def test_a_story_as_html_is_whole_and_fetches_nothing(stories):
    page = as_html(stories["cold-week-pause-2026-01"], evidence=[("a.html", "A")])
    soup = BeautifulSoup(page, "html.parser")
    assert len(soup("h1")) == 1 and soup.h1.get_text().startswith("Did Russia spare Kyiv and energy")
    assert not soup("script") and "@import" not in page
    targets = {link["href"][1:] for link in soup.select("nav a")}
    assert targets == {section["id"] for section in soup("section")}
    assert all(cell["data-label"] for cell in soup.select("table.answers td"))
    assert all(title.get_text().endswith((".", "?")) for title in soup.select("figcaption strong"))
    assert soup.select_one(".answers .mark.open").get_text() == "lower, may be chance"


@pytest.mark.parametrize("name", ["cold-week-pause-2026-01", "index"])
def test_no_name_on_a_page_is_given_twice(stories, front, name):
    page = as_html(front if name == "index" else stories[name], evidence=[])
    given = re.findall(r'\bid="([^"]*)"', page)
    asked = re.findall(r'url\(#([^)]*)\)|href="#([^"]+)"', page)
    assert len(given) == len(set(given)) > 20
    assert {address or name for address, name in asked} <= {*given, "top", "main"}


def test_names_and_dates_are_apart_without_a_style(front):
    cell = BeautifulSoup(as_html(front, evidence=[]), "html.parser").find("th", string=None, scope="row")
    assert re.search(r"2023, 7 January", cell.get_text())


def test_hostile_words_show_as_text(stories):
    from dataclasses import replace

    hostile = '<script>alert(1)</script> [x](javascript:alert(2)) <img src=x onerror="alert(3)">'
    bad = replace(stories["easter-2025"], answer=hostile, bullets=(hostile,), name=hostile)
    soup = BeautifulSoup(as_html(bad, evidence=[]), "html.parser")
    assert not soup("script") and not soup("img")
    assert all(not link["href"].startswith("javascript") for link in soup("a", href=True))


def test_pages_are_made_once_and_again_only_where_the_record_changed(tmp_path):
    rows = [
        {name: as_text(None if value != value else value) for name, value in row.items()}
        for row in RESULTS.to_dict("records")
    ]
    rows = [row for row in rows if row["pause"] == "easter-2025"]
    write_answers(tmp_path, rows, registry=PAUSES, surroundings={"package": "1"})
    made = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert set(made) == {"easter-2025.html", "index.html", "scorecard.csv"}
    write_answers(tmp_path, rows, registry=PAUSES, surroundings={"package": "1"})
    assert made == {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    page, evidence = tmp_path / "easter-2025.html", tmp_path / "easter-2025-evidence.html"
    assert evidence.name not in page.read_text(encoding="utf-8")  # a link only to what is there
    evidence.write_text("made")
    write_answers(tmp_path, rows, registry=PAUSES, surroundings={"package": "1"})
    assert f'href="{evidence.name}"' in page.read_text(encoding="utf-8")
    evidence.unlink()
    rows[0]["reason"] = "another"
    write_answers(tmp_path, rows, registry=PAUSES, surroundings={"package": "1"})
    assert made != {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}


def test_drift_is_mended_and_a_file_without_a_place_is_refused(tmp_path):
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "results.csv").write_bytes((ROOT / "reports" / "results.csv").read_bytes())
    for name in ("README.md", "reports/README.md"):
        places = "\n".join(f"{start}\nstale line\n{end}" for start, end in (FINDINGS, METHOD))
        (tmp_path / name).write_text(f"before\n{places}\nafter\n", encoding="utf-8")
    assert {"README.md", "reports/README.md", "reports/scorecard.csv"} <= set(write_committed(tmp_path))
    assert write_committed(tmp_path) == []
    text = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert text.startswith("before\n") and text.endswith("after\n") and "stale line" not in text
    (tmp_path / "README.md").write_text("nothing", encoding="utf-8")
    with pytest.raises(pa.ReportError, match=r"README\.md"):
        write_committed(tmp_path)


def test_the_record_is_what_the_package_finds_now():
    found = pa.assess("victory-day-2025").primary("drones_launched")
    row = RESULTS[(RESULTS["pause"] == "victory-day-2025") & (RESULTS["outcome"] == "drones_launched")]
    row = row[(row["window"] == "pause") & (row["stratum"] == "national") & (row["test"] == found.test)].iloc[0]
    assert row["verdict"] == found.verdict
    assert row["expected"] == pytest.approx(found.expected, rel=1e-3)
    assert row["p_value"] == pytest.approx(found.p_value, rel=1e-3)


def between(text, marks):
    return text.split(marks[0])[1].split(marks[1])[0].strip()
