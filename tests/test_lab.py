"""JupyterLab itself, in a browser: the notebook opens and runs, and its verdict follows the controls."""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

import analysis as pa

ROOT = Path(__file__).parents[1]
JUPYTER = ROOT / ".venv-lab" / "bin" / "jupyter"
CHROMIUM = Path("/usr/bin/chromium")
PATIENCE = 60  # seconds
MISSING = [str(path) for path in (JUPYTER, CHROMIUM) if not path.exists()]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"not found: {', '.join(MISSING)} (make .venv-lab/ready)")


@pytest.fixture
def lab(tmp_path):
    """Address of the notebook in a JupyterLab of its own: free port, random token, a copy of the notebook."""
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    places = {"HOME": str(tmp_path / "home"), "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime")}
    own = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "IPYTHON", "MPL"))}
    command = [JUPYTER, "lab", "--no-browser", "--allow-root", "--ip=127.0.0.1", "--port=0"]
    with (tmp_path / "log").open("w") as log, subprocess.Popen(
        command, cwd=tmp_path, env=own | places, stdout=log, stderr=log
    ) as server:  # fmt: skip
        try:
            known = wait_for(tmp_path / "runtime" / f"jpserver-{server.pid}.json")
            yield f"{known['url']}lab/tree/notebooks/explore.ipynb?token={known['token']}"
        finally:
            server.terminate()


def wait_for(path):
    """What a server writes about itself once it listens."""
    deadline = time.monotonic() + PATIENCE
    while not path.exists():
        assert time.monotonic() < deadline, "JupyterLab did not start"
        time.sleep(0.2)
    return json.loads(path.read_text())


def test_the_verdict_follows_the_controls(lab):
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=1000 * PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1600, "height": 1000})
        page.set_default_timeout(1000 * PATIENCE)
        page.goto(lab)
        page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()  # the menus are rebuilt until then
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        verdict = page.locator(".jp-OutputArea [role=status]")
        expect(verdict).to_contain_text(pa.explore_pause("us-three-day-2026-05").summary())

        page.get_by_label("Pause", exact=True).select_option(label="Orthodox Easter truce 2026")
        expect(verdict).to_contain_text(pa.explore_pause("orthodox-easter-2026").summary())
        expect(page.get_by_alt_text("Histogram of").first).to_be_visible()

        page.get_by_label("Baseline", exact=True).select_option(label="60 days")
        apart = pa.explore_pause("orthodox-easter-2026", baseline_days=60)
        expect(verdict).to_contain_text(apart.departure())
        expect(verdict).to_contain_text(apart.report_says())
        for kind in ("Save as PNG", "as SVG", "Days of this choice as CSV"):
            with page.expect_download() as saved:
                page.get_by_text(kind, exact=True).first.click()
            assert saved.value.suggested_filename.endswith(f".{kind[-3:].lower()}")
        page.get_by_role("button", name="Back to the rule").click()
        expect(verdict).to_contain_text("This is the choice of the report")

        page.get_by_label("Claim", exact=True).select_option(label="ukraine: no window stated")
        expect(verdict).to_contain_text("choose a claim with a window: accepted, russia")
        browser.close()
