"""Events in rows over time, a picture."""

import pandas as pd

from analysis.figures import EXPECTED, PAUSE, SEEN, finish, new_axes
from analysis.vocabulary import MODEL
from analysis.words import capital

HALF = pd.Timedelta(hours=12)


def draw_rows(marks, spans, *, rows, title="", ax=None):
    """A dot an event (marks: day, row, hit), filled where it was a hit; spans (first_day, last_day) are shaded."""
    ax = new_axes(ax, height=0.9 + 0.3 * len(rows))
    for span in spans.itertuples():
        ax.axvspan(span.first_day - HALF, span.last_day + HALF, color=PAUSE, alpha=0.5, lw=0.8)
    place = marks["row"].map({row: position for position, row in enumerate(rows)})
    for hit, colour in ((False, "white"), (True, SEEN)):
        shown = marks["hit"] == hit
        ax.scatter(marks["day"][shown], place[shown], s=26, color=colour, edgecolor=SEEN, linewidth=0.8, zorder=3)
    first, last = marks["day"].min(), marks["day"].max()
    ticks = pd.date_range(first, last, freq="MS")
    if last - first > pd.Timedelta(days=365):
        ticks = ticks[ticks.month.isin([4, 10])]
    for tick in ticks:
        ax.axvline(tick, color=EXPECTED, lw=0.6, ls=":", zorder=0)
    ax.set_xticks(ticks, [f"{tick:%b}\n{tick:%Y}" for tick in ticks])
    ax.set_yticks(range(len(rows)), rows)
    ax.set(ylim=(len(rows) - 0.5, -0.5), xlabel="", ylabel="")
    ax.tick_params(axis="y", length=0)
    return finish(
        ax,
        title=title,
        caption=f"Filled: a hit on energy. Shaded: pauses. {capital(MODEL)}.",
    )
