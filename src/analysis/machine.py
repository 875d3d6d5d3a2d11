"""What other programs read: plain objects whose form `schemas.json` states; null is missing, every date ISO."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from analysis.effect import PauseEffect
from analysis.launches import Assessment
from analysis.pauses import Claim, Pause
from analysis.plan import Plan, load_plan
from analysis.scorecard import Answered
from analysis.setting import VOLUME
from analysis.tables import outcome_series


def line(value: Mapping[str, Any]) -> str:
    """One object as one line of JSON."""
    return json.dumps(_plain(value), allow_nan=False, ensure_ascii=False)


def _plain(value: Any) -> Any:
    """A value without dates, NaN and empty texts."""
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if value is None or value == "" or value != value:
        return None
    return value.isoformat() if isinstance(value, date) else value


def listed(pause: Pause) -> dict[str, Any]:
    """A pause in a line of the list."""
    names = {name: getattr(pause, name) for name in ("id", "name", "status", "role")}
    return names | {"announced": pause.announced_at}


def pause_object(pause: Pause) -> dict[str, Any]:
    """A pause with its claims, the last day of the data, and the plan that was fixed before its nights."""
    names = ("kind", "announced_by", "geography", "targets")
    plan = load_plan(pause.id)
    return {
        **listed(pause),
        **{name: getattr(pause, name) for name in names},
        "summary": pause.summary(),
        "claims": [_claim(claim, main=claim.id == pause.main) for claim in pause.claims],
        "data_until": outcome_series(VOLUME[0]).index[-1].date(),
        "plan": plan and _plan(plan),
    }


def _claim(claim: Claim, *, main: bool) -> dict[str, Any]:
    days = [day.date() for day in claim.days]
    names = ("party", "basis", "start", "end", "precision", "closed_reason", "note")
    own = {"claim": claim.id, "main": main} | {name: getattr(claim, name) for name in names}
    return own | _span(days) | {"days": days}


def _span(days: Sequence[date]) -> dict[str, Any]:
    return {"first_day": days[0] if days else None, "last_day": days[-1] if days else None, "n_days": len(days)}


def _plan(plan: Plan) -> dict[str, Any]:
    """The plan with its thresholds: fewer than so many in the first nights would be out of the ordinary."""
    thresholds = [
        {"outcome": planned.outcome, "nights": look.nights, "last_day": plan.days[look.nights - 1].date()}
        | {"expected": look.expected, "fewer_than": None if look.at_most is None else look.at_most + 1}
        for planned in plan.outcomes
        for look in planned.looks
    ]
    days = [day.date() for day in plan.days]
    fixed = {"claim": plan.claim, "fixed": plan.fixed, "level": plan.level}
    return fixed | _span(days) | {"thresholds": thresholds}


def test_object(
    found: Assessment, effects: Sequence[PauseEffect], answers: Sequence[Answered], *, as_of: str | None
) -> dict[str, Any]:
    """A test of one pause: its days, the answers of the scorecard, and the rows they rest on."""
    days = [day.date() for day in found.pause.days(found.claim)]
    known = {"pause": found.pause.id, "claim": found.claim, "as_of": as_of} | _span(days)
    return known | {"answers": [vars(answer) for answer in answers], "rows": [effect.row() for effect in effects]}
