"""The findings as Markdown for README.md and reports/README.md, generated from the record.

Run as `python -m analysis.batch.findings` to refresh both files and the forest plot after a batch.
"""

from pathlib import Path

import pandas as pd

from analysis.batch.folder import write_file
from analysis.errors import ReportError
from analysis.pauses import data_folder
from analysis.results import load_results, verdicts
from analysis.sentences import amount, outcome_label

START, END = "<!-- findings: generated from reports/results.csv -->", "<!-- end of findings -->"
JOINT = "volume-truces"


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
    deciding = verdicts(results)
    names = list(dict.fromkeys(deciding["outcome"]))
    lines = ["| pause | strike days | " + " | ".join(outcome_label(name) for name in names) + " |"]
    lines.append("|---|---|" + "---|" * len(names))
    for _, rows in deciding.groupby("pause", sort=False):
        row = rows.iloc[0]
        days = row["first_day"] if row["first_day"] == row["last_day"] else f"{row['first_day']} to {row['last_day']}"
        cells = [_cell(rows[rows["outcome"] == name].iloc[0]) for name in names]
        lines.append(f"| {row['name']} | {days} | {' | '.join(cells)} |")
    return "\n".join(lines)


def joint_sentence(results):
    """The finding over all announced truces together, one sentence per outcome."""
    joint = results[(results["pause"] == JOINT) & (results["test"] == "joint")]
    sentences = []
    for row in joint.itertuples():
        p = row.p_value if pd.isna(row.p_adjusted) else row.p_adjusted
        sentences.append(
            f"{outcome_label(row.outcome)}: {row.verdict} ({amount(row.observed)} on {row.n_days} days, where "
            f"{amount(row.expected_low)} to {amount(row.expected_high)} would have been ordinary; p = {p:.2g})"
        )
    return "Over all announced truces together, " + "; ".join(sentences) + "."


def write_findings(repository=None, *, results=None, picture=False):
    """Refresh the generated parts of README.md and reports/README.md, and the forest plot if asked.

    Returns
    -------
    list of str
        Names of the files that changed.
    """
    repository = data_folder().parent if repository is None else Path(repository)
    results = load_results(repository / "reports" / "results.csv") if results is None else results
    block = f"{START}\n{joint_sentence(results)}\n\n{findings_table(results)}\n{END}"
    changed = [name for name in ("README.md", "reports/README.md") if _refresh(repository / name, block)]
    if picture and write_file(repository / "reports" / "forest.png", forest_picture(results)):
        changed.append("reports/forest.png")
    return changed


def forest_picture(results):
    """PNG bytes of the forest plot of all reported pauses."""
    from base64 import b64decode

    from analysis.figures import Picture, draw_forest

    rows = verdicts(results)
    labels = [f"{row.name}: {outcome_label(row.outcome, short=True)}" for row in rows.itertuples(index=False)]
    frame = rows[["ratio", "ratio_low", "ratio_high"]].assign(
        label=labels, told=rows["verdict"].isin(["fewer", "more"])
    )
    data, _ = Picture(draw_forest(frame), alt="forest plot")._repr_mimebundle_()
    return b64decode(data["image/png"])


def _cell(row):
    if pd.isna(row["observed"]):
        return f"**{row['verdict']}**: {row['reason'].split('; ')[0]}"
    seen = f"{amount(row['observed'])} flew"
    if row["verdict"] == "not testable" or pd.isna(row["expected_high"]):
        return f"**{row['verdict']}**: {seen}; {row['reason'].split('; ')[0]}"
    ordinary = f"{amount(row['expected_low'])} to {amount(row['expected_high'])} ordinary"
    cut = row["smallest_visible_cut"]
    sight = "" if pd.isna(cut) else f"; visible from a cut of {cut:.0%}"
    family = row["verdict"] == "no visible change" and row["p_value"] <= 1 - row["level"]
    caveat = f"; p = {row['p_value']:.2g}, but {row['p_adjusted']:.2g} once both outcomes are counted" if family else ""
    return f"**{row['verdict']}**: {seen}, {ordinary}{caveat}{sight}"


def _refresh(path, block):
    text = path.read_text(encoding="utf-8")
    if START not in text or END not in text:
        raise ReportError("no place for the findings", file=path.name, expected=f"the lines {START} and {END}")
    head, rest = text.split(START, 1)
    fresh = head + block + rest.split(END, 1)[1]
    if fresh == text:
        return False
    write_file(path, fresh)
    return True


if __name__ == "__main__":
    for name in write_findings(picture=True):
        print(f"{name} refreshed")
