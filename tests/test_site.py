"""Real pages in a real browser: no grave fault for a reader with impaired sight, nothing asked of the network."""

import os
from functools import partial
from pathlib import Path

import pytest

from analysis.pauses import load_pauses
from analysis.reports.answers import write_answers
from analysis.reports.front import report_rows
from analysis.reports.run import run_reports

CHROMIUM = "/usr/bin/chromium"
WHOLE, SHORT = "us-three-day-2026-05", "energy-moratorium-2025-03"
CONTROL = """<html lang="en"><title>x</title><main><h1>x</h1><p style="color: #ccc; background: #fff">faint</p>
<img src="http://127.0.0.1:9/x.png"><div style="width: 900px">wide</div></main></html>"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Two pauses, one with all its parts, and the index."""
    folder, notebooks = tmp_path_factory.mktemp("site"), Path(__file__).parents[1] / "notebooks"
    registry = load_pauses()
    answer = partial(write_answers, registry=registry)
    for pause, parts in ((WHOLE, None), (SHORT, ["pause"])):
        made = run_reports(
            report_rows(registry), notebooks=notebooks, out=folder, selected=[pause], only=parts, answer=answer
        )
        assert [outcome.error for outcome in made if outcome.error] == []
    (folder / "control.html").write_text(CONTROL)
    return folder


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not os.path.exists(CHROMIUM):
        pytest.skip("no Chromium at " + CHROMIUM)
    with playwright.sync_playwright() as driver:
        launched = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield launched
        launched.close()


def visit(browser, path, **look):
    """A page, and the addresses it asked for beyond its own file; none of them is let through."""
    context, asked = browser.new_context(**look), []
    context.route(lambda address: not address.startswith("file:"), lambda route: route.abort())
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    return page, [address for address in asked if not address.startswith("data:") and address != path.as_uri()]


def grave(page):
    """Serious and critical violations that axe-core finds, with the first element of each."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    found = axe.Axe().run(page).response["violations"]
    return [(v["id"], v["nodes"][0]["html"]) for v in found if v["impact"] in ("serious", "critical")]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["index", WHOLE, SHORT, f"{WHOLE}-evidence", "method"])
def test_pages_have_no_grave_fault_and_ask_nothing_of_the_network(browser, site, name, scheme):
    page, asked = visit(browser, site / f"{name}.html", color_scheme=scheme)
    assert grave(page) == []
    assert asked == []


@pytest.mark.parametrize("width", [360, 600, 790])
@pytest.mark.parametrize("name", ["index", WHOLE, SHORT, f"{WHOLE}-evidence", "method"])
def test_pages_fit_a_phone_and_a_tablet(browser, site, name, width):
    page, _ = visit(browser, site / f"{name}.html", viewport={"width": width, "height": 780})
    assert page.evaluate("document.documentElement.scrollWidth") == width


BROKEN = """() => [...document.querySelectorAll('table .num')].filter(cell => {
    const range = document.createRange(); range.selectNodeContents(cell);
    return new Set([...range.getClientRects()].map(line => Math.round(line.top))).size > 1;
}).map(cell => cell.innerText)"""


@pytest.mark.parametrize("name", ["index", f"{WHOLE}-evidence", "method"])
def test_no_number_is_broken_in_print(browser, site, name):
    page, _ = visit(browser, site / f"{name}.html", viewport={"width": 700, "height": 1000})
    page.emulate_media(media="print")
    assert page.evaluate(BROKEN) == []


def test_the_first_screen_of_a_pause_answers(browser, site):
    page, _ = visit(browser, site / f"{WHOLE}.html", viewport={"width": 1280, "height": 800})
    for words in ("clearly fewer", "Confidence:", "Data to 6 June 2026", "The week after"):
        box = page.get_by_text(words).first.bounding_box()
        assert box["y"] + box["height"] < 800, words


@pytest.mark.parametrize(("name", "wide", "narrow"), [("index", 5, 9), (WHOLE, 6, 9)])
def test_pages_stay_within_their_screens(browser, site, name, wide, narrow):
    for size, most in (((1280, 800), wide), ((390, 844), narrow)):
        page, _ = visit(browser, site / f"{name}.html", viewport={"width": size[0], "height": size[1]})
        assert page.evaluate("document.documentElement.scrollHeight") <= most * size[1]


def test_the_checks_above_see_faults(browser, site):
    page, asked = visit(browser, site / "control.html", viewport={"width": 360, "height": 780})
    assert {"color-contrast", "image-alt"} <= {name for name, _ in grave(page)}
    assert asked == ["http://127.0.0.1:9/x.png"]
    assert page.evaluate("document.documentElement.scrollWidth") > 360
