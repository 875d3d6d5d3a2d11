import base64
import json
import os
import re
import shutil
import subprocess
from itertools import pairwise

import pytest
from bs4 import BeautifulSoup
from made_up import code, effect_row, pauses, text
from nbformat import v4

from analysis.effect import MIME
from analysis.errors import ReportError
from analysis.reports.answers import method
from analysis.reports.evidence import write_evidence
from analysis.reports.make import to_text
from analysis.reports.sections import render_section
from analysis.reports.store import cells_digest, opened, write_file
from analysis.vocabulary import RULES

CHROMIUM = "/usr/bin/chromium"
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
HOSTILE = """<script>document.body.dataset.pwned = 1</script>  # noqa
<img src="ADDRESS/markdown.png" onerror="document.body.dataset.pwned = 2">
<svg onload="document.body.dataset.pwned = 3"></svg> <iframe src="ADDRESS/frame"></iframe>
<a href="javascript:document.body.dataset.pwned = 4">click</a> ![x](ADDRESS/picture.png)
<style>@import url(ADDRESS/style.css);</style> <link rel="stylesheet" href="ADDRESS/link.css">
<table><tr><td><math><mtext><style><img src=x onerror="document.body.dataset.pwned = 5"></style></mtext></math>
</td></tr></table> <p style="background:url(ADDRESS/css)">x</p> <form action="ADDRESS/form"><input autofocus></form>
<base href="ADDRESS/"><meta http-equiv="refresh" content="0;url=ADDRESS/refresh"> <a href="//evil.example/x">x</a>
"""


def shown(*outputs, before=(), title="# Did it change?"):
    """A notebook with one code cell that has these outputs."""
    cell = code("hidden = 'source'")
    cell.outputs = [v4.new_output("display_data", data, metadata=meta) for data, meta in outputs]
    return v4.new_notebook(cells=[text(title), *before, cell])


def picture(alt="A line"):
    return {"image/png": PIXEL, "text/plain": "<Figure>"}, {"image/png": {"alt": alt}}


def part(*outputs, level=1, **options):
    return BeautifulSoup(render_section(shown(*outputs, **options), name="a-pause", level=level), "html.parser")


def test_only_plain_tables_are_taken_from_html():
    table = "<table><thead><tr><th>{}</th></tr></thead><tbody><tr><td{}>1</td></tr></tbody></table>"
    for inside, attribute, taken in (
        ("a", "", True), ("a", ' colspan="2"', True), ("a", " colspan=\"2' onclick=x\"", True), ("a", " colspan", True),
        ("<b>a</b>", "", False), ("a</table>", "", False), ("<table>", "", False), ("<!-- x -->", "", False),
    ):  # fmt: skip
        soup = part(({"text/html": table.format(inside, attribute)}, {}))
        assert bool(soup("table")) == taken
        assert taken or "<td>1</td>" in soup.get_text()
        assert all(set(cell.attrs) <= {"class", "colspan", "scope"} for cell in soup(["td", "th"]))
        assert all(cell.get("colspan", "2") == "2" for cell in soup("td"))


def test_results_show_and_code_does_not():
    soup = part(({"text/markdown": "**Fewer** drones"}, {}), picture())
    assert soup.h1.get_text() == "Did it change?"
    assert soup.strong.get_text() == "Fewer"
    assert "hidden" not in soup.get_text()
    assert soup.img["alt"] == "A line"
    assert soup.img["src"] == f"data:image/png;base64,{PIXEL}"
    record = ({MIME: {"rows": []}, "text/plain": "the record"}, {})
    assert part(record, before=[text("run all cells", "notebook-only")]).get_text().split() == ["Did", "it", "change?"]


def test_a_table_without_rows_says_so():
    empty = "<table><thead><tr><th>oblast</th></tr></thead><tbody></tbody></table>"
    soup = part(({"text/html": empty}, {}))
    assert soup.table is None and "No rows." in soup.get_text()


def test_words_around_a_table_stay_around_it():
    table = "<table><thead><tr><th>oblast</th></tr></thead><tbody><tr><td>Odesa</td></tr></tbody></table>"
    soup = part(({"text/html": f"<div><p>north &amp; south</p>{table}<p>1 row</p></div>"}, {}))
    assert soup.td.get_text() == "Odesa" and soup.pre is None
    assert [words.get_text() for words in soup("p")] == ["north & south", "1 row"]


def test_what_a_cell_prints_shows_as_text():
    cell = code("check()")
    data = {"application/json": {"a": 1}, "text/plain": "{'a': 1}"}
    cell.outputs = [
        v4.new_output("stream", name="stdout", text="no <b>window</b>"),
        v4.new_output("display_data", data),
    ]
    html = render_section(v4.new_notebook(cells=[text("# Data"), cell]), name="data", level=1)
    assert [part.get_text() for part in BeautifulSoup(html, "html.parser")("pre")] == ["no <b>window</b>", "{'a': 1}"]


def test_an_alternative_text_is_text_and_never_an_address():
    images, link = "![z](embedded:0) ![y](embedded:1) ![x](described:0)", "[c](embedded:1) [d](described:0)"
    soup = part(picture(alt="javascript:alert(1)"), before=[text(f"{images} {link}")])
    assert len(soup("img")) == 1
    addresses = [tag.get(name, "") for tag in soup(["img", "a"]) for name in ("src", "href")]
    assert not any("javascript" in address for address in addresses)
    soup = part(picture(alt='"><script>x</script>'))
    assert soup.img["alt"] == '"><script>x</script>' and soup.script is None


def test_what_one_output_leaves_open_or_closes_too_often_harms_no_other():
    outputs = [({"text/html": html}, {}) for html in ("<p>one</div></p>", "<style>p {", "<b>three", "<p>four</p>")]
    soup = part(*outputs, before=[text("ok </div> after")])
    assert all(word in soup.get_text() for word in ("ok", "after", "one", "three", "four"))


@pytest.mark.parametrize("headings", ["## No title", "# One\n\n# Two", "# One\n\n### Three", "no heading"])
def test_headings_move_down_and_out_of_order_are_refused(headings):
    soup = part(before=[text("## Nights"), text("### Detail")], level=2)
    assert [heading.name for heading in soup(re.compile("^h"))] == ["h2", "h3", "h4"]
    with pytest.raises(ReportError, match="headings are out of order"):
        part(title=headings)


def test_tables_say_what_their_headers_are_and_scroll_alone():
    import pandas as pd

    frame = pd.DataFrame({"claim": ["main", "<b>us</b>"], "ratio": [0.12, 1.5], "day": ["2025-04-20", None]})
    frame = frame.fillna(float("nan")).set_index("claim")
    soup = part(({"text/html": frame._repr_html_()}, {}), before=[text("## By claim")])
    assert [(th.get_text(), th["scope"]) for th in soup("th")] == [
        ("claim", "col"), ("ratio", "col"), ("day", "col"), ("main", "row"), ("<b>us</b>", "row"),
    ]  # fmt: skip
    assert len(soup.select("thead tr")) == 1
    assert [cell.get_text() for cell in soup.select("td.num")] == ["0.12", "1.50"]
    assert [cell.get_text() for cell in soup.select("td.whole")] == ["2025-04-20", "–"]
    assert soup.select_one("div.scroll[tabindex='0'][role=region]")["aria-label"] == "By claim (pause, table 1)"
    assert soup.style is None and not soup.select("[style], [border]")


def test_tables_speak_to_readers_not_to_programs():
    import pandas as pd

    frame = pd.DataFrame({"n_days": [3.0, None], "share": [0.704348, 0.0], "within": [True, False]})
    soup = part(({"text/html": frame._repr_html_()}, {}))
    assert [th.get_text() for th in soup("th")] == ["n days", "share", "within"]
    assert [td.get_text() for td in soup("td")] == ["3", "0.7", "yes", "–", "0", "no"]


def test_a_table_for_other_programs_lies_inside_the_page():
    csv = "day,drones\n2025-04-20,0\n2025-04-21,120\n"
    link = part(({"text/csv": csv, "text/plain": "nights"}, {})).select_one("a[download]")
    assert link["download"] == "a-pause.csv"
    kind, encoded = link["href"].split(",")
    assert kind == "data:text/csv;base64"
    assert base64.b64decode(encoded).decode() == csv
    assert "2 rows" in link.parent.get_text()


@pytest.mark.parametrize("kind", ["text/markdown", "text/html", "text/plain"])
def test_hostile_text_is_refused_or_shown_as_text(kind):
    hostile = HOSTILE.replace("ADDRESS", "http://127.0.0.1:9")
    soup = part(({kind: hostile}, {}), before=[text(hostile)])
    assert not soup("script") and not soup("iframe") and not soup("svg") and not soup("form") and not soup("input")
    for tag in soup(True):
        assert not [name for name in tag.attrs if name.startswith("on") or name in ("style", "src", "action")]
        assert "javascript" not in tag.get("href", "") and "evil" not in tag.get("href", "")
    assert "document.body.dataset.pwned = 1" in soup.get_text()


@pytest.mark.parametrize("address", ["data:text/html,x", "file:///etc/passwd", "../secret", "/etc", "vbscript:x"])
def test_links_lead_to_the_web_or_into_the_reports(address):
    assert "href" not in part(before=[text(f"[x](<{address}>) [y](https://example.org/)")]).a.attrs
    assert not part(before=[text(f'<a href="{address}">x</a>')])("a")
    assert part(before=[text("[y](https://example.org/)")]).a["href"] == "https://example.org/"


def put(folder, name, notebook):
    """What a batch leaves of an executed notebook."""
    notebook.metadata["pauses"] = {"inputs": "", "cells": cells_digest(json.loads(to_text(notebook)))}
    write_file(folder / "executed" / f"{name}.ipynb", to_text(notebook))


def compose(folder, listed, sections=(), **background):
    write_evidence(
        folder, listed, sections, comparison="comparison", surroundings={}, rendered={},
        background={name: to_text(notebook).encode() for name, notebook in background.items()},
    )  # fmt: skip


@pytest.fixture
def site(tmp_path):
    """Pages of three pauses: one with two parts, one that failed, one not made; names are hostile."""
    listed = pauses("a", "b", "c")
    listed[0]["name"] = "Truce <script>document.body.dataset.pwned = 9</script>"
    fewer = {"ratio": 0.125, "ratio_low": 0.05, "ratio_high": 0.4, "verdict": "fewer", "observed": 25.0}
    silent = {"ratio": 0.0, "verdict": "not testable", "testable": False, "reason": "even total silence is ordinary; x"}
    rows = [
        effect_row(outcome="drones_launched", **fewer), effect_row(outcome="drones_launched", test="after-salvo"),
        effect_row(outcome="missiles_launched", **silent),
    ]  # fmt: skip
    record = ({MIME: {"rows": rows, "headline": "Fewer <b>drones</b>."}}, {})
    joint = effect_row(outcome="drones_launched", pause="volume-truces", test="joint", **fewer, p_value=0.004)
    with opened(tmp_path) as folder:
        put(folder, "a.pause", shown(picture(), record, before=[text("## Nights")]))
        put(folder, "a.energy", shown(picture(), title="# Was energy spared?"))
        together = ({MIME: {"rows": [joint]}}, {})
        put(folder, "comparison", shown(picture(), together, title="# All of them"))
        failed = '{"metadata": {"pauses": {"error": "cell 2: <img src=x onerror=alert(1)>"}}}'
        write_file(folder / "executed" / "FAILED-b.pause.ipynb", failed)
        compose(folder, listed, ["pause", "energy"])
    return tmp_path


def page(site, name):
    return BeautifulSoup((site / name).read_text(), "html.parser")


@pytest.mark.parametrize("name", ["a-evidence.html", "method.html"])
def test_pages_are_whole_documents_that_fetch_nothing(site, name):
    soup, markup = page(site, name), (site / name).read_text()
    assert markup.startswith("<!DOCTYPE html>") and soup.html["lang"] == "en" and soup.title.get_text()
    assert len(soup("h1")) == 1
    levels = [int(heading.name[1]) for heading in soup(re.compile("^h[1-6]$"))]
    assert levels[0] == 1 and all(b <= a + 1 for a, b in pairwise(levels))
    assert not soup("script") and "url(" not in markup and "@import" not in markup
    assert all(tag["src"].startswith("data:") for tag in soup.select("[src]"))
    assert [tag["href"] for tag in soup("link")] == ["data:,"]
    assert all(tag.get("alt") for tag in soup("img")) and all(tag.get("scope") for tag in soup("th"))
    assert len({tag["id"] for tag in soup.select("[id]")}) == len(soup.select("[id]"))


def test_a_page_has_all_parts_with_a_way_to_each(site):
    soup = page(site, "a-evidence.html")
    assert [link["href"] for link in soup.select("nav a")] == ["#pause", "#energy"]
    assert [section["id"] for section in soup("section")] == ["pause", "energy"]
    assert "document.body.dataset.pwned = 9" in soup.select_one(".kicker").get_text()
    linked = [link["href"] for link in soup.select("footer a")]
    assert {"executed/a.pause.ipynb", "results.csv", "index.html", "a.html"} <= set(linked)


def test_the_page_on_method_lists_every_pause_and_what_failed(site):
    soup = page(site, "method.html")
    lines = soup.select("#evidence > ul")[0].select("li")
    assert len(lines) == 3 and lines[0].a["href"] == "a-evidence.html"
    assert "Failed: pause." in lines[1].get_text() and "onerror=alert(1)" in lines[1].get_text()
    assert lines[1].a is None and not (site / "b-evidence.html").exists()
    assert lines[2].a is None
    assert "All of them" in soup.select_one("#comparison h2").get_text()


def test_the_page_on_method_says_how_what_words_mean_and_what_is_left_out(site):
    soup = page(site, "method.html")
    assert [item.get_text() for item in soup.select("#method li")] == method()
    words = [word.get_text() for word in soup.select("#words tbody th")]
    assert "clearly fewer / clearly more" in words and len(words) == len(RULES)
    assert "Proposed, never in force" in [reason.get_text() for reason in soup.select("#elsewhere dt")]
    assert page(site, "a-evidence.html").select_one("meta[name=description]")["content"] == "Fewer <b>drones</b>."


def test_links_to_notebooks_lead_to_their_pages(tmp_path):
    words = "[what they say](data.ipynb#zeros), [pause.ipynb](pause.ipynb), [off](https://x.org), [x](javascript:x)"
    with opened(tmp_path) as folder:
        compose(folder, [], data=shown(title=f"# Data\n\n{words}"))
    text = page(tmp_path, "data.html").h1.find_next("p")
    assert text.get_text() == "what they say, pause.ipynb, off, x"
    assert [link["href"] for link in text("a", href=True)] == ["data.html", "https://x.org"]


def test_a_part_that_failed_is_named_on_a_page_that_has_others(site):
    with opened(site) as folder:
        write_file(folder / "executed" / "FAILED-a.energy.ipynb", '{"metadata": {"pauses": {"error": "no tables"}}}')
        (folder / "executed" / "a.pause.ipynb").unlink()
        compose(folder, pauses("a"), ["pause", "energy"])
    soup = page(site, "a-evidence.html")
    assert soup.h1.get_text() == "Truce of a"
    assert "no tables" in soup.select_one(".failed").get_text()


@pytest.mark.skipif(not os.path.exists(CHROMIUM), reason="no Chromium at " + CHROMIUM)
def test_in_a_browser_nothing_runs_and_pages_fetch_nothing(tmp_path):
    hostile = HOSTILE.replace("ADDRESS", "http://127.0.0.1:9")
    listed = [{"id": "a", **dict.fromkeys(["name", "dates", "status"], hostile), "claims": []}]
    outputs = [({kind: hostile}, {}) for kind in ("text/markdown", "text/html", "text/plain")]
    with opened(tmp_path / "out") as folder:
        put(folder, "a.pause", shown(*outputs, picture(alt=hostile), before=[text(hostile)]))
        compose(folder, listed, ["pause"])
    control = tmp_path / "control.html"
    control.write_text(f"<body>{hostile.partition('<base')[0]}</body>")
    for path in (control, tmp_path / "out/a-evidence.html", tmp_path / "out/method.html"):
        assert ("data-pwned" in browse(path, tmp_path / "profile")) == (path == control)
    for name in ("a-evidence.html", "method.html"):
        fetched = page(tmp_path / "out", name).select("[src], link, [style], form, iframe, object")
        assert all(tag.get("src", tag.get("href", "")).startswith("data:") for tag in fetched)


def browse(path, profile):
    """The page as the browser has it after loading."""
    quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", *quiet, f"--user-data-dir={profile}"]
    done = subprocess.run([*command, "--dump-dom", path.as_uri()], capture_output=True, text=True, timeout=60)
    shutil.rmtree(profile, ignore_errors=True)
    return done.stdout
