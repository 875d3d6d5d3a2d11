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

import psutil
import pytest
from made_up import code, comparison_notebook, pause_notebook, pauses

from analysis.reports import kernels
from analysis.reports.folder import read_executed
from analysis.reports.kernels import Workers, warm_up
from analysis.reports.run import run_reports
from analysis.effects import COLUMNS
from analysis.errors import ReportError

NAMES = ["a", "b"]
BATCH = f"""
import sys
from made_up import pauses
from analysis.reports.run import run_reports
print("ready", flush=True)
notebooks, out, mode, level = sys.argv[1:]
run_reports(
    pauses(*{NAMES}), notebooks=notebooks, out=out, cold=mode == "cold", parameters={{"level": float(level)}}
)
"""
pytestmark = pytest.mark.skipif(not kernels.CAN_FORK, reason="workers are forked on POSIX only")


def digests(folder):
    """Of all results; without the digests of inputs, for somebody may edit the package while this runs."""
    aside = ("log.txt", "lock", "manifest.json")
    files = [p for p in sorted(folder.rglob("*")) if p.is_file() and p.name not in aside]
    results = {p: re.sub(rb'"(inputs|key)": "[0-9a-f]+"', b"", p.read_bytes()) for p in files}
    return {str(p.relative_to(folder)): hashlib.sha256(data).hexdigest() for p, data in results.items()}


def start(base, out, mode="warm", level=0.95, **environment):
    """A batch in a process of its own."""
    sources = [str(Path(__file__).parent), str(Path(kernels.__file__).parents[2])]
    place = {"PYTHONPATH": os.pathsep.join(sources), "TMPDIR": str(base / "tmp")}
    (base / "tmp").mkdir(exist_ok=True)
    command = [sys.executable, "-c", BATCH, str(base / "notebooks"), str(out), mode, str(level)]
    return subprocess.Popen(command, env=os.environ | place | environment, stdout=subprocess.PIPE, text=True)


def family(process):
    """Every process below one, and itself."""
    parent = psutil.Process(process.pid)
    return [parent, *parent.children(recursive=True)]


def make(base, out, *, level=0.95, **options):
    """A batch in this process."""
    run_reports(pauses(*NAMES), notebooks=base / "notebooks", out=out, parameters={"level": level}, **options)


def alive(processes, patience=60):
    """Those that have not ended in time; whoever has to notice that they ended may be slow."""
    deadline = time.monotonic() + patience
    while processes and time.monotonic() < deadline:
        time.sleep(0.02)
        processes = [process for process in processes if not is_over(process)]
    return processes


def is_over(process):
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """Made-up notebooks, and what an undisturbed warm batch of one job makes of them."""
    base = tmp_path_factory.mktemp("k")
    told = code("effect = replace(effect, level=level)\nprint({1, 'x', None} and sorted({'a', 'b', 'c'}))")
    wide = code("import pandas as pd\npd.DataFrame([range(12)], columns=[f'a long name {i}' for i in range(12)])")
    (base / "notebooks").mkdir()
    (base / "notebooks" / "beside.py").write_text("WORDS = 'from a module beside the notebook'")
    around = code(
        "import subprocess, sys\nimport matplotlib.pyplot as plt\nfrom beside import WORDS\n"
        "print(WORDS, plt.isinteractive(), subprocess.run(['cat'], capture_output=True).stdout, sys.stdin is None)"
    )
    pause_notebook(base / "notebooks", extra=[told, wide, around])
    comparison_notebook(base / "notebooks")
    make(base, base / "out", jobs=1)
    return base, digests(base / "out")


@pytest.mark.parametrize("options", [{"cold": True}, {"jobs": 3}], ids=str)
def test_same_bytes_warm_and_cold_one_job_or_three(reference, tmp_path, options):
    base, expected = reference
    make(base, tmp_path / "out", **options)
    assert digests(tmp_path / "out") == expected


def test_same_bytes_warm_and_cold_of_a_real_notebook(tmp_path):
    for name in ("pause", "regions"):
        (tmp_path / "notebooks").mkdir(exist_ok=True)
        shutil.copy(Path(__file__).parents[1] / "notebooks" / f"{name}.ipynb", tmp_path / "notebooks")
    for cold in (False, True):
        run_reports(pauses("easter-2025"), notebooks=tmp_path / "notebooks", out=tmp_path / str(cold), cold=cold)
    assert "executed/easter-2025.regions.ipynb" in digests(tmp_path / "True") == digests(tmp_path / "False")


def test_same_bytes_whatever_the_surroundings(reference, tmp_path):
    base, expected = reference
    odd = {"PYTHONHASHSEED": "7", "TZ": "Asia/Kathmandu", "LC_ALL": "C", "OMP_NUM_THREADS": "2", "COLUMNS": "40"}
    batch = start(base, tmp_path / "an ü out", MPLBACKEND="svg", **odd)
    assert batch.communicate(timeout=60)[0] == "ready\n" and batch.returncode == 0
    assert digests(tmp_path / "an ü out") == expected


def end(batch, number):
    """Send a signal and wait until nothing of the batch is left; whether it was still at work."""
    at_work = batch.poll() is None
    processes = family(batch) if at_work else []
    batch.send_signal(number)
    batch.communicate(timeout=60)
    assert alive(processes) == []
    return at_work


def is_whole(path):
    """Whether a file is complete by itself, be it of one batch or put together from two."""
    if path.suffix == ".ipynb":
        return read_executed(path) is not None
    text = path.read_text()
    if path.suffix == ".csv":
        return text.endswith("\n") and {line.count(",") for line in text.splitlines()} == {len(COLUMNS) - 1}
    return text.endswith("</html>\n") if path.name == "index.html" else bool(json.loads(text))


def test_a_batch_that_is_killed_at_any_moment_leaves_whole_files_and_loses_nothing(reference, tmp_path):
    base, expected = reference
    began, moments, out = time.monotonic(), random.Random(7), tmp_path / "out"
    make(base, out, level=0.9)
    longest, other, ended_early = time.monotonic() - began, digests(out), 0
    for turn in range(20):  # each batch replaces what the one before left
        batch = start(base, out, "cold" if turn == 9 else "warm", level=(0.95, 0.9)[turn % 2])
        batch.stdout.readline()
        time.sleep(moments.uniform(0, longest))
        ended_early += end(batch, signal.SIGKILL)
        assert list((base / "tmp").iterdir()) == []
        assert not list(out.rglob("FAILED-*"))
        for name, digest in digests(out).items():
            one_of_two = digest in (expected[name], other[name]) if name in expected else name.endswith(".new")
            assert one_of_two or is_whole(out / name), name
    assert ended_early >= 10
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


def test_workers_and_kernels_end_with_their_server(reference, tmp_path):
    _base, _ = reference
    pause_notebook(tmp_path / "notebooks", extra=[code("import time\ntime.sleep(60)")])
    (tmp_path / "tmp").mkdir()
    batch = start(tmp_path, tmp_path / "out")
    batch.stdout.readline()
    deadline = time.monotonic() + 20
    while len(processes := family(batch)) < 6 and time.monotonic() < deadline:  # batch, server, 2 workers, 2 kernels
        time.sleep(0.1)
    server = next(p for p in processes if p.ppid() == batch.pid)
    server.kill()
    _out, _ = batch.communicate(timeout=60)
    assert alive(processes) == [] and batch.returncode == 1


def test_a_worker_that_is_killed_is_one_failed_report(tmp_path):
    fault = "import os, signal\nif_a = pause_id == 'a' and os.kill(os.getppid(), signal.SIGKILL)"
    pause_notebook(tmp_path / "notebooks", extra=[code(fault)])
    made = run_reports(pauses("a", "b"), notebooks=tmp_path / "notebooks", out=tmp_path / "out")
    assert [o.status for o in made] == ["failed", "made"]
    assert "worker ended with exit code -9" in made[0].error
    assert (tmp_path / "out/executed/FAILED-a.pause.ipynb").is_file()


@pytest.mark.parametrize("death", ["os._exit(0)", "os.kill(os.getppid(), signal.SIGKILL)"], ids=["kernel", "worker"])
def test_children_of_a_dead_kernel_hold_nothing_up_and_end_with_it(tmp_path, death):
    child = (
        "import os, signal, time\nchild = os.fork()\nif child == 0:\n    time.sleep(30)\n    open('outlived', 'w')\n"
    )
    child += f"open('child', 'w').write(str(child))\n{death}"
    pause_notebook(tmp_path / "notebooks", extra=[code(child)])
    made = run_reports(pauses("a"), notebooks=tmp_path / "notebooks", out=tmp_path / "out")
    assert [o.status for o in made] == ["failed"]
    pid = int((tmp_path / "notebooks" / "child").read_text())
    assert alive([psutil.Process(pid)] if psutil.pid_exists(pid) else []) == []
    assert not (tmp_path / "notebooks" / "outlived").exists()


def test_two_kernels_draw_different_numbers(tmp_path):
    pause_notebook(tmp_path / "notebooks", extra=[code("import numpy\nprint('drew', numpy.random.rand())")])
    run_reports(pauses("a", "b"), notebooks=tmp_path / "notebooks", out=tmp_path / "out")
    drawn = {re.search(r"drew [\d.]+", (tmp_path / f"out/executed/{name}.pause.ipynb").read_text())[0] for name in "ab"}
    assert len(drawn) == 2


def test_a_server_that_cannot_start_is_one_message(tmp_path, monkeypatch):
    workers = Workers(jobs=1, cold=False, log=tmp_path / "log.txt")
    workers.command[-1:] = []
    with workers, pytest.raises(ReportError, match=r"^log.txt: the workers ended early; found IndexError"):
        list(workers.run([_task(tmp_path)]))


def test_nothing_is_forked_from_more_than_one_thread(monkeypatch):
    monkeypatch.setattr("psutil.Process.num_threads", lambda process: 2)
    with pytest.raises(ReportError, match="expected one thread; found 2 threads"):
        warm_up([])


def test_without_fork_plain_kernels_make_the_same_report(reference, tmp_path, monkeypatch):
    base, expected = reference
    monkeypatch.setattr(kernels, "CAN_FORK", False)
    monkeypatch.setenv("MPLBACKEND", kernels.ENVIRONMENT["MPLBACKEND"])
    make(base, tmp_path / "out", selected=["a"])
    assert digests(tmp_path / "out")["executed/a.pause.ipynb"] == expected["executed/a.pause.ipynb"]


def _task(folder):
    from analysis.reports.tasks import Task

    return Task(
        name="a.pause", notebook="pause.ipynb", parameters={}, out=str(folder), folder=str(folder), timeout=5,
        pause="a", level=1,
    )  # fmt: skip
