"""The figures for readers, drawn: from the frames of `storyboard` to matplotlib figures, SVG and PNG.

Backgrounds are transparent and ink is a middle grey that shows on white and on dark; in SVG it is the page's own ink.
"""

from __future__ import annotations

import io
import re
from calendar import month_name
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial, wraps
from hashlib import sha256
from html import escape
from textwrap import fill as fill_lines
from typing import TYPE_CHECKING, Any, ParamSpec

import numpy as np
import pandas as pd

import analysis.storyboard as story
from analysis.campaigns import Campaigns
from analysis.days import PROVISIONAL
from analysis.figures import PAGE_INK as INK
from analysis.figures import SEEN, SMALL, region_label, two_lines
from analysis.series import SALVO_MISSILES
from analysis.words import amount, capital, outcome_label, span_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDE, PHONE = 7.2, 4.0  # inches
GREY, STRIPE = "#8f8f8f", "#8c8c8c"  # three to one on white and on dark
CREDIT = "strike-pauses, CC BY 4.0."
LINE = 0.17  # inches, of small print
LESS, SURGE = SEEN, "#d55e00"  # one hue for fewer, another for more
LOOK = {
    "font.family": "DejaVu Sans",
    "font.size": SMALL,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "svg.fonttype": "none",
    "text.parse_math": False,  # a name may hold dollars
    "svg.hashsalt": "strike-pauses",
    **dict.fromkeys(["text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color"], INK),
}
CLASS = "storyboard"
STYLE = f"<style>.{CLASS}{{color:#333}}@media(prefers-color-scheme:dark){{.{CLASS}{{color:#d6d6d6}}}}</style>"
CUT = 4.0  # times the expected number
P = ParamSpec("P")
fill = partial(fill_lines, break_on_hyphens=False)


def _in_look(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    @wraps(draw)
    def drawn(*args: P.args, **options: P.kwargs) -> Figure:
        import matplotlib as mpl

        with mpl.rc_context(LOOK):
            return draw(*args, **options)

    return drawn


def svg(figure: Figure, *, alt: str = "", tight: bool = False) -> str:
    """The figure as SVG, the same on every run: text stays text, ink is the page's own, in dark mode; or `tight`."""
    import matplotlib as mpl

    buffer, box = io.StringIO(), "tight" if tight else None
    with mpl.rc_context(LOOK):
        figure.savefig(buffer, format="svg", bbox_inches=box, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = re.sub(r'<g id="[^"]*"', "<g", text[text.index("<svg") :])
    own = sha256(text.encode()).hexdigest()[:8]  # names would repeat from figure to figure of a page
    text = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{own}-", text)
    text = text.replace(INK, "currentColor").replace("'DejaVu Sans'", "'DejaVu Sans', Verdana, sans-serif")
    head = f'<svg class="{CLASS}" role="img" aria-label="{escape(alt)}" '
    return text.replace("<svg ", head, 1).replace(">", f">{STYLE}", 1)


@dataclass(frozen=True)
class _Sheet:
    """A figure measured in inches from the upper left corner of what is drawn, below its title."""

    figure: Figure
    head: float

    def axes(self, x: float, y: float, width: float, height: float, **options: Any) -> Axes:
        w, h = self.figure.get_size_inches()
        return self.figure.add_axes((x / w, 1 - (self.head + y + height) / h, width / w, height / h), **options)

    def say(self, x: float, y: float, words: str, **look: Any) -> None:
        """Words whose upper edge is at y, or what `va` says."""
        w, h = self.figure.get_size_inches()
        self.figure.text(x / w, 1 - (self.head + y) / h, words, **({"va": "top", "linespacing": 1.15} | look))


def _sheet(width: float, height: float, words: story.Words | None) -> _Sheet:
    """A sheet with title above and how to read it below where there are words."""
    from matplotlib.figure import Figure

    title = fill(words.title, int(width * 10.3)) if words else ""
    note = fill(f"{words.reading} {words.caption} {CREDIT}", int(width * 14.6)) if words else ""
    head = 0.2 * (title.count("\n") + 1) + 0.1 if title else 0.0
    foot = LINE * (note.count("\n") + 1) + 0.1 if note else 0.0
    sheet = _Sheet(Figure(figsize=(width, head + height + foot)), head)
    sheet.say(0.02, 0.03 - head, title, fontsize=11, fontweight="bold")
    sheet.say(0.02, height + 0.08, note)
    return sheet


@_in_look
def draw_campaigns(found: Campaigns, words: story.Words, *, width: float = WIDE, titled: bool = True) -> Figure:
    """The large raids in the look of these figures, with the words for readers instead of its own."""
    sheet, left, high = _sheet(width, 2.95, words if titled else None), 1.15, 2.5
    said = len(sheet.figure.texts)
    ax = found.plot(sheet.axes(left, 0.05, width - left - 0.2, high))
    ax.set_title("", loc="left")
    for text in sheet.figure.texts[said:]:
        text.remove()
    return sheet.figure


def _dates(first: pd.Timestamp, last: pd.Timestamp) -> str:
    return re.sub(r"([A-Z][a-z]{2})[a-z]+", r"\1", span_text(first, last)).replace(" to ", "–")


def _short(name: str) -> str:
    """A pause's name without the date that stands beside it."""
    return re.sub(rf",? (\d+-\d+ )?(({'|'.join(month_name[1:])}) )?20\d\d$", "", name)


@_in_look
def draw_nine_pauses(frame: pd.DataFrame, *, width: float = WIDE, titled: bool = True) -> Figure:
    """A panel a pause: drones divided by expected, by day, from `nine_pauses_frame`; one column for a phone."""
    names, columns = frame["pause"].unique(), 3 if width >= WIDE else 1
    left, gap = 0.72, 0.22
    panel = (width - left - gap * (columns - 1) - 0.05) / columns
    header, high = (0.76, 1.35) if columns > 1 else (0.58, 1.1)
    step = header + high + 0.36
    sheet = _sheet(width, -(-len(names) // columns) * step, story.nine_pauses_words(frame) if titled else None)
    for i, name in enumerate(names):
        row, column = divmod(i, columns)
        part, x, y = frame[frame["pause"] == name], left + column * (panel + gap), row * step
        first, letters = part.iloc[0], int(panel * 11.3)
        heading = fill(_short(first["name"]), letters)
        told = ": ".join(filter(None, [_dates(first["first_day"], first["last_day"]), first["word"]]))
        sheet.say(x, y, heading, fontweight="bold")
        sheet.say(x, y + LINE * (1 + heading.count("\n")), fill(told, letters))
        ax = sheet.axes(x, y + header, panel, high)
        _draw_pause(ax, part)
        ax.set_yticks([0, 1, 2, 3, 4], ["0", "expected", "2 times", "3 times", "4 times"] if not column else [])
    return sheet.figure


def _draw_pause(ax: Axes, part: pd.DataFrame) -> None:
    first, last = part["offset"].min(), part["offset"].max()
    ax.set(xlim=(first - 0.7, last + 0.7), ylim=(0, CUT + 1.6))
    ticks = range(first + story.WEEK, last, story.WEEK)
    ax.set_xticks(ticks, [_signed(day) if day else "start" for day in ticks])
    ax.spines["left"].set_bounds(0, CUT)
    if (part["basis"] == "not usable").all():
        ax.text(0, CUT / 2, "no usable counts", ha="center")
        return
    _stripe(ax, part.loc[part["role"] == "another pause", "offset"], STRIPE)
    _stripe(ax, part.loc[part["role"] == "pause", "offset"], LESS)
    hues = np.where(part["role"] == "pause", LESS, GREY)
    ax.bar(part["offset"], part["multiple"].clip(upper=CUT), 0.78, color=hues, lw=0)
    ax.axhline(1, color=INK, lw=0.8)
    _mark_days(ax, part["offset"], part["basis"])
    for row in part[part["multiple"] > CUT].itertuples():
        ax.annotate(f"{amount(row.drones)} drones", (row.offset, CUT), ha="center", va="bottom")
    raids = part[part["missiles"] >= SALVO_MISSILES]
    _triangles(ax, raids["offset"], raids["missiles"], CUT + 0.75)


def _stripe(ax: Axes, days: Sequence[float], colour: str) -> None:
    for day in days:  # pale, with an edge above that is seen on white and on dark
        ax.axvspan(day - 0.5, day + 0.5, color=colour, alpha=0.15, lw=0, zorder=0)
        edge = {"transform": ax.get_xaxis_transform(), "solid_capstyle": "butt", "clip_on": False}
        ax.plot([day - 0.5, day + 0.5], [1, 1], color=colour, lw=2, **edge)


def _mark_days(ax: Axes, at: pd.Series, basis: pd.Series) -> None:
    """On the axis: a circle for an inferred zero, a diamond for a night typed in, a cross for no report."""
    for kind, mark in ((story.INFERRED, "o"), (PROVISIONAL, "D"), ("no report", "x")):
        here = at[basis == kind]
        if len(here):
            ax.plot(here, np.zeros(len(here)), mark, ms=5, mfc="none", mec=INK, mew=1.4, clip_on=False, zorder=5)


def _triangles(ax: Axes, at: Sequence[float], counts: Sequence[float], height: float, *, apart: float = 3) -> None:
    """Raids as triangles with their counts above; where two lie close, only the larger has its number."""
    at, counts = np.asarray(at), np.asarray(counts)
    ax.plot(at, np.full(len(at), height), "v", ms=4, color=INK, mew=0, clip_on=False)
    for place, count in zip(at, counts, strict=True):
        near = (np.abs(at - place) < apart) & ((counts > count) | ((counts == count) & (at < place)))
        if not near.any():
            note: dict[str, Any] = {"xytext": (0, 3), "textcoords": "offset points", "ha": "center", "va": "bottom"}
            ax.annotate(amount(count), (place, height), annotation_clip=False, **note)


# --- C ---

ROWS = {
    story.DRONES: "Drones launched; dashes: expected; triangles: missiles",
    story.SIRENS: "Minutes of sirens in Kyiv",
    story.ENERGY: "Energy hit, as reported",
}
ROOM = 21  # points a day, for numbers of three digits side by side; minutes are bars where there is less
FADES = 8  # steps of a bar that fades where no edge was named


@_in_look
def draw_claims(frame: pd.DataFrame, *, width: float = WIDE, titled: bool = True) -> Figure:
    """Claims as bars, launches as columns, sirens and energy as squares, from `claims_frame`."""
    claims, days = frame[frame["part"] == story.CLAIM], frame[frame["part"] != story.CLAIM]
    first, last = days["start"].min(), days["end"].max()
    days = days.assign(x=(days["start"] - first).dt.days + 0.5)
    shown = [part for part in ROWS if (days["part"] == part).any()]
    left, wide = 0.4, width - 0.45
    room = 72 * wide / (last - first).days  # points a day
    heights = {story.DRONES: 1.55, story.SIRENS: 0.24 if room > ROOM else 0.45, story.ENERGY: 0.24}
    below = sum(heights[part] + 0.26 for part in shown)
    sheet = _sheet(width, 0.36 * len(claims) + below + 0.3, story.claims_words(frame) if titled else None)
    ax = sheet.axes(left, 0, wide, 0.36 * len(claims))
    for place, claim in enumerate(claims.itertuples()):
        sheet.say(left, 0.36 * place, claim.label, fontweight="bold" if claim.state == "main" else "normal")
        _draw_claim(ax, claim, place + 0.65, first, last)
    ax.set(ylim=(len(claims), 0), yticks=[])
    y = 0.36 * len(claims) + 0.06
    axes = [ax]
    for part in shown:
        here = days[days["part"] == part]
        tallest = f"; the tallest bar: {amount(here['value'].max())}" * (part == story.SIRENS and room <= ROOM)
        sheet.say(left, y, ROWS[part] + tallest)
        ax = sheet.axes(left, y + 0.2, wide, heights[part])
        if part == story.DRONES:
            _draw_launches(ax, here, days[days["part"] == story.MISSILES], roomy=room > 9)
        else:
            _draw_squares(ax, here, room=room)
        _stripe(ax, here.loc[here["inside"], "x"], LESS)
        y += heights[part] + 0.26
        axes.append(ax)
    step = max(1, round(0.55 * (last - first).days / wide))
    ticks = pd.date_range(first, last - pd.Timedelta(days=1), freq=f"{step}D")
    for ax in axes:
        ax.set(xlim=(0, (last - first).days), xticks=[])
    axes[-1].set_xticks([(day - first).days + 0.5 for day in ticks], [f"{day.day} {day:%b}" for day in ticks])
    for ax in [axes[0], *axes[2:]]:
        ax.spines[:].set_visible(False)
        ax.tick_params(length=0)
    return sheet.figure


def _draw_claim(ax: Axes, claim: Any, y: float, first: pd.Timestamp, last: pd.Timestamp) -> None:
    """A bar from edge to edge, clipped to what is shown; towards an edge that nobody named it fades."""
    day = pd.Timedelta(days=1)
    if pd.isna(claim.start) and pd.isna(claim.end):
        ax.text(0, y, "no dates named", va="center", style="italic")
        return
    start, end = (None if pd.isna(edge) else (edge - first) / day for edge in (claim.start, claim.end))
    low, high = start or 0.0, (last - first) / day if end is None else end
    if start is not None and end is not None:
        main = claim.state == "main"
        ax.barh(y, high - low, 0.3, low, color=LESS, alpha=0.9 if main else 0.45, lw=0)
        ax.barh(y, high - low, 0.3, low, color="none", ec=INK if main else LESS, lw=1.5 if main else 1)
        return
    piece = (high - low) / FADES
    for i in range(FADES):
        strength = (i + 1 if start is None else FADES - i) / FADES
        ax.barh(y, piece, 0.3, low + i * piece, align="edge", color=LESS, alpha=0.5 * strength, lw=0)


def _draw_launches(ax: Axes, drones: pd.DataFrame, missiles: pd.DataFrame, *, roomy: bool) -> None:
    top = np.nanmax(drones[["value", "expected"]])
    ax.bar(drones["x"], drones["value"], 0.78, color=np.where(drones["inside"], LESS, GREY), lw=0)
    ax.step([*(drones["x"] - 0.5), drones["x"].max() + 0.5], [*drones["expected"], drones["expected"].iloc[-1]],
            where="post", color=INK, lw=1.2, ls=(0, (3, 2)))  # fmt: skip
    _mark_days(ax, drones["x"], drones["state"])
    raids = missiles[missiles["value"] >= (1 if roomy else SALVO_MISSILES)]
    _triangles(ax, raids["x"], raids["value"], 1.14 * top, apart=1 if roomy else 3)
    ax.set_ylim(0, 1.42 * top)
    ax.spines["left"].set_bounds(0, top)
    ax.set_yticks([tick for tick in ax.get_yticks() if tick <= top])


def _draw_squares(ax: Axes, part: pd.DataFrame, *, room: float) -> None:
    from matplotlib.patches import Rectangle

    roomy, most = room > ROOM, max(1.0, part["value"].max())
    for row in part.itertuples():
        if row.part == story.SIRENS and np.isnan(row.value):
            continue
        corner, look = (row.x - 0.45, 0.05), {"ec": INK, "lw": 0.8}
        if row.part == story.SIRENS:
            high, strength = (0.9, 0.3 * (row.value > 0)) if roomy else (0.9 * row.value / most, 1.0)
            ax.add_patch(Rectangle(corner, 0.9, high, fc=STRIPE, alpha=strength, lw=0))
            look["lw"] = 0.8 * roomy
            ax.text(row.x, 0.46, amount(row.value) if roomy else "", ha="center", va="center")
        elif row.state in ("reported", "near the front only"):
            ax.add_patch(Rectangle(corner, 0.9, 0.9 if row.state == "reported" else 0.45, fc=INK, lw=0))
        elif row.state == "nothing readable":
            look = {"ec": STRIPE, "lw": 0, "hatch": "/////"}
        ax.add_patch(Rectangle(corner, 0.9, 0.9, fc="none", **look))
    ax.set(ylim=(0, 1), yticks=[])


# --- B ---

BIN, DOT = 0.05, 3.0  # width of a stack of dots in launched over expected; points from dot to dot


@_in_look
def draw_unusual(frame: pd.DataFrame, *, width: float = WIDE, titled: bool = True) -> Figure:
    """A pause among 100 dots for ordinary spells of its length, a row each, from `unusual_frame`."""
    stacks = np.floor(frame["ratio"].clip(upper=story.MOST - BIN / 2) / BIN + 1e-9)
    frame = frame.assign(x=(stacks + 0.5) * BIN, level=frame.groupby(["pause", "outcome", "kind", stacks]).cumcount())
    narrow, head = width < WIDE, LINE * (2 if width < WIDE else 1)
    short = frame["outcome"].eq(story.MISSILES) & ~frame["testable"]
    told = frame[short & (frame["kind"] == "pause")].to_dict("records")
    aside = {row["pause"]: f"; missiles: {story.how_often(row)}" for row in told if row["n_placebo"]}
    rows = [part for _, part in frame[~short].groupby(["pause", "outcome"], sort=False)]
    high = [DOT * (part["level"].max() + 2) / 72 if len(part) > 1 else 0.0 for part in rows]
    heights = [head + dots + 0.16 if dots else LINE + 0.1 for dots in high]
    sheet = _sheet(width, sum(heights) + 0.6, story.unusual_words(frame) if titled else None)
    ax = None
    for i, part in enumerate(rows):
        y, row = sum(heights[:i]), part.iloc[0]
        missiles, often = row["outcome"] == story.MISSILES, story.how_often(row)
        if not high[i]:
            sheet.say(0.1, y, f"{row['name']}: {often}")
            continue
        sheet.say(
            0.1, y, f"{row['name']}, missiles" if missiles else row["name"], fontweight="normal" if missiles else "bold"
        )
        often += "" if missiles else aside.get(row["pause"], "")
        sheet.say(0.1 if narrow else width - 0.1, y + LINE * narrow, often, ha="left" if narrow else "right")
        ax = sheet.axes(0.1, y + head + 0.04, width - 0.2, high[i])
        ordinary = part[part["kind"] == "ordinary"]
        ax.plot(ordinary["x"], ordinary["level"] + 0.5, "o", ms=0.85 * DOT, color=GREY, mew=0)
        ax.axvline(1, color=INK, lw=0.8, zorder=0)
        hue = LESS if row["ratio"] < 1 else SURGE
        ax.plot(min(row["ratio"], story.MOST), 1.2, "o", ms=9, color=hue, mew=0, clip_on=False, zorder=5)
        ax.set(xlim=(-0.03, story.MOST + 0.03), ylim=(0, 72 * high[i] / DOT), yticks=[], xticks=[])
        ax.spines["left"].set_visible(False)
    if ax is not None:
        ax.set_xticks([0, 1, 2, story.MOST], ["0", "1", "2", "3+"])
        below: dict[str, Any] = {"textcoords": "offset points", "ha": "center", "va": "top"}
        for at, words in ((0.35, "← fewer"), (1, "as expected"), (1.65, "more →")):
            ax.annotate(words, (at, 0), (0, -18), **below)
        ax.annotate("launched, in times the expected", (story.MOST / 2, 0), (0, -31), **below)
    return sheet.figure


# --- D ---


@_in_look
def draw_running_sum(frame: pd.DataFrame, *, width: float = WIDE, titled: bool = True) -> Figure:
    """Launched less expected, summed up from the start of the pause, a panel an outcome, from `running_sum_frame`."""
    parts = [part for _, part in frame.groupby("outcome", sort=False)]
    columns = len(parts) if width >= WIDE else 1
    rows, left, high = -(-len(parts) // max(columns, 1)), 0.6, 1.9
    sheet = _sheet(width, max(rows, 0.2) * (high + 0.62), story.running_sum_words(frame) if titled else None)
    panel = width / max(columns, 1) - left - 0.12
    for i, part in enumerate(parts):
        x, y = (i % columns) * width / columns + left, (i // columns) * (high + 0.62)
        label = capital(outcome_label(part["outcome"].iloc[0], short=True))
        sheet.say(x, y, f"{label}: launched − expected", fontweight="bold")
        ax = sheet.axes(x, y + 0.22, panel, high)
        for kind, colour in (("pause", LESS), ("another pause", STRIPE)):
            _stripe(ax, part.loc[part["role"] == kind, "offset"], colour)
        ends = part["offset"] + 0.5  # a sum stands at the end of its day, the first, nought, where the pause starts
        ax.fill_between(ends, part["low"], part["high"], color=STRIPE, alpha=0.22, lw=0)
        ax.axhline(0, color=INK, lw=1.6)
        ax.plot(ends, part["running"], color=LESS, lw=2)
        _label_sums(ax, part)
        ticks = part[part["offset"] % (story.WEEK if len(part) < 30 else story.FORTNIGHT) == 0]
        ax.set_xticks(ticks["offset"], [f"{day.day} {day:%b}" for day in ticks["day"]])
        ax.yaxis.set_major_formatter(lambda value, _: _signed(value))
        ax.margins(x=0.02, y=0.16)
        ax.set_yticks([tick for tick in ax.get_yticks() if ax.get_ylim()[0] <= tick <= ax.get_ylim()[1]])
    return sheet.figure


def _label_sums(ax: Axes, part: pd.DataFrame) -> None:
    """Dots with their numbers: the lowest sum of the pause and the week after, and where it stands after that week."""
    week = story.week_later(part)
    trough = part.loc[part.loc[part["offset"].between(0, week["offset"]), "running"].idxmin()]
    labelled = [trough] if trough["offset"] == week["offset"] else [trough, week]
    for row in labelled if trough["running"] < 0 else [week]:
        hue = LESS if row["running"] < 0 else SURGE
        at = row["offset"] + 0.5, row["running"]
        ax.plot(*at, "o", ms=6, color=hue, mew=0, zorder=5)
        words, below = f"{_signed(row['running'])} by {row['day'].day} {row['day']:%b}", row["running"] < 0
        near = (row["offset"] - part["offset"].min()) / len(part)
        place = {"xytext": (0, -7 if below else 7), "va": "top" if below else "bottom"}
        place["ha"] = "right" if near > 0.6 else "center" if near > 0.3 else "left"
        ax.annotate(words, at, textcoords="offset points", fontweight="bold", **place)


def _signed(value: float) -> str:
    return f"{value:+,.0f}".replace("-", "−") if round(value) else "0"


# --- E ---

TILES = {"less": "#98dcff", "usual": "#cfcfcf", "more": SURGE}
DARK = "#1b1b1b"
FAR = 3.0  # times: the end of the scale, which is one of logarithms


def tile_colour(ratio: float) -> tuple[float, float, float]:
    """Grey as usual, towards pale blue where less, towards red where more; never darker than usual unless it is more.

    >>> tile_colour(1.0) == tile_colour(1.0000001), tile_colour(0) == tile_colour(0.1)
    (False, True)
    """
    from matplotlib.colors import to_rgb

    far = np.clip(np.log(max(ratio, 1e-9)) / np.log(FAR), -1, 1)
    usual, end = (np.array(to_rgb(TILES[name])) for name in ("usual", "more" if ratio > 1 else "less"))
    return tuple(usual + abs(far) * (end - usual))


@_in_look
def draw_region_ratios(frame: pd.DataFrame, *, width: float = WIDE, titled: bool = True) -> Figure:
    """Minutes under alert over usual as a map of tiles, or for a phone as a list, from `region_ratio_frame`."""
    from matplotlib.patches import Rectangle

    words, tiles = story.region_ratio_words(frame) if titled else None, width >= WIDE
    if tiles:
        spots = frame.assign(x=frame["tile_column"] - frame["tile_column"].min(), y=frame["tile_row"], w=0.95, h=0.93)
    else:
        order = frame.sort_values(["ratio", "oblast"], ascending=False, na_position="last")
        spots = order.assign(x=0.0, y=np.arange(len(order), dtype=float), w=1.0, h=0.86)
    across, down = spots["x"].max() + 1, spots["y"].max() + 1
    high = 0.86 if tiles else 0.25
    sheet = _sheet(width, down * high + 0.1, words)
    ax = sheet.axes(0.02, 0, (width if tiles else 0.75) - 0.04, down * high)
    ax.set(xlim=(-0.03, across), ylim=(down, -0.03), xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    unit, minutes = story.unit_of(frame)
    for row in spots.itertuples():
        known, label, lower = pd.notna(row.ratio), region_label(row.oblast), 0.5 if tiles else 0.0
        middle, centre = row.x + row.w / 2, row.y + row.h / 2
        corner, look = (row.x, row.y), {"fc": tile_colour(row.ratio), "lw": 0} if known else {}
        if row.outside:
            look |= {"ec": SURGE if row.outside == "more" else LESS, "lw": 2.4}
        elif not known:
            corner, look = (row.x, row.y + lower), {"fc": "none", "ec": STRIPE, "lw": 0, "hatch": "////"}
        ax.add_patch(Rectangle(corner, row.w, row.h - (not known) * lower, zorder=2 if row.outside else 1, **look))
        ratio = story.ratio_text(row.ratio) if known else ""
        seen, usual = (amount(value / minutes) if known else "" for value in (row.minutes, row.usual))
        ink = {"color": DARK if known else INK, "ha": "center", "va": "center"}
        if tiles:
            ax.text(middle, row.y + 0.27, two_lines(label), linespacing=0.95, **ink)
            ax.text(middle, row.y + 0.55, ratio, fontweight="bold", **ink)
            ax.text(middle, row.y + 0.73, f"{seen} ({usual})" if known else "", **ink)
        else:
            ax.text(middle, centre, ratio, fontweight="bold", **ink)
            sheet.say(0.85, high * centre, label, va="center")
            told = f"{seen} {unit} ({usual})" if known else "not usable"
            sheet.say(width - 0.05, high * centre, told, va="center", ha="right")
    return sheet.figure
