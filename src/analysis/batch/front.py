"""The front page: what it says of all pauses beside their findings, and its pictures.

Drawing takes longer than everything else that a batch without news has to do, so the pictures are kept with a
digest of what they show and drawn again only when that changes.
"""

import hashlib
import json

import pandas as pd

from analysis.batch.folder import CACHE, write_file
from analysis.pauses import reported_pauses
from analysis.procedure import VOLUME
from analysis.results import forest_frame
from analysis.sentences import capital, outcome_label, span_text
from analysis.tables import load_strikes, outcome_series

PICTURES = "front.json"


def report_rows(registry):
    """What the index says of each reported pause before any result.

    Returns
    -------
    list of dict
        id, name, dates, status, and claims: each party's strike days in words, parties of one mind together.
    """
    rows = []
    for pause in reported_pauses(registry):
        days, claims = pause.days(), {}
        for claim in (claim for claim in pause.claims if claim.basis != "overlap"):
            own = pause.days(claim.id) if claim.stated else ()
            when = span_text(own[0], own[-1]) if len(own) else "window not stated"
            claims.setdefault(when, []).append(claim.party)
        dates = span_text(days[0], days[-1])
        parties = [{"who": ", ".join(who), "when": when} for when, who in claims.items()]
        rows.append({"id": pause.id, "name": pause.name, "dates": dates, "status": pause.status, "claims": parties})
    return rows


def not_measurable(registry):
    """Names of the pauses that have no report, with the day of the announcement, under the reason why.

    Returns
    -------
    dict of str to list of str
    """
    reported, reasons = {pause.id for pause in reported_pauses(registry)}, {}
    for pause in registry.values():
        if pause.id not in reported:
            when = f" ({span_text(pause.announced_at, pause.announced_at)})" if pause.announced_at else ""
            reasons.setdefault(_why_not(pause), []).append(f"{pause.name}{when}")
    return reasons


def _why_not(pause):
    if pause.role == "outside-data":
        return "After the end of the data"
    if pause.status in ("proposed-only", "reported-only"):
        return {"proposed-only": "Proposed, never in force", "reported-only": "Reported, never announced"}[pause.status]
    if pause.kind in ("local", "maritime", "sectoral"):
        return "At single places or at sea, which counts for the whole country cannot show"
    return "No window that can be tested"


def front_pictures(folder, rows, *, inputs):
    """Forest of all findings and timelines of launches with pauses shaded, as embedded pictures.

    Parameters
    ----------
    folder : Path
        The folder of reports, which keeps them.
    rows : sequence of dict
        The rows that decide, with the pause's name beside the record's columns.
    inputs : sequence of str
        Digests of what the executed notebooks depend on; the pictures depend on nothing else.

    Returns
    -------
    dict
        until: last day of the data in words; pictures: list of dict of title, src and alt.
    """
    path = folder / CACHE / PICTURES
    key = hashlib.sha256(json.dumps([rows, inputs], sort_keys=True).encode()).hexdigest()
    try:
        kept = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        kept = {}
    if kept.get("key") != key:
        kept = {"key": key} | _drawn(rows)
        write_file(path, json.dumps(kept))
    return kept


def _drawn(rows):
    from analysis.coverage import describe_timeline
    from analysis.figures import draw_forest, draw_timeline

    strikes, drawn = load_strikes(), []
    if rows:
        frame = forest_frame(pd.DataFrame(rows))
        alt = (
            f"Ratios of launched to expected for {len(frame)} findings, {frame['told'].sum()} of them told from "
            f"chance; the table above has every value."
        )
        drawn.append(_embedded("Launched over expected", draw_forest(frame), alt))
    spans = {(row["name"], row["first_day"], row["last_day"]) for row in rows}
    spans = pd.DataFrame(sorted(spans), columns=["label", "first_day", "last_day"])
    spans = spans.assign(first_day=pd.to_datetime(spans["first_day"]), last_day=pd.to_datetime(spans["last_day"]))
    for name in VOLUME:
        label = outcome_label(name)
        title, alt = f"{capital(label)} since {strikes.index[0]:%Y}", describe_timeline(strikes[name], label=label)
        drawn.append(_embedded(title, draw_timeline(strikes[name], spans, label=label), alt))
    last = outcome_series(VOLUME[0]).index[-1]
    return {"until": span_text(last, last), "pictures": drawn}


def _embedded(title, ax, alt):
    from analysis.figures import Picture

    return {"title": title, "src": Picture(ax, alt).address(), "alt": alt}
