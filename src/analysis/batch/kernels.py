"""Warm workers: one process imports everything once and forks a copy of itself for each notebook.

Starting a kernel and importing pandas, statsmodels and seaborn cost far more than the cells of a report. So a batch
starts one server process (``python -m analysis.batch.kernels``), which imports the package and waits for tasks on
its standard input. For each task it forks a worker, and the worker, while it has one thread, forks its kernel,
which papermill meets as an ordinary ipykernel (see `forking`). Nothing is shared between reports, and a cold batch runs
the same worker with plain kernels.

Forking is safe only from a single thread, which is asserted, and happens before any socket exists. Every process
watches a pipe from its parent and ends when that closes, whatever killed the parent; the server watches its
standard input. The server owns the folder of sockets and removes it last.
"""

import gc
import io
import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from dataclasses import asdict
from importlib import import_module
from multiprocessing.connection import wait
from pathlib import Path

import pandas as pd
import psutil
from nbformat import v4

from analysis.batch.forking import ForkedKernel, ForkKernelManager, end_with
from analysis.batch.sections import render_section
from analysis.batch.tasks import Task, execute, save_failure
from analysis.errors import ReportError

CAN_FORK = hasattr(os, "fork")
WORKER = ("papermill", "ipykernel.kernelspec")
KERNEL = (
    "analysis.launches", "analysis.together", "analysis.figures", "analysis.together", "analysis.energy",
    "analysis.energy", "analysis.sirens", "analysis.figures",
    "analysis.choices", "IPython.core.completerlib", "IPython.core.debugger", "IPython.core.oinspect",
    "IPython.core.pylabtools", "IPython.extensions.storemagic", "ipykernel.debugger", "ipykernel.kernelapp",
    "matplotlib.backends.backend_agg", "matplotlib.pyplot", "PIL.Image",
    "pandas.core.methods.to_dict", "pandas.core.reshape.reshape", "pandas.io.formats.csvs", "seaborn", "sqlite3",
    "statsmodels.genmod.generalized_linear_model", "tornado.platform.asyncio", "zmq.utils.garbage",
)  # fmt: skip
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1",  # sums depend on the number of threads
    "PYTHONHASHSEED": "0", "TZ": "UTC", "LC_ALL": "C.UTF-8", "PYTHONUTF8": "1", "COLUMNS": "80", "LINES": "24",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline", "PYTHONWARNINGS": "",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # the kernel's debugger would print a warning about itself
}  # fmt: skip
PATIENCE = 3  # seconds that a process may take to end itself


class Workers:
    """Executes tasks in worker processes; a context manager that starts them when first needed and ends them all.

    Parameters
    ----------
    jobs : int
        Tasks at a time.
    cold : bool
        Plain kernels that import everything anew.
    log : path
        Receives what the processes write to stderr.
    """

    def __init__(self, *, jobs, cold, log):
        self.command = [sys.executable, "-P", "-m", "analysis.batch.kernels", str(jobs), "cold" if cold else "warm"]
        self.log = Path(log)
        self.server = None

    def __enter__(self):
        return self

    def __exit__(self, *raised):
        if self.server is None:
            return
        with suppress(BrokenPipeError):
            self.server.stdin.close()  # which tells it to end
        self.server.terminate()  # which it ignores, except while it is starting
        try:
            self.server.wait(3 * PATIENCE)
        except subprocess.TimeoutExpired:
            self.server.kill()
            self.server.wait()
        self.server.stdout.close()

    def run(self, tasks):
        """Yield the position of each task and its result, as in `analysis.batch.tasks.execute`, as they finish."""
        if not CAN_FORK:
            for position, task in enumerate(tasks):
                with tempfile.TemporaryDirectory(prefix="pauses-") as scratch:
                    yield position, execute(task, scratch)
            return
        if self.server is None:
            with self.log.open("w") as errors:
                self.server = subprocess.Popen(
                    self.command, env=os.environ | ENVIRONMENT, text=True, encoding="utf-8",
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
                    start_new_session=True,  # Ctrl-C reaches the caller alone, who closes the pipe
                )  # fmt: skip
        with suppress(BrokenPipeError):
            for numbered in enumerate(map(asdict, tasks)):
                self.server.stdin.write(json.dumps(numbered) + "\n")
            self.server.stdin.flush()
        for _ in tasks:
            line = self.server.stdout.readline()
            if not line:
                last = (self.log.read_text().strip().splitlines() or ["no message"])[-1]
                raise ReportError("the workers ended early", file=self.log.name, found=last)
            yield tuple(json.loads(line))


def serve(jobs, warm):
    """Read tasks from stdin, execute each in a worker of its own, write their results to stdout."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # ignored, it would hide how a kernel ended
    results = os.dup(1)
    os.dup2(2, 1)  # whatever prints must not be taken for a result
    warm_up(WORKER + KERNEL if warm else WORKER)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # from here on, the end of stdin is the end
    context = multiprocessing.get_context("fork")
    lifeline = os.pipe()
    waiting, running, unread = [], {}, b""
    with tempfile.TemporaryDirectory(prefix="pauses-", ignore_cleanup_errors=True) as scratch:
        try:
            while True:
                while waiting and len(running) < jobs:
                    position, task = waiting.pop(0)
                    place = tempfile.mkdtemp(dir=scratch)
                    worker = context.Process(target=_work, args=(task, place, warm, lifeline))
                    worker.start()
                    running[worker.sentinel] = (position, task, place, worker)
                for ready in wait([0, *running]):
                    if ready == 0:
                        chunk = os.read(0, 1 << 16)
                        if not chunk:
                            return
                        *lines, unread = (unread + chunk).split(b"\n")
                        waiting += [(position, Task(**task)) for position, task in map(json.loads, lines)]
                    else:
                        position, task, place, worker = running.pop(ready)
                        worker.join()
                        os.write(results, json.dumps([position, _result(task, place, worker)]).encode() + b"\n")
                        shutil.rmtree(place, ignore_errors=True)
        finally:
            _end()


def warm_up(modules):
    """Import what workers and kernels use, use it once to fill its caches, and check that forking is safe."""
    gc.disable()  # importing leaves next to nothing to collect, and what is frozen below is not looked through again
    for name in modules:
        with suppress(ModuleNotFoundError):  # another release may keep it elsewhere; kernels then import it themselves
            import_module(name)
    pd.set_option("display.max_columns", 20)  # as in a kernel: pandas takes a server for a terminal
    frame = pd.DataFrame({"warm": [1.5]})
    table = v4.new_output("display_data", {"text/html": f"<style></style>{frame.to_html()}", "text/plain": str(frame)})
    cells = [v4.new_markdown_cell("# warm\n\n- [a](b) & *c*"), v4.new_code_cell(outputs=[table])]
    render_section(v4.new_notebook(cells=cells), name="warm", level=1)
    if "matplotlib" in sys.modules:
        figure = sys.modules["matplotlib.figure"].Figure()  # pyplot would choose its backend before there is a kernel
        figure.add_subplot().set_title("warm")
        figure.savefig(io.BytesIO())
    gc.freeze()
    gc.enable()
    threads = psutil.Process().num_threads()  # those of libraries too
    if threads != 1:
        raise ReportError(
            "workers cannot be forked safely", expected="one thread", found=f"{threads} threads",
            remedy="run with --cold, and uninstall what starts threads when imported, such as pyarrow",
        )  # fmt: skip


def _work(task, place, warm, lifeline):
    """Be a worker: fork the kernel first, then meet it through papermill."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.close(lifeline[1])
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ["TMPDIR"] = tempfile.tempdir = place
    manager = type("Manager", (ForkKernelManager,), {"forked": ForkedKernel()}) if warm else None
    threading.Thread(target=end_with, args=(lifeline[0],), daemon=True).start()
    Path(place, "result").write_text(json.dumps(execute(task, place, kernel_manager=manager)))


def _end():
    """Kill every process below this one; suspended workers cannot start another meanwhile."""
    workers = psutil.Process().children()
    for worker in workers:
        worker.suspend()
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(workers, timeout=PATIENCE)  # not for kernels, orphans by now: their death is init's to notice


def _result(task, place, worker):
    """What a worker reported, or that it could not."""
    try:
        return json.loads(Path(place, "result").read_text())
    except (OSError, ValueError):
        error = f"the worker ended with exit code {worker.exitcode} before the report was done"
        return {"seconds": 0.0, "error": save_failure(task, error)}


if __name__ == "__main__":
    serve(int(sys.argv[1]), sys.argv[2] == "warm")
