"""Pictures of regions: tile map, small multiples, ranks. Values are also written out: grey print loses nothing."""

from itertools import zip_longest
from textwrap import fill

import pandas as pd

from analysis.figures import CAPTION_LETTERS, EXPECTED, INK, PAUSE, SEEN, SMALL, SOFT, WIDTH, finish, new_axes
from analysis.sentences import days_text

LONGEST_LINE = 9  # letters that fit into a tile
LABELS = {"Kyiv": "Kyiv oblast"}  # the key alone would be read as the city, which is a region of its own
MARKS = {"more": "▲", "less": "▼", "": ""}
LARGEST_RATIO = 3.0


def draw_tile_map(shares, *, title="", ax=None):
    """Draw each region's share of all alert-minutes over its usual share, on a map of tiles.

    Parameters
    ----------
    shares : DataFrame
        Columns tile_row, tile_column, ratio (NaN: not usable), outside ("more", "less" or ""); index of regions.
    """
    import seaborn as sns

    ax = new_axes(ax, height=3.3)
    rows, columns = (range(int(shares[side].max()) + 1) for side in ("tile_row", "tile_column"))
    grid = shares.pivot(index="tile_row", columns="tile_column", values="ratio").reindex(index=rows, columns=columns)
    look = {"cmap": "Blues", "vmin": -0.6, "vmax": LARGEST_RATIO, "cbar": False, "linewidths": 2, "linecolor": "white"}
    sns.heatmap(grid, ax=ax, **look)
    for name, tile in shares.iterrows():
        known, x, y = pd.notna(tile["ratio"]), tile["tile_column"] + 0.5, tile["tile_row"] + 0.5
        ink = "white" if known and tile["ratio"] > LARGEST_RATIO / 2 else INK
        value = f"{tile['ratio']:.1f}×{MARKS[tile['outside']]}" if known else "not\nusable"
        label = _two_lines(region_label(name))
        ax.text(x, y - 0.16, label, ha="center", va="center", fontsize=7.8, color=ink, linespacing=0.9)
        ax.text(x, y + 0.27, value, ha="center", va="center", fontsize=10 if known else 7, color=ink, linespacing=0.9,
                fontweight="bold" if known else "normal")  # fmt: skip
    ax.set(xlabel="", ylabel="", xticks=[], yticks=[])
    note = "Share of all alert-minutes over usual share: 0.5× is half of it. ▲\u00a0above, "
    finish(ax, title=title, caption=note + "▼\u00a0below the range of 95 of 100 ordinary windows.")
    ax.spines[:].set_visible(False)
    return ax


def draw_region_windows(windows, shares, *, days):
    """Draw each region's share in running windows, with its ordinary band and the window asked about.

    Parameters
    ----------
    windows, shares : DataFrame
        As from `analysis.regions.estimate_shares`.
    days : DatetimeIndex
        The window asked about.

    Returns
    -------
    matplotlib Axes
        The first of the grid.
    """
    import matplotlib.pyplot as plt
    import seaborn as sns

    if windows.empty:
        return draw_tile_map(shares, title="No ordinary window to compare with")
    order = (shares["share"] - shares["usual"])[windows.columns].sort_values(ascending=False, kind="stable").index
    rows = -(-len(order) // 2)
    margins = {"left": 0.07, "right": 0.99, "bottom": 0.3 / rows, "top": 1 - 0.25 / rows, "hspace": 0.8, "wspace": 0.15}
    figure, axes = plt.subplots(rows, 2, figsize=(WIDTH, 0.8 * rows), sharex=True, squeeze=False, gridspec_kw=margins)
    sns.despine(figure)
    percent = 100 * windows.asfreq("D")  # days left out are gaps, not lines
    for region, ax in zip_longest(order, axes.flat):
        if region is None:
            ax.set_axis_off()
            continue
        row = shares.loc[region]
        ax.plot(percent[region], color=INK, lw=0.8)
        ax.axhspan(100 * row["low"], 100 * row["high"], color=EXPECTED, alpha=0.3, lw=0)
        ax.axvline(days[0], color=PAUSE, lw=1)
        ax.plot(days[0], 100 * row["share"], marker="o", ms=6, color=PAUSE, mec=INK, clip_on=False)
        ax.set_title(
            f"{region_label(region)} {row['share']:.0%}, usually {row['usual']:.0%}", loc="left", fontsize=SMALL
        )
        ax.set(xticks=[], ylim=(0, None))
        ax.tick_params(labelsize=8, length=2, colors=INK)
    span = " to ".join(f"{day.day} {day:%B %Y}" for day in (windows.index[0], windows.index[-1]))
    note = f"Share of all alert-minutes in %, windows of {days_text(len(days))} that start from {span}. Orange: the "
    note += "pause. Grey, where shown: 95 of 100 ordinary windows."
    figure.text(0.02, 0.15 / rows, fill(note, CAPTION_LETTERS), va="top", fontsize=SMALL, color=SOFT)
    return axes[0, 0]


def draw_region_ranks(shares, *, named, title="", ax=None):
    """Draw every region's share over usual share on one line, the named ones filled: a picture, not a test."""
    from matplotlib.patheffects import withStroke

    ax = new_axes(ax, height=2.3)
    ratio = shares["ratio"].dropna().clip(upper=LARGEST_RATIO).round(1).sort_index(key=lambda names: names.isin(named))
    level, filled = ratio.groupby(ratio).cumcount(), ratio.index.isin(named)
    for shown, colour in ((~filled, "white"), (filled, SEEN)):
        ax.scatter(ratio[shown], level[shown], s=60, color=colour, edgecolor=INK, clip_on=False, zorder=4)
    for x, regions in ratio[filled].groupby(ratio[filled]).groups.items():  # one label for all that lie together
        note = {"xytext": (-4 if x < 1 else 4, 7), "textcoords": "offset points", "fontsize": SMALL}
        note |= {"path_effects": [withStroke(linewidth=2, foreground="white")]}  # the dotted line may run behind
        named_here, top = " and ".join(map(region_label, regions)), level[regions].max()
        ax.annotate(named_here, (x, top), ha="left" if x < 1 else "right", **note)
    ax.axvline(1, color=INK, lw=0.8, ls=":", zorder=0)
    ax.set(xlim=(-0.15, LARGEST_RATIO + 0.15), ylim=(-0.8, None), yticks=[], ylabel="", xlabel="share / usual share")
    finish(ax, title=title, caption="One circle a region, to the nearest tenth; 3 stands for 3 and more.")
    ax.spines["left"].set_visible(False)
    return ax


def region_label(region):
    """What readers see for a region's key: short, and never one place for another.

    Examples
    --------
    >>> region_label("Kyiv"), region_label("Kyiv City"), region_label("Lviv")
    ('Kyiv oblast', 'Kyiv City', 'Lviv')
    """
    return LABELS.get(region, region)


def _two_lines(name):
    """A name that fits into a tile: broken at its space or hyphen, or in the middle."""
    if len(name) <= LONGEST_LINE:
        return name
    if " " in name:
        return name.replace(" ", "\n", 1)
    first, hyphen, second = name.partition("-")
    return f"{first}-\n{second}" if hyphen else f"{name[: len(name) // 2]}-\n{name[len(name) // 2 :]}"
