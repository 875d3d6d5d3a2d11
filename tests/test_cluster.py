"""A cluster of two worker processes on this machine stands for one of many machines."""

import os
import signal
import sys
import time

import pytest
from made_up import FAULTS, code, comparison_notebook, pause_notebook, pauses
from test_kernels import digests

from analysis.reports import cluster as clusters
from analysis.reports.cluster import cluster_executor
from analysis.reports.run import run_reports
from analysis.errors import ReportError

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
    assert [(o.pause, o.status, o.error) for o in made] == [(o.pause, o.status, o.error) for o in local]
    assert [o.status for o in made] == ["made"] * 3 + ["failed", "made"]
    assert digests(tmp_path / "far") == digests(tmp_path / "local")
    again = run_reports(pauses(*NAMES[:3]), out=tmp_path / "far", notebooks=tmp_path / "notebooks")
    assert {o.status for o in again} == {"kept"}


def test_the_executor_of_a_cluster_computes_the_same_calibration(cluster, tmp_path):
    from analysis.calibration.plan import planned_cells
    from analysis.calibration.table import calibrate

    options = {"replicates": 20, "cells": planned_cells()[:2]}
    with cluster_executor(cluster.scheduler_address) as executor:
        calibrate(path=tmp_path / "far.csv", executor=executor, **options)
    calibrate(path=tmp_path / "local.csv", **options)
    assert (tmp_path / "far.csv").read_bytes() == (tmp_path / "local.csv").read_bytes()


def run_on(cluster, folder):
    pause_notebook(folder / "notebooks")
    return run_reports(
        pauses("a"), notebooks=folder / "notebooks", out=folder / "out", scheduler=cluster.scheduler_address
    )


def test_workers_with_other_tables_are_refused_before_anything_is_sent(cluster, tmp_path, monkeypatch):
    monkeypatch.setattr("analysis.reports.inputs.data_folder", lambda: tmp_path)  # here, not in the workers
    with pytest.raises(ReportError, match=r"field tcp://.*would give other results; .*found other data\."):
        run_on(cluster, tmp_path)
    assert not list((tmp_path / "out" / "executed").iterdir())


def test_a_worker_that_differs_and_joins_later_refuses_its_share(cluster, tmp_path, monkeypatch):
    monkeypatch.setattr("analysis.reports.inputs.data_folder", lambda: tmp_path)
    monkeypatch.setattr(clusters, "_compare", lambda client: None)
    (made,) = run_on(cluster, tmp_path)
    assert made.status == "failed" and "found other data" in made.error


def refuse_share(tasks, files, surroundings, *, cold):
    """Stands for a share that ends every worker; alone, only one of its tasks does, and the last takes long."""
    if len(tasks) > 1 or "b." in tasks[0].name:
        raise MemoryError("too large for every worker")
    time.sleep(30 * ("raises" in tasks[0].name))
    return [({"seconds": 1.0, "error": ""}, {})]


def test_a_report_that_no_worker_survives_takes_no_other_along(cluster, tmp_path, monkeypatch):
    pause_notebook(tmp_path / "notebooks")
    monkeypatch.setattr(clusters, "_execute_share", refuse_share)
    monkeypatch.setattr(clusters, "SHARES", 1)
    options = {"notebooks": tmp_path / "notebooks", "scheduler": cluster.scheduler_address}
    made = run_reports(pauses("a", "b", "c", "d"), out=tmp_path / "out", **options)
    assert [o.status for o in made] == ["made", "failed", "made", "made"]
    assert made[1].error == "MemoryError: too large for every worker"


def test_when_the_scheduler_goes_the_batch_says_so(tmp_path, monkeypatch):
    pause_notebook(tmp_path / "notebooks")
    with start(1) as doomed:

        def close(event):
            if event["event"] == "report":
                doomed.close()

        monkeypatch.setattr(clusters, "_execute_share", refuse_share)
        options = {"notebooks": tmp_path / "notebooks", "scheduler": doomed.scheduler_address}
        with pytest.raises(ReportError, match="the scheduler is gone"):
            run_reports(pauses(*NAMES), out=tmp_path / "out", progress=close, **options)


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nowhere", "http://127.0.0.1:80"])
def test_a_wrong_address_is_one_message(monkeypatch, address):
    monkeypatch.setattr(clusters, "PATIENCE", 0.5)
    with pytest.raises(ReportError, match="no scheduler answers"), cluster_executor(address):
        pass


def test_without_the_extra_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ReportError, match=r"needs the package distributed. To do: pip install"):
        cluster_executor("tcp://127.0.0.1:1").__enter__()


def test_a_cluster_without_workers_is_refused():
    with start(0) as empty, pytest.raises(ReportError, match="no workers"), cluster_executor(empty.scheduler_address):
        pass
