import csv
import errno
import json
import os
import random
import shutil
import subprocess
import sys
from itertools import product

import pytest
from made_up import FAULTS, code, comparison_notebook, effect_row, pause_notebook, pauses

from analysis.effect import COLUMNS
from analysis.errors import ReportError
from analysis.reports import store
from analysis.reports.run import git_revision, run_reports
from analysis.reports.store import Record, to_csv

SURROUNDINGS = store.surroundings


def contents(folder):
    """Every file below a folder, apart from the lock, the log and the times in the manifest."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name not in (".lock", "report.log")]
    found = {str(path.relative_to(folder)): path.read_bytes() for path in files}
    return found | {"manifest.json": json.loads(found["manifest.json"]) | {"times": None}}


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def run(base, *names, out="out", **options):
    return run_reports(pauses(*names), notebooks=base / "notebooks", out=base / out, **options)


@pytest.fixture(scope="module", autouse=True)
def steady_surroundings():
    """Somebody may edit the package or the tables while these tests run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "surroundings", lambda: {"package": "1", "data": "2"})
        patch.setattr("analysis.reports.pool.package_digest", lambda: "1")
        yield


@pytest.fixture(scope="module")
def batch(steady_surroundings, tmp_path_factory):
    """A finished batch of two pauses, to be copied before it is changed."""
    base, events = tmp_path_factory.mktemp("batch"), []
    pause_notebook(base / "notebooks")
    comparison_notebook(base / "notebooks")
    return base, run(base, "a", "b", progress=events.append), events


@pytest.fixture
def copied(batch, tmp_path):
    for name in ("notebooks", "out"):
        shutil.copytree(batch[0] / name, tmp_path / name)
    return tmp_path


@pytest.fixture
def started(monkeypatch):
    """Names of the reports that would have been run; none is."""
    names = []

    def record(function, reports, **options):
        names.extend(report.name for report in reports)
        yield from ((position, None, "not run") for position, _ in enumerate(reports))

    monkeypatch.setattr("analysis.reports.run.run_apart", record)
    return names


def test_a_batch_leaves_notebooks_record_pages_index_and_manifest(batch):
    base, made, events = batch
    told = [(o.pause, o.notebook, o.state, o.error) for o in made]
    assert told == [("a", "pause", "made", ""), ("b", "pause", "made", ""), ("", "comparison", "made", "")]
    assert all(o.path.is_file() for o in made)
    pages = {"a-evidence.html", "b-evidence.html", "method.html"}
    assert {path.name for path in (base / "out").glob("*.html")} == pages
    record = rows(base / "out" / "results.csv")
    assert [row["pause"] for row in record] == ["a", "b"] and list(record[0]) == list(COLUMNS)
    assert record[0]["observed"] == "250"
    assert "2 effects" in (base / "out" / "method.html").read_text()
    assert events[0] == {"event": "start", "total": 3, "stale": 2}
    assert events[-1] == {"event": "end", "made": 3, "kept": 0, "failed": 0}
    assert {event["pause"] for event in events[1:-1]} == {"a", "b", ""}
    manifest = json.loads((base / "out" / "manifest.json").read_text())
    assert (manifest["package"], manifest["data"]) == ("1", "2")
    assert list(manifest["reports"]) == ["a.pause", "b.pause", "comparison"] == list(manifest["times"])
    assert manifest["reports"]["b.pause"]["parameters"] == {"pause_id": "b", "level": 0.95}
    text = (base / "out" / "executed" / "a.pause.ipynb").read_text()
    assert str(base) not in text and '"papermill"' not in text and "\r" not in text


def test_nothing_changed_nothing_runs(batch, copied, started):
    for path in copied.rglob("*"):
        os.utime(path)
    path = copied / "notebooks" / "pause.ipynb"
    notebook = json.loads(path.read_text())
    notebook["cells"][2]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["stored, no change"]}]
    path.write_text(json.dumps(notebook))
    assert [o.state for o in run(copied, "a", "b")] == ["kept"] * 3 and started == []
    assert contents(copied / "out") == contents(batch[0] / "out")
    assert (copied / "out/manifest.json").read_bytes() == (batch[0] / "out/manifest.json").read_bytes()


@pytest.fixture
def settled(copied, monkeypatch):
    """A batch after which nothing changed, with tables of its own; what is settled of it, now and after a change."""
    monkeypatch.setattr(store, "data_folder", lambda: copied / "data")
    (copied / "data" / "plans").mkdir(parents=True)
    (copied / "data" / "strikes.csv").write_text("day")

    def now(*options):
        return store.settled(copied / "out", store.inputs_digest(copied / "notebooks", *options))

    inputs = store.inputs_digest(copied / "notebooks")
    assert now() == []
    run(copied, "a", "b", inputs=inputs)
    return now


def test_after_a_whole_batch_nothing_is_looked_at_again_and_the_log_says_so(settled, copied, started):
    before = contents(copied / "out")
    assert settled() == ["a pause", "b pause", "comparison"] and contents(copied / "out") == before
    assert [line[21:25] for line in (copied / "out/report.log").read_text().splitlines()] == ["kept"] * 3
    with store.opened(copied / "out"), pytest.raises(ReportError, match="another batch"):
        settled()


@pytest.mark.parametrize(
    "file",
    ["out/a-evidence.html", "out/results.csv", "out/executed/a.pause.ipynb", "out/executed/FAILED-a.pause.ipynb",
     "notebooks/pause.ipynb", "notebooks/beside.py", "data/strikes.csv", "data/plans/a.toml", "out/executed/.settled"],
)  # fmt: skip
def test_whatever_changed_is_looked_at_again(settled, copied, file):
    path = copied / file
    path.write_bytes(path.read_bytes()[:-1] if path.is_file() else b"new")
    assert settled() == []
    if path.parent.name in ("out", "executed"):
        path.unlink()
        assert settled() == [] or "FAILED" in file


def test_another_room_option_or_a_failure_is_looked_at_again(settled, copied, monkeypatch):
    assert settled("other option") == []
    with monkeypatch.context() as patch:
        patch.setattr(store, "surroundings", lambda: {"package": "edited", "data": "2"})
        assert settled() == []
    (copied / "out/executed/.settled").unlink()
    pause_notebook(copied / "notebooks", extra=[code("raise ValueError")])
    run(copied, "a", "b", inputs="x")
    assert store.settled(copied / "out", "x") == []


def test_a_command_with_nothing_to_do_imports_nothing_large():
    rooms = "import sys, analysis.cli, analysis.reports.progress, analysis.reports.store"
    told = (
        f"{rooms}\nprint(*{{'pandas', 'numpy', 'pydantic', 'matplotlib', 'IPython', 'papermill'}} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True).stdout == "\n"


@pytest.mark.parametrize(
    ("change", "again"),
    [
        ("notebook", ["a.pause", "b.pause"]), ("level", ["a.pause", "b.pause"]),
        ("surroundings", ["a.pause", "b.pause", "comparison"]), ("force", ["a.pause", "b.pause", "comparison"]),
        ("executed copy", ["a.pause"]), ("deleted", ["a.pause"]),
    ],
)  # fmt: skip
def test_what_changed_runs_again(copied, monkeypatch, started, change, again):
    executed = copied / "out" / "executed" / "a.pause.ipynb"
    if change == "notebook":
        pause_notebook(copied / "notebooks", extra=[code("1 + 1")])
    elif change == "surroundings":
        monkeypatch.setattr(store, "surroundings", lambda: {"package": "1", "data": "3"})
    elif change == "executed copy":
        executed.write_text(executed.read_text().replace("No visible change", "No change"))
    elif change == "deleted":
        executed.unlink()
    run(copied, "a", "b", force=change == "force", parameters={"level": 0.9} if change == "level" else {})
    assert started == again


@pytest.mark.parametrize("damage", ["cut", "edited", "gone"])
def test_a_page_that_is_not_as_it_was_written_is_made_again(batch, copied, started, damage):
    page, good = copied / "out" / "a-evidence.html", contents(batch[0] / "out")
    text = page.read_text()
    page.write_text({"cut": text[:-9], "edited": text.replace("Truce", "War"), "gone": ""}[damage])
    run(copied, "a", "b")
    assert started == [] and contents(copied / "out") == good


def test_the_surroundings_tell_package_tables_and_libraries_apart(tmp_path, monkeypatch):
    for place in ("package/reports", "data", "site"):
        (tmp_path / place).mkdir(parents=True)
    monkeypatch.setattr(store.analysis, "__file__", str(tmp_path / "package" / "__init__.py"))
    monkeypatch.setattr(store, "data_folder", lambda: tmp_path / "data")
    monkeypatch.syspath_prepend(tmp_path / "site")
    real = SURROUNDINGS
    before = real()
    for file, changed in (
        ("package/reports/new.py", {"package"}), ("data/strikes.csv", {"package", "data"}),
        ("site/somelib-1.0.dist-info/METADATA", {"package", "data", "libraries"}),
    ):  # fmt: skip
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text("x = 1")
        assert {name for name, value in real().items() if value != before[name]} == changed
    again = real()
    (tmp_path / "package/reports/new.pyc").write_text("")
    os.utime(tmp_path / "data/strikes.csv", (0, 0))
    assert real() == again


REFUSED = {
    "killed": "exit code -9", "memory": "MemoryError", "silent": "no record of effects", "warns": "stderr",
    "spills": "stderr; found past Python", "another": "another pause", "twice": "speaks twice of one effect",
    "odd": "verdict that is none", "heads": "headings are out of order",
}  # fmt: skip


@pytest.mark.parametrize("cold", [False, True], ids=["warm", "cold"])
def test_one_failure_does_not_lose_the_others(tmp_path, cold):
    pause_notebook(tmp_path / "notebooks", extra=[code(FAULTS)])
    said = {"raises": "ValueError: no such window", "hangs": "CellTimeoutError"}
    said |= {"exits": "DeadKernelError" if cold else "exit code 0"} | ({} if cold else REFUSED)
    made = run(tmp_path, *said, "good", timeout=20, cold=cold, jobs=4)
    errors = {o.pause: o.error for o in made}
    assert errors.pop("good") == ""
    assert {name: words for name, words in said.items() if words not in errors[name]} == {}
    executed = {path.name for path in (tmp_path / "out" / "executed").iterdir()} - {".lock"}
    assert executed == {"good.pause.ipynb"} | {f"FAILED-{name}.pause.ipynb" for name in said}
    assert "no such window" in (tmp_path / "out/executed/FAILED-raises.pause.ipynb").read_text()
    index = (tmp_path / "out" / "method.html").read_text()
    assert all(f"Truce of {name}" in index for name in said) and "no such window" in index
    assert [row["pause"] for row in rows(tmp_path / "out" / "results.csv")] == ["good"]


def test_the_log_gives_the_last_twelve_lines_of_a_cell_that_failed(tmp_path):
    error = {"output_type": "error", "traceback": ["a"] * 30}
    (tmp_path / "x.ipynb").write_text(json.dumps({"cells": [{"execution_count": 2, "outputs": [error]}]}))
    head, *shown = store.where_it_failed(tmp_path / "x.ipynb")
    assert "x.ipynb, cell 2" in head and shown == ["  a"] * 12


def test_a_failure_keeps_the_old_report_and_says_so_until_it_is_repaired(copied):
    good = contents(copied / "out")
    pause_notebook(copied / "notebooks", extra=[code("raise ValueError('broken today')")])
    assert [(o.pause, o.state) for o in run(copied, "a", "b", selected=["a"])] == [("a", "failed"), ("", "kept")]
    after = contents(copied / "out")
    assert after["executed/a.pause.ipynb"] == good["executed/a.pause.ipynb"]
    assert after["results.csv"] == good["results.csv"]
    assert b"broken today" in after["a-evidence.html"] and b"broken today" in after["method.html"]
    status = {name: report["status"] for name, report in after["manifest.json"]["reports"].items()}
    assert status == {"a.pause": "failed", "b.pause": "out of date", "comparison": "up to date"}
    pause_notebook(copied / "notebooks")
    run(copied, "a", "b")
    assert contents(copied / "out") == good


@pytest.mark.parametrize(
    "options",
    [{"parameters": {name: value}} for name, value in
     [("levle", 0.9), ("level", "high"), ("level", 2.0), ("level; import os", 1)]]
    + [{"selected": ["c"]}, {"only": ["energy"]}, {"jobs": 0}, {"timeout": 0}],
)  # fmt: skip
def test_wrong_parameters_and_choices_stop_everything_before_any_notebook(copied, started, options):
    before = contents(copied / "out")
    with pytest.raises(ReportError):
        run(copied, "a", "b", **options)
    assert contents(copied / "out") == before and started == []


@pytest.mark.parametrize(
    "name",
    ["..", "../x", "/etc/x", "a\\b", "a\0b", "", "a" * 300, "CON", "nul", "index", "FAILED-a", ".hidden", "a b", "é", 5,
     "<script>", "a.b", "com1"],
)  # fmt: skip
def test_names_that_are_no_file_names_are_refused(tmp_path, started, name):
    pause_notebook(tmp_path / "notebooks")
    with pytest.raises(ReportError, match="not a name for a report"):
        run(tmp_path, name)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("place", ["a-evidence.html", "executed/a.pause.ipynb", "executed"])
def test_links_in_the_folder_are_refused(tmp_path, started, place):
    (elsewhere := tmp_path / "precious").mkdir()
    link = tmp_path / "out" / place
    link.parent.mkdir(parents=True)
    link.symlink_to(elsewhere)
    pause_notebook(tmp_path / "notebooks")
    with pytest.raises(ReportError, match="link"):
        run(tmp_path, "a")
    assert [path.name for path in elsewhere.iterdir() if path.name != ".lock"] == []


def test_a_folder_is_for_one_batch_is_swept_and_must_be_one(tmp_path):
    with store.opened(tmp_path / "out") as folder:
        with pytest.raises(ReportError, match="another batch"), store.opened(tmp_path / "out"):
            pass
        (folder / ".results.csv.99.new").write_text("half")
        (folder / ".mine.new").mkdir()
        (folder / "executed" / ".a.ipynb.99.new").write_text("half")
    with store.opened(tmp_path / "out") as folder:
        assert [path.name for path in folder.rglob("*.new")] == [".mine.new"]
    (tmp_path / "file").write_text("")
    with pytest.raises(ReportError, match="cannot be written"), store.opened(tmp_path / "file" / "out"):
        pass


@pytest.mark.parametrize("trouble", [errno.ENOSPC, errno.EROFS])
def test_a_full_or_read_only_disk_loses_no_old_report(copied, monkeypatch, trouble):
    good = contents(copied / "out")
    pause_notebook(copied / "notebooks", extra=[code("1 + 1")])

    def refuse(*_):
        raise OSError(trouble, os.strerror(trouble))

    monkeypatch.setattr(store.os, "fsync", refuse)
    with pytest.raises(ReportError, match=r"cannot be written; what was there is as it was"):
        run(copied, "a", "b", progress=(told := []).append)
    failed = {event["pause"]: event["error"] for event in told if event.get("state") == "failed"}
    assert set(failed) == {"a", "b"} and all(os.strerror(trouble) in error for error in failed.values())
    assert contents(copied / "out") == good


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


EVERY = {f"{pause}.{name}": pause for pause, name in product("ab", ("pause", "energy", "choices"))} | {"all": ""}


def said(moment):
    """What each report says at some moment: claims come and go, and two reports may share an effect."""
    draw = random.Random(moment)
    pool = {name: [(pause or "joint", claim, "drones") for claim in "uvwxyz"] for name, pause in EVERY.items()}
    pool = {name: [(*key[:2], name.partition(".")[2][:3]) for key in keys] for name, keys in pool.items()}
    for name in pool:
        pool[name] += [(EVERY[name] or "joint", "shared", "drones")]
    chosen = {name: draw.sample(keys, draw.randint(0, 4)) for name, keys in pool.items()}
    return {
        name: [effect_row(pause=p, claim=c, outcome=o, observed=float(moment)) for p, c, o in keys]
        for name, keys in chosen.items()
    }


def written(folder, spoken):
    before = Record.read(folder, EVERY)
    now = before.merged(spoken)
    now.write(folder)
    return set(before.rows) - set(now.rows)


@pytest.mark.parametrize("seed", range(25))
def test_any_partial_batches_end_with_the_record_of_one_whole_batch(tmp_path, seed):
    draw, latest = random.Random(seed), said(1000 + seed)
    for place in ("parts", "whole"):
        (tmp_path / place).mkdir()
    old = [{name: "" for name in COLUMNS} | {"pause": pause, "claim": "old"} for pause in ("a", "gone", "joint")]
    (tmp_path / "parts" / "results.csv").write_text(to_csv(old))  # as if by an earlier version, of unknown origin
    for moment in range(3):
        written(tmp_path / "parts", {n: r for n, r in said(moment + seed).items() if draw.random() < 0.7})
    names = draw.sample(list(EVERY), len(EVERY))
    while names:
        part = {name: latest[name] for name in names[: draw.randint(1, 3)]}
        names = [name for name in names if name not in part]
        before = Record.read(tmp_path / "parts", EVERY)
        gone = written(tmp_path / "parts", part)
        mine = set().union(*(before.origin.get(name, set()) for name in part))
        known = {key for key in gone if key[1] != "old"}
        assert all(before.short(key) in mine for key in known)  # no row of another report goes
    written(tmp_path / "whole", latest)
    for file in ("results.csv", "results_origin.csv"):
        assert (tmp_path / "parts" / file).read_text() == (tmp_path / "whole" / file).read_text()


def test_rows_changed_by_other_hands_stay_until_their_pause_is_made_whole(tmp_path):
    written(tmp_path, {"a.pause": [effect_row(pause="a")]})
    more = [*rows(tmp_path / "results.csv"), {n: "" for n in COLUMNS} | {"pause": "a", "claim": "by hand"}]
    (tmp_path / "results.csv").write_text(to_csv(more))
    assert written(tmp_path, {"b.pause": []}) == written(tmp_path, {"a.energy": []}) == set()
    assert len(written(tmp_path, {"a.pause": [effect_row(pause="a")], "a.energy": [], "a.choices": []})) == 1


DAMAGED = {
    "byte order mark": lambda text: b"\xef\xbb\xbf" + text,
    "semicolons": lambda text: text.replace(b",", b";"),
    "conflict": lambda text: text.replace(b"\nb,", b"\n<<<<<<< HEAD\nb,"),
    "one column more": lambda text: b"\n".join(line + b",1" for line in text.split(b"\n")),
    "a cell more": lambda text: text[:-1] + b",1\n",
    "columns of before": lambda text: text.replace(b"n_as_extreme", b"rank"),
    "columns moved": lambda text: text.replace(b"pause,claim", b"claim,pause", 1),
    "another encoding": lambda text: text + "Київ".encode("cp1251"),
    "a huge cell": lambda text: text + b"x" * 200_000,
    "cut after a row": lambda text: text[: text.rstrip(b"\n").rindex(b"\n") + 1],
    "nothing in it": lambda text: b"",
    "an effect twice": lambda text: text + text.split(b"\n")[1] + b"\n",
}
OF_ORIGIN = {name: DAMAGED[name] for name in ("byte order mark", "semicolons", "another encoding", "a cell more")}
OF_ORIGIN |= {
    "a row cut short": lambda text: text.replace(b"b.pause,", b"b.pause"),
    "other columns": lambda text: b"x\n1",
}


@pytest.mark.parametrize(
    ("file", "damage"),
    [pytest.param(file, damage, id=f"{file}: {name}")
     for file, ways in (("results.csv", DAMAGED), ("results_origin.csv", OF_ORIGIN)) for name, damage in ways.items()],
)  # fmt: skip
def test_a_record_that_does_not_read_as_it_was_written_is_replaced_by_a_whole_batch_alone(
    copied, started, file, damage
):
    path, good = copied / "out" / file, contents(copied / "out")
    path.write_bytes(damage(path.read_bytes()))
    before = contents(copied / "out")
    for options in ({"selected": ["a"]}, {"only": ["pause"], "selected": ["b"]}, {"selected": ["a"], "force": True}):
        with pytest.raises(ReportError, match=rf"{file}.*not as it was written; .* found .* To do: restore results"):
            run(copied, "a", "b", **options)
    assert contents(copied / "out") == before and started == []
    place = copied / "out" / "executed"
    (place / "b.pause.ipynb").rename(copied / "aside")
    with pytest.raises(ReportError, match="not as it was written"):  # as b fails
        run(copied, "a", "b")
    assert path.read_bytes() == before[file] and "b.pause" in started
    (copied / "aside").rename(place / "b.pause.ipynb")
    for failed in place.glob("FAILED-*"):
        failed.unlink()
    run(copied, "a", "b")
    assert contents(copied / "out") == good


def test_no_row_goes_where_the_origin_of_rows_lost_a_part(tmp_path):
    shared = [effect_row(pause="a"), effect_row(pause="a", claim="other")]
    written(tmp_path, {name: [] for name in EVERY} | {"a.pause": shared})
    path, lost = tmp_path / "results_origin.csv", Record.short(tuple(map(str, store._key(shared[1]))))
    path.write_text(path.read_text().replace(f"{lost} ", "").replace(f" {lost}", ""))
    assert written(tmp_path, {"a.energy": []}) == set()


def test_as_many_notebooks_run_at_a_time_as_there_are_processors_but_no_more_than_eight(tmp_path, monkeypatch):
    pause_notebook(tmp_path / "notebooks")
    asked = []

    def record(function, reports, *, jobs, patience):
        asked.append(jobs)
        yield 0, None, "not run"

    monkeypatch.setattr("analysis.reports.run.run_apart", record)
    for found in (3, 100):
        monkeypatch.setattr("analysis.reports.run.processors", lambda found=found: found)
        run(tmp_path, "a")
    assert asked == [3, 8]


def test_two_notebooks_may_not_disagree_and_numbers_have_six_digits(tmp_path):
    values = {"observed": 12345.0, "expected": 1234.567, "ratio": 0.071234567, "p_value": 1e-05, "ratio_high": None}
    same = effect_row(pause="a", **values)
    written(tmp_path, {"a.pause": [same], "a.energy": [same]})
    (row,) = rows(tmp_path / "results.csv")
    assert [row[name] for name in values] == ["12345", "1235", "0.0712346", "1e-05", ""]
    with pytest.raises(ReportError, match="disagree"):
        written(tmp_path, {"a.pause": [same], "a.energy": [same | {"observed": 1.0}]})


def test_a_partial_batch_says_which_rows_are_gone_and_tells_nothing_else(copied):
    told, findings = [], []
    run(copied, "a", "b", tell=lambda: findings.append("whole"))
    run(copied, "a", "b", tell=lambda: findings.append("nothing new"))
    pause_notebook(copied / "notebooks", extra=[code("effect = replace(effect, claim='other')")])
    run(copied, "a", "b", selected=["a"], progress=told.append, tell=lambda: findings.append("part"))
    gone = next(event["gone"] for event in told if event["event"] == "record")
    assert gone == ["a / main / drones_launched / national / pause / shift"]
    kept = [(row["pause"], row["claim"]) for row in rows(copied / "out" / "results.csv")]
    assert kept == [("a", "other"), ("b", "main")]
    run(copied, "a", "b", tell=lambda: findings.append("whole again"))
    assert findings == ["whole", "whole again"]


def test_a_made_up_pause_stays_out_of_the_record_of_the_project(tmp_path, monkeypatch, started):
    pause_notebook(tmp_path / "notebooks")
    monkeypatch.setattr("analysis.tables.data_folder", lambda: tmp_path / "data")
    monkeypatch.setattr("analysis.pauses.load_pauses", lambda: {"b": None})
    with pytest.raises(ReportError, match="made-up: no pause of the registry"):
        run(tmp_path, "made-up", out="reports")
    assert not (tmp_path / "reports" / "results.csv").exists() and started == []
