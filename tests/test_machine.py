"""What the commands print for other programs: the form that schemas.json states and docs/machine-output.md explains."""

import json
import re
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator
from made_up import code, comparison_notebook, pause_notebook, pauses

from analysis import machine
from analysis.cli import main
from analysis.pauses import load_pauses
from analysis.reports.progress import Progress, with_finding
from analysis.reports.run import run_reports

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "machine-output.md").read_text(encoding="utf-8")
FORMS = json.loads(Path(machine.__file__).with_name("schemas.json").read_text(encoding="utf-8"))
PUT_IN = 'effect = replace(effect, claim="accepted")\nassert pause_id != "victory-day-2025", "\\x1b[31mno such window"'


@cache
def lines(*words):
    """The objects that a command prints, one a line."""
    shown = CliRunner().invoke(main, [*words, "--json"], catch_exceptions=False)
    return [json.loads(line, parse_constant=pytest.fail) for line in shown.output.splitlines()]


def faults(form, value):
    """What is not as a form of schemas.json states it."""
    validator = Draft202012Validator({"$ref": f"#/$defs/{form}", **FORMS})
    return [f"{fault.json_path}: {fault.message:.200}" for fault in validator.iter_errors(value)]


def test_the_forms_are_forms_and_ask_for_every_field():
    Draft202012Validator.check_schema(FORMS)
    for form in FORMS["$defs"].values():
        assert form.get("required", []) == list(form.get("properties", {}))


def test_list_is_a_pause_a_line():
    assert [fault for line in lines("list") for fault in faults("list", line)] == []
    assert [line["id"] for line in lines("list")] == list(load_pauses())


@pytest.mark.parametrize("pause_id", load_pauses())
def test_show_holds_every_claim_with_its_days(pause_id):
    (shown,) = lines("show", pause_id)
    assert faults("show", shown) == []
    assert [claim["claim"] for claim in shown["claims"]] == [claim.id for claim in load_pauses()[pause_id].claims]
    for claim in shown["claims"]:
        ends = claim["days"][:1] + claim["days"][-1:] or [None, None]
        assert [claim["n_days"], claim["first_day"], claim["last_day"]] == [len(claim["days"]), *ends]


def test_the_thresholds_are_those_that_a_test_prints():
    (shown,) = lines("show", "capitals-pause-2026-09")
    told = CliRunner().invoke(main, ["test", "capitals-pause-2026-09"])
    assert shown["claims"][0]["days"] == ["2026-09-05", "2026-09-06", "2026-09-07"]
    printed = re.findall(r"Fewer\s+than\s+([\d,]+)\s", told.output)
    thresholds = shown["plan"]["thresholds"]
    assert [f"{threshold['fewer_than']:,}" for threshold in thresholds] == printed
    assert [threshold["nights"] for threshold in thresholds] == [1, 2, 3] * 2


@pytest.mark.parametrize(
    ("words", "days"),
    [
        (["us-three-day-2026-05"], ["2026-05-09", "2026-05-11", 3]),
        (["capitals-pause-2026-09"], ["2026-09-05", "2026-09-07", 3]),
        (["easter-2025", "--claim", "russia", "--outcome", "missiles_launched"], ["2025-04-20", "2025-04-20", 1]),
    ],
)
def test_test_gives_days_answers_and_rows(words, days):
    (found,) = lines("test", *words)
    assert faults("test", found) == []
    assert [found[name] for name in ("first_day", "last_day", "n_days")] == days
    assert found["rows"] and all(row["pause"] == words[0] for row in found["rows"])


@pytest.fixture(scope="module")
def batch(tmp_path_factory):
    """The events of a batch in which one report is made and one fails, as printed; and the folder of reports."""
    base = tmp_path_factory.mktemp("batch")
    pause_notebook(base / "notebooks", extra=[code(PUT_IN)])
    comparison_notebook(base / "notebooks")
    asked, events = pauses("easter-2025", "victory-day-2025"), []
    run_reports(asked, notebooks=base / "notebooks", out=base / "out", progress=events.append)
    return events, base / "out"


def test_report_gives_an_event_a_line_with_what_was_found(batch, capsys):
    with Progress(as_json=True) as progress:
        for event in batch[0]:
            progress(event)
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [fault for event in told for fault in faults("report", event)] == []
    by_pause = {event["pause"]: event for event in told if event["event"] == "report"}
    made, failed = by_pause["easter-2025"], by_pause["victory-day-2025"]
    assert (made["state"], made["outcome"], made["verdict"]) == ("made", "drones_launched", "no visible change")
    assert made["word"] == "about as usual" and made["error"] is None
    assert (failed["state"], failed["verdict"], failed["word"]) == ("failed", None, None)
    assert Path(failed["path"]).name == "FAILED-victory-day-2025.pause.ipynb" and Path(made["path"]).is_file()
    assert told[-2]["pause"] is None
    assert with_finding(failed | {"pause": "nowhere", "path": made["path"]})["verdict"] is None


def test_the_log_says_what_failed_and_where_and_a_line_for_the_others(batch):
    log = (batch[1] / "report.log").read_text(encoding="utf-8").splitlines()
    heads = [line.split("s  ")[1] for line in log if not line.startswith(" ")]
    assert sorted(heads) == ["comparison", "easter-2025 pause", "victory-day-2025 pause"]
    below = log[next(i for i, line in enumerate(log) if line.endswith("victory-day-2025 pause")) + 1 :]
    assert below[0] == "    cell 4: AssertionError: no such window"
    assert below[1] == "    in FAILED-victory-day-2025.pause.ipynb, cell 4; its last lines:"
    assert any('assert pause_id != "victory-day-2025"' in line for line in below) and "\x1b" not in "".join(log)


def test_nothing_that_json_does_not_know_is_written():
    start = load_pauses()["easter-2025"].claims[0].start
    told = json.loads(machine.line({"a": float("nan"), "b": "", "c": [start], "d": 0, "e": False}))
    assert told == {"a": None, "b": None, "c": [start.isoformat()], "d": 0, "e": False}


def test_the_page_explains_every_field():
    forms = ("list", "show", "claim", "plan", "threshold", "test", "answer", "start", "made", "gone", "end")
    missing = {name for form in forms for name in FORMS["$defs"][form]["properties"] if f"`{name}`" not in PAGE}
    assert missing == set()


def test_the_examples_of_the_page_are_printed_so():
    examples = [json.loads(line) for line in re.findall(r"^\{.*\}$", PAGE, re.MULTILINE)]
    assert len(examples) >= 3
    assert examples[0] == next(line for line in lines("list") if line["id"] == examples[0]["id"])
    assert examples[1] == lines("show", "capitals-pause-2026-09")[0]["plan"]["thresholds"][0]
    assert [fault for event in examples[2:] for fault in faults("report", event)] == []
