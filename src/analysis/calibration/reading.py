"""What the size study says: promises beside measurements, what may be believed, sentences and pictures."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.calibration.cells import planned_cells, read_plan
from analysis.calibration.processes import ERAS, compare_features, known_processes, ordinary_counts
from analysis.calibration.study import study
from analysis.figures import EXPECTED, INK, PAUSE, SEEN, finish, new_axes
from analysis.placebo import POWER
from analysis.tables import data_folder
from analysis.words import capital, days_text, listed, outcome_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LIVE = "size | window shift | drones 2026 | any day | 3 | 0"
CUSTOMARY = {"Poisson": "a Poisson regression", "NB-HAC": "a negative binomial one with HAC errors"}


def promises_kept(table: pd.DataFrame) -> pd.DataFrame:
    """Promised and measured, and the cells that miss, clearly by more than two Monte Carlo standard errors."""
    table, rows = _with_found(table).assign(median_ratio_se=0.0), []
    for promise in read_plan()["promises"]:
        cells, columns = table.query(promise["of"]), promise.get("columns", ["rejected"])
        if cells.empty:
            continue
        low, high = promise["low"], promise["high"]
        values = pd.concat([cells[column] for column in columns])
        error = pd.concat([cells[f"{column}_se"] for column in columns])
        miss = np.maximum(low - values, values - high)
        worst = cells.loc[miss.idxmax()]
        show = "{:.2f}".format if columns == ["median_ratio"] else percent
        row = {
            "promise": promise["promise"],
            "must_be": _range([low, high], show),
            "measured": _range(values, show),
            "cells": len(values),
            "outside": int((miss > 1e-9).sum()),
            "clearly": int((miss > 2 * error + 1e-9).sum()),
            "worst": f"{worst['process']}, {worst['length']:g} d, {worst['setting']}" if miss.max() > 1e-9 else "",
        }
        rows.append(row)
    return pd.DataFrame(rows)


def percent(share: float) -> str:
    """A share in words, with a decimal where it is small."""
    return f"{100 * share:.1f}%" if 0 < share < 0.1 else f"{100 * share:.0f}%"


def _range(values: Iterable[float], show: Callable[[float], str] = percent) -> str:
    return f"{show(min(values))} to {show(max(values))}"


def what_may_be_believed(table: pd.DataFrame) -> pd.DataFrame:
    """By length of the window: false alarms of the rule in use, and the smallest cut that is seen in every era."""
    used = table[table["test"].isin(["automatic", "long window"])]
    used = used[~used["setting"].str.contains("after a salvo|place of")]
    rows = {}
    for days, own in used.groupby("length"):
        size = own[(own["question"] == "size") & own["process"].str.startswith("drones")]["rejected"]
        alarms = percent(size.min()) if len(size) == 1 else _range(size)
        (drones_cut, drones), (missiles_cut, missiles) = (_belief(own, name) for name in ("drones", "missiles"))
        rows[int(days)] = alarms, drones_cut, missiles_cut, f"Believe a fall that is found.{drones}{missiles}"
    columns = ["false_alarms", "drones_cut", "missiles_cut", "believe"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("days")


def _belief(own: pd.DataFrame, outcome: str) -> tuple[str, str]:
    """The smallest cut that is seen in the era in which cuts are found least, and what follows where none is found."""
    power = own[(own["question"] == "power") & own["process"].str.startswith(outcome)]
    rates = power.groupby("cut")["rejected_lower"].min()
    if rates.empty:
        return "not tried", ""
    seen, most = rates.index[rates >= POWER], rates.index.max()
    few = f"only {percent(rates[most])} of cases" if rates[most] else "no case"
    cut, said = "none", f"little follows: a cut of {percent(most)}, the largest tried, is found in {few}"
    if len(seen):
        cut = percent(seen.min())
        said = f"a cut of {cut} or more is unlikely: at least {percent(POWER)} of such cuts are found"
    return cut, f" For {outcome}, if none is found, {said}."


def describe_belief(table: pd.DataFrame) -> str:
    """What a verdict on a window of each length lets one believe, a Markdown line each."""
    believed = what_may_be_believed(table)["believe"]
    return "\n".join(f"* **{days_text(days)}.** {words}" for days, words in believed.items())


def _with_found(table: pd.DataFrame) -> pd.DataFrame:
    """How often a stated cut was found, among the series in which one could be stated at all."""
    answered = table["answered"].where(table["answered"] > 0)
    error = table["rejected_lower_se"] / np.sqrt(answered)
    return table.assign(found=table["rejected_lower"] / answered, found_se=error)


def cells_of(table: pd.DataFrame, question: str, test: str, *, setting: str | None = None) -> pd.DataFrame:
    """Cells of one question and test, labelled for `draw_rates`."""
    own = table[(table["question"] == question) & (table["test"] == test)]
    own = own if setting is None else own[own["setting"] == setting]
    label = own["process"].mask(~own["setting"].isin(["any day", setting]), own["process"] + ", " + _settings(own))
    return own.assign(label=label.where(own["cut"] == 0, label + own["cut"].map(", {:.0%} cut".format)))


def _settings(cells: pd.DataFrame) -> pd.Series:
    """Settings as the plan names them, but for its "1 days"."""
    return cells["setting"].str.replace(r"\b1 days\b", "1 day", regex=True)


def stated_cuts(table: pd.DataFrame, test: str = "window shift") -> pd.DataFrame:
    """Cells that plant the cut a test itself calls just visible, with `found`: among series where one is stated."""
    return _with_found(cells_of(table, "stated cut", test))


def other_tests(table: pd.DataFrame) -> pd.DataFrame:
    """Sizes of the tests besides window shift, the worst process of each setting."""
    size = table[(table["question"] == "size") & ~table["test"].isin(["window shift", *CUSTOMARY])].copy()
    upwards = size["test"] == "after quiet"  # alone: a rebound is a rise
    for column in ("rejected", "rejected_se"):
        size.loc[upwards, column] = size[column.replace("rejected", "rejected_greater")]
    worst = size.loc[size.groupby(["test", "setting", "length"], sort=False)["rejected"].idxmax()]
    days = worst["length"].map(", {:g} d".format).where(~worst["test"].str.startswith("joint"), "")
    return worst.assign(label=worst["test"] + ", " + _settings(worst) + days)


def describe_rates(rows: pd.DataFrame, value: str) -> str:
    """Range of a rate, and where it is lowest and highest, in a sentence."""
    ordered = rows.sort_values(value, kind="stable")
    low, high = (f"{percent(end[value])} ({_place(end)})" for end in (ordered.iloc[0], ordered.iloc[-1]))
    return f"{len(rows)} rates from {low} to {high}."


def _place(cell: pd.Series) -> str:
    """Process, setting and length of a cell, each said once; episodes have lengths of their own."""
    label = cell["label"] if cell["process"] in cell["label"] else f"{cell['process']}, {cell['label']}"
    said = cell["test"].startswith("joint") or label.endswith(" d")
    return label if said else f"{label}, {cell['length']:g} d"


def check_live(*, replicates: int = 300, seed: int = 0) -> pd.DataFrame:
    """Draw series as in the latest era here and now: how often does window shift over 3 days find what is not there?"""
    cell = next(cell for cell in planned_cells() if cell.name == LIVE)
    found = study(cell.trial, cell.source, cell.scenario, replicates=replicates, seed=seed)
    return pd.DataFrame([found])[["replicates", "rejected", "rejected_se", "coverage", "median_ratio"]].round(3)


def describe_size(table: pd.DataFrame) -> str:
    """How often window shift cries wolf, in a sentence or two."""
    cells = cells_of(table, "size", "window shift", setting="any day")
    cells = cells[~cells["process"].str.startswith("missiles")]
    rates, war = cells["rejected"], cells["rejected"][cells["process"].str.startswith("drones")]
    high = cells[rates > 0.07].sort_values("rejected", ascending=False)
    named = ", ".join(f"{row.process} over {row.length:g} days ({percent(row.rejected)})" for row in high.itertuples())
    return (
        f"Asked for 5%, window shift finds a change in {_range(rates)} of {len(cells)} settings without any; on drones "
        f"as in the war in {_range(war)} (Monte Carlo error about {100 * cells['rejected_se'].median():.1f} points)."
    ) + (f" Above 7%: {named}." if named else "")


def describe(table: pd.DataFrame, which: str, *, process: str = "") -> str:
    """One of the sentences of `plan.toml` with the rates of its cells: how often cuts, surges or nothing are found."""
    of, column, sentence = read_plan()["sentences"][which]
    rows = table.query(of).sort_values("cut", kind="stable")
    rows = rows[rows["process"] == process] if process else rows
    lead, part, joint, end = re.split(r"[\[|\]]", sentence)
    parts = [part.format(**_said(own)) for _, own in rows.groupby(column, sort=column != "test")]
    return capital(lead.format(process=process, **_said(rows)) + joint.join(parts) + end)


def _said(own: pd.DataFrame) -> dict[str, str]:
    """What a sentence or its part may say of its cells, which are in the order of their cuts."""
    first, last = own.iloc[0], own.iloc[-1]
    return {
        "least": percent(first["cut"]),
        "most": percent(last["cut"]),
        "first": percent(first["rejected_lower"]),
        "last": percent(last["rejected_lower"]),
        "risen": percent(first["rejected_greater"]),
        "lowest": percent(own["rejected"].min()),
        "highest": percent(own["rejected"].max()),
        "days": days_text(int(first["length"])),
        "times": first["setting"].split(", ")[-1].removesuffix(" times"),
        "test": CUSTOMARY.get(first["test"], first["test"]),
    }


def describe_peers() -> str:
    """How often state-space models find what is not there, on counts as they are and on their logarithms."""
    peers = pd.read_csv(data_folder().parent / "benchmarks" / "peers.csv")
    models = peers[peers["method"].str.contains("causalimpact|unobserved components")]
    raw, logs = (models[models["method"].str.endswith(kind)]["false_alarms"] for kind in ("raw counts", "log1p"))
    return (
        f"State-space models on raw counts do so in {_range(raw)} of {models['windows'].max()} ordinary windows of "
        f"the real series; the same on log counts in {_ends(logs)}: the warning is of raw counts alone."
    )


def _ends(shares: pd.Series) -> str:
    """A range, or one figure where its ends look alike."""
    low, high = percent(shares.min()), percent(shares.max())
    return low if low == high else f"{low} to {high}"


def features_by_era() -> pd.DataFrame:
    """Features of drones and missiles in each era: real, the median of simulated ones, whether within range."""
    counts, known, eras = ordinary_counts(), known_processes(), {}
    for era, (first, last) in ERAS.items():
        real = (series[first:last] for series in counts)
        eras[era] = compare_features(*real, known[f"drones {era}"][0], n_series=200)
    return pd.concat(eras, axis=1).drop(columns=["low", "high"], level=1).round(2)


def draw_rates(
    rows: pd.DataFrame, *, value: str, band: tuple[float, float], label: str, by_length: bool = True
) -> Axes:
    """Rates over the promised band, a line a `label` of the rows; `by_length`, several dots a line."""
    import seaborn as sns

    names = list(dict.fromkeys(rows["label"]))
    ax = new_axes(height=1.1 + 0.28 * len(names))
    ax.axvspan(100 * band[0], 100 * band[1], color=EXPECTED, alpha=0.25, lw=0)
    lengths = sorted(rows["length"].unique()) if by_length else [0]
    length = rows["length"] if by_length else 0 * rows["length"]
    place = rows["label"].map(names.index) + 0.7 * (length.map(lengths.index) + 0.5) / len(lengths) - 0.35
    error = 200 * rows[f"{value}_se"]
    ax.hlines(place, 100 * rows[value] - error, 100 * rows[value] + error, color=INK, lw=0.8, alpha=0.6)
    sns.scatterplot(
        x=100 * rows[value], y=place, hue=length.map("{:g}".format), hue_order=[f"{days:g}" for days in lengths],
        palette="colorblind", s=28, linewidth=0, ax=ax, zorder=3, legend=by_length,
    )  # fmt: skip
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.5, -0.5)
    if by_length:
        ax.legend(title="days", frameon=False, fontsize=8.5, loc="upper left", bbox_to_anchor=(1, 1), handletextpad=0.1)
    ax.set(xlabel=label, ylabel="")
    return finish(ax, caption="Grey: as promised. Bars: two Monte Carlo standard errors.")


def draw_power(table: pd.DataFrame, process: str, *, title: str = "") -> Axes:
    """Share of series in which the rule in use finds a cut, by its size and the length of the window."""
    import seaborn as sns

    ax = new_axes()
    cells = table.query("question == 'power' and test == 'automatic' and process == @process")
    cut, found, days = 100 * cells["cut"], 100 * cells["rejected_lower"], cells["length"].map(days_text)
    sns.lineplot(x=cut, y=found, hue=days, marker="o", palette="colorblind", ax=ax)
    ax.axhline(100 * POWER, color=PAUSE, lw=1, ls=":")
    lines, names = ax.get_legend_handles_labels()
    ax.legend(lines[::-1], names[::-1], title="a window of", frameon=False, fontsize=8.5)  # as they lie, from above
    ax.set(xlabel="per cent that do not fly", ylabel="found in per cent of series", ylim=(0, 102))
    return finish(ax, title=title, caption="Dotted: four in five, the mark of the smallest visible cut.")


def describe_real(real: pd.DataFrame) -> str:
    """How often windows of the real series that are no pause were called one, in a sentence per outcome."""
    sentences = []
    for outcome, own in real[(real["quarter"] == "all") & (real["test"] == "window shift")].groupby("outcome"):
        parts = []
        for row in own.itertuples():
            fall = f"{percent(row.lower)} ± {100 * row.lower_se:.1f}"
            parts.append(f"{row.length} d: {fall} and {percent(row.upper)} ± {100 * row.upper_se:.1f}")
        label = capital(outcome_label(outcome))
        sentences.append(f"{label}, falls and rises found, 2.5% asked for each: {'; '.join(parts)}.")
    return " ".join(sentences)


def describe_quarters(real: pd.DataFrame) -> str:
    """In which quarter most falls in drones over a week were found where there was no pause, in a sentence."""
    own = _quarters(real, "drones_launched", test="automatic").query("length == 7")
    worst = own.loc[own["lower"].idxmax()]
    return (
        f"By the rule in use, {outcome_label('drones_launched')} over {days_text(7)}: most falls in "
        f"{worst['quarter']}, {percent(worst['lower'])} of {worst['windows']:.0f} windows, where 2.5% are asked for."
    )


def draw_real(real: pd.DataFrame, *, outcome: str) -> Axes:
    """Falls and rises found in windows that are no pause, by quarter and length."""
    import seaborn as sns

    own = _quarters(real, outcome)
    per_cent = own.assign(falls=100 * own["lower"], rises=100 * own["upper"])
    ax = new_axes()
    ax.axhline(2.5, color=EXPECTED, lw=3, alpha=0.5)
    sns.pointplot(
        per_cent.melt(["quarter", "length"], ["falls", "rises"], var_name="tail", value_name="share"),
        x="quarter", y="share", hue="tail", palette={"falls": SEEN, "rises": PAUSE}, errorbar=("pi", 100), dodge=0.3,
        linestyle="none", markersize=4, err_kws={"linewidth": 1}, ax=ax,
    )  # fmt: skip
    ax.legend(title="found", frameon=False, fontsize=8.5)
    ax.tick_params(axis="x", labelsize=8)
    ax.set(xlabel="", ylabel="found in per cent of windows")
    note = f"Grey: the 2.5 per cent asked for. Dot and bar: mean and range over {_lengths(own)}."
    return finish(ax, title=capital(outcome_label(outcome)), caption=note)


def describe_real_quarters(real: pd.DataFrame, *, outcome: str) -> str:
    """Alternative text for `draw_real`: what its dots and bars show, quarter by quarter."""
    own = _quarters(real, outcome)
    parts = []
    for quarter, rows in own.groupby("quarter"):
        parts.append(f"{quarter} falls {_mean_and_range(rows['lower'])}, rises {_mean_and_range(rows['upper'])}")
    lead = f"{capital(outcome_label(outcome))}, falls and rises found in windows that are no pause, by quarter"
    return f"{lead}; mean and range over {_lengths(own)}. {'; '.join(parts)}."


def _quarters(real: pd.DataFrame, outcome: str, *, test: str = "window shift") -> pd.DataFrame:
    return real.query("outcome == @outcome and test == @test and quarter != 'all'")


def _lengths(own: pd.DataFrame) -> str:
    *first, last = sorted(own["length"].unique())
    return listed([*map(str, first), days_text(last)])


def _mean_and_range(shares: pd.Series) -> str:
    ends = _ends(shares)
    return f"{percent(shares.mean())} ({ends})" if " to " in ends else ends
