"""Beyond one machine: the same tasks on the workers of a running dask.distributed cluster.

Nothing is shared with the cluster but the scheduler's address. A share of the tasks goes out with its notebooks, a
worker executes it just as a local batch would, in a folder and in processes of its own, and the finished files come
back as bytes, which the batch alone puts in their place. Shares of a worker that died are done again elsewhere.

What the workers need is the same package, tables, libraries and Python as the batch: the same clone with the same
lock. Every worker is compared before anything is sent, and again before it executes a share, since workers may join
later. A scheduler runs whatever its clients send: keep it inside a trusted network, or use dask's TLS.
"""

import math
import tempfile
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from analysis.batch.execution import one_line
from analysis.batch.folder import failed_path, open_folder, part_path, write_file
from analysis.batch.inputs import fingerprint
from analysis.batch.kernels import Workers
from analysis.batch.record import RESULTS
from analysis.batch.tasks import save_failure
from analysis.errors import ReportError

PATIENCE = 10  # seconds for a scheduler to answer
SHARES = 3  # for each thread of the cluster: few enough to warm up once for several notebooks, enough to spread evenly


@contextmanager
def cluster_client(address):
    """Connect to a scheduler whose workers all have what this process has.

    Parameters
    ----------
    address : str
        Such as ``tcp://host:8786``.

    Yields
    ------
    distributed.Client

    Raises
    ------
    ReportError
        The package ``distributed`` is absent, nobody answers, there are no workers, or one of them differs.
    """
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
        _compare(client)
        yield client


@contextmanager
def cluster_executor(address):
    """Yield an executor as of `concurrent.futures` that runs functions of this package on a cluster.

    For `analysis.calibration.table.calibrate`; parameters and errors as in `cluster_client`.
    """
    with cluster_client(address) as client:
        yield client.get_executor(pure=False)


class ClusterWorkers:
    """Executes tasks on a cluster; used like `analysis.batch.kernels.Workers`.

    Parameters
    ----------
    address : str
    cold : bool
        Plain kernels that import everything anew.
    """

    def __init__(self, address, *, cold):
        self._connection, self._cold, self._surroundings = cluster_client(address), cold, fingerprint()

    def __enter__(self):
        self._client = self._connection.__enter__()
        return self

    def __exit__(self, *raised):
        return self._connection.__exit__(*raised)

    def run(self, tasks):
        """Yield the position of each task and its result, as in `analysis.batch.tasks.execute`, as they finish."""
        from distributed import as_completed

        size = math.ceil(len(tasks) / (SHARES * max(1, sum(self._client.nthreads().values()))))
        numbered = list(enumerate(tasks))
        shares = {self._send(share): share for share in (numbered[i : i + size] for i in range(0, len(tasks), size))}
        finished = as_completed(list(shares), loop=self._client.loop)
        for future in finished:
            share = shares[future]
            try:
                results = future.result()
            except CancelledError as error:
                raise ReportError("the scheduler is gone", remedy="start again: what is done is kept") from error
            except Exception as failure:  # of the workers; a report that ends every worker must not take others along
                if len(share) > 1:
                    shares |= (again := {self._send([one]): [one] for one in share})
                    finished.update(again)
                    continue
                results = [({"seconds": 0.0, "error": save_failure(share[0][1], one_line(failure))}, {})]
            for (position, task), (result, files) in zip(share, results, strict=True):
                for name, content in files.items():
                    write_file(Path(task.out, name), content)
                if not result["error"]:
                    failed_path(task.path).unlink(missing_ok=True)
                yield position, result

    def _send(self, share):
        tasks = [task for _, task in share]
        files = [(Path(task.notebook).read_bytes(), _record(task)) for task in tasks]
        return self._client.submit(_execute_share, tasks, files, self._surroundings, cold=self._cold, pure=False)


def _execute_share(tasks, files, surroundings, *, cold):
    """Execute tasks on a worker: for each its result and the files it made, by their names below the folder."""
    from distributed import get_worker

    differing = _differing(surroundings, fingerprint())
    if differing:
        raise _refusal(get_worker().address, differing)
    with tempfile.TemporaryDirectory(dir=get_worker().local_directory) as place, open_folder(place) as out:
        moved = [_move(task, out, *contents) for task, contents in zip(tasks, files, strict=True)]
        with Workers(jobs=1, cold=cold, log=out / "log.txt") as workers:
            results = dict(workers.run(moved))
        return [(results[position], _made(task, out)) for position, task in enumerate(moved)]


def _move(task, out, notebook, record):
    """The task in another folder, with the notebook and the record it reads."""
    folder = out / task.name
    folder.mkdir()
    path = folder / Path(task.notebook).name
    path.write_bytes(notebook)
    if record is not None:
        (folder / RESULTS).write_bytes(record)
    return replace(task, notebook=str(path), out=str(out), folder=str(folder))


def _made(task, out):
    """The files that a task left, by their names below the folder of reports."""
    paths = (part_path(out, task.name), task.path, failed_path(task.path))  # a page's part before what vouches for it
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in paths if path.is_file()}


def _record(task):
    """The record that the comparison reads from its working folder."""
    path = Path(task.folder, RESULTS)
    return path.read_bytes() if path.is_file() else None


def _compare(client):
    """Refuse a cluster without workers, or with one on which the same task could give other bytes."""
    try:
        found = client.run(fingerprint)
    except Exception as error:  # whatever importing the package raises over there
        remedy = "install this clone there, from the same lock"
        raise ReportError("a worker cannot run this package", found=one_line(error), remedy=remedy) from error
    if not found:
        raise ReportError("the cluster has no workers", remedy="start some: dask worker ADDRESS")
    own = fingerprint()
    for address, theirs in found.items():
        differing = _differing(own, theirs)
        if differing:
            raise _refusal(address, differing)


def _differing(own, theirs):
    return ", ".join(name for name in own if theirs.get(name) != own[name])


def _refusal(address, differing):
    return ReportError(
        "a worker of the cluster would give other results", field=address, expected="the same as here",
        found=f"other {differing}", remedy="bring it to the same clone and the same lock",
    )  # fmt: skip
