"""Pictures drawn from tidy frames: one theme, colour-blind safe, labelled in place, readable on a phone."""

import base64
import io
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.errors import ReportError

WIDTH = 5.8  # inches; at phone width an 11-point label still measures nine pixels
SEEN, EXPECTED, PAUSE, QUIET = "#0173b2", "#949494", "#de8f05", "#56b4e9"  # seaborn's colorblind palette
INK = "#333333"
DAYS_BEFORE = 45
LARGEST_SHOWN = 3.0


@dataclass(frozen=True)
class Picture:
    """A figure with its alternative text, shown in notebooks as one PNG that is the same on every run.

    Attributes
    ----------
    ax : matplotlib Axes
    alt : str
        What the picture shows, for readers who cannot see it.
    """

    ax: object
    alt: str

    def __post_init__(self):
        if not self.alt.strip():
            raise ReportError("a picture has no alternative text", field="alt", expected="a sentence")

    def _repr_mimebundle_(self, include=None, exclude=None):
        import matplotlib.pyplot as plt

        buffer = io.BytesIO()
        figure = self.ax.figure
        figure.savefig(buffer, format="png", dpi=150, bbox_inches="tight", metadata={"Software": None})
        plt.close(figure)
        image = base64.b64encode(buffer.getvalue()).decode("ascii")
        return {"image/png": image, "text/plain": self.alt}, {"image/png": {"alt": self.alt}}


@dataclass(frozen=True)
class Download:
    """A table that a page offers for saving as CSV."""

    table: pd.DataFrame

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {"text/csv": self.table.to_csv(lineterminator="\n"), "text/plain": f"{len(self.table)} rows as CSV"}


def new_axes(ax=None, *, height=3.0):
    """Axes in the house theme; draws on `ax` when one is given."""
    import matplotlib.pyplot as plt
    import seaborn as sns

    if ax is not None:
        return ax
    look = {"font.family": "DejaVu Sans", "axes.edgecolor": INK, "text.color": INK, "axes.labelcolor": INK}
    with sns.axes_style("ticks", rc=look), sns.plotting_context("notebook", font_scale=0.85):
        figure = plt.figure(figsize=(WIDTH, height), layout="constrained")
        return figure.add_subplot()


def finish(ax, *, title="", caption=""):
    """Bare spines, title flush left, the data's limits in small print."""
    import seaborn as sns

    sns.despine(ax=ax)
    if title:
        ax.set_title(title, loc="left", fontsize=11, fontweight="bold")
    if caption:
        ax.figure.text(0.01, -0.02, caption, ha="left", va="top", fontsize=8, color="#595959", wrap=True)
    return ax


def draw_series(daily, *, label, title="", ax=None):
    """Reported and expected counts around one window.

    Parameters
    ----------
    daily : DataFrame
        Columns day, observed, expected, low, high, role (window, baseline or left out), as in PauseEffect.
    label : str
        What is counted, for the axis.
    title : str
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
    """
    import matplotlib.dates as mdates
    import seaborn as sns

    ax = new_axes(ax)
    window = daily.loc[daily["role"] == "window", "day"]
    half = pd.Timedelta(hours=12)
    shown = daily[daily["day"] >= window.min() - pd.Timedelta(days=DAYS_BEFORE)]
    shown = shown[shown["day"] <= window.max() + pd.Timedelta(days=22)]
    ax.axvspan(window.min() - half, window.max() + half, color=PAUSE, alpha=0.25, lw=0)
    if shown["expected"].notna().any():
        ax.fill_between(shown["day"], shown["low"], shown["high"], color=EXPECTED, alpha=0.2, lw=0, step="mid")
        sns.lineplot(shown, x="day", y="expected", color=INK, ls="--", lw=1, ax=ax, legend=False)
        ax.annotate(
            "expected", (shown["day"].iloc[0], shown["expected"].iloc[0]), xytext=(2, 3), textcoords="offset points",
            fontsize=8.5, color=INK,
        )  # fmt: skip
    ax.vlines(shown["day"], 0, shown["observed"], color=SEEN, lw=2.2)
    sns.scatterplot(shown, x="day", y="observed", color=SEEN, s=16, ax=ax, legend=False, linewidth=0)
    missing = shown.loc[shown["observed"].isna(), "day"]
    ax.plot(missing, np.zeros(len(missing)), ls="none", marker="x", ms=5, color=INK, clip_on=False)
    ax.set_ylim(0)
    top = ax.get_ylim()[1]
    ax.text(
        window.min() - half,
        top,
        " pause" if len(window) < 8 else " the pause",
        va="top",
        fontsize=8.5,
        color="#7a4e00",
    )
    locator = mdates.AutoDateLocator(minticks=4, maxticks=7)
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(mdates.ConciseDateFormatter(locator))
    ax.set(xlabel="strike day (18:00 to 18:00, Kyiv)", ylabel=f"{label} a day")
    note = "Grey band: where 95 of 100 ordinary days fall." if shown["expected"].notna().any() else ""
    return finish(ax, title=title, caption=note + (" Crosses: no report." if len(missing) else ""))


def draw_placebo(placebo, *, ratio, n_days, title="", ax=None):
    """Where a window lies among all comparable windows of its length.

    Parameters
    ----------
    placebo : DataFrame
        Columns start, ratio.
    ratio : float or None
        The window's own ratio.
    n_days : int
    """
    import seaborn as sns

    ax = new_axes(ax)
    if ratio is None or placebo.empty:
        ax.text(0.5, 0.5, "no comparable window", ha="center", va="center", transform=ax.transAxes)
        ax.set_axis_off()
        return ax
    ratios = placebo["ratio"].dropna().clip(upper=LARGEST_SHOWN)
    sns.histplot(x=ratios, bins=np.arange(0, LARGEST_SHOWN + 0.1, 0.1), color=EXPECTED, edgecolor="white", ax=ax)
    sns.rugplot(x=ratios, color=INK, height=0.03, alpha=0.4, lw=0.6, ax=ax)
    at = min(ratio, LARGEST_SHOWN)
    ax.axvline(at, color=PAUSE, lw=3)
    top = 1.35 * ax.get_ylim()[1]
    ax.set_ylim(0, top)
    low, high = int((placebo["ratio"] <= ratio).sum()), int((placebo["ratio"] >= ratio).sum())
    side = f"{low} of {len(ratios)} ordinary windows\nare this low or lower" if low <= high else (
        f"{high} of {len(ratios)} ordinary windows\nare this high or higher"
    )  # fmt: skip
    left = at > LARGEST_SHOWN / 2
    ax.annotate(
        f"this window: {ratio:.2f}\n{side}", (at, top * 0.98), xytext=(-6 if left else 6, 0), va="top",
        textcoords="offset points", ha="right" if left else "left", fontsize=9, color="#7a4e00",
    )  # fmt: skip
    ax.axvline(1, color=INK, lw=0.8, ls=":")
    ax.set_xlim(-0.05, LARGEST_SHOWN + 0.05)
    unit = "day" if n_days == 1 else f"{n_days} days"
    ax.set(xlabel="seen / expected (1 = as expected)", ylabel=f"windows of {unit}")
    beyond = int((placebo["ratio"] > LARGEST_SHOWN).sum())
    return finish(
        ax,
        title=title,
        caption=f"{beyond} windows beyond {LARGEST_SHOWN:g} in the last bar." if beyond else "",
    )


def draw_forest(rows, *, title="", ax=None):
    """Ratios with intervals, one line each; hollow marks for what could not be told.

    Parameters
    ----------
    rows : DataFrame
        Columns label, ratio, ratio_low, ratio_high, told (bool); empty ratio_high = no upper limit.
    """
    import seaborn as sns

    ax = new_axes(ax, height=0.9 + 0.36 * len(rows))
    rows = rows.reset_index(drop=True)
    for position, row in rows.iterrows():
        if pd.isna(row["ratio"]):
            ax.text(0.03, position, "no comparable window", va="center", fontsize=8.5, color="#595959")
            continue
        low = 0.0 if pd.isna(row["ratio_low"]) else row["ratio_low"]
        high = LARGEST_SHOWN if pd.isna(row["ratio_high"]) else row["ratio_high"]
        bounded = row["ratio"] > 0 or not row["told"]
        if bounded:
            ax.hlines(
                position,
                min(low, LARGEST_SHOWN),
                min(high, LARGEST_SHOWN),
                color=SEEN if row["told"] else EXPECTED,
                lw=2,
            )
        if bounded and high >= LARGEST_SHOWN:
            ax.plot(
                LARGEST_SHOWN,
                position,
                marker=">",
                color=SEEN if row["told"] else EXPECTED,
                ms=5,
                clip_on=False,
            )
    for told, colour in ((True, SEEN), (False, "white")):
        part = rows[(rows["told"] == told) & rows["ratio"].notna()]
        sns.scatterplot(
            x=part["ratio"].clip(upper=LARGEST_SHOWN), y=part.index, color=colour, edgecolor=SEEN if told else INK,
            s=60, linewidth=1.3, ax=ax, zorder=3, clip_on=False, legend=False,
        )  # fmt: skip
    ax.axvline(1, color=INK, lw=0.8, ls=":")
    ax.set_yticks(rows.index, rows["label"])
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.set_xlim(0, LARGEST_SHOWN)
    ax.set(xlabel="seen / expected (1 = as expected)", ylabel="")
    return finish(
        ax,
        title=title,
        caption="Filled: told from chance. Hollow: could not be told. Arrow: no upper limit shown.",
    )


def draw_hazard(hazard, *, at, title="", ax=None):
    """Daily probability of a mass salvo by days since the last one, with the window's start marked."""
    import seaborn as sns

    ax = new_axes(ax, height=2.6)
    sns.lineplot(hazard, x="days_since_salvo", y="probability", color=SEEN, ax=ax)
    ax.axvline(at, color=PAUSE, lw=3, alpha=0.7)
    ax.annotate(" pause starts", (at, ax.get_ylim()[1]), va="top", fontsize=9, color="#7a4e00")
    ax.set(xlabel="days since the last mass salvo", ylabel="chance of a salvo that day", ylim=(0, None))
    return finish(ax, title=title)


def draw_timeline(counts, spans, *, label, title="", ax=None):
    """A series since its beginning, weekly means, with pauses shaded.

    Parameters
    ----------
    counts : Series by day
    spans : DataFrame
        Columns label, first_day, last_day.
    """
    import seaborn as sns

    ax = new_axes(ax)
    weekly = counts.resample("W").mean().rename("count").rename_axis("week").reset_index()
    sns.lineplot(weekly, x="week", y="count", color=SEEN, lw=1.2, ax=ax)
    for span in spans.itertuples():
        ax.axvspan(span.first_day, span.last_day + pd.Timedelta(days=1), color=PAUSE, alpha=0.6, lw=0.8)
    ax.set(xlabel="", ylabel=f"{label} a day (weekly mean)", ylim=(0, None))
    return finish(ax, title=title, caption="Shaded: announced pauses.")
