"""What a reader meets on each built page: words, pictures, screens, jargon on the first screen, tables too wide.

    python benchmarks/pages.py [FOLDER]

Prints a line a page of FOLDER (reports/ by default) and exits 1 where a page is over its budget: the front page 900
words, 2 pictures, 5 screens of a desktop, 9 of a phone; a pause 1,000 words, 4 pictures, 6 and 9 screens.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

BUDGET = {"front": (900, 2, 5, 9), "pause": (1000, 4, 6, 9)}
DESKTOP, PHONE = (1280, 800), (390, 844)
JARGON = re.compile(
    r"p-value|\bp [=<]|\bp below|\bwindows?\b|\boutcome|\bstratum|told from chance|visible from a cut|strike day"
)
WORDS = """() => { document.querySelectorAll('svg').forEach(drawn => drawn.style.visibility = 'hidden');
    const words = document.querySelector('main').innerText;
    document.querySelectorAll('svg').forEach(drawn => drawn.style.visibility = ''); return words; }"""
FIRST = """() => [...document.querySelectorAll('h1, main p, main li, main td, figcaption')]
    .filter(e => e.getBoundingClientRect().top < innerHeight && e.offsetParent !== null)
    .map(e => e.innerText).join(' ')"""
WIDE = """() => [...document.querySelectorAll('table')].filter(t => t.scrollWidth > innerWidth).length"""
EMPTY = """() => [...document.querySelectorAll('main section')]
    .filter(s => s.innerText.trim() === (s.querySelector('h2') || s).innerText.trim()).length"""


def measure(folder: Path) -> list[dict]:
    """A row a page: the front page and every page of a pause that has evidence behind it."""
    from playwright.sync_api import sync_playwright

    names = ["index", *sorted(path.name.removesuffix("-evidence.html") for path in folder.glob("*-evidence.html"))]
    rows = []
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"])
        for name in names:
            row = {"page": name}
            for kind, (width, height) in (("desktop", DESKTOP), ("phone", PHONE)):
                page = browser.new_page(viewport={"width": width, "height": height})
                page.goto((folder / f"{name}.html").resolve().as_uri())
                row[kind] = round(page.evaluate("document.documentElement.scrollHeight") / height, 1)
                if kind == "desktop":
                    row["words"] = len(page.evaluate(WORDS).split())
                    row["pictures"] = page.locator("figure").count()
                    row["jargon"] = sorted(set(JARGON.findall(page.evaluate(FIRST))))
                    row["empty"] = page.evaluate(EMPTY)
                else:
                    row["wide tables"] = page.evaluate(WIDE)
                page.close()
            most = BUDGET["front" if name == "index" else "pause"]
            row["over"] = [
                what for what, limit in zip(("words", "pictures", "desktop", "phone"), most, strict=True)
                if row[what] > limit
            ] + [what for what in ("jargon", "empty", "wide tables") if row[what]]  # fmt: skip
            rows.append(row)
        browser.close()
    return rows


def main() -> int:
    """Print the table; 1 where a page is over its budget."""
    default = Path(__file__).parents[1] / "reports"
    rows = measure(Path(sys.argv[1]) if len(sys.argv) > 1 else default)
    columns = ["page", "words", "pictures", "desktop", "phone", "wide tables", "empty", "jargon", "over"]
    print(" | ".join(columns))
    for row in rows:
        print(" | ".join(str(row[name]) for name in columns))
    return int(any(row["over"] for row in rows))


if __name__ == "__main__":
    sys.exit(main())
