"""What do 24 reports cost, against plain papermill and against the bare cells?

    python benchmarks/bench_reports.py          eight pauses: pause, energy and regions of each
    python benchmarks/bench_reports.py 2        two pauses

Every route runs in a process of its own. Plain is what one writes without this package: papermill's execute_notebook
and nbconvert's HTMLExporter, one report after the other. Bare cells are the same sources run once, outputs formatted,
in one process that has run a report before; what the batch needs beyond that is its overhead. Machines that others use
too change their pace, so the batch runs several times, each between two runs of the bare cells; medians count. Memory
is the sum of PSS (each shared page counted once) over the batch and all processes below it, sampled every second of one
more run, since reading it takes time too.
"""

import ctypes
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from statistics import median

import psutil

from analysis.reports.pool import ENVIRONMENT

ROOT = Path(__file__).resolve().parents[1]
SECTIONS = ("pause", "energy", "regions")
ROUNDS = 3
COMMAND_LINE = "from analysis.cli import main; main()"


def chosen_pauses(number):
    """The latest reported pauses: those that can be tested cost most."""
    from analysis.pauses import load_pauses
    from analysis.reports.front import report_rows

    return report_rows(load_pauses())[-number:]


def batch(place, number):
    """The batch of this package."""
    from analysis.reports.run import run_reports

    outcomes = run_reports(chosen_pauses(number), notebooks=place / "notebooks", out=place / "batch")
    print(json.dumps([outcome.state for outcome in outcomes]))


def plain(place, number):
    """Papermill and nbconvert, one report after the other."""
    import papermill
    from nbconvert import HTMLExporter

    (place / "plain").mkdir()
    exporter = HTMLExporter()
    os.chdir(place / "notebooks")
    for pause in chosen_pauses(number):
        for name in SECTIONS:
            made = str(place / "plain" / f"{pause['id']}.{name}.ipynb")
            papermill.execute_notebook(
                f"{name}.ipynb", made, {"pause_id": pause["id"]}, kernel_name="python3", progress_bar=False
            )
            Path(made).with_suffix(".html").write_text(exporter.from_filename(made)[0], encoding="utf-8")


def cells(place, number):
    """The bare cells; prints their CPU seconds."""
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    os.chdir(place / "notebooks")
    pauses, out = chosen_pauses(number), sys.stdout
    with open(os.devnull, "w") as sys.stdout:
        for pause in (pauses[0], *pauses):
            if pause is pauses[0]:
                started = time.process_time()  # set anew after the first, which only warms up
            for name in SECTIONS:
                shell.reset()
                for cell in json.loads(Path(f"{name}.ipynb").read_text("utf-8"))["cells"]:
                    if cell["cell_type"] == "code":
                        shell.run_cell("".join(cell["source"]), store_history=True).raise_error()
                    if "parameters" in cell["metadata"].get("tags", ()):
                        shell.user_ns["pause_id"] = pause["id"]
        took = time.process_time() - started
    print(took, file=out)


def export(place, number):
    """Prints the seconds that the HTML of a report costs after the first: rendered, and its share of its page."""
    import nbformat

    from analysis.reports.evidence import write_evidence
    from analysis.reports.sections import render_section

    pauses, spent = chosen_pauses(number), []
    for pause in pauses:
        for name in SECTIONS:
            path = place / "batch" / "executed" / f"{pause['id']}.{name}.ipynb"
            notebook, started = nbformat.read(path, as_version=4), time.perf_counter()
            render_section(notebook, name="page", level=1)
            spent.append(time.perf_counter() - started)
    for path in (place / "batch").glob("*.html"):
        path.unlink()
    started = time.perf_counter()
    write_evidence(
        place / "batch", pauses, SECTIONS, comparison="comparison", background={}, surroundings={}, rendered={}
    )
    print(sum(spent[1:]) / len(spent[1:]) + (time.perf_counter() - started) / len(spent))


def run(route, place, number, *, watched=False):
    """Run a route in its own process: what it printed, wall seconds, CPU seconds and largest PSS of its tree."""
    before, started, peak = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter(), 0
    command = [sys.executable, __file__, route, str(place), str(number)]
    surroundings = ENVIRONMENT if route == "cells" else {}  # those of the kernels of a batch
    process = subprocess.Popen(command, env=os.environ | surroundings, stdout=subprocess.PIPE, text=True)
    while process.returncode is None:
        try:
            process.wait(1)
        except subprocess.TimeoutExpired:
            peak = max(peak, memory(process.pid)) if watched else 0
    with suppress(ChildProcessError):
        while True:  # the fork server, which ends last
            os.waitpid(-1, 0)
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode:
        sys.exit(f"{route} failed")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return process.stdout.read(), wall, cpu, peak


def memory(pid):
    """Bytes of PSS of a process and all below it; those that end meanwhile do not count."""
    total = 0
    try:
        parent = psutil.Process(pid)
        for process in (parent, *parent.children(recursive=True)):
            total += process.memory_full_info().pss
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        pass
    return total


def fastest(*command):
    """Wall seconds of a command, the best of five."""
    spent = []
    for _ in range(5):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", *command], stdout=subprocess.DEVNULL, check=True)
        spent.append(time.perf_counter() - started)
    return min(spent)


def main(number):
    """Measure and print a small table."""
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER: what outlives its parent counts too, on Linux
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "notebooks").mkdir()
        for name in SECTIONS:
            shutil.copy(ROOT / "notebooks" / f"{name}.ipynb", place / "notebooks")
        reports = number * len(SECTIONS)
        *_, peak = run("batch", place, number, watched=True)
        walls, spent, bare = [], [], [float(run("cells", place, number)[0])]
        for _ in range(ROUNDS):
            shutil.rmtree(place / "batch")
            printed, wall, cpu, _ = run("batch", place, number)
            if set(json.loads(printed)) != {"made"}:
                sys.exit("a report failed")
            bare.append(float(run("cells", place, number)[0]))
            walls.append(wall)
            spent.append(cpu)
        overheads = [cpu - (before + after) / 2 for cpu, (before, after) in zip(spent, pairwise(bare), strict=True)]
        _, plain_wall, plain_cpu, _ = run("plain", place, number)
        again = min((run("batch", place, number) for _ in range(ROUNDS)), key=lambda measured: measured[1])
        if set(json.loads(again[0])) != {"kept"}:
            sys.exit("something ran again")
        page = max(path.stat().st_size for path in (place / "batch").glob("*.html"))
        exported = float(run("export", place, number)[0])
    rows = [
        ("batch, wall", f"{median(walls):.1f} s", ""),
        ("plain papermill and nbconvert, wall", f"{plain_wall:.1f} s", ""),
        ("  batch over plain", f"{median(walls) / plain_wall:.2f}", "0.15"),
        ("batch, CPU", f"{median(spent):.1f} s", ""),
        ("plain papermill and nbconvert, CPU", f"{plain_cpu:.1f} s", ""),
        ("bare cells in one warm process, CPU", f"{median(bare):.1f} s", ""),
        ("  overhead of the batch a report, CPU", f"{median(overheads) / reports:.2f} s", "0.2 s"),
        ("memory of all processes at most, PSS", f"{peak / 1e6:.0f} MB", "1500 MB"),
        ("again with nothing changed, wall", f"{again[1]:.2f} s", "0.5 s"),
        ("HTML of a report after the first, wall", f"{exported:.3f} s", "0.1 s"),
        ("largest page", f"{page / 1e6:.2f} MB", "1.5 MB"),
        ("pauses --help, wall", f"{fastest(COMMAND_LINE, '--help'):.2f} s", "0.3 s"),
        ("import analysis, wall", f"{fastest('import analysis'):.2f} s", "0.5 s"),
    ]
    print(f"{reports} reports of {number} pauses; load of the machine {os.getloadavg()[0]:.1f}")
    for what, found, target in rows:
        print(f"  {what:40} {found:>10}   {f'at most {target}' if target else ''}".rstrip())


if __name__ == "__main__":
    if len(sys.argv) == 4:
        {"batch": batch, "plain": plain, "cells": cells, "export": export}[sys.argv[1]](
            Path(sys.argv[2]), int(sys.argv[3])
        )
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 8)
