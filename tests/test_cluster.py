"""A cluster of two worker processes on this machine stands for one of many machines."""

import os
import signal
import sys
import time

import pytest
from made_up import FAULTS, code, comparison_notebook, pause_notebook, pauses
from test_engine import digests

from analysis.errors import ReportError
from analysis.reports import pool
from analysis.reports.pool import cluster_executor
from analysis.reports.run import run_reports

distributed = pytest.importorskip("distributed", reason="the extra distributed is not installed")
NAMES = ["a", "b", "c", "raises"]


@pytest.fixture(scope="module")
def cluster():
    with start(2) as started:
        yield started


def start(workers):
    """Its page for browsers takes any free port, so that others may test beside."""
    place = {"host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}
    return distributed.LocalCluster(n_workers=workers, threads_per_worker=1, silence_logs="CRITICAL", **place)


def test_a_killed_worker_loses_nothing_and_the_bytes_are_those_of_a_local_run(cluster, tmp_path):
    pause_notebook(tmp_path / "notebooks", extra=[code(FAULTS)])
    comparison_notebook(tmp_path / "notebooks")
    local = run_reports(pauses(*NAMES), out=tmp_path / "local", notebooks=tmp_path / "notebooks")
    killed = []

    def kill_a_busy_worker(event):
        busy = [worker for worker in cluster.scheduler.workers.values() if worker.processing]
        if event["event"] == "report" and not killed and busy:
            killed.append(cluster.workers[busy[0].name].pid)
            os.kill(killed[0], signal.SIGKILL)

    made = run_reports(
        pauses(*NAMES), out=tmp_path / "far", notebooks=tmp_path / "notebooks",
        scheduler=cluster.scheduler_address, progress=kill_a_busy_worker,
    )  # fmt: skip
    assert killed
    assert [(o.pause, o.state, o.error) for o in made] == [(o.pause, o.state, o.error) for o in local]
    assert [o.state for o in made] == ["made"] * 3 + ["failed", "made"]
    assert digests(tmp_path / "far") == digests(tmp_path / "local")
    again = run_reports(pauses(*NAMES[:3]), out=tmp_path / "far", notebooks=tmp_path / "notebooks")
    assert {o.state for o in again} == {"kept"}


def test_the_executor_of_a_cluster_computes_the_same_calibration(cluster, tmp_path):
    from analysis.calibration.cells import calibrate, planned_cells

    options = {"replicates": 20, "cells": planned_cells()[:2]}
    with cluster_executor(cluster.scheduler_address) as executor:
        calibrate(path=tmp_path / "far.csv", executor=executor, **options)
    calibrate(path=tmp_path / "local.csv", **options)
    assert (tmp_path / "far.csv").read_bytes() == (tmp_path / "local.csv").read_bytes()


def run_on(cluster, folder, *names, **options):
    address = cluster.scheduler_address
    return run_reports(pauses(*names), notebooks=folder / "notebooks", out=folder / "out", scheduler=address, **options)


def test_workers_with_other_tables_are_refused_before_anything_is_sent_and_when_they_join(
    cluster, tmp_path, monkeypatch
):
    pause_notebook(tmp_path / "notebooks")
    monkeypatch.setattr("analysis.reports.store.data_folder", lambda: tmp_path)  # here, not in the workers
    with pytest.raises(ReportError, match=r"field tcp://.*would give other results; .*found other data\."):
        run_on(cluster, tmp_path, "a")
    assert [path.name for path in (tmp_path / "out" / "executed").iterdir()] == [".lock"]
    monkeypatch.setattr(pool, "_compare", lambda *_: None)
    (made,) = run_on(cluster, tmp_path, "a")
    assert made.state == "failed" and "found other data" in made.error


def refuse(function, report, around, patience):
    """Stands for a report that ends every worker, and for one that takes long."""
    if report.pause == "b":
        raise MemoryError("too large for every worker")
    time.sleep(300 * (report.pause == "late"))
    return None, "not run"


def test_a_report_that_no_worker_survives_takes_no_other_along(cluster, tmp_path, monkeypatch):
    pause_notebook(tmp_path / "notebooks")
    monkeypatch.setattr(pool, "_work_there", refuse)
    errors = [outcome.error for outcome in run_on(cluster, tmp_path, "a", "b", "c")]
    assert errors == ["not run", "MemoryError: too large for every worker", "not run"]


def test_when_the_scheduler_goes_the_batch_says_so(tmp_path, monkeypatch):
    pause_notebook(tmp_path / "notebooks")
    monkeypatch.setattr(pool, "_work_there", refuse)
    with start(1) as doomed, pytest.raises(ReportError, match="the scheduler is gone"):
        run_on(doomed, tmp_path, "a", "late", progress=lambda event: event["event"] == "report" and doomed.close())


def test_a_wrong_address_no_workers_or_no_package_is_one_message(monkeypatch):
    monkeypatch.setattr(pool, "CLUSTER_PATIENCE", 0.5)
    for address in ("tcp://127.0.0.1:1", "nowhere", "http://127.0.0.1:80"):
        with pytest.raises(ReportError, match="no scheduler answers"), cluster_executor(address):
            pass
    with start(0) as empty, pytest.raises(ReportError, match="no workers"), cluster_executor(empty.scheduler_address):
        pass
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ReportError, match=r"needs the package distributed. To do: pip install"):
        cluster_executor("tcp://127.0.0.1:1").__enter__()
