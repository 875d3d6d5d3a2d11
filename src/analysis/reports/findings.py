"""The findings and the method in words, for README.md, reports/README.md and the index of the pages.

Run as `python -m analysis.reports.findings` to refresh both files and the forest plot after a batch.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from textwrap import fill
from typing import Any

import pandas as pd

from analysis.errors import ReportError
from analysis.launches import PRIMARY_HORIZON
from analysis.pauses import Pause, load_pauses, reported_pauses
from analysis.record import describe_forest, forest_frame, load_results, verdicts
from analysis.reports.store import write_file
from analysis.setting import SIRENS
from analysis.tables import data_folder, load_strikes
from analysis.together import EPISODE, WITHOUT
from analysis.witness import inferred_zeros
from analysis.words import (
    DEPENDS,
    FEWER,
    amount,
    capital,
    chance_text,
    counted,
    describe_inferred,
    holm_text,
    in_brief,
    listed,
    outcome_label,
    span_text,
    week_after,
    without_one,
)

FINDINGS = "<!-- findings: generated from reports/results.csv -->", "<!-- end of findings -->"
METHOD = "<!-- method: generated from src/analysis/reports/templates/method.txt -->", "<!-- end of method -->"
JOINT = "volume-truces"
AFTER = f"after-{PRIMARY_HORIZON}"
TEMPLATES = Path(__file__).parent / "templates"


def findings_table(results: pd.DataFrame, *, registry: Mapping[str, Pause] | None = None) -> str:
    """One Markdown row per reported pause: what flew, what would have been ordinary, and the verdict."""
    registry = load_pauses() if registry is None else registry
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


def joint_sentence(results: pd.DataFrame) -> str:
    """Do announced truces of volume work at all? The finding over all of them together; empty without one."""
    joint = results[(results["pause"] == JOINT) & (results["test"] == "joint")].dropna(subset=["observed"])
    clear, others = [], []
    for row in joint[joint["outcome"] != SIRENS].itertuples():
        name, p = outcome_label(row.outcome, short=True), row.p_value if pd.isna(row.p_adjusted) else row.p_adjusted
        high = "or more" if pd.isna(row.expected_high) else f"to {amount(row.expected_high)}"
        seen = f"{counted(row.observed, outcome_label(row.outcome))} on {row.n_days} days"
        words = f"{seen}, where {amount(row.expected_low)} {high} would have been ordinary ({chance_text(p)})"
        doubts = list(_doubts(row, results)) if row.verdict == FEWER else []
        if row.verdict == FEWER and not doubts:
            clear.append((name, words))
        elif row.verdict == FEWER:
            others.append(f"Of {name} the evidence is weak: {words}, but {' and '.join(doubts)}.")
        else:
            why = f", but {row.reason.split('; ')[0]}" * (row.verdict == DEPENDS)
            others.append(f"{capital(name)}: {row.verdict}; {words}{why}.")
    if joint.empty:
        return ""
    lead = "Taken together, the announced truces cannot be said to have brought fewer launches."
    if clear:
        names, found = zip(*clear, strict=True)
        lead = f"Taken together, the announced truces saw fewer {listed(names)} than is ordinary: {'; '.join(found)}."
    return " ".join([lead, *others, *map(_second_witness, joint[joint["outcome"] == SIRENS].itertuples())])


def _second_witness(row: Any) -> str:
    """What sirens say of the truces together."""
    seen = f"{amount(row.observed)} minutes, {amount(row.expected_low)} to {amount(row.expected_high)} ordinary"
    lead = "Air-raid sirens away from the front, where no Air Force count enters"
    return f"{lead}: {row.verdict}; {seen} ({chance_text(row.p_value)})."


def _doubts(row: Any, results: pd.DataFrame) -> Iterator[str]:
    """Why a joint finding of fewer may be none: it hangs on one episode, or the test would hardly see any cut."""
    rest = _without_one(results, row.outcome)
    if not rest.empty and rest.max() > 1 - row.level:
        yield f"p is {without_one(rest)} with one episode left out"
    if pd.isna(row.smallest_visible_cut):
        yield "even total silence would have been found in fewer than four cases in five"


def _without_one(results: pd.DataFrame, outcome: str) -> pd.Series:
    left_out = results[results["pause"].str.startswith(WITHOUT) & (results["outcome"] == outcome)]
    return left_out["p_value"].dropna()


def joint_caveat(results: pd.DataFrame, *, registry: Mapping[str, Pause] | None = None) -> str:
    """What the joint finding leaves out, hangs on and rests on; empty without one. Takes the rows of the pauses too."""
    names = results.loc[results["pause"] == JOINT, "outcome"].unique()
    told = [
        f"{outcome_label(name, short=True)}, {without_one(rest)}"
        for name in names if len(rest := _without_one(results, name))
    ]  # fmt: skip
    if not told:
        return ""
    registry = load_pauses() if registry is None else registry
    truces = {pause.id: pause for pause in reported_pauses(registry) if pause.kind == "general truce"}
    apart = [pause.name for pause in reported_pauses(registry) if pause.id not in truces]
    deciding = verdicts(results, registry=registry)
    deciding = deciding[deciding["pause"].isin(truces)]
    spans = [(pd.Timestamp(row.first_day), pd.Timestamp(row.last_day)) for row in deciding.itertuples()]
    guessed = (day for day in inferred_zeros(load_strikes()) if any(first <= day <= last for first, last in spans))
    lines = [
        f"Not among them, having promised something else: {', '.join(apart)}.",
        f"With one episode left out at a time p is, for {'; for '.join(told)}.", *_where_they_flew(deciding, truces),
        describe_inferred(guessed),
    ]  # fmt: skip
    episodes = results[results["pause"].str.startswith(EPISODE) & results["p_adjusted"].notna()]
    if len(episodes):
        held = holm_text(list(episodes["p_adjusted"]), round(1 - episodes["level"].iloc[0], 12))
        lines.append(
            f"Verdicts are not corrected for the number of pauses; by episode, with Holm's correction, {held}."
        )
    return " ".join(filter(None, lines))


def _where_they_flew(deciding: pd.DataFrame, truces: Mapping[str, Pause]) -> Iterator[str]:
    """What flew in truces for which Russia had stated no window, in a sentence."""
    for name, rows in deciding[deciding["observed"] > 0].groupby("pause", sort=False):
        if any(claim.stated and claim.party.startswith("Russia") for claim in truces[name].claims):
            continue
        seen = listed([f"{amount(row.observed)} {outcome_label(row.outcome, short=True)}" for row in rows.itertuples()])
        when = span_text(*(date.fromisoformat(rows[edge].iloc[0]) for edge in ("first_day", "last_day")))
        named = truces[name].phrase
        yield f"Of the launches, {seen} came on {when} under {named}, for which Russia had stated no window."


def method() -> list[str]:
    """The test in ten sentences."""
    return (TEMPLATES / "method.txt").read_text(encoding="utf-8").splitlines()


def write_findings(
    repository: Path | None = None, *, results: pd.DataFrame | None = None, picture: bool = False
) -> list[str]:
    """Refresh the generated parts of README.md and reports/README.md, and the forest plot if asked."""
    repository = data_folder().parent if repository is None else Path(repository)
    results = load_results(repository / "reports" / "results.csv") if results is None else results
    registry = load_pauses()
    words = fill(f"{joint_sentence(results)} {joint_caveat(results, registry=registry)}", 120)
    found = f"{words}\n\n{findings_table(results, registry=registry)}"
    tested = "\n".join(fill(f"{n}. {words}", 120, subsequent_indent="   ") for n, words in enumerate(method(), 1))
    blocks = {"README.md": {FINDINGS: found, METHOD: tested}, "reports/README.md": {FINDINGS: found}}
    changed = [name for name, parts in blocks.items() if _refresh(repository / name, parts)]
    if picture and write_file(repository / "reports" / "forest.png", forest_picture(results)):
        changed.append("reports/forest.png")
    return changed


def forest_picture(results: pd.DataFrame) -> bytes:
    """PNG bytes of the forest plot of all reported pauses."""
    from analysis.figures import Picture, draw_forest

    rows = forest_frame(verdicts(results))
    return Picture(draw_forest(rows), alt=describe_forest(rows)).png()


def _cell(row: pd.Series, after: pd.DataFrame) -> str:
    brief, key = in_brief(row), (row["pause"], row["outcome"])
    parts = (brief["seen"], brief["sight"], week_after(after.loc[key] if key in after.index else None))
    return f"**{row['verdict']}**: " + "; ".join(filter(None, parts))


def _refresh(path: Path, parts: dict[tuple[str, str], str]) -> bool:
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
