"""Every picture: one theme, one palette, direct labels."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analysis.errors import DesignError, ReportError
from analysis.series import Words, series_label
from analysis.tables import outcomes
from analysis.windows import check_counts
from analysis.words import FEWER, MORE, days_text, outcome_label, placebo_rank

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 4.8  # inches; on a phone, 360 pixels wide, the small print of 9 points still measures nine pixels
SMALL = 9
TITLE_LETTERS, CAPTION_LETTERS, LABEL_LETTERS = 44, 72, 38  # that fit into a line
SEEN, EXPECTED, PAUSE, QUIET = "#0173b2", "#949494", "#de8f05", "#56b4e9"  # seaborn's colorblind palette
INK, SOFT, PAUSE_INK = "#333333", "#595959", "#7a4e00"
PAGE_INK = "#777777"  # of the figures for readers, which becomes the page's own ink
DOTS = 150  # an inch, for sharp pictures on fine screens
DAYS_BEFORE = 45
LARGEST_SHOWN = 3.0
MOST_TICKS = 9  # beside each other, with their words


@dataclass(frozen=True)
class Picture:
    """A figure with its alternative text, shown in notebooks as one PNG that is the same on every run.

    Attributes
    ----------
    ax : matplotlib Axes
    alt : str
        What the picture shows, for readers who cannot see it.
    """

    ax: Axes
    alt: str

    def __post_init__(self) -> None:
        if not self.alt.strip():
            raise ReportError("a picture has no alternative text", field="alt", expected="a sentence")

    def png(self) -> bytes:
        """The bytes of the picture; the figure is closed."""
        import matplotlib.pyplot as plt

        figure = self.ax.figure
        content = to_png(figure, tight=True)
        plt.close(figure)
        return content

    def address(self) -> str:
        """The picture as the address of an image that lies inside a page."""
        return f"data:image/png;base64,{base64.b64encode(self.png()).decode('ascii')}"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict[str, Any], dict[str, Any]]:
        content = self.png()
        width = int.from_bytes(content[16:20], "big") * 100 // DOTS  # where the header of a PNG says it; 100 to an inch
        shown = {"image/png": {"alt": self.alt, "width": width}}
        return {"image/png": base64.b64encode(content).decode("ascii"), "text/plain": self.alt}, shown


@dataclass(frozen=True)
class Download:
    """A table that a page offers for saving as CSV."""

    table: pd.DataFrame

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/csv": self.table.to_csv(lineterminator="\n"), "text/plain": f"{len(self.table)} rows as CSV"}


def to_png(figure: Figure, *, tight: bool = False) -> bytes:
    """The figure as PNG, the same on every run: its own white ground and dark print, wherever it is pasted."""
    from matplotlib.text import Text

    buffer = io.BytesIO()
    for text in figure.findobj(lambda part: isinstance(part, Text) and part.get_color() == PAGE_INK):
        text.set_color(INK)
    box = "tight" if tight else None
    figure.savefig(buffer, format="png", dpi=DOTS, facecolor="white", bbox_inches=box, metadata={"Software": None})
    return buffer.getvalue()


def new_axes(ax: Axes | None = None, *, height: float = 2.9) -> Axes:
    """Axes in the house theme; draws on `ax` when one is given."""
    import matplotlib.pyplot as plt
    import seaborn as sns

    if ax is not None:
        return ax
    coloured = ["axes.edgecolor", "text.color", "axes.labelcolor", "xtick.color", "ytick.color"]
    look = {"font.family": "DejaVu Sans"} | dict.fromkeys(coloured, INK)
    with sns.axes_style("ticks", rc=look), sns.plotting_context("notebook", font_scale=0.85):
        figure = plt.figure(figsize=(WIDTH, height), layout="constrained")
        return figure.add_subplot()


def finish(ax: Axes, *, title: str = "", caption: str = "", left: float = 0.01) -> Axes:
    """Bare spines, title and unit flush left above, numbers with thousands apart, the data's limits in small print."""
    import seaborn as sns
    from matplotlib.text import Text

    sns.despine(ax=ax)
    unit = bool(ax.get_ylabel())
    if unit:
        ax.yaxis.label.set(rotation=0, ha="left", va="bottom")
        ax.yaxis.set_label_coords(0, 1.02)
        if not ax.yaxis.get_major_formatter().get_offset() and ax.get_yscale() == "linear":
            ax.yaxis.set_major_formatter("{x:,g}")
    if title:
        title = fill(title, TITLE_LETTERS)
        ax.set_title(title, loc="left", fontsize=11, fontweight="bold", pad=22 if unit else 6)
    if "log" not in (ax.get_xscale(), ax.get_yscale()):  # whose numbers are set as mathematics
        for text in ax.findobj(Text):
            text.set_parse_math(False)  # a name may hold dollars
    if caption:
        ax.figure.text(left, -0.02, fill(caption, CAPTION_LETTERS), ha="left", va="top", fontsize=SMALL, color=SOFT)
    return ax


def draw_words(words: str, *, ax: Axes | None = None) -> Axes:
    """Words in place of a picture, where there is nothing to draw."""
    ax = new_axes(ax, height=0.8)
    ax.text(0.5, 0.5, words, ha="center", va="center", transform=ax.transAxes)
    ax.set_axis_off()
    return ax


def draw_series(
    daily: pd.DataFrame, *, label: str, title: str = "", event: str = "pause", ours: bool = True, ax: Axes | None = None
) -> Axes:
    """Draw reported and expected counts around one window, from the daily frame of a PauseEffect.

    `label` says what is counted, `event` what the window was; `ours`: its days are strike days.
    """
    import seaborn as sns

    ax = new_axes(ax)
    window = daily.loc[daily["role"] == "window", "day"]
    half = pd.Timedelta(hours=12)
    shown = daily[daily["day"] >= window.min() - pd.Timedelta(days=DAYS_BEFORE)]
    shown = shown[shown["day"] <= window.max() + pd.Timedelta(days=22)]
    known = shown["expected"].notna().any()
    ax.axvspan(window.min() - half, window.max() + half, color=PAUSE, alpha=0.25, lw=0)
    if known:
        ax.fill_between(shown["day"], shown["low"], shown["high"], color=EXPECTED, alpha=0.2, lw=0, step="mid")
        sns.lineplot(shown, x="day", y="expected", color=INK, ls="--", lw=1, ax=ax, legend=False)
        end = shown[shown["expected"].notna()].iloc[-1]
        note = {"xytext": (5, 0), "textcoords": "offset points", "va": "center", "fontsize": SMALL}
        ax.annotate("expected", (end["day"], end["expected"]), annotation_clip=False, **note)
    ax.vlines(shown["day"], 0, shown["observed"], color=SEEN, lw=2)
    sns.scatterplot(shown, x="day", y="observed", color=SEEN, s=14, ax=ax, legend=False, linewidth=0)
    missing = shown.loc[shown["observed"].isna(), "day"]
    ax.plot(missing, np.zeros(len(missing)), ls="none", marker="x", ms=5, color=INK, clip_on=False)
    top = max(1.0, np.nanmax([0, shown["observed"].max(), shown["high"].max() if known else 0]))
    ax.set_ylim(0, 1.15 * top)  # room for the word above every line
    middle = window.min() + (window.max() - window.min()) / 2
    ax.text(middle, 1.13 * top, event, ha="center", va="top", fontsize=SMALL, color=PAUSE_INK, fontweight="bold")
    ticks = shown.loc[shown["day"].dt.day.isin([1, 15]), "day"]
    ticks = ticks[:: 1 + len(ticks) // MOST_TICKS]
    days = zip(ticks, ticks.dt.year.diff() != 0, strict=True)
    ax.set_xticks(ticks, [f"{day.day} {day:%b}" + f"\n{day:%Y}" * new_year for day, new_year in days])
    ax.set(xlabel="strike day (18:00 to 18:00, Kyiv)" if ours else "day", ylabel=f"{label} a day")
    note = "Blue: reported. Grey: 95 of 100 ordinary days." if known else "Blue: reported."
    return finish(ax, title=title, caption=note + (" Crosses: no report." if len(missing) else ""))


def draw_placebo(
    placebo: pd.DataFrame,
    *,
    ratio: float | None,
    n_days: int,
    joint: bool = False,
    event: str = "pause",
    ax: Axes | None = None,
) -> Axes:
    """Draw where a window lies among all comparable windows of its length, in words above and as a picture.

    `joint`: several windows together, among draws of ordinary ones; `event` says what a window was.
    """
    import seaborn as sns

    if ratio is None or placebo.empty:
        return draw_words("no comparable window", ax=ax)
    ax = new_axes(ax, height=3.2)
    ratios = placebo["ratio"].dropna().clip(upper=LARGEST_SHOWN)
    sns.histplot(x=ratios, bins=np.arange(0, LARGEST_SHOWN + 0.1, 0.1), color=EXPECTED, edgecolor="white", ax=ax)
    if not joint:  # a hundred thousand draws would be a solid bar
        sns.rugplot(x=ratios, color=INK, height=0.03, alpha=0.4, lw=0.6, ax=ax)
    top = 1.25 * ax.get_ylim()[1]
    ax.set_ylim(0, top)
    at = min(ratio, LARGEST_SHOWN)
    side = {"xytext": (6, 0), "ha": "left"} if at <= LARGEST_SHOWN / 2 else {"xytext": (-6, 0), "ha": "right"}
    note = {"textcoords": "offset points", "va": "top", "fontsize": SMALL} | side
    here = f"these {event}s" if joint else f"this {event}"
    ax.axvline(1, color=INK, lw=0.8, ls=":")
    ax.annotate("as expected", (1, 0.91 * top), color=INK, **note)
    ax.axvline(at, color=PAUSE, lw=3)
    ax.annotate(f"{here}: {ratio:.2f}", (at, top), color=PAUSE_INK, **note)
    ax.set_xlim(-0.05, LARGEST_SHOWN + 0.05)
    ax.set_xticks([0, 0.5, 1, 1.5, 2, 2.5, 3], ["0", "0.5", "1", "1.5", "2", "2.5", "3+"])
    counted = "draws of ordinary windows" if joint else f"ordinary windows of {days_text(n_days)}"
    ax.set(xlabel="seen divided by expected (1 = as expected)", ylabel=f"number of {counted}")
    return finish(ax, title=placebo_rank(placebo["ratio"].dropna(), ratio, n_days, joint=joint))


def draw_forest(rows: pd.DataFrame, *, title: str = "", ax: Axes | None = None) -> Axes:
    """Ratios with intervals, one line each under its name; hollow marks for what could not be told.

    Parameters
    ----------
    rows : DataFrame
        Columns label, ratio, ratio_low, ratio_high, told (bool); empty ratio_high = no upper limit.
    """
    import seaborn as sns

    rows = rows.assign(label=[fill(label, LABEL_LETTERS) for label in rows["label"]]).reset_index(drop=True)
    ax = new_axes(ax, height=0.9 + (0.56 if rows["label"].str.contains("\n").any() else 0.4) * len(rows))
    words = {"xytext": (0, 5), "textcoords": "offset points", "va": "bottom", "fontsize": SMALL}
    words["bbox"] = {"fc": "white", "ec": "none", "pad": 0.5}  # no line runs through print
    for position, row in rows.iterrows():
        colour = SEEN if row["told"] else EXPECTED
        weight = "bold" if row["told"] else "normal"
        ax.annotate(row["label"], (0.04, position), fontweight=weight, linespacing=1.1, **words)
        if pd.isna(row["ratio"]):
            ax.text(1.06, position, "no comparable window", va="center", fontsize=SMALL, color=SOFT)
            continue
        low = 0.0 if pd.isna(row["ratio_low"]) else row["ratio_low"]
        high = LARGEST_SHOWN if pd.isna(row["ratio_high"]) else row["ratio_high"]
        interval = "" if pd.isna(row["ratio_high"]) else f" ({low:.2f} to {high:.2f})"
        ax.annotate(f"{row['ratio']:.2f}{interval}", (LARGEST_SHOWN, position), ha="right", color=SOFT, **words)
        if row["ratio"] > 0 or not row["told"]:
            ax.hlines(position, min(low, LARGEST_SHOWN), min(high, LARGEST_SHOWN), color=colour, lw=2)
            if high >= LARGEST_SHOWN:
                ax.plot(LARGEST_SHOWN, position, marker=">", color=colour, ms=5, clip_on=False)
    for told, colour in ((True, SEEN), (False, "white")):
        part = rows[(rows["told"] == told) & rows["ratio"].notna()]
        sns.scatterplot(
            x=part["ratio"].clip(upper=LARGEST_SHOWN), y=part.index, color=colour, edgecolor=SEEN if told else INK,
            s=60, linewidth=1.3, ax=ax, zorder=3, clip_on=False, legend=False,
        )  # fmt: skip
    ax.axvline(1, color=INK, lw=0.8, ls=":", zorder=0)
    ax.set(xlim=(0, LARGEST_SHOWN), ylim=(len(rows) - 0.5, -0.9), yticks=[], ylabel="")
    ax.set_xlabel("seen divided by expected (1 = as expected)")
    note = "Filled: told from chance. Hollow: could not be told. Lines: intervals; an arrow: no upper limit shown."
    return finish(ax, title=title, caption=note)


def draw_hazard(
    hazard: pd.DataFrame, *, at: float, salvo: str = "mass salvo", event: str = "pause", ax: Axes | None = None
) -> Axes:
    """Daily probability of a mass salvo by days since the last one, with the window's start marked."""
    import seaborn as sns

    ax = new_axes(ax, height=2.4)
    sns.lineplot(hazard, x="days_since_salvo", y="probability", color=SEEN, ax=ax)
    ax.axvline(at, color=PAUSE, lw=3, alpha=0.7)
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.set(xlabel=f"days since the last {salvo}", ylabel=f"chance of a {salvo} that day", ylim=(0, None))
    note = {"xytext": (5, 0), "textcoords": "offset points", "va": "top", "fontsize": SMALL, "color": PAUSE_INK}
    ax.annotate(f"{event} starts", (at, ax.get_ylim()[1]), **note)
    finish(ax)
    ax.yaxis.set_major_formatter("{x:.0%}")
    return ax


def draw_timeline(
    counts: pd.Series, spans: pd.DataFrame, *, label: str | Words = None, title: str = "", ax: Axes | None = None
) -> Axes:
    """A series since its beginning, weekly means, with pauses shaded.

    Parameters
    ----------
    counts : Series by day
    spans : DataFrame
        Columns label, first_day, last_day.
    label : str, (str, str), (str, str, str) or Label, optional
        What is counted, as in `estimate_effect`, or in one word.
    """
    import seaborn as sns

    told, shaded = timeline_words(counts, label)
    ax = new_axes(ax, height=2.6)
    weekly = counts.resample("W").mean().rename("count").rename_axis("week").reset_index()
    sns.lineplot(weekly, x="week", y="count", color=SEEN, lw=1.1, ax=ax)
    known = outcomes().get(str(counts.name))
    used = max(counts.index[0], pd.Timestamp(known.first_day if known else counts.index[0]))
    early = ""
    if used > counts.index[0]:
        ax.axvspan(counts.index[0], used, color=EXPECTED, alpha=0.3, lw=0)
        early = f" Grey, to {used - pd.Timedelta(days=1):%B %Y}: used by no test."
    for span in spans.itertuples():
        ax.axvspan(span.first_day, span.last_day + pd.Timedelta(days=1), color=PAUSE, alpha=0.6, lw=0.8)
    years = pd.date_range(counts.index[0], counts.index[-1], freq="YS")
    ax.set_xticks(years, [f"{year:%Y}" for year in years], ha="left")
    ax.set(xlabel="", ylabel=f"{told} a day, weekly mean", ylim=(0, None))
    return finish(ax, title=title, caption=f"Shaded: {shaded}.{early}")


def timeline_words(counts: pd.Series, label: str | Words) -> tuple[str, str]:
    """What a timeline counts, and what is shaded in it: pauses only in a series of this project."""
    if check_counts(counts).empty:
        raise DesignError("no days to draw", field="counts", expected="a day or more", found="none")
    words = series_label(counts.name, None if isinstance(label, str) else label)
    told = label if isinstance(label, str) else str(words or outcome_label(counts.name))
    return told, f"{words.event}s" if words else "announced pauses"


LONGEST_LINE = 9  # letters that fit into a tile
REGION_LABELS = {"Kyiv": "Kyiv oblast"}  # the key alone would be read as the city, which is a region of its own


def region_label(region: str) -> str:
    """What readers see for a region's key: short, and never one place for another.

    Examples
    --------
    >>> region_label("Kyiv"), region_label("Kyiv City"), region_label("Lviv")
    ('Kyiv oblast', 'Kyiv City', 'Lviv')
    """
    return REGION_LABELS.get(region, region)


def two_lines(name: str) -> str:
    """A name that fits into a tile: broken at its space or hyphen, or in the middle."""
    if len(name) <= LONGEST_LINE:
        return name
    if " " in name:
        return name.replace(" ", "\n", 1)
    first, hyphen, second = name.partition("-")
    return f"{first}-\n{second}" if hyphen else f"{name[: len(name) // 2]}-\n{name[len(name) // 2 :]}"


TOP, LINE, LABELS = 2.4, 0.2, 1.3  # inches: the ratios, each line of the choices, their names


def draw_curve(
    frame: pd.DataFrame,
    choices: Sequence[tuple[str, str]],
    *,
    title: str = "",
    ours: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Draw sorted ratios with their intervals, and below a matrix of the choices that led to each.

    `frame` is that of `SpecificationCurve.to_frame`; `choices` are the lines of the matrix, as (axis, name), those that
    no possible row has in grey. `ours`: launches are counted. Returns the upper part.
    """
    import seaborn as sns
    from mpl_toolkits.axes_grid1 import make_axes_locatable

    lines = list(dict.fromkeys(line for axis, name in choices for line in ((axis, ""), (axis, name))))  # with headings
    shown = frame[frame["impossible"] == ""].sort_values("ratio", kind="stable").reset_index(drop=True)
    if ax is None:
        ax = new_axes(height=TOP + LINE * len(lines) if len(shown) else 1.0)
        ax.figure.set_figwidth(WIDTH - LABELS)
    if shown.empty:
        ax.text(0.5, 0.5, "no combination of choices is possible", ha="center", transform=ax.transAxes)
        ax.set_axis_off()
        return ax
    told, silent = shown["verdict"].isin([FEWER, MORE]), shown["ratio"] == 0
    colours = np.where(told, SEEN, EXPECTED)
    low = shown["ratio_low"].mask(silent, shown["expected_low"] / shown["expected"])
    high = shown["ratio_high"].mask(silent, shown["expected_high"] / shown["expected"]).fillna(LARGEST_SHOWN)
    ax.vlines(shown.index, low, high, color=np.where(silent, EXPECTED, colours), lw=1.4, alpha=0.5)
    sns.scatterplot(x=shown.index, y=shown["ratio"], c=colours, s=16, linewidth=0, ax=ax, zorder=3, clip_on=False)
    main = np.flatnonzero(shown["main"])
    ax.plot(main, shown["ratio"].iloc[main], ls="none", marker="D", ms=7, color=PAUSE, mec=INK, zorder=4, clip_on=False)
    ax.axhline(1, color=INK, lw=0.8, ls=":")
    ax.set(xlim=(-1.5, len(shown) + 0.5), ylim=(0, min(LARGEST_SHOWN, max(1.1, high.max()))), xticks=[])
    ax.set(xlabel="", ylabel="launched / expected" if ours else "seen / expected")

    below = make_axes_locatable(ax).append_axes("bottom", size=f"{100 * LINE * len(lines) / TOP:.0f}%", pad=0.08)
    below.set_yticks(range(len(lines)), [name or axis for axis, name in lines], fontsize=SMALL)
    for line, ((axis, name), label) in enumerate(zip(lines, below.get_yticklabels(), strict=True)):
        here = np.flatnonzero(shown[axis] == name)
        below.plot(here, np.full(len(here), line), ls="none", marker="|", ms=8, mew=1.6, color=INK)
        label.set(fontweight="normal" if name else "bold", color=INK if len(here) or not name else "#767676")
    for place in main:
        below.axvline(place, color=PAUSE, lw=3, alpha=0.6, zorder=0)
    below.set(xlim=ax.get_xlim(), ylim=(len(lines) - 0.4, -0.6), xticks=[])
    below.tick_params(axis="y", length=0)
    sns.despine(ax=below, left=True, bottom=True)
    zero = f" Where nothing {'flew' if ours else 'was seen'}, the line shows where ordinary windows lie."
    caption = "Orange: main specification. Blue: told from chance on its own. Lines: intervals; dotted: as expected."
    return finish(ax, title=title, caption=caption + zero * bool(silent.any()), left=0.01 - LABELS / (WIDTH - LABELS))
