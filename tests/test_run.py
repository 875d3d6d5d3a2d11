import csv
import errno
import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from made_up import FAULTS, code, comparison_notebook, effect_row, pause_notebook, pauses

from analysis.reports import folder as folders
from analysis.reports.folder import cells_digest, check_names, open_folder, write_file
from analysis.reports.inputs import fingerprint as real_fingerprint
from analysis.reports.manifest import git_revision
from analysis.reports.record import merge_record, to_csv
from analysis.reports.run import run_reports
from analysis.effects import COLUMNS, MIME
from analysis.errors import ReportError


def contents(folder):
    """Every file below a folder, apart from the log and the times in the manifest."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name not in ("log.txt", "lock")]
    found = {str(path.relative_to(folder)): path.read_bytes() for path in files}
    return found | {"manifest.json": json.loads(found["manifest.json"]) | {"times": None}}


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module", autouse=True)
def steady_surroundings():
    """Somebody may edit the package or the tables while these tests run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("analysis.reports.run.fingerprint", lambda: {"package": "1", "data": "2"})
        yield


@pytest.fixture(scope="module")
def batch(steady_surroundings, tmp_path_factory):
    """A finished batch of two pauses, to be copied before it is changed."""
    base = tmp_path_factory.mktemp("batch")
    pause_notebook(base / "notebooks")
    comparison_notebook(base / "notebooks")
    events = []
    made = run_reports(pauses("a", "b"), notebooks=base / "notebooks", out=base / "out", progress=events.append)
    return base, made, events


@pytest.fixture
def copied(batch, tmp_path):
    for name in ("notebooks", "out"):
        shutil.copytree(batch[0] / name, tmp_path / name)
    return tmp_path


@pytest.fixture
def no_kernels(monkeypatch):
    def refuse(*args, **options):
        raise AssertionError("a kernel would have been started")

    monkeypatch.setattr("analysis.reports.kernels.Workers", refuse)


def test_a_batch_leaves_notebooks_record_pages_and_index(batch):
    base, made, events = batch
    assert [(o.pause, o.notebook, o.status) for o in made] == [
        ("a", "pause", "made"), ("b", "pause", "made"), ("", "comparison", "made"),
    ]  # fmt: skip
    assert all(o.path.is_file() and o.error == "" for o in made)
    assert {path.name for path in (base / "out").iterdir()} >= {"a.html", "b.html", "index.html", "results.csv"}
    record = rows(base / "out" / "results.csv")
    assert [row["pause"] for row in record] == ["a", "b"]
    assert list(record[0]) == list(COLUMNS)
    assert record[0]["observed"] == "250"
    assert "2 effects" in (base / "out" / "index.html").read_text()
    assert events[0] == {"event": "start", "total": 3, "stale": 2}
    assert events[-1] == {"event": "end", "made": 3, "kept": 0, "failed": 0}
    assert {event["pause"] for event in events[1:-1]} == {"a", "b", ""}


def test_the_manifest_says_from_what_and_when_each_report_was_made(batch):
    base, made, _events = batch
    manifest = json.loads((base / "out" / "manifest.json").read_text())
    assert (manifest["package"], manifest["data"]) == ("1", "2")
    assert list(manifest["reports"]) == ["a.pause", "b.pause", "comparison"] == list(manifest["times"])
    report = manifest["reports"]["b.pause"]
    assert report["status"] == "up to date"
    assert report["parameters"] == {"pause_id": "b", "level": 0.95}  # as given, and the notebook's own
    assert report["sha256"] == hashlib.sha256(made[1].path.read_bytes()).hexdigest()
    assert manifest["times"]["b.pause"] == {"ended": made[1].ended, "seconds": made[1].seconds}


def test_two_batches_differ_in_nothing_but_the_times_of_the_manifest(batch, tmp_path):
    base, *_ = batch
    run_reports(pauses("a", "b"), notebooks=base / "notebooks", out=tmp_path, jobs=1)
    assert contents(tmp_path) == contents(base / "out")


def test_the_manifest_tells_old_failed_and_absent_reports_and_keeps_their_times(copied):
    times = json.loads((copied / "out" / "manifest.json").read_text())["times"]
    pause_notebook(copied / "notebooks", extra=[code("1 / (pause_id == 'b')")])
    run_reports(pauses("a", "b", "c"), notebooks=copied / "notebooks", out=copied / "out", selected=["a"])
    manifest = json.loads((copied / "out" / "manifest.json").read_text())
    status = {name: report["status"] for name, report in manifest["reports"].items()}
    assert status == {"a.pause": "failed", "b.pause": "out of date", "c.pause": "absent", "comparison": "up to date"}
    assert manifest["times"]["b.pause"] == times["b.pause"]


def test_the_revision_is_the_commit_and_what_differs_from_it(tmp_path):
    assert git_revision(tmp_path) == {}
    path = pause_notebook(tmp_path / "notebooks")
    (tmp_path / "README.md").write_text("")
    me = ["-c", "user.name=x", "-c", "user.email=x@y", "-c", "commit.gpgsign=false"]
    for words in (["init", "-q"], ["add", "."], [*me, "commit", "-qm", "First"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    clean = git_revision(tmp_path / "notebooks")
    assert len(clean["commit"]) == 40 and clean["changed"] == []
    path.write_text("")
    (tmp_path / "README.md").write_text("no input of a report")
    assert git_revision(tmp_path / "notebooks") == clean | {"changed": ["notebooks/pause.ipynb"]}


def test_executed_notebooks_hold_no_time_no_path_and_no_papermill(batch):
    text = (batch[0] / "out" / "executed" / "a.pause.ipynb").read_text()
    assert str(batch[0]) not in text
    assert '"papermill"' not in text
    assert "execution" not in json.loads(text)["cells"][1]["metadata"]
    assert "\r" not in text


def test_nothing_changed_nothing_runs(batch, copied, no_kernels):
    before = contents(copied / "out")
    for path in copied.rglob("*"):
        os.utime(path)
    again = run_reports(pauses("a", "b"), notebooks=copied / "notebooks", out=copied / "out")
    assert [o.status for o in again] == ["kept"] * 3
    assert contents(copied / "out") == before
    assert (copied / "out/manifest.json").read_bytes() == (batch[0] / "out/manifest.json").read_bytes()


@pytest.mark.parametrize("change", ["notebook", "parameter", "surroundings", "executed copy", "deleted", "force"])
def test_what_changed_runs_again(copied, monkeypatch, change):
    started = []

    class Recorder:
        def __init__(self, **options): ...
        def __enter__(self):
            return self

        def __exit__(self, *raised): ...
        def run(self, tasks):
            started.extend(task.name for task in tasks)
            yield from ((i, {"seconds": 0.0, "error": "not run"}) for i, _ in enumerate(tasks))

    monkeypatch.setattr("analysis.reports.kernels.Workers", Recorder)
    options, executed = {}, copied / "out" / "executed" / "a.pause.ipynb"
    if change == "notebook":
        pause_notebook(copied / "notebooks", extra=[code("1 + 1")])
    elif change == "parameter":
        options = {"parameters": {"level": 0.9}}
    elif change == "surroundings":
        monkeypatch.setattr("analysis.reports.run.fingerprint", lambda: {"package": "1", "data": "3"})
    elif change == "executed copy":
        executed.write_text(executed.read_text().replace("No visible change", "No change"))
    elif change == "deleted":
        executed.unlink()
    else:
        options = {"force": True}
    run_reports(pauses("a", "b"), notebooks=copied / "notebooks", out=copied / "out", **options)
    reports = ["a.pause"] if change in ("executed copy", "deleted") else ["a.pause", "b.pause"]
    everything = change in ("parameter", "surroundings", "force")
    assert started == reports + (["comparison"] if everything else [])


def test_the_fingerprint_tells_package_tables_and_libraries_apart(tmp_path, monkeypatch):
    from analysis.reports import inputs

    for place in ("package/batch", "data", "site"):
        (tmp_path / place).mkdir(parents=True)
    monkeypatch.setattr(inputs.analysis, "__file__", str(tmp_path / "package" / "__init__.py"))
    monkeypatch.setattr(inputs, "data_folder", lambda: tmp_path / "data")
    monkeypatch.syspath_prepend(tmp_path / "site")
    before = real_fingerprint()
    (tmp_path / "package/batch/new.py").write_text("x = 1")
    assert {name for name, value in real_fingerprint().items() if value != before[name]} == {"package"}
    (tmp_path / "data/strikes.csv").write_text("day\n")
    assert {name for name, value in real_fingerprint().items() if value != before[name]} == {"package", "data"}
    (tmp_path / "site/somelib-1.0.dist-info").mkdir()
    assert {name for name, value in real_fingerprint().items() if value == before[name]} == {"python"}
    (tmp_path / "package/batch/new.pyc").write_text("")
    again = real_fingerprint()
    os.utime(tmp_path / "data/strikes.csv", (0, 0))
    assert real_fingerprint() == again


def test_outputs_stored_in_a_notebook_do_not_count_as_a_change(copied, no_kernels):
    path = copied / "notebooks" / "pause.ipynb"
    notebook = json.loads(path.read_text())
    notebook["cells"][2]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["x"]}]
    path.write_text(json.dumps(notebook))
    assert {o.status for o in run_reports(pauses("a", "b"), notebooks=path.parent, out=copied / "out")} == {"kept"}


@pytest.mark.parametrize("cold", [False, True], ids=["warm", "cold"])
def test_one_failure_does_not_lose_the_others(tmp_path, cold):
    pause_notebook(tmp_path / "notebooks", extra=[code(FAULTS)])
    names = ["raises", "good", "exits", "hangs"]
    if not cold:
        names += ["killed", "memory", "silent", "warns", "another"]
    made = run_reports(
        pauses(*names), notebooks=tmp_path / "notebooks", out=tmp_path / "out", timeout=3, cold=cold, jobs=4
    )
    errors = {o.pause: o.error for o in made}
    assert [name for name, error in errors.items() if not error] == ["good"]
    assert "ValueError: no such window" in errors["raises"]
    assert "DeadKernelError" in errors["exits"]
    assert "CellTimeoutError" in errors["hangs"]
    if not cold:
        assert "DeadKernelError" in errors["killed"]
        assert "MemoryError" in errors["memory"]
        assert "no record of effects" in errors["silent"]
        assert "stderr" in errors["warns"]
        assert "another pause" in errors["another"]
    executed = {path.name for path in (tmp_path / "out" / "executed").iterdir()}
    assert executed == {"good.pause.ipynb"} | {f"FAILED-{name}.pause.ipynb" for name in names if name != "good"}
    assert "no such window" in (tmp_path / "out/executed/FAILED-raises.pause.ipynb").read_text()
    index = (tmp_path / "out" / "index.html").read_text()
    assert all(f"Truce of {name}" in index for name in names)
    assert "no such window" in index
    assert [row["pause"] for row in rows(tmp_path / "out" / "results.csv")] == ["good"]


def test_a_failure_keeps_the_old_report_and_says_so_until_it_is_repaired(copied):
    good = contents(copied / "out")
    pause_notebook(copied / "notebooks", extra=[code("raise ValueError('broken today')")])
    made = run_reports(pauses("a", "b"), notebooks=copied / "notebooks", out=copied / "out", selected=["a"])
    assert [(o.pause, o.status) for o in made] == [("a", "failed"), ("", "kept")]
    after = contents(copied / "out")
    assert after["executed/a.pause.ipynb"] == good["executed/a.pause.ipynb"]
    assert after["results.csv"] == good["results.csv"]
    assert b"broken today" in after["a.html"] and b"broken today" in after["index.html"]
    pause_notebook(copied / "notebooks")
    run_reports(pauses("a", "b"), notebooks=copied / "notebooks", out=copied / "out")
    assert contents(copied / "out") == good


def test_wrong_parameters_stop_everything_before_any_kernel(copied, no_kernels):
    before = contents(copied / "out")
    for parameters in ({"levle": 0.9}, {"level": "high"}, {"level": 2.0}, {"level; import os": 1}):
        with pytest.raises(ReportError):
            run_reports(pauses("a"), notebooks=copied / "notebooks", out=copied / "out", parameters=parameters)
    assert contents(copied / "out") == before


@pytest.mark.parametrize(
    "name",
    ["..", "../x", "/etc/x", "a\\b", "a\0b", "", "a" * 300, "CON", "nul", "index", "FAILED-a", ".hidden", "a b", "é", 5,
     "<script>", "a.b", "com1"],
)  # fmt: skip
def test_names_that_are_no_file_names_are_refused(tmp_path, no_kernels, name):
    pause_notebook(tmp_path / "notebooks")
    with pytest.raises(ReportError, match="not a name for a report"):
        run_reports(pauses(name), notebooks=tmp_path / "notebooks", out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_names_that_differ_only_by_case_are_refused():
    with pytest.raises(ReportError, match="share a file name"):
        check_names(["a", "A"])


@pytest.mark.parametrize("options", [{"selected": ["c"]}, {"only": ["energy"]}, {"jobs": 0}, {"timeout": 0}])
def test_unknown_choices_are_refused(copied, no_kernels, options):
    with pytest.raises(ReportError):
        run_reports(pauses("a", "b"), notebooks=copied / "notebooks", out=copied / "out", **options)


@pytest.mark.parametrize("place", ["a.html", "executed/a.pause.ipynb", "executed"])
def test_links_in_the_folder_are_refused(tmp_path, no_kernels, place):
    elsewhere = tmp_path / "precious"
    elsewhere.mkdir()
    link = tmp_path / "out" / place
    link.parent.mkdir(parents=True)
    link.symlink_to(elsewhere)
    pause_notebook(tmp_path / "notebooks")
    with pytest.raises(ReportError, match="link"):
        run_reports(pauses("a"), notebooks=tmp_path / "notebooks", out=tmp_path / "out")
    assert list(elsewhere.iterdir()) == []


def test_two_batches_do_not_share_a_folder(tmp_path):
    with open_folder(tmp_path / "out") as folder:
        with pytest.raises(ReportError, match="another batch"), open_folder(tmp_path / "out"):
            pass
        assert folder == tmp_path / "out"


def test_leftovers_of_a_killed_batch_are_swept_away(tmp_path):
    with open_folder(tmp_path) as folder:
        (folder / ".results.csv.99.new").write_text("half")
        (folder / "executed" / ".a.ipynb.99.new").write_text("half")
        (folder / ".cache" / ".a.html.99.new").write_text("half")
    with open_folder(tmp_path):
        assert not list(tmp_path.rglob("*.new"))


def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "page.html"
    assert write_file(path, "old") and not write_file(path, "old")

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(folders.os, "fsync", full)
    with pytest.raises(ReportError, match=r"^page.html: cannot be written; .*No space left"):
        write_file(path, "new")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["page.html"]


def test_a_disk_that_fills_up_during_a_batch_loses_no_old_report(copied, monkeypatch):
    good = contents(copied / "out")
    pause_notebook(copied / "notebooks", extra=[code("1 + 1")])

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(folders.os, "fsync", full)
    monkeypatch.setattr("analysis.reports.kernels.CAN_FORK", False)  # so that all writing is done in this process
    with pytest.raises(ReportError, match=r"^manifest.json: cannot be written"):
        run_reports(pauses("a", "b"), notebooks=copied / "notebooks", out=copied / "out", progress=(told := []).append)
    failed = {event["pause"]: event["error"] for event in told if event.get("status") == "failed"}
    assert set(failed) == {"a", "b"}
    assert all("cannot be written; what was there is as it was; found No space" in error for error in failed.values())
    assert contents(copied / "out") == good


def test_a_folder_that_cannot_be_made_is_one_message(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ReportError, match="cannot be written"), open_folder(tmp_path / "file" / "out"):
        pass


def executed(folder, name, *effects):
    """An executed notebook as a worker leaves it."""
    (folder / "executed").mkdir(exist_ok=True)
    output = {"output_type": "display_data", "data": {MIME: {"rows": list(effects)}}, "metadata": {}}
    notebook = {"cells": [{"cell_type": "code", "outputs": [output]}], "metadata": {}}
    notebook["metadata"]["pauses"] = {"inputs": "", "cells": cells_digest(notebook)}
    (folder / "executed" / f"{name}.ipynb").write_text(json.dumps(notebook))


def merged(folder, *, ids=("a", "b"), sections=("pause", "energy")):
    return [(row["pause"], row["claim"], row["outcome"]) for row in merge_record(folder, ids, sections, "comparison")]


def stored(folder, *keys):
    text = [{name: "" for name in COLUMNS} | dict(zip(("pause", "claim", "outcome"), key, strict=True)) for key in keys]
    (folder / "results.csv").write_text(to_csv(text))


def test_rows_of_a_pause_are_replaced_as_a_set_and_others_stay(tmp_path):
    stored(tmp_path, ("a", "old-claim", "drones"), ("a", "main", "gone"), ("b", "main", "drones"), ("z", "m", "x"))
    executed(tmp_path, "a.pause", effect_row(pause="a", outcome="drones"))
    assert merged(tmp_path) == [
        ("a", "main", "drones"), ("a", "main", "gone"), ("b", "main", "drones"), ("z", "m", "x"),
    ]  # fmt: skip
    executed(tmp_path, "a.energy", effect_row(pause="a", outcome="energy"))
    assert merged(tmp_path) == [
        ("a", "main", "drones"), ("a", "main", "energy"), ("b", "main", "drones"), ("z", "m", "x"),
    ]  # fmt: skip
    executed(tmp_path, "comparison", effect_row(pause="episode:1"))
    assert merged(tmp_path)[-1] == ("episode:1", "main", "drones")
    assert "z" not in [key[0] for key in merged(tmp_path)]


def test_two_notebooks_may_not_disagree(tmp_path):
    executed(tmp_path, "a.pause", effect_row(pause="a"))
    executed(tmp_path, "a.energy", effect_row(pause="a"))
    assert len(merged(tmp_path)) == 1
    executed(tmp_path, "a.energy", effect_row(pause="a", observed=1.0))
    with pytest.raises(ReportError, match="disagree"):
        merged(tmp_path)


def test_numbers_of_the_record_have_six_significant_digits(tmp_path):
    values = {"observed": 12345.0, "expected": 1234.567, "ratio": 0.071234567, "p_value": 1e-05, "ratio_high": None}
    executed(tmp_path, "a.pause", effect_row(pause="a", **values))
    (row,) = merge_record(tmp_path, ["a"], ["pause"], "comparison")
    assert [row[name] for name in values] == ["12345", "1235", "0.0712346", "1e-05", ""]
    assert float(row["ratio"]) == pytest.approx(values["ratio"], rel=5e-6)


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        ("EffectsRecord((effect, effect))", "the record speaks twice of one effect"),
        ("EffectsRecord((replace(effect, verdict='proven'),))", "the record has a verdict that is none"),
    ],
)
def test_a_record_that_no_page_could_show_fails_its_own_report(tmp_path, record, problem):
    pause_notebook(tmp_path / "notebooks", extra=[code(f"effect = effect\ndisplay({record})")])
    (outcome,) = run_reports(pauses("a"), notebooks=tmp_path / "notebooks", out=tmp_path / "out")
    assert outcome.status == "failed" and problem in outcome.error
    assert problem in (tmp_path / "out" / "index.html").read_text()


def test_a_part_of_another_run_is_not_shown_and_made_again(batch, copied):
    part = copied / "out" / ".cache" / "a.pause.html"
    whole = part.read_text()
    part.write_text(whole.replace(whole.split("\n")[0], "<!-- other -->"))
    run_reports(pauses("a", "b"), notebooks=copied / "notebooks", out=copied / "out")
    assert part.read_text() == whole


def test_an_edited_executed_notebook_does_not_enter_the_record(tmp_path):
    executed(tmp_path, "a.pause", effect_row(pause="a"))
    path = Path(tmp_path, "executed", "a.pause.ipynb")
    path.write_text(path.read_text().replace("250.0", "25.0"))
    assert merged(tmp_path) == []
