"""The pages that answer, their Markdown, and the blocks of both README files are those of the committed record."""

import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

import analysis as pa
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
from analysis.reports.store import as_text
from analysis.reports.story import tell_all, tell_pause
from analysis.scorecard import load_scorecard

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
    assert len(first.split()) <= 200
    words = sum(len((part.text + part.title).split()) for part in story.parts)
    words += sum(
        len(" ".join(map(str, part.table.to_numpy().ravel())).split()) for part in story.parts if part.table is not None
    )
    assert words + len(first.split()) <= 1000
    assert len(story.drawings) <= 4
    assert all(part.text or part.drawing or part.table is not None for part in story.parts)


def test_the_front_page_is_short_and_says_how_far_the_data_reach(front):
    first = " ".join([front.answer, *front.bullets])
    assert "clearly fewer" in front.answer and "347" in front.answer
    assert "Data end 6 June 2026" in first and "count as none" in first
    assert not JARGON.search(first)
    table = next(part.table for part in front.parts if part.table is not None)
    assert len(table) == 9


def test_a_pause_without_data_is_one_screen(stories):
    story = stories["orthodox-christmas-2023"]
    assert [part.key for part in story.parts] == ["announced", "why-not"] and not story.drawings


@pytest.mark.parametrize("name", REPORTED)
def test_every_number_of_a_page_stands_in_the_scorecard_the_registry_or_a_table(stories, name):
    """Numbers in the answers: counted as they are, expected to two digits, frequencies from the rank."""
    card = load_scorecard()
    own = card[card["pause"] == name]
    allowed = set(
        re.findall(
            r"\d[\d,.]*\d|\d",
            " ".join(
                own["size"].fillna("") + own["frequency"].fillna("") + own["note"].fillna("") + own["doubts"].fillna("")
            ),
        )
    )
    for value in own[["counted", "expected", "n_ordinary", "as_extreme"]].to_numpy().ravel():
        if value == value:
            allowed |= {f"{value:,.0f}", f"{float(f'{value:.2g}'):,.0f}"}
    story = stories[name]
    for line in (story.answer, *story.bullets):
        shown = set(re.findall(r"\d[\d,.]*\d|\d", re.sub(r"\b\d{4}\b|\b\d{1,2} (?:to \d+ )?[A-Z][a-z]+", "", line)))
        assert shown <= allowed, shown - allowed


def test_a_story_as_html_is_whole_and_fetches_nothing(stories):
    page = as_html(stories["cold-week-pause-2026-01"], evidence=[("a.html", "A")])
    soup = BeautifulSoup(page, "html.parser")
    assert len(soup("h1")) == 1 and soup.h1.get_text().startswith("Did Russia spare Kyiv and energy")
    assert not soup("script") and "@import" not in page
    targets = {link["href"][1:] for link in soup.select("nav a")}
    assert targets == {section["id"] for section in soup("section")} - {"use"}
    assert all(cell["data-label"] for cell in soup.select("table.answers td"))
    assert soup.select_one(".answers .mark.open").get_text() == "lower, may be chance"


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
