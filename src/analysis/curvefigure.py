"""The picture of a specification curve: sorted ratios above, the choices behind each below."""

import numpy as np

from analysis.figures import EXPECTED, INK, LARGEST_SHOWN, PAUSE, SEEN, finish, new_axes
from analysis.sentences import FEWER, MORE

TOP, LINE = 2.6, 0.21  # inches: the ratios, and each line of the choices


def draw_curve(frame, choices, *, title="", ax=None):
    """Sorted ratios with their intervals, and a matrix of the choices that led to each.

    Parameters
    ----------
    frame : DataFrame
        As from `SpecificationCurve.to_frame`.
    choices : sequence of (axis, name)
        The lines of the matrix, in order.
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
    ax = new_axes(ax, height=TOP + LINE * len(lines))
    shown = frame[frame["impossible"] == ""].sort_values("ratio", kind="stable").reset_index(drop=True)
    if shown.empty:
        ax.text(0.5, 0.5, "no combination of choices is possible", ha="center", transform=ax.transAxes)
        ax.set_axis_off()
        return ax
    below = make_axes_locatable(ax).append_axes("bottom", size=f"{100 * LINE * len(lines) / TOP:.0f}%", pad=0.08)
    told = shown["verdict"].isin([FEWER, MORE])
    colours = np.where(told, SEEN, EXPECTED)
    silent = shown["ratio"] == 0
    low = shown["ratio_low"].mask(silent, shown["expected_low"] / shown["expected"])
    high = shown["ratio_high"].mask(silent, shown["expected_high"] / shown["expected"]).fillna(LARGEST_SHOWN)
    ax.vlines(
        shown.index, low, high.clip(upper=LARGEST_SHOWN), color=np.where(silent, EXPECTED, colours), lw=1.4, alpha=0.5
    )
    sns.scatterplot(x=shown.index, y=shown["ratio"], c=colours, s=16, linewidth=0, ax=ax, zorder=3, clip_on=False)
    main = np.flatnonzero(shown["main"])
    ax.plot(main, shown["ratio"].iloc[main], ls="none", marker="D", ms=7, color=PAUSE, mec=INK, zorder=4, clip_on=False)
    ax.axhline(1, color=INK, lw=0.8, ls=":")
    ax.set(xlim=(-1.5, len(shown) + 0.5), ylim=(0, min(LARGEST_SHOWN, high.max() * 1.05)), xticks=[])
    ax.set(xlabel="", ylabel="launched / expected")

    for line, (axis, name) in enumerate(lines):
        here = np.flatnonzero(shown[axis] == name) if name else np.array([])
        below.plot(here, np.full(len(here), line), ls="none", marker="|", ms=8, mew=1.6, color=INK)
    for place in main:
        below.axvline(place, color=PAUSE, lw=3, alpha=0.6, zorder=0)
    below.set(xlim=ax.get_xlim(), ylim=(len(lines) - 0.4, -0.6), xticks=[])
    below.set_yticks(range(len(lines)), [name or axis for axis, name in lines])
    for label, (_, name) in zip(below.get_yticklabels(), lines, strict=True):
        label.set_fontweight("normal" if name else "bold")
    below.tick_params(axis="y", length=0)
    sns.despine(ax=below, left=True, bottom=True)
    note = "Lines: intervals. " if not silent.all() else "Lines: where ordinary windows lie; nothing flew in this one. "
    return finish(ax, title=title, caption=f"Orange: main specification. Blue: told from chance on its own. {note}")


def _lines(choices):
    """A heading per axis, then its choices."""
    lines = []
    for axis, name in choices:
        if (axis, "") not in lines:
            lines.append((axis, ""))
        lines.append((axis, name))
    return lines
