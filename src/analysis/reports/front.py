"""The front page: what it says of all pauses beside their findings."""

from collections.abc import Mapping

from analysis.pauses import Claim, Pause, reported_pauses
from analysis.setting import VOLUME
from analysis.tables import outcome_series
from analysis.words import span_text


def last_day() -> str:
    """The last day of the data, in words."""
    last = outcome_series(VOLUME[0]).index[-1]
    return span_text(last, last)


def report_rows(registry: Mapping[str, Pause]) -> list[dict]:
    """What the index says of each reported pause before any result."""
    rows = []
    for pause in reported_pauses(registry):
        days, claims = pause.days(), {}
        for claim in (claim for claim in pause.claims if claim.basis != "overlap"):
            when = span_text(*claim.days[[0, -1]]) if claim.covers_days else _no_days(claim)
            claims.setdefault(when, []).append(claim.party)
        dates = span_text(days[0], days[-1])
        parties = [{"who": ", ".join(who), "when": when} for when, who in claims.items()]
        rows.append({"id": pause.id, "name": pause.name, "dates": dates, "status": pause.status, "claims": parties})
    return rows


def _no_days(claim: Claim) -> str:
    """What is known of a window that lacks an edge, or is too short for a strike day."""
    if claim.stated:
        return "hours that cover no strike day"
    if claim.start:
        return f"from {span_text(claim.start, claim.start)}, no end stated"
    return f"until {span_text(claim.end, claim.end)}, no start stated" if claim.end else "window not stated"


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
