import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import papermill
import psutil
import pytest
from made_up import code, comparison_notebook, pause_notebook, pauses

from analysis.effect import COLUMNS
from analysis.errors import ReportError
from analysis.reports import pool
from analysis.reports.make import Report, effect_rows, execute, normalise
from analysis.reports.run import COMPARISON, SECTIONS, run_reports
from analysis.reports.store import read_executed

ROOT, NAMES, PATIENCE = Path(__file__).parents[1], ["a", "b"], 120
BATCH = f"""
import sys
from made_up import pauses
from analysis.reports.run import run_reports
print("ready", flush=True)
notebooks, out, mode, level = sys.argv[1:]
run_reports(
    pauses(*{NAMES}), notebooks=notebooks, out=out, cold=mode == "cold", parameters={{"level": float(level)}}, jobs=2
)
"""
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked on POSIX only")


def digests(folder):
    """Of all results; without the digests of inputs, for somebody may edit the package while this runs."""
    files = [
        p for p in sorted(folder.rglob("*")) if p.is_file() and p.name not in (".lock", "manifest.json", "report.log")
    ]
    made_from = rb'"inputs": "[0-9a-f]+"|<!-- made from .*-->'
    results = {p: re.sub(made_from, b"", p.read_bytes()) for p in files}
    return {str(p.relative_to(folder)): hashlib.sha256(data).hexdigest() for p, data in results.items()}


def start(base, out, mode="warm", level=0.95, **environment):
    """A batch in a process of its own."""
    (base / "tmp").mkdir(exist_ok=True)
    sources = [str(Path(__file__).parent), str(Path(pool.__file__).parents[2])]
    place = {"PYTHONPATH": os.pathsep.join(sources), "TMPDIR": str(base / "tmp")}
    command = [sys.executable, "-c", BATCH, str(base / "notebooks"), str(out), mode, str(level)]
    return subprocess.Popen(command, env=os.environ | place | environment, stdout=subprocess.PIPE, text=True)


def make(base, out, *, level=0.95, **options):
    """A batch in this process."""
    return run_reports(pauses(*NAMES), notebooks=base / "notebooks", out=out, parameters={"level": level}, **options)


def alive(processes):
    """Those that have not ended in time; whoever has to notice that they ended may be slow."""
    deadline = time.monotonic() + PATIENCE
    while processes and time.monotonic() < deadline:
        time.sleep(0.02)
        processes = [process for process in processes if not is_over(process)]
    return processes


def is_over(process):
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def end(batch, number):
    """Send a signal and wait until nothing of the batch is left; whether it was still at work."""
    processes = []
    if batch.poll() is None:
        parent = psutil.Process(batch.pid)
        processes = [parent, *parent.children(recursive=True)]
    batch.send_signal(number)
    batch.communicate(timeout=PATIENCE)
    assert alive(processes) == []
    return bool(processes)


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """Made-up notebooks, and what an undisturbed warm batch of one job makes of them."""
    base = tmp_path_factory.mktemp("k")
    told = code("effect = replace(effect, level=level)\nprint({1, 'x', None} and sorted({'a', 'b', 'c'}))")
    wide = code("import pandas as pd\npd.DataFrame([range(12)], columns=[f'a long name {i}' for i in range(12)])")
    shown = code(
        "from IPython.display import clear_output\nprint('gone')\nclear_output()\nprint('a\\rb')\n"
        "later = display('first', display_id='x')\nprint('after')\ndisplay(Markdown('*x*'))\nlater.update('second')\n7;"
    )
    (base / "notebooks").mkdir()
    (base / "notebooks" / "beside.py").write_text("WORDS = 'from a module beside the notebook'")
    around = code(
        "import subprocess, sys\nimport matplotlib.pyplot as plt\nfrom beside import WORDS\n"
        "print(WORDS, plt.isinteractive(), subprocess.run(['cat'], capture_output=True).stdout, '' in sys.path)"
    )
    pause_notebook(base / "notebooks", extra=[told, wide, shown, around])
    comparison_notebook(base / "notebooks")
    assert [outcome.error for outcome in make(base, base / "out", jobs=1)] == [""] * 3
    return base, digests(base / "out")


@pytest.mark.parametrize("options", [{"cold": True}, {"jobs": 3}], ids=str)
def test_same_bytes_with_real_kernels_and_with_three_jobs(reference, tmp_path, options):
    make(reference[0], tmp_path / "out", **options)
    assert digests(tmp_path / "out") == reference[1]


def test_without_a_fork_server_for_this_package_the_same_report(reference, tmp_path, monkeypatch):
    monkeypatch.setattr(pool, "package_digest", lambda: "edited since the server was started")
    make(reference[0], tmp_path / "out", selected=["a"])
    assert digests(tmp_path / "out")["executed/a.pause.ipynb"] == reference[1]["executed/a.pause.ipynb"]


@pytest.mark.parametrize("name", [*SECTIONS, COMPARISON])
def test_plain_papermill_with_a_real_kernel_gives_the_record_and_outputs_of_the_engine(tmp_path, name):
    told = {} if name == COMPARISON else {"pause_id": "easter-2025"}
    source, plain = ROOT / "notebooks" / f"{name}.ipynb", tmp_path / "plain.ipynb"
    report = Report(name, name, "", source.read_bytes(), told, timeout=900, level=1, folder=str(source.parent))
    ((_, (content, error, _), _),) = pool.run_apart(execute, [report], jobs=1, patience=900)
    with pool.surrounded():
        papermill.execute_notebook(source, plain, told, kernel_name="python3", progress_bar=False, cwd=source.parent)
    ours, theirs = nbformat.reads(content.decode(), as_version=4), normalise(nbformat.read(plain, as_version=4))
    assert error == "" and effect_rows(ours) == effect_rows(theirs) != []
    assert [cell.get("outputs") for cell in ours.cells] == [cell.get("outputs") for cell in theirs.cells]


def test_same_bytes_whatever_the_surroundings(reference, tmp_path):
    odd = {"PYTHONHASHSEED": "7", "TZ": "Asia/Kathmandu", "LC_ALL": "C", "OMP_NUM_THREADS": "2", "COLUMNS": "40"}
    batch = start(reference[0], tmp_path / "an ü {out}", MPLBACKEND="svg", **odd)
    assert batch.communicate(timeout=PATIENCE)[0] == "ready\n" and batch.returncode == 0
    assert digests(tmp_path / "an ü {out}") == reference[1]


def test_a_script_without_a_guard_is_not_run_again_and_modules_here_are_not_taken(reference, tmp_path):
    for name in ("papermill", "statistics"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('not this one')")
    (tmp_path / "deep").mkdir()
    script = tmp_path / "deep" / "script.py"
    script.write_text(BATCH.replace("sys.argv[1:]", repr((str(reference[0] / "notebooks"), "out", "warm", "0.95"))))
    place = {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), str(Path(pool.__file__).parents[2])])}
    told = subprocess.run(
        [sys.executable, script], cwd=tmp_path, env=os.environ | place, capture_output=True, text=True, check=True
    )
    assert told.stdout == "ready\n"
    assert digests(tmp_path / "out") == reference[1]


def is_whole(path):
    """Whether a file is complete by itself, be it of one batch or put together from two."""
    if path.suffix == ".ipynb":
        return read_executed(path) is not None
    text = path.read_text()
    if path.suffix == ".csv":
        columns = len(COLUMNS) - 1 if path.name == "results.csv" else 1
        return text.endswith("\n") and {line.count(",") for line in text.splitlines()} == {columns}
    return text.endswith("</html>\n") if path.suffix == ".html" else bool(json.loads(text))


def test_a_batch_that_is_killed_at_any_moment_leaves_whole_files_and_loses_nothing(reference, tmp_path):
    base, expected = reference
    began, moments, out = time.monotonic(), random.Random(7), tmp_path / "out"
    batch = start(base, out, level=0.9)
    batch.communicate(timeout=PATIENCE)
    longest, other, ended_early, left = time.monotonic() - began, digests(out), 0, 0
    for turn in range(20):  # each batch replaces what the one before left
        batch = start(base, out, "cold" if turn == 9 else "warm", level=(0.95, 0.9)[turn % 2])
        batch.stdout.readline()
        time.sleep(moments.uniform(0, longest))
        was_at_work = end(batch, signal.SIGKILL)
        ended_early += was_at_work
        longest *= 1 if was_at_work else 0.7  # the machine is less busy than it was
        for folder in (base / "tmp").iterdir():  # killed in the blink before the fork server is up, one stays
            shutil.rmtree(folder)
            left += 1
        assert not list(out.rglob("FAILED-*"))
        for name, digest in digests(out).items():
            one_of_two = digest in (expected[name], other[name]) if name in expected else name.endswith(".new")
            assert one_of_two or is_whole(out / name), name
    assert ended_early >= 8 and left <= 2
    make(base, out)
    assert digests(out) == expected


def test_ctrl_c_leaves_no_process_and_no_temporary_folder(reference, tmp_path):
    base, expected = reference
    batch = start(base, tmp_path / "out")
    batch.stdout.readline()
    time.sleep(2)
    end(batch, signal.SIGINT)
    assert list((base / "tmp").iterdir()) == []
    make(base, tmp_path / "out")
    assert digests(tmp_path / "out") == expected


def test_a_dead_fork_server_costs_the_reports_at_work_and_no_other(tmp_path, monkeypatch):
    monkeypatch.setattr(pool, "_method", lambda: "forkserver")  # or the fault would end this very process
    fault = "import os, signal\nif_a = pause_id == 'a' and os.kill(os.getppid(), signal.SIGKILL)"
    pause_notebook(tmp_path / "notebooks", extra=[code(fault)])
    made = make(tmp_path, tmp_path / "out", jobs=1)
    assert [o.state for o in made] == ["failed", "made"] and "the process ended" in made[0].error
    assert (tmp_path / "out/executed/FAILED-a.pause.ipynb").is_file()


@pytest.mark.parametrize("death", ["os._exit(0)", "os.kill(os.getpid(), signal.SIGKILL)", "raise ValueError"])
def test_children_of_a_dead_process_hold_nothing_up_and_end_with_it(tmp_path, death):
    child = "import os, signal, time\nchild = os.fork()\nif child == 0:\n    time.sleep(300)\n    os._exit(0)\n"
    child += f"open('child', 'w').write(str(child))\n{death}"
    pause_notebook(tmp_path / "notebooks", extra=[code(child)])
    assert [o.state for o in make(tmp_path, tmp_path / "out", selected=["a"])] == ["failed"]
    pid = int((tmp_path / "notebooks" / "child").read_text())
    assert alive([psutil.Process(pid)] if psutil.pid_exists(pid) else []) == []


def test_a_cell_that_catches_everything_or_hangs_in_c_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr("analysis.reports.run.GRACE", 10)
    stubborn = (
        "import signal, time\nif pause_id == 'b':\n    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])\n"
        "try:\n    time.sleep(600)\nexcept Exception:\n    pass"
    )
    pause_notebook(tmp_path / "notebooks", extra=[code(stubborn)])
    caught, ended = make(tmp_path, tmp_path / "out", timeout=5)
    assert "CellTimeoutError" in caught.error and "silent for 15 seconds" in ended.error


def test_two_reports_draw_different_numbers(tmp_path):
    pause_notebook(tmp_path / "notebooks", extra=[code("import numpy\nprint('drew', numpy.random.rand())")])
    make(tmp_path, tmp_path / "out")
    drawn = {re.search(r"drew [\d.]+", (tmp_path / f"out/executed/{name}.pause.ipynb").read_text())[0] for name in "ab"}
    assert len(drawn) == 2


def test_nothing_is_forked_from_more_than_one_thread(monkeypatch):
    monkeypatch.setitem(sys.modules, pool.WARM, type(sys)("warm"))
    sys.modules[pool.WARM].THREADS = 2
    with pytest.raises(ReportError, match="expected one thread; found 2 threads"):
        pool.check_threads()
