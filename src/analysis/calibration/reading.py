"""What the size study says: promises beside measurements, what may be believed, sentences and pictures."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.calibration.processes import ERAS, compare_features, known_processes, ordinary_counts
from analysis.calibration.study import Scenario, short, simulated_layout, study
from analysis.figures import EXPECTED, INK, PAUSE, finish, new_axes
from analysis.placebo import POWER
from analysis.tables import data_folder
from analysis.words import capital, days_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LATEST = "2026"
ONE_DAYS = r"\b1 days\b"  # as settings of the plan are named
_SHIFT = "question == 'size' and test == 'window shift' and setting == 'any day'"
_PLACED = "setting.str.startswith('place of')"
_WAR = "process.str.startswith('missiles')"
PROMISES = (
    ("window shift, both tails together", f"{_SHIFT} and not {_WAR}", ["rejected"], 0.03, 0.07),
    ("window shift, each tail", f"{_SHIFT} and not {_WAR}", ["rejected_lower", "rejected_upper"], 0, 0.035),
    ("window shift, missiles (many ties)", f"{_SHIFT} and {_WAR}", ["rejected"], 0, 0.07),
    ("180 days of baseline", "setting == '180 days of baseline'", ["rejected"], 0.03, 0.07),
    ("window on a holiday", "question == 'size' and setting == 'on a holiday'", ["rejected"], 0, 0.07),
    ("30 % more in announced days", "setting.str.startswith('30 %')", ["rejected"], 0.03, 0.07),
    ("after-salvo test, lower tail alone", "question == 'size' and test == 'after salvo'", ["rejected_less"], 0, 0.06),
    ("rule that picks the test", f"question == 'size' and test == 'automatic' and not {_PLACED}", ["rejected"], 0,
     0.07),
    ("the same where the truces were", _PLACED, ["rejected"], 0, 0.07),
    ("mean log", "question == 'size' and test == 'mean log'", ["rejected"], 0, 0.07),
    ("long windows, the moratorium's place", "question == 'size' and setting == 'moratorium of 2025'", ["rejected"],
     0.02, 0.07),
    ("long windows, 14 and 30 days", "question == 'size' and setting.str.startswith('700')", ["rejected"], 0.02, 0.07),
    ("long windows, ratio of a 40 % cut", "test == 'long window' and cut == 0.4", ["median_ratio"], 0.53, 0.67),
    ("joint test", "question == 'size' and test.str.startswith('joint')", ["rejected"], 0.03, 0.07),
    ("rebound", "question == 'size' and test == 'after quiet'", ["rejected_greater"], 0, 0.07),
    ("70 % cut found, drones of 2026, 3 days", "question == 'power' and test == 'window shift' and cut == 0.7 "
     f"and process == 'drones {LATEST}' and length == 3", ["rejected_lower"], 0.75, 1),
    ("90 % cut found, drones of 2026, 3 days", "question == 'power' and test == 'window shift' and cut == 0.9 "
     f"and process == 'drones {LATEST}' and length == 3", ["rejected_lower"], 0.95, 1),
    ("smallest visible cut, where one is stated", "question == 'stated cut' and test == 'window shift'", ["found"],
     0.75, 0.85),
    ("the same, after a salvo and long", "question == 'stated cut' and test != 'window shift'", ["found"], 0.75, 0.85),
    ("interval covers the true ratio", "question == 'coverage' and cut < 1", ["coverage"], 0.93, 0.97),
    ("ordinary range covers, nothing flew", "question == 'coverage' and cut == 1", ["expected_coverage"], 0.93, 0.97),
    ("Poisson regression must be seen to fail", "test == 'Poisson'", ["rejected"], 0.6, 1),
    ("NB-HAC must be seen to fail", "test == 'NB-HAC'", ["rejected"], 0.35, 1),
)  # fmt: skip


def promises_kept(table: pd.DataFrame) -> pd.DataFrame:
    """Set what was promised beside what was measured, a row per promise.

    measured: lowest to highest cell; outside: cells that miss; clearly: those that miss by more than two Monte Carlo
    standard errors; worst: the cell furthest out.
    """
    table, rows = _with_found(table), []
    for promise, query, columns, low, high in PROMISES:
        cells = table.query(query)
        if cells.empty:
            continue
        values = pd.concat([cells[column] for column in columns])
        no_error = pd.Series(0.0, cells.index)
        error = pd.concat([cells.get(f"{column}_se", no_error) for column in columns])
        miss = np.maximum(low - values, values - high)
        worst = cells.loc[miss.idxmax()]
        show = "{:.2f}".format if columns == ["median_ratio"] else percent
        rows.append(
            {
                "promise": promise,
                "must_be": f"{show(low)} to {show(high)}",
                "measured": f"{show(values.min())} to {show(values.max())}",
                "cells": len(values),
                "outside": int((miss > 1e-9).sum()),
                "clearly": int((miss > 2 * error + 1e-9).sum()),
                "worst": f"{worst['process']}, {worst['length']:g} d, {worst['setting']}" if miss.max() > 1e-9 else "",
            }
        )
    return pd.DataFrame(rows)


def what_may_be_believed(table: pd.DataFrame) -> pd.DataFrame:
    """What a verdict on a window of each length rests on, for drones and missiles as in the war.

    Short windows are tested by the rule that picks between window shift and the after-salvo test. false_alarms:
    drones, lowest to highest era; drones_cut and missiles_cut: the smallest cut tried that was found in at least 80 %
    of series of every era ("none" of those tried, "not tried"); believe: in words.
    """
    used = table[table["test"].isin(["automatic", "long window"])]
    used = used[~used["setting"].str.contains("after a salvo|place of")]
    rows = []
    for days, own in used.groupby("length"):
        size = own[(own["question"] == "size") & own["process"].str.startswith("drones")]["rejected"]
        power = {name: _worst_power(own, name) for name in ("drones", "missiles")}
        cuts = {f"{name}_cut": _cut_in_words(rates) for name, rates in power.items()}
        alarms = percent(size.min()) if len(size) == 1 else f"{percent(size.min())} to {percent(size.max())}"
        words = ["Believe a fall that is found.", *(_belief(*pair) for pair in power.items() if len(pair[1]))]
        rows.append({"days": int(days), "false_alarms": alarms, **cuts, "believe": " ".join(words)})
    return pd.DataFrame(rows).set_index("days")


def describe_belief(table: pd.DataFrame) -> str:
    """What a verdict on a window of each length lets one believe, a Markdown line each."""
    believed = what_may_be_believed(table)["believe"]
    return "\n".join(f"* **{days_text(days)}.** {words}" for days, words in believed.items())


def _with_found(table: pd.DataFrame) -> pd.DataFrame:
    """How often a stated cut was found, among the series in which one could be stated at all."""
    answered = table["answered"].where(table["answered"] > 0)
    return table.assign(
        found=table["rejected_lower"] / answered, found_se=table["rejected_lower_se"] / np.sqrt(answered)
    )


def _worst_power(own: pd.DataFrame, outcome: str) -> pd.Series:
    """How often each cut tried is found in the era where it is found least."""
    power = own[(own["question"] == "power") & own["process"].str.startswith(outcome)]
    return power.groupby("cut")["rejected_lower"].min()


def _cut_in_words(rates: pd.Series) -> str:
    seen = rates.index[rates >= POWER]
    return percent(seen.min()) if len(seen) else "none" if len(rates) else "not tried"


def _belief(outcome: str, rates: pd.Series) -> str:
    """What follows where no fall is found; `rates` are those of the era in which a cut is found least."""
    seen, most = rates.index[rates >= POWER], rates.index.max()
    if len(seen):
        said = f"a cut of {percent(seen.min())} or more is unlikely: at least {percent(POWER)} of such cuts are found"
    else:
        few = f"only {percent(rates[most])} of cases" if rates[most] else "no case"
        said = f"little follows: a cut of {percent(most)}, the largest tried, is found in {few}"
    return f"For {outcome}, if none is found, {said}."


def cells_of(table: pd.DataFrame, question: str, test: str, *, setting: str | None = None) -> pd.DataFrame:
    """Cells of one question and test, labelled for `draw_rates`."""
    own = table[(table["question"] == question) & (table["test"] == test)]
    own = own if setting is None else own[own["setting"] == setting]
    plain = own["setting"].eq("any day") | own["setting"].eq(setting)
    label = own["process"].where(
        plain, own["process"] + ", " + own["setting"].str.replace(ONE_DAYS, "1 day", regex=True)
    )
    return own.assign(label=label.where(own["cut"] == 0, label + own["cut"].map(", {:.0%} cut".format)))


def stated_cuts(table: pd.DataFrame, test: str = "window shift") -> pd.DataFrame:
    """Cells that plant the cut a test itself calls just visible, with `found`: among series where one is stated."""
    return _with_found(cells_of(table, "stated cut", test))


def other_tests(table: pd.DataFrame) -> pd.DataFrame:
    """Sizes of the tests besides window shift, the worst process of each setting."""
    size = table[(table["question"] == "size") & ~table["test"].isin(["window shift", "Poisson", "NB-HAC"])]
    one_sided = size["test"] == "after quiet"  # a rebound is looked for upwards only
    size = size.assign(
        rejected=size["rejected"].mask(one_sided, size["rejected_greater"]),
        rejected_se=size["rejected_se"].mask(one_sided, size["rejected_greater_se"]),
    )
    worst = size.loc[size.groupby(["test", "setting", "length"], sort=False)["rejected"].idxmax()]
    days = worst["length"].map(", {:g} d".format).where(~worst["test"].str.startswith("joint"), "")
    setting = worst["setting"].str.replace(ONE_DAYS, "1 day", regex=True)
    return worst.assign(label=worst["test"] + ", " + setting + days)


def describe_rates(rows: pd.DataFrame, value: str) -> str:
    """Range of a rate, and where it is lowest and highest, in a sentence."""
    low, high = (
        f"{percent(end[value])} ({_place(end)})"
        for _, end in rows.sort_values(value, kind="stable").iloc[[0, -1]].iterrows()
    )
    return f"{len(rows)} rates from {low} to {high}."


def _place(cell: pd.Series) -> str:
    """Process, setting and length of a cell, each said once; episodes have lengths of their own."""
    label = cell["label"] if cell["process"] in cell["label"] else f"{cell['process']}, {cell['label']}"
    said = cell["test"].startswith("joint") or label.endswith(" d")
    return label if said else f"{label}, {cell['length']:g} d"


def check_live(*, replicates: int = 300, seed: int = 0) -> pd.DataFrame:
    """Draw series as in the latest era here and now: how often does window shift over 3 days find what is not there?"""
    source, _ = known_processes()[f"drones {LATEST}"]
    trial = partial(short, layout=simulated_layout(365, 3), test="shift")
    found = study(trial, source, Scenario(timing="random"), replicates=replicates, seed=seed)
    return pd.DataFrame([found])[["replicates", "rejected", "rejected_se", "coverage", "median_ratio"]].round(3)


def describe_size(table: pd.DataFrame) -> str:
    """How often window shift cries wolf, in a sentence or two."""
    cells = table.query(f"{_SHIFT} and not {_WAR}")
    war = cells[cells["process"].str.startswith("drones")]
    high = cells[cells["rejected"] > 0.07].sort_values("rejected", ascending=False)
    named = ", ".join(f"{row.process} over {row.length:g} days ({percent(row.rejected)})" for row in high.itertuples())
    return (
        f"Asked for 5%, window shift finds a change in {percent(cells['rejected'].min())} to "
        f"{percent(cells['rejected'].max())} of {len(cells)} settings without any; on drones as in the war in "
        f"{percent(war['rejected'].min())} to {percent(war['rejected'].max())} (Monte Carlo error about "
        f"{100 * cells['rejected_se'].median():.1f} points)." + (f" Above 7%: {named}." if named else "")
    )


SENTENCES = {  # rows, what each part is of, the part, what joins the parts, the sentence
    "power": (
        "question == 'power' and test == 'automatic' and process == @process",
        "length",
        "{first} to {last} over {days}",
        "; ",
        "{process}: from a cut of {least} to one of {most}, found in {parts}.",
    ),
    "mean log": (
        "question == 'power' and test == 'mean log' and process == @process",
        "length",
        "{first} to {last} over {days}",
        "; ",
        "{process}, by the mean log: from a cut of {least} to one of {most}, found in {parts}.",
    ),
    "joint power": (
        "question == 'power' and test == 'joint, as in the war' and process == @process",
        "cut",
        "{least} in {first}",
        ", ",
        "{process}, cuts in all truces that the joint test finds: {parts}.",
    ),
    "surges": (
        "question == 'power' and test == 'after quiet'",
        "setting",
        "{times} times in {risen}",
        ", ",
        "In the week after a pause, more than expected by this much is found: {parts}.",
    ),
    "warning": (
        "test in @CUSTOMARY",
        "test",
        "{test} in {lowest} to {highest}",
        " and ",
        "On 4 days without any change, asked for 5%, {parts} of series find one.",
    ),
}
CUSTOMARY = {"Poisson": "a Poisson regression", "NB-HAC": "a negative binomial one with HAC errors"}


def describe(table: pd.DataFrame, which: str, *, process: str = "") -> str:
    """One of `SENTENCES` with the rates of its cells: how often cuts, surges or nothing at all are found."""
    query, column, part, joint, sentence = SENTENCES[which]
    rows = table.query(query).sort_values("cut", kind="stable")
    parts = [part.format(**_said(own)) for _, own in rows.groupby(column, sort=which != "warning")]
    return capital(sentence.format(process=process, parts=joint.join(parts), **_cuts(rows)))


def describe_peers(path: str | Path | None = None) -> str:
    """How often state-space models find what is not there, on counts as they are and on their logarithms."""
    path = Path(path) if path else data_folder().parent / "benchmarks" / "peers.csv"
    peers = pd.read_csv(path).set_index("method")
    models = peers[peers.index.str.contains("causalimpact|unobserved components")]
    raw, logs = (models[models.index.str.endswith(kind)]["false_alarms"] for kind in ("raw counts", "log1p"))
    return (
        f"State-space models on raw counts do so in {percent(raw.min())} to {percent(raw.max())} of "
        f"{models['windows'].max()} ordinary windows of the real series; the same on log counts in "
        f"{' to '.join(dict.fromkeys(map(percent, (logs.min(), logs.max()))))}: the warning is of raw counts alone."
    )


def _cuts(rows: pd.DataFrame) -> dict[str, str]:
    return {"least": percent(rows["cut"].min()), "most": percent(rows["cut"].max())}


def _said(own: pd.DataFrame) -> dict[str, str]:
    """What a part of a sentence may say of its cells, which are in the order of their cuts."""
    first, last = own.iloc[0], own.iloc[-1]
    return _cuts(own) | {
        "first": percent(first["rejected_lower"]),
        "last": percent(last["rejected_lower"]),
        "risen": percent(first["rejected_greater"]),
        "lowest": percent(own["rejected"].min()),
        "highest": percent(own["rejected"].max()),
        "days": days_text(int(first["length"])),
        "times": first["setting"].split(", ")[-1].removesuffix(" times"),
        "test": CUSTOMARY.get(first["test"], first["test"]),
    }


def features_by_era() -> pd.DataFrame:
    """Features of drones and missiles in each era: real, the median of simulated ones, whether within range."""
    counts, known, eras = ordinary_counts(), known_processes(), {}
    for era, (first, last) in ERAS.items():
        real = (series[first:last] for series in counts)
        eras[era] = compare_features(*real, known[f"drones {era}"][0], n_series=200)
    return pd.concat(eras, axis=1).drop(columns=["low", "high"], level=1).round(2)


def percent(share: float) -> str:
    """A share in words, with a decimal where it is small."""
    return f"{100 * share:.1f}%" if 0 < share < 0.1 else f"{100 * share:.0f}%"


def draw_rates(
    rows: pd.DataFrame,
    *,
    value: str,
    band: tuple[float, float],
    label: str,
    by_length: bool = True,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Rates, in per cent, as dots with two Monte Carlo standard errors to both sides, over the promised band.

    One line per `label` of the rows; with `by_length` several dots a line, coloured by the length of the window.
    """
    import seaborn as sns

    names = list(dict.fromkeys(rows["label"]))
    ax = new_axes(ax, height=1.1 + 0.28 * len(names))
    ax.axvspan(100 * band[0], 100 * band[1], color=EXPECTED, alpha=0.25, lw=0)
    lengths = sorted(rows["length"].unique()) if by_length else [0]
    length = rows["length"] if by_length else 0 * rows["length"]
    place = rows["label"].map(names.index) + 0.7 * (length.map(lengths.index) + 0.5) / len(lengths) - 0.35
    error = 200 * rows[f"{value}_se"]
    ax.hlines(place, 100 * rows[value] - error, 100 * rows[value] + error, color=INK, lw=0.8, alpha=0.6)
    sns.scatterplot(
        x=100 * rows[value], y=place, hue=length.map("{:g} d".format), hue_order=[f"{days:g} d" for days in lengths],
        palette="colorblind", s=28, linewidth=0, ax=ax, zorder=3, legend=by_length,
    )  # fmt: skip
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.5, -0.5)
    if by_length:
        ax.legend(title="", frameon=False, fontsize=8.5, loc="upper left", bbox_to_anchor=(1, 1), handletextpad=0.1)
    ax.set(xlabel=label, ylabel="")
    return finish(ax, title=title, caption="Grey: as promised. Bars: two Monte Carlo standard errors.")


def draw_power(
    table: pd.DataFrame, process: str, *, test: str = "automatic", title: str = "", ax: Axes | None = None
) -> Axes:
    """Share of series in which a test finds a cut, by its size and the length of the window."""
    import seaborn as sns

    ax = new_axes(ax)
    cells = table.query("question == 'power' and test == @test and process == @process")
    days = cells["length"].map(days_text)
    sns.lineplot(
        x=100 * cells["cut"], y=100 * cells["rejected_lower"], hue=days, marker="o", palette="colorblind", ax=ax
    )
    ax.axhline(100 * POWER, color=PAUSE, lw=1, ls=":")
    ax.legend(title="", frameon=False, fontsize=8.5)
    ax.set(xlabel="per cent that do not fly", ylabel="found in per cent of series", ylim=(0, 102))
    return finish(ax, title=title, caption="Dotted: four in five, the mark of the smallest visible cut.")
