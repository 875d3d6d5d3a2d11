"""The findings in README.md and reports/README.md are those of the committed record."""

from pathlib import Path

import pytest

import analysis as pa
from analysis.batch.findings import END, START, findings_table, joint_sentence, write_findings
from analysis.results import load_results

ROOT = Path(__file__).parents[1]
RESULTS = load_results()


@pytest.mark.parametrize("name", ["README.md", "reports/README.md"])
def test_the_committed_findings_are_those_of_the_record(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    block = text.split(START)[1].split(END)[0].strip()
    assert block == f"{joint_sentence(RESULTS)}\n\n{findings_table(RESULTS)}"


def test_the_record_is_what_the_package_finds_now():
    found = pa.assess("victory-day-2025").primary("drones_launched")
    row = RESULTS[(RESULTS["pause"] == "victory-day-2025") & (RESULTS["outcome"] == "drones_launched")]
    row = row[(row["window"] == "pause") & (row["stratum"] == "national") & (row["test"] == found.test)].iloc[0]
    assert row["verdict"] == found.verdict
    assert row["expected"] == pytest.approx(found.expected, rel=1e-3)
    assert row["p_value"] == pytest.approx(found.p_value, rel=1e-3)


def test_nine_pauses_have_a_row_each():
    rows = findings_table(RESULTS).splitlines()[2:]
    assert len(rows) == 9
    assert all(row.count("|") == 5 for row in rows)


def test_drift_is_mended_and_a_file_without_a_place_is_refused(tmp_path):
    (tmp_path / "reports").mkdir()
    for name in ("README.md", "reports/README.md"):
        (tmp_path / name).write_text(f"before\n{START}\nstale line\n{END}\nafter\n", encoding="utf-8")
    assert write_findings(tmp_path, results=RESULTS) == ["README.md", "reports/README.md"]
    assert write_findings(tmp_path, results=RESULTS) == []
    text = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert text.startswith("before\n") and text.endswith("after\n") and "stale line" not in text
    (tmp_path / "README.md").write_text("nothing", encoding="utf-8")
    with pytest.raises(pa.ReportError, match=r"README\.md"):
        write_findings(tmp_path, results=RESULTS)
