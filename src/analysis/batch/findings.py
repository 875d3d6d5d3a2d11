"""The findings and the method in words, for README.md, reports/README.md and the index of the pages.

Run as `python -m analysis.batch.findings` to refresh both files and the forest plot after a batch.
"""

from datetime import date
from pathlib import Path
from textwrap import fill

import pandas as pd

from analysis.assessment import PRIMARY_HORIZON
from analysis.batch.folder import write_file
from analysis.comparison import WITHOUT
from analysis.errors import ReportError
from analysis.pauses import data_folder, load_pauses, reported_pauses
from analysis.phrases import in_brief, week_after
from analysis.results import describe_forest, forest_frame, load_results, verdicts
from analysis.sentences import (
    FEWER,
    MORE,
    amount,
    chance_text,
    counted,
    outcome_label,
    span_text,
    without_one,
)

FINDINGS = "<!-- findings: generated from reports/results.csv -->", "<!-- end of findings -->"
METHOD = "<!-- method: generated from src/analysis/batch/templates/method.txt -->", "<!-- end of method -->"
JOINT = "volume-truces"
AFTER = f"after-{PRIMARY_HORIZON}"
TEMPLATES = Path(__file__).parent / "templates"


def findings_table(results):
    """One Markdown row per reported pause: what flew, what would have been ordinary, and the verdict.

    Parameters
    ----------
    results : DataFrame
        As from `load_results`.

    Returns
    -------
    str
    """
    registry = load_pauses()
    deciding = verdicts(results, registry=registry)
    after = verdicts(results, window=AFTER, registry=registry).set_index(["pause", "outcome"])
    names = list(dict.fromkeys(deciding["outcome"]))
    lines = ["| pause | strike days | " + " | ".join(outcome_label(name) for name in names) + " |"]
    lines.append("|---|---|" + "---|" * len(names))
    for _, rows in deciding.groupby("pause", sort=False):
        row = rows.iloc[0]
        days = span_text(*(date.fromisoformat(row[edge]) for edge in ("first_day", "last_day")))
        cells = [_cell(rows[rows["outcome"] == name].iloc[0], after) for name in names]
        lines.append(f"| {row['name']} | {days} | {' | '.join(cells)} |")
    return "\n".join(lines)


def joint_sentence(results):
    """Do announced truces of volume work at all? The finding over all of them together; empty without one.

    Parameters
    ----------
    results : DataFrame
        Rows of the record.

    Returns
    -------
    str
    """
    joint = results[(results["pause"] == JOINT) & (results["test"] == "joint")]
    details = []
    for row in joint[joint["observed"].notna()].itertuples():
        p = row.p_value if pd.isna(row.p_adjusted) else row.p_adjusted
        high = "more" if pd.isna(row.expected_high) else amount(row.expected_high)
        between = f"{amount(row.expected_low)} {'or' if high == 'more' else 'to'} {high}"
        seen = f"{counted(row.observed, outcome_label(row.outcome))} on {row.n_days} days"
        verdict = "" if row.verdict == FEWER else f"{row.verdict}; "
        details.append(f"{seen}, where {between} would have been ordinary ({verdict}{chance_text(p)})")
    if not details:
        return ""
    fewer, more = ((joint["verdict"] == verdict) for verdict in (FEWER, MORE))
    lead = "did see fewer launches than is ordinary" if fewer.all() else (
        "saw fewer launches of one kind than is ordinary" if fewer.any() and not more.any()
        else "cannot be said to have brought fewer launches"
    )  # fmt: skip
    return f"Taken together, the announced truces {lead}: {'; '.join(details)}."


def joint_caveat(results):
    """How much the joint finding hangs on a single truce; empty without one. Takes the same rows."""
    left_out = results[results["pause"].str.startswith(WITHOUT)].dropna(subset=["p_value"])
    told = [
        f"{outcome_label(outcome, short=True)}, {without_one(rows['p_value'])}"
        for outcome, rows in left_out.groupby("outcome", sort=False)
    ]
    apart = [pause.name for pause in reported_pauses(load_pauses()) if pause.kind != "general truce"]
    promised = f"Not among them, having promised something else: {', '.join(apart)}."
    return f"{promised} With one episode left out at a time p is, for {'; for '.join(told)}." if told else ""


def method():
    """The test in ten sentences."""
    return (TEMPLATES / "method.txt").read_text(encoding="utf-8").splitlines()


def write_findings(repository=None, *, results=None, picture=False):
    """Refresh the generated parts of README.md and reports/README.md, and the forest plot if asked.

    Returns
    -------
    list of str
        Names of the files that changed.
    """
    repository = data_folder().parent if repository is None else Path(repository)
    results = load_results(repository / "reports" / "results.csv") if results is None else results
    found = f"{fill(f'{joint_sentence(results)} {joint_caveat(results)}', 120)}\n\n{findings_table(results)}"
    tested = "\n".join(fill(f"{n}. {words}", 120, subsequent_indent="   ") for n, words in enumerate(method(), 1))
    blocks = {"README.md": {FINDINGS: found, METHOD: tested}, "reports/README.md": {FINDINGS: found}}
    changed = [name for name, parts in blocks.items() if _refresh(repository / name, parts)]
    if picture and write_file(repository / "reports" / "forest.png", forest_picture(results)):
        changed.append("reports/forest.png")
    return changed


def forest_picture(results):
    """PNG bytes of the forest plot of all reported pauses."""
    from analysis.figures import Picture, draw_forest

    rows = forest_frame(verdicts(results))
    return Picture(draw_forest(rows), alt=describe_forest(rows)).png()


def _cell(row, after):
    brief, key = in_brief(row), (row["pause"], row["outcome"])
    parts = (brief["seen"], brief["sight"], week_after(after.loc[key] if key in after.index else None))
    return f"**{row['verdict']}**: " + "; ".join(filter(None, parts))


def _refresh(path, parts):
    text = fresh = path.read_text(encoding="utf-8")
    for (start, end), block in parts.items():
        if start not in fresh or end not in fresh:
            raise ReportError("no place for what is generated", file=path.name, expected=f"the lines {start} and {end}")
        head, rest = fresh.split(start, 1)
        fresh = f"{head}{start}\n{block}\n{end}{rest.split(end, 1)[1]}"
    return fresh != text and write_file(path, fresh)


if __name__ == "__main__":
    for name in write_findings(picture=True):
        print(f"{name} refreshed")
