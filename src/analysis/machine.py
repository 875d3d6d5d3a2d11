"""What other programs read: plain objects whose form `schemas.json` states; null is missing, every date ISO."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

import pandas as pd

from analysis.pauses import Claim, Pause
from analysis.plan import Plan, load_plan
from analysis.setting import VOLUME
from analysis.tables import outcome_series


def line(value: Mapping[str, Any]) -> str:
    """One object as one line of JSON."""
    return json.dumps(_plain(value), allow_nan=False, ensure_ascii=False)


def _plain(value: Any) -> Any:
    """A value without NaN and empty texts, days and moments as text."""
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | pd.DatetimeIndex):
        return [_plain(inner) for inner in value]
    if value is None or value == "" or value != value:
        return None
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d}"
    return value.isoformat() if isinstance(value, date) else value


def listed(pause: Pause) -> dict[str, Any]:
    """A pause in a line of the list."""
    return _fields(pause, "id", "name", "status", "role") | {"announced": pause.announced_at}


def pause_object(pause: Pause) -> dict[str, Any]:
    """A pause with its claims, the last day of the data, and the plan that was fixed before its nights."""
    told = listed(pause) | _fields(pause, "kind", "announced_by", "geography", "targets")
    claims = [_claim(claim) | {"main": claim.id == pause.main} for claim in pause.claims]
    held = {"summary": pause.summary(), "claims": claims, "data_until": outcome_series(VOLUME[0]).index[-1]}
    plan = load_plan(pause.id)
    return told | held | {"plan": plan and _plan(plan)}


def _claim(claim: Claim) -> dict[str, Any]:
    own = _fields(claim, "party", "basis", "start", "end", "closed_reason", "note")
    return {"claim": claim.id} | own | span(claim.days) | {"days": claim.days}


def _plan(plan: Plan) -> dict[str, Any]:
    """The plan with its thresholds: fewer than so many in the first nights would be out of the ordinary."""
    thresholds = [
        {"outcome": planned.outcome, "nights": look.nights, "last_day": plan.days[look.nights - 1]}
        | {"expected": look.expected, "fewer_than": None if look.at_most is None else look.at_most + 1}
        for planned in plan.outcomes
        for look in planned.looks
    ]
    return _fields(plan, "claim", "fixed", "level") | span(plan.days) | {"thresholds": thresholds}


def span(days: pd.DatetimeIndex) -> dict[str, Any]:
    """First and last of some days, and how many they are."""
    return {"first_day": days.min(), "last_day": days.max(), "n_days": len(days)}


def _fields(thing: Any, *names: str) -> dict[str, Any]:
    return {name: getattr(thing, name) for name in names}
