"""Warm workers: one process imports everything once and forks a copy of itself for each notebook.

Starting a kernel and importing pandas, statsmodels and seaborn cost far more than the cells of a report. So a batch
starts one server process (``python -m analysis.batch.kernels``), which imports the package and waits for tasks on
its standard input. For each task it forks a worker, and the worker, before it does anything else, forks its kernel;
papermill in the worker then meets an ordinary ipykernel through jupyter_client's own extension point, a kernel
provisioner. Nothing is shared between reports, and a cold batch runs the same worker with plain kernels.

Forking is safe only from a single thread, which is asserted, and happens before any socket exists. Every process
watches a pipe from its parent and ends when that closes, whatever killed the parent; the server watches its
standard input. The server owns the folder of sockets and removes it last.
"""

import gc
import json
import multiprocessing
import os
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

from jupyter_client import AsyncKernelManager
from jupyter_client.provisioning import LocalProvisioner

from analysis.batch.tasks import Task, execute, save_failure
from analysis.errors import ReportError

CAN_FORK = hasattr(os, "fork")
PRELOAD = (
    "analysis.assessment", "analysis.comparison", "analysis.figures", "analysis.outlook",
    "seaborn", "matplotlib.pyplot", "papermill", "ipykernel.kernelapp", "ipykernel.ipkernel",
)  # fmt: skip
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1",  # sums depend on the number of threads
    "PYTHONHASHSEED": "0", "TZ": "UTC", "LC_ALL": "C.UTF-8", "PYTHONUTF8": "1",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline", "PYTHONWARNINGS": "default",
}  # fmt: skip
PATIENCE = 3  # seconds that a process may take to end itself


def run_tasks(tasks, *, jobs, cold, log):
    """Execute tasks in workers.

    Parameters
    ----------
    tasks : sequence of Task
    jobs : int
        Workers at a time.
    cold : bool
        Plain kernels that import everything anew.
    log : path
        Receives what the processes write to stderr.

    Yields
    ------
    int, dict
        The position of a task and its result as in `analysis.batch.tasks.execute`, as they finish.
    """
    if not CAN_FORK:
        yield from _one_after_another(tasks)
        return
    command = [sys.executable, "-P", "-m", "analysis.batch.kernels", str(jobs), "cold" if cold else "warm"]
    with Path(log).open("w") as errors:
        server = subprocess.Popen(
            command, env=os.environ | ENVIRONMENT, text=True, encoding="utf-8",
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
            start_new_session=True,  # Ctrl-C reaches the caller alone, who closes the pipe
        )  # fmt: skip
    try:
        with suppress(BrokenPipeError):
            for task in tasks:
                server.stdin.write(json.dumps(asdict(task)) + "\n")
            server.stdin.flush()
        for _ in tasks:
            line = server.stdout.readline()
            if not line:
                last = (Path(log).read_text().strip().splitlines() or ["no message"])[-1]
                raise ReportError("the workers ended early", file=Path(log).name, found=last)
            yield tuple(json.loads(line))
    finally:
        with suppress(BrokenPipeError):
            server.stdin.close()
        try:
            server.wait(2 * PATIENCE)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        server.stdout.close()


def serve(jobs, warm):
    """Read tasks from stdin, execute each in a worker of its own, write their results to stdout."""
    results = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever prints must not be taken for a result
    if warm:
        warm_up()
    context = multiprocessing.get_context("fork")
    lifeline = os.pipe()
    waiting, running, unread, position = [], {}, b"", 0
    with tempfile.TemporaryDirectory(prefix="pauses-", ignore_cleanup_errors=True) as scratch:
        while True:
            while waiting and len(running) < jobs:
                index, task = waiting.pop(0)
                place = Path(scratch, str(index))
                place.mkdir()
                worker = context.Process(target=_work, args=(task, place, warm, lifeline))
                worker.start()
                running[worker.sentinel] = (index, worker, place, task)
            for ready in wait([0, *running]):
                if ready == 0:
                    chunk = os.read(0, 1 << 16)
                    if not chunk:
                        _end([worker for _, worker, *_ in running.values()])
                        return
                    *lines, unread = (unread + chunk).split(b"\n")
                    for line in lines:
                        waiting.append((position, Task(**json.loads(line))))
                        position += 1
                else:
                    index, worker, place, task = running.pop(ready)
                    worker.join()
                    results.write(json.dumps([index, _result(worker, place, task)]) + "\n")
                    results.flush()


def warm_up():
    """Import what reports use, draw once to fill the caches of fonts, and check that forking is safe."""
    for name in PRELOAD:
        import_module(name)
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure()  # not by pyplot, which would choose its backend before there is a kernel
    figure.add_subplot().set_title("warm")
    FigureCanvasAgg(figure).draw()
    gc.collect()
    gc.freeze()
    tasks = Path("/proc/self/task")
    threads = len(list(tasks.iterdir())) if tasks.is_dir() else threading.active_count()
    if threads != 1:
        raise ReportError(
            "workers cannot be forked safely", expected="one thread", found=f"{threads} threads",
            remedy="run with --cold, and uninstall what starts threads when imported, such as pyarrow",
        )  # fmt: skip


class ForkedKernel:
    """A forked process that waits to become a kernel; has what jupyter_client asks of a Popen object."""

    stdin = stdout = stderr = None

    def __init__(self):
        receiving, self.pipe = os.pipe()
        self.returncode = None
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self.pipe)
            _become_kernel(receiving)
        os.close(receiving)

    def launch(self, command, *, env, cwd):
        """Tell the waiting process to start; the pipe stays open as its lifeline."""
        order = {"arguments": command[command.index("-f") :], "env": env, "cwd": cwd}
        os.write(self.pipe, json.dumps(order).encode() + b"\n")

    def poll(self):
        """Return the exit code, or None while it runs."""
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode

    def wait(self):
        """Wait for the end and return the exit code."""
        if self.returncode is None:
            self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.returncode

    def send_signal(self, number):
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self):
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self):
        """End it."""
        self.send_signal(signal.SIGKILL)


class ForkProvisioner(LocalProvisioner):
    """Gives jupyter_client a kernel that was forked already; everything else is as for a local one."""

    async def launch_kernel(self, cmd, **kwargs):
        """Start the waiting kernel with the connection file in `cmd`."""
        self.process = self.parent.forked
        self.process.launch(cmd, env=kwargs["env"], cwd=kwargs.get("cwd"))
        self.pid = self.pgid = self.process.pid
        return self.connection_info


class ForkKernelManager(AsyncKernelManager):
    """A kernel manager whose kernel is `forked`."""

    forked = None

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.provisioner = ForkProvisioner(parent=self, kernel_spec=self.kernel_spec)


def _work(task, place, warm, lifeline):
    """Be a worker: fork the kernel first, then meet it through papermill."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    os.close(lifeline[1])
    os.environ["TMPDIR"] = tempfile.tempdir = str(place)
    manager = type("Manager", (ForkKernelManager,), {"forked": ForkedKernel()}) if warm else None
    threading.Thread(target=_end_with, args=(lifeline[0],), daemon=True).start()
    (place / "result").write_text(json.dumps(execute(task, place, kernel_manager=manager)))


def _become_kernel(receiving):
    """Wait for the order, then be an ipykernel until the end; never returns."""
    code = 1
    try:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        with os.fdopen(receiving, "rb", buffering=0) as pipe:
            order = json.loads(pipe.readline() or "null")
            if order is not None:
                os.environ.clear()
                os.environ.update(order["env"])
                os.chdir(order["cwd"] or ".")
                threading.Thread(target=_end_with, args=(receiving,), daemon=True).start()
                from ipykernel.kernelapp import IPKernelApp

                IPKernelApp.launch_instance(order["arguments"])
        code = 0
    finally:
        os._exit(code)


def _end_with(pipe):
    """End this process at once when the other end of the pipe closes, that is, when the parent is gone."""
    os.read(pipe, 1)
    os._exit(1)


def _end(workers):
    for worker in workers:
        worker.terminate()
    for worker in workers:
        worker.join(PATIENCE)
        worker.kill()


def _result(worker, place, task):
    """What a worker reported, or that it could not."""
    try:
        return json.loads((place / "result").read_text())
    except (OSError, ValueError):
        error = f"the worker ended with exit code {worker.exitcode} before the report was done"
        return {"seconds": 0.0, "error": save_failure(task, error)}


def _one_after_another(tasks):
    for index, task in enumerate(tasks):
        with tempfile.TemporaryDirectory(prefix="pauses-") as scratch:
            yield index, execute(task, scratch)


if __name__ == "__main__":
    serve(int(sys.argv[1]), sys.argv[2] == "warm")
