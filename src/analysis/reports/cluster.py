"""Beyond one machine: the same reports on the workers of a running dask.distributed cluster.

Nothing is shared with the cluster but the scheduler's address: a task takes its notebook along and comes back as bytes.
Each worker must have the same package, tables, libraries and Python; it is compared before anything is sent and, since
workers may join later, before each report. A scheduler runs whatever its clients send: keep it inside a trusted
network, or use dask's TLS.
"""

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from analysis.errors import ReportError
from analysis.reports.make import Report, execute, one_line
from analysis.reports.pool import run_apart
from analysis.reports.store import surroundings

PATIENCE = 10  # seconds for a scheduler to answer


@contextmanager
def cluster_client(address: str) -> Iterator[Any]:
    """A client of a scheduler whose workers all have what this process has; ReportError if there is none such."""
    try:
        from distributed import Client
    except ImportError as error:
        remedy = "pip install 'strike-pauses[distributed]'"
        raise ReportError("a cluster needs the package distributed", remedy=remedy) from error
    try:
        client = Client(address, timeout=PATIENCE, set_as_default=False)
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
    reports: Sequence[Report], *, address: str, patience: float
) -> Iterator[tuple[int, tuple[bytes, str, float] | None, str]]:
    """As `pool.run_apart` with `execute`, on a cluster; what a worker that died had to do is done elsewhere."""
    from distributed import as_completed

    with cluster_client(address) as client:
        around = surroundings()
        futures = {
            client.submit(_execute_there, replace(report, folder=""), around, patience, pure=False): position
            for position, report in enumerate(reports)
        }
        for future in as_completed(list(futures), loop=client.loop):
            try:
                answer, error = future.result()
            except CancelledError as gone:
                raise ReportError("the scheduler is gone", remedy="start again: what is done is kept") from gone
            except Exception as failure:  # of the workers: they differ, or none survived it
                answer, error = None, one_line(failure)
            yield futures[future], answer, error


def _execute_there(report: Report, around: dict, patience: float) -> tuple[Any, str]:
    from distributed import get_worker

    _compare(get_worker().address, around, surroundings())
    multiprocessing.current_process().daemon = False  # dask makes it one, which could not start processes
    ((_, answer, error),) = run_apart(execute, [report], jobs=1, patience=patience)
    return answer, error


def _compare(worker: str, own: dict, theirs: dict) -> None:
    differing = ", ".join(name for name in own if theirs.get(name) != own[name])
    if differing:
        raise ReportError(
            "a worker of the cluster would give other results", field=worker, expected="the same as here",
            found=f"other {differing}", remedy="bring it to the same clone and the same lock",
        )  # fmt: skip
