"""The documentation: its examples print what they say, and the site builds without a warning or a broken link."""

import doctest
import json
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest
from click.testing import CliRunner

import analysis as pa
from analysis.cli import main

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))
CONSOLE = re.compile(r"^```console\n\$ pauses (.*)\n((?:.*\n)*?)```$", re.MULTILINE)
LOOSE = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
COMMANDS = [found.groups() for page in PAGES for found in CONSOLE.finditer(page.read_text(encoding="utf-8"))]


@pytest.mark.parametrize(("words", "printed"), COMMANDS, ids=[words for words, _ in COMMANDS])
def test_commands_print_what_the_pages_say(words, printed):
    shown = CliRunner().invoke(main, words.split(), catch_exceptions=False).output
    assert doctest.OutputChecker().check_output(printed, shown, LOOSE), shown


@pytest.mark.parametrize("page", [page for page in PAGES if ">>>" in page.read_text("utf-8")], ids=str)
def test_python_prints_what_the_pages_say(page):
    text = re.sub("^```.*$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    runner = doctest.DocTestRunner(optionflags=LOOSE)
    runner.run(doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), 0))
    assert runner.summarize().failed == 0 and runner.tries >= 5


def test_the_gallery_has_every_notebook_with_its_title():
    told = re.findall(r"^\| \[\w+\]\(\.\./(.*?)\) \| (.*) \|$", (DOCS / "gallery.md").read_text("utf-8"), re.MULTILINE)
    books = {path.name: json.loads(path.read_text("utf-8")) for path in (ROOT / "notebooks").glob("*.ipynb")}
    titles = {name: "".join(book["cells"][0]["source"]).splitlines()[0][2:] for name, book in books.items()}
    assert dict(told) == {f"notebooks/{name}": title for name, title in titles.items()}


def test_links_of_the_pages_lead_to_files_of_the_repository():
    pages = [*PAGES, ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    links = [(page, re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8"))) for page in pages]
    assert [(page.name, link) for page, found in links for link in found if not (page.parent / link).exists()] == []


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The text of the pages of the built site, by their path."""
    if find_spec("sphinx") is None or find_spec("myst_parser") is None:
        pytest.skip("Sphinx is not installed: pip install 'strike-pauses[docs]'")
    out = tmp_path_factory.mktemp("site")
    sphinx = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html"]
    built = subprocess.run([*sphinx, "-d", out / "trees", DOCS, out / "html"], capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    return {path: path.read_text("utf-8") for path in (out / "html").rglob("*.html")}


def test_every_public_name_stands_in_the_reference_with_its_sections(site):
    (page,) = (text for path, text in site.items() if path.name == "api.html")
    assert [name for name in pa.__all__ if f'id="analysis.{name}"' not in page] == []
    assert set(re.findall(r"<dt class=.field-\w+.>(\w+)<", page)) >= {"Parameters", "Returns", "Raises"}
    assert "----" not in page


def test_no_link_of_the_site_is_broken_and_nothing_is_fetched_from_elsewhere(site):
    broken, fetched = [], []
    anchors = {path: set(re.findall(r'\sid="([^"]+)"', text)) for path, text in site.items()}
    for path, text in site.items():
        for tag, address in re.findall(r'<(a|img|link|script)\b[^>]*?\s(?:href|src)="([^"]*)"', text):
            if re.match(r"[a-z]+:|//", address):
                fetched += [address[:99]] if tag != "a" and not address.startswith("data:") else []
                continue
            target, anchor = urldefrag(unquote(address).partition("?")[0])
            target = (path.parent / target).resolve() if target else path
            if not target.is_file() or (anchor and anchor not in anchors[target]):
                broken.append(f"{path.name}: {address}")
    assert (broken, fetched) == ([], [])
    assert sum(path.parent.name == "notebooks" for path in site) == 10
