"""The picture of a specification curve: sorted ratios above, the choices behind each below."""

import numpy as np

from analysis.figures import EXPECTED, INK, LARGEST_SHOWN, PAUSE, SEEN, SMALL, WIDTH, finish, new_axes
from analysis.sentences import FEWER, MORE

TOP, LINE, LABELS = 2.4, 0.2, 1.3  # inches: the ratios, each line of the choices, their names


def draw_curve(frame, choices, *, title="", ax=None):
    """Sorted ratios with their intervals, and below a matrix of the choices that led to each.

    Parameters
    ----------
    frame : DataFrame
        As from `SpecificationCurve.to_frame`.
    choices : sequence of (axis, name)
        The lines of the matrix, in order; those that no possible row has are grey.
    title : str
    ax : matplotlib Axes, optional
        Gives its place to both parts.

    Returns
    -------
    matplotlib Axes
        The upper part.
    """
    import seaborn as sns
    from mpl_toolkits.axes_grid1 import make_axes_locatable

    lines = _lines(choices)
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
    ax.set(xlabel="", ylabel="launched / expected")

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
    zero = " Where nothing flew, the line shows where ordinary windows lie." if silent.any() else ""
    caption = "Orange: main specification. Blue: told from chance on its own. Lines: intervals; dotted: as expected."
    return finish(ax, title=title, caption=caption + zero, left=0.01 - LABELS / (WIDTH - LABELS))


def _lines(choices):
    """A heading per axis, then its choices."""
    lines = []
    for axis, name in choices:
        if (axis, "") not in lines:
            lines.append((axis, ""))
        lines.append((axis, name))
    return lines
