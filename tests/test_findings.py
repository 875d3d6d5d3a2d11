"""The findings in README.md and reports/README.md are those of the committed record."""

from pathlib import Path

import pytest

import analysis as pa
from analysis.record import load_results
from analysis.reports.findings import (
    FINDINGS,
    METHOD,
    findings_table,
    joint_caveat,
    joint_sentence,
    method,
    write_findings,
)
from analysis.words import in_brief

ROOT = Path(__file__).parents[1]
RESULTS = load_results()


@pytest.mark.parametrize("name", ["README.md", "reports/README.md"])
def test_the_committed_findings_are_those_of_the_record(name):
    block = between((ROOT / name).read_text(encoding="utf-8"), FINDINGS)
    assert block.split() == f"{joint_sentence(RESULTS)} {joint_caveat(RESULTS)} {findings_table(RESULTS)}".split()


def test_the_readme_has_the_method_of_the_pages_in_ten_sentences():
    items = between((ROOT / "README.md").read_text(encoding="utf-8"), METHOD)
    assert items.split() == " ".join(f"{n}. {words}" for n, words in enumerate(method(), 1)).split()
    assert len(method()) == 10


@pytest.mark.parametrize(
    ("verdicts", "lead"),
    [
        (["fewer", "fewer"], "saw fewer drones than is ordinary"),
        (["fewer", "not testable"], "saw fewer drones than is ordinary"),
        (["no visible change", "not testable"], "cannot be said to have brought fewer"),
        (["fewer", "more"], "saw fewer drones than is ordinary"),
    ],
)
def test_the_joint_answer_claims_no_more_than_its_verdicts(verdicts, lead):
    joint = RESULTS[(RESULTS["pause"] == "volume-truces") & (RESULTS["test"] == "joint")].assign(verdict=verdicts)
    assert lead in joint_sentence(joint)
    others = [f"{name}: {verdict}; " for name, verdict in zip(("Drones", "Missiles"), verdicts, strict=True)]
    assert all(words in joint_sentence(joint) for words in others if "fewer" not in words)
    assert joint_sentence(joint.head(0)) == ""


def test_a_joint_finding_that_hangs_on_one_episode_is_called_weak():
    told = joint_sentence(RESULTS)
    assert "Missiles: depends on a choice; 3 missiles launched on 11 days" in told
    assert "with a single missile launched more on one day" in told and "with one episode left out" in told
    firm = RESULTS.assign(
        verdict=RESULTS["verdict"].where(RESULTS["pause"] != "volume-truces", "fewer"),
        p_value=RESULTS["p_value"].where(~RESULTS["pause"].str.startswith("volume-truces-without"), 0.001),
        smallest_visible_cut=RESULTS["smallest_visible_cut"].fillna(0.9),
    )
    assert "saw fewer drones and missiles than is ordinary" in joint_sentence(firm) and "weak" not in joint_sentence(
        firm
    )


def test_the_caveat_names_what_the_finding_rests_on():
    caveat = joint_caveat(RESULTS)
    assert (
        "came on 6 to 7 May 2026 under Ukraine's silence of May 2026, for which Russia had stated no window" in caveat
    )
    assert "On 20 April 2025, 8 to 10 May 2025, 12 April 2026 and 11 May 2026 no report lists drones" in caveat
    assert "by episode, with Holm's correction, 3 of 3 testable results hold" in caveat


def test_every_reason_for_not_seeing_stands_beside_the_verdict():
    row = RESULTS[RESULTS["verdict"] == "no visible change"].iloc[0].to_dict()
    corrected = in_brief(row | {"p_value": 0.03, "p_adjusted": 0.06, "level": 0.95, "smallest_visible_cut": None})
    assert corrected["sight"] == "p = 0.03, but 0.06 once both outcomes are counted; no cut is visible in most windows"
    silent = in_brief(row | {"ratio": 0.0, "expected": 41.3, "verdict": "not testable", "reason": "rare; more"})
    assert (silent["ratio"], silent["sight"]) == ("none of an expected 41", "rare")
    assert in_brief(row | {"observed": None, "reason": "no report"}) == {"seen": "", "ratio": "", "sight": "no report"}


def between(text, marks):
    return text.split(marks[0])[1].split(marks[1])[0].strip()


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
        places = "\n".join(f"{start}\nstale line\n{end}" for start, end in (FINDINGS, METHOD))
        (tmp_path / name).write_text(f"before\n{places}\nafter\n", encoding="utf-8")
    assert write_findings(tmp_path, results=RESULTS) == ["README.md", "reports/README.md"]
    assert write_findings(tmp_path, results=RESULTS) == []
    text = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert text.startswith("before\n") and text.endswith("after\n") and "stale line" not in text
    (tmp_path / "README.md").write_text("nothing", encoding="utf-8")
    with pytest.raises(pa.ReportError, match=r"README\.md"):
        write_findings(tmp_path, results=RESULTS)
