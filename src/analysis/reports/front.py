"""What pages say before any result: the pauses in order, how far the data reach, what is not measurable."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

from analysis.pauses import Pause, reported_pauses
from analysis.setting import VOLUME
from analysis.tables import AS_OF, Folder, data_folder, outcome_series
from analysis.words import as_known_on, span_text


def last_day() -> str:
    """The last day of the data, in words."""
    last = outcome_series(VOLUME[0]).index[-1]
    return span_text(last, last)


def as_known(folder: Folder = None) -> str:
    """What the head of a page says where the tables were cut to an earlier day; else empty."""
    path = (data_folder() if folder is None else Path(folder)) / AS_OF
    return as_known_on(date.fromisoformat(path.read_text("utf-8").strip())) if path.is_file() else ""


def in_order(registry: Mapping[str, Pause]) -> list[Pause]:
    """The reported pauses, by their first day."""
    return sorted(reported_pauses(registry), key=lambda pause: pause.days()[0])


def report_rows(registry: Mapping[str, Pause]) -> list[dict]:
    """What pages say of each reported pause before any result."""
    pauses = reported_pauses(registry)
    return [{"id": pause.id, "name": pause.name, "dates": span_text(*pause.days()[[0, -1]])} for pause in pauses]


def not_measurable(registry: Mapping[str, Pause]) -> dict[str, list[str]]:
    """Names of the pauses that have no report, with the day of the announcement, under the reason why."""
    reported, reasons = {pause.id for pause in reported_pauses(registry)}, {}
    for pause in registry.values():
        if pause.id not in reported:
            when = f" ({span_text(pause.announced_at, pause.announced_at)})" if pause.announced_at else ""
            reasons.setdefault(_why_not(pause), []).append(f"{pause.name}{when}")
    return reasons


def _why_not(pause: Pause) -> str:
    if pause.role == "outside-data":
        return "After the end of the data"
    if pause.status in ("proposed-only", "reported-only"):
        return {"proposed-only": "Proposed, never in force", "reported-only": "Reported, never announced"}[pause.status]
    if pause.kind in ("local", "maritime", "sectoral"):
        return "At single places or at sea, which counts for the whole country cannot show"
    return "No window that can be tested"
