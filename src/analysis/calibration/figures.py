"""Pictures of the size study."""

from analysis.calibration.promises import percent
from analysis.figures import EXPECTED, INK, PAUSE, SEEN, finish, new_axes
from analysis.placebo import POWER
from analysis.words import capital, days_text, listed, outcome_label


def draw_rates(rows, *, value, band, label, by_length=True, title="", ax=None):
    """Measured rates as dots with two Monte Carlo standard errors to both sides, over the promised band.

    Parameters
    ----------
    rows : DataFrame
        Columns label, length, the value and its standard error in a column ending in _se.
    value : str
        The column of the value, a share.
    band : (float, float)
        What was promised, as shares.
    label : str
        For the axis, which is in per cent.
    by_length : bool
        Several dots a line, coloured by the length of the window; otherwise one.
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


def draw_power(table, process, *, test="automatic", title="", ax=None):
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


def draw_real(study, *, outcome, ax=None):
    """Falls and rises found in windows that are no pause, by quarter and length."""
    import seaborn as sns

    own = _quarters(study, outcome)
    tidy = own.melt(["quarter", "length"], ["lower", "upper"], var_name="tail", value_name="share")
    ax = new_axes(ax)
    ax.axhline(2.5, color=EXPECTED, lw=3, alpha=0.5)
    sns.pointplot(
        tidy.assign(share=100 * tidy["share"], tail=tidy["tail"].map({"lower": "falls", "upper": "rises"})),
        x="quarter", y="share", hue="tail", palette={"falls": SEEN, "rises": PAUSE}, errorbar=("pi", 100), dodge=0.3,
        linestyle="none", markersize=4, err_kws={"linewidth": 1}, ax=ax,
    )  # fmt: skip
    ax.legend(title="", frameon=False, fontsize=8.5)
    ax.tick_params(axis="x", labelsize=8)
    ax.set(xlabel="", ylabel="found in per cent of windows")
    note = f"Grey: the 2.5 per cent asked for. Dot and bar: mean and range over {_lengths(own)}."
    return finish(ax, title=capital(outcome_label(outcome)), caption=note)


def describe_real_quarters(study, *, outcome):
    """Alternative text for `draw_real`: what its dots and bars show, quarter by quarter."""
    own = _quarters(study, outcome)
    parts = [
        f"{quarter} falls {_mean_and_range(rows['lower'])}, rises {_mean_and_range(rows['upper'])}"
        for quarter, rows in own.groupby("quarter")
    ]
    lead = f"{capital(outcome_label(outcome))}, falls and rises found in windows that are no pause, by quarter"
    return f"{lead}; mean and range over {_lengths(own)}. {'; '.join(parts)}."


def _quarters(study, outcome):
    """The cells of the picture of real series."""
    return study.query("outcome == @outcome and test == 'window shift' and quarter != 'all'")


def _lengths(own):
    *first, last = sorted(own["length"].unique())
    return listed([*map(str, first), days_text(last)])


def _mean_and_range(shares):
    ends = " to ".join(dict.fromkeys(percent(end) for end in (shares.min(), shares.max())))
    return f"{percent(shares.mean())} ({ends})" if " to " in ends else ends
