"""A fresh process for each task, forked from one that has imported everything: Python's own fork server.

Beyond one machine the workers of a dask cluster do the same. Nothing is shared with them but the scheduler's address.
Each must have the same package, tables, libraries and Python; it is compared before anything is sent and, since workers
may join later, before each task. A scheduler runs whatever its clients send: keep it inside a trusted network, or use
dask's TLS.
"""

import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache, partial
from multiprocessing.connection import Connection, wait
from multiprocessing.util import Finalize
from threading import Thread
from types import ModuleType
from typing import Any

from analysis.errors import ReportError
from analysis.reports.make import one_line
from analysis.reports.store import package_digest, surroundings

ENVIRONMENT = {
    "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1",  # sums depend on the number of threads
    "PYTHONHASHSEED": "0", "TZ": "UTC", "LC_ALL": "C.UTF-8", "PYTHONUTF8": "1", "COLUMNS": "80", "LINES": "24",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline", "PYTHONWARNINGS": "",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # a kernel's debugger would print a warning about itself
}  # fmt: skip
WARM = "analysis.reports.warm"
START_TRIES = 50
CLUSTER_PATIENCE = 10  # seconds for a scheduler to answer


@dataclass
class Worker:
    """A process at work on the task at `position`; it is ended when nothing was heard of it until `deadline`."""

    position: int
    process: Any
    pipe: Connection
    deadline: float


def run_apart(function: Callable, tasks: Sequence, *, jobs: int, patience: float) -> Iterator[tuple[int, Any, str]]:
    """Yield each task's position and what `function(task, beat)` returned, or why its process ended without.

    A process may be silent for `patience` seconds; `beat()` is a sign of life.
    """
    with surrounded():
        context = multiprocessing.get_context(_method())
        if context.get_start_method() == "forkserver":
            context.set_forkserver_preload([WARM])
    waiting, running = list(enumerate(tasks)), []
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                running.append(_start(context, function, *waiting.pop(0), patience))
            handles = [handle for worker in running for handle in (worker.pipe, worker.process.sentinel)]
            wait(handles, max(0, min(worker.deadline for worker in running) - time.monotonic()))
            for worker in list(running):
                answer = _hear(worker, patience)
                if answer is not None:
                    running.remove(worker)
                    _end(worker)
                    yield worker.position, *answer
    finally:
        for worker in running:
            _end(worker)


@contextmanager
def surrounded() -> Iterator[None]:
    """Processes started here get the surroundings of every report, none of a caller's script, a folder for scratch."""
    before, main, folder = dict(os.environ), sys.modules["__main__"], tempfile.tempdir
    os.environ.update(ENVIRONMENT | {"TMPDIR": scratch(), "PAUSES_SCRATCH": scratch(), "PYTHONSAFEPATH": "1"})
    tempfile.tempdir, sys.modules["__main__"] = scratch(), ModuleType("__main__")
    try:
        yield
    finally:
        tempfile.tempdir, sys.modules["__main__"] = folder, main
        os.environ.clear()
        os.environ.update(before)


@cache
def scratch() -> str:
    """A private folder, removed when this process ends; were it killed, by the fork server, which ends last."""
    folder = tempfile.mkdtemp(prefix="pauses-")
    Finalize(None, shutil.rmtree, [folder], {"ignore_errors": True}, exitpriority=-200)  # after multiprocessing's own
    return folder


def _method() -> str:
    """The fork server, unless it would serve an older package than the one that is there now."""
    served = _served_package()
    return "forkserver" if hasattr(os, "fork") and served == package_digest() else "spawn"


@cache
def _served_package() -> str:
    return package_digest()


def _start(context: Any, function: Callable, position: int, task: Any, patience: float) -> Worker:
    receiver, sender = context.Pipe(duplex=False)
    for tries_left in reversed(range(START_TRIES)):
        process = context.Process(target=_work, args=(function, task, sender))
        try:
            with surrounded():
                process.start()
            break
        except ConnectionError:  # a server that has just died is not known to be dead until it can be waited for
            if not tries_left:
                raise
            time.sleep(0.1)
    sender.close()
    return Worker(position, process, receiver, time.monotonic() + patience)


def _work(function: Callable, task: Any, pipe: Connection):
    if hasattr(os, "setsid"):
        os.setsid()  # Ctrl-C reaches the batch alone; what this process starts can be ended with it
        Thread(target=_end_with_batch, daemon=True).start()
    try:
        check_threads()
        pipe.send([function(task, partial(pipe.send, None)), ""])
    except ReportError as error:
        pipe.send([None, str(error)])


def check_threads() -> None:
    """Refuse to go on in a process that was forked from more than one thread."""
    threads = getattr(sys.modules.get(WARM), "THREADS", 1)
    if threads != 1:
        raise ReportError(
            "processes cannot be forked safely", expected="one thread", found=f"{threads} threads",
            remedy="uninstall what starts threads when imported, such as pyarrow",
        )  # fmt: skip


def _end_with_batch():
    multiprocessing.parent_process().join()
    os.killpg(os.getpgrp(), signal.SIGKILL)


def _hear(worker: Worker, patience: float) -> tuple[Any, str] | None:
    """What a worker has to say, or None while it is at work."""
    ended = not worker.process.is_alive()  # asked before, or its last words might be missed
    with suppress(EOFError, OSError):
        while worker.pipe.poll():
            message = worker.pipe.recv()
            if message is not None:
                return message
            worker.deadline = time.monotonic() + patience
    if ended:
        code = worker.process.exitcode
        return None, f"the process ended with exit code {code} before the report was done"
    if time.monotonic() > worker.deadline:
        return None, f"the process was silent for {patience:.0f} seconds and was ended"
    return None


def _end(worker: Worker):
    """End a worker with all it started."""
    if hasattr(os, "killpg"):
        with suppress(OSError):
            os.killpg(worker.process.pid, signal.SIGKILL)
    worker.process.kill()
    worker.process.join()
    worker.pipe.close()


@contextmanager
def cluster_client(address: str) -> Iterator[Any]:
    """A client of a scheduler whose workers all have what this process has; ReportError if there is none such."""
    try:
        from distributed import Client
    except ImportError as error:
        remedy = "pip install 'strike-pauses[distributed]'"
        raise ReportError("a cluster needs the package distributed", remedy=remedy) from error
    try:
        client = Client(address, timeout=CLUSTER_PATIENCE, set_as_default=False)
    except (OSError, ValueError) as error:
        expected = "the address of a running dask scheduler, such as tcp://host:8786"
        raise ReportError("no scheduler answers", field="scheduler", expected=expected, found=address) from error
    with client:
        try:
            found = client.run(surroundings)
        except Exception as error:  # whatever importing the package raises over there
            remedy = "install this clone there, from the same lock"
            raise ReportError("a worker cannot run this package", found=one_line(error), remedy=remedy) from error
        if not found:
            raise ReportError("the cluster has no workers", remedy="start some: dask worker ADDRESS")
        for worker, theirs in found.items():
            _compare(worker, surroundings(), theirs)
        yield client


@contextmanager
def cluster_executor(address: str) -> Iterator[Any]:
    """An executor as of `concurrent.futures` that runs functions of this package on a cluster."""
    with cluster_client(address) as client:
        yield client.get_executor(pure=False)


def run_on_cluster(
    function: Callable, tasks: Sequence, *, address: str, patience: float
) -> Iterator[tuple[int, Any, str]]:
    """As `run_apart`, on a cluster; what a worker that died had to do is done elsewhere."""
    from distributed import as_completed

    with cluster_client(address) as client:
        around = surroundings()
        futures = {
            client.submit(_work_there, function, task, around, patience, pure=False): position
            for position, task in enumerate(tasks)
        }
        for future in as_completed(list(futures), loop=client.loop):
            try:
                answer, error = future.result()
            except CancelledError as gone:
                raise ReportError("the scheduler is gone", remedy="start again: what is done is kept") from gone
            except Exception as failure:  # of the workers: they differ, or none survived it
                answer, error = None, one_line(failure)
            yield futures[future], answer, error


def _work_there(function: Callable, task: Any, around: dict, patience: float) -> tuple[Any, str]:
    from distributed import get_worker

    _compare(get_worker().address, around, surroundings())
    multiprocessing.current_process().daemon = False  # dask makes it one, which could not start processes
    ((_, answer, error),) = run_apart(function, [task], jobs=1, patience=patience)
    return answer, error


def _compare(worker: str, own: dict, theirs: dict) -> None:
    differing = ", ".join(name for name in own if theirs.get(name) != own[name])
    if differing:
        raise ReportError(
            "a worker of the cluster would give other results", field=worker, expected="the same as here",
            found=f"other {differing}", remedy="bring it to the same clone and the same lock",
        )  # fmt: skip
