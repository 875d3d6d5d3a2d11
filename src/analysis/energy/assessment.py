"""What was found about energy in one pause, arranged for reading: each measure, how sure it is, what it cannot see."""

from dataclasses import dataclass

import pandas as pd

from analysis.assessment import NIGHTS_AROUND, Assessment
from analysis.effects import EffectsRecord, shown, to_frame
from analysis.energy.measures import MEASURES, NATIONAL, days_around
from analysis.energy.reciprocity import READINGS
from analysis.energy.shares import SAME_WEEKDAY
from analysis.layout import ONE_DAY
from analysis.pauses import Pause
from analysis.sentences import DEPENDS, FEWER, MORE, NO_CHANGE, NOT_TESTABLE, amount, days_phrase, finding

PAUSE = "pause"
WEEKS_AROUND = 10
WITNESSES = (
    "The measures are no independent witnesses: reports and articles come from the same outlets, which repeat the "
    "same statements of officials, and what Russia declares comes from a party to the pause."
)
CEILING = "consistent with sparing, not established: a truce itself makes officials say that nothing was hit"
NUMBERS = {"observed": "seen", "expected": "usual", "p value": "p", "p min": "p at best"}


@dataclass(frozen=True)
class EnergyAssessment:
    """What the measures say about energy in one pause, and whether the other side held back.

    Attributes
    ----------
    pause : Pause
    claim : str
        The claim in question; the pause's other claims have rows of their own.
    measures : tuple of str
        Keys of `MEASURES`.
    effects : tuple of PauseEffect
        Energy by measure, place and claim; then the Ukrainian drones that Russia says it shot down.
    series : dict of str to DataFrame
        The main daily series of each measure, as from `energy_days`.
    corners : dict of str to dict
        The effects of counting open days either way, as from `bound_energy`.
    regression : dict or None
        As from `regress_any_hit`.
    weeks : DataFrame
        Weekly declarations around the pause: week to, pause (before, in, after), named first.
    launched : Series
        Drones launched at Ukraine by day.
    coders : str
        Who coded the reports.
    """

    pause: Pause
    claim: str
    measures: tuple
    effects: tuple
    series: dict
    corners: dict
    regression: dict | None
    weeks: pd.DataFrame
    launched: pd.Series
    coders: str

    said = Assessment.said

    def select(self, measure, stratum=None, *, claim=None, window=PAUSE, test="shift"):
        """The effect of one measure, in its main place unless another is named."""
        key = (measure, claim or self.claim, window, test)
        rows = (e for e in self.effects if (_measure(e), e.claim, e.window, e.test) == key)
        return next(effect for effect in rows if stratum in (None, effect.stratum))

    def to_frame(self):
        """Every row that this pause adds to the record."""
        return to_frame(self.effects)

    def record(self):
        """The effects as a notebook output that a batch can read back."""
        return EffectsRecord(self.effects)

    def summary(self):
        """Each measure in its own paragraph, then whether they agree (Markdown)."""
        return "\n\n".join([*(self.say(measure) for measure in self.measures), self.agreement()])

    def say(self, measure):
        """What one measure found, how sure it is, and what it misses (Markdown)."""
        effect, named = self.select(measure), MEASURES[measure]
        told = [f"**{_capital(named.title)}.** {_found(effect, named)}"]
        if measure == "declared":
            told.append(self.declared())
        if measure == "coded" and effect.observed is not None:
            known = self.select(measure, NATIONAL).daily.dropna(subset=["observed"])
            without = [f"{day.day} {day:%B}" for day in known.loc[known["observed"] == 0, "day"]]
            told.append(
                f"Somewhere in the country a hit was reported on {len(known) - len(without)} of {len(known)} days; "
                f"days without: {', '.join(without) or 'none'}. Outside a truce a day without hits may go unreported "
                f"({self.coders})."
            )
        asked, unread = days_around(self.series[measure], self.pause.days(self.claim))
        if len(unread):
            weekend = ", all at weekends" if (unread.day_of_week >= 5).all() else ""
            told.append(f"Not read: {len(unread)} of the {len(asked)} days around the pause{weekend}.")
        return " ".join(told)

    def agreement(self):
        """Whether the measures agree, and why their agreement would prove little (Markdown)."""
        speaking = {
            MEASURES[measure].title: effect
            for measure in self.measures
            if (effect := self.select(measure)).ratio is not None and 2 * effect.n_missing <= effect.n_days
        }
        if len(speaking) < 2:
            only = f"only {next(iter(speaking))} can" if speaking else "none can"
            return f"**Do they agree?** Of {len(self.measures)} measures, {only} speak about this pause. {WITNESSES}"
        below = [effect.ratio < 1 for effect in speaking.values()]
        point = "less than usual" if all(below) else "different things" if any(below) else "no less than usual"
        sure = " and ".join(title for title, effect in speaking.items() if effect.verdict in (FEWER, MORE))
        told = f"told from chance by {sure}" if sure else "but none of them can tell it from chance"
        return f"**Do they agree?** In the pause {' and '.join(speaking)} show {point}, {told}. {WITNESSES}"

    def inside_and_outside(self):
        """Each measure and place: what was seen, what is usual, and what the test could have shown at best."""
        rows = [e for e in self._readable() if (e.claim, e.window) == (self.claim, PAUSE)]
        table = _table(rows, "stratum", "observed", "expected", "p_value", "p_min", "verdict")
        for position, (name, role) in enumerate({"share inside": "window", "share outside": "baseline"}.items()):
            table.insert(3 + position, name, [_share(effect, role) for effect in rows])
        return table.rename(columns={"stratum": "place"})

    def by_claim(self):
        """The main series under each party's window, and on the days in dispute."""
        main = {(self.select(measure).outcome, self.select(measure).stratum) for measure in self.measures}
        rows = [effect for effect in self._readable() if (effect.outcome, effect.stratum) in main]
        table = _table(rows, "claim", "window", "observed", "expected", "p_value", "p_min", "verdict")
        table.insert(2, "days", [f"{_day(effect.first_day)}–{_day(effect.last_day)}" for effect in rows])
        table.insert(3, "read", [f"{e.n_days - e.n_missing}\u00a0of\u00a0{e.n_days}" for e in rows])
        return table

    def _readable(self):
        """The energy effects of measures that can read at least one day of some window, companions left out."""
        energy = [effect for effect in self.effects if _measure(effect) and effect.test == "shift"]
        read = {_measure(effect) for effect in energy if effect.observed is not None}
        return [effect for effect in energy if _measure(effect) in read]

    def bounds(self):
        """The main series if the open days, inside and outside, were all without a hit or all with one."""
        corners = [(*ways, e) for own in self.corners.values() for ways, e in own.items() if e.p_value is not None]
        table = _table([e for *_, e in corners], "observed", "expected", "p_value", "p_min", "verdict")
        table.insert(0, "open days inside", [inside for inside, *_ in corners])
        table.insert(1, "open days outside", [outside for _, outside, _ in corners])
        return table

    def companions(self):
        """The same weekdays of other weeks, and the penalised regression: beside the test, never instead of it."""
        effect, named = self.select(self.measures[0], test=SAME_WEEKDAY), MEASURES[self.measures[0]]
        if effect.p_value is None:
            return "There is no test for a companion to stand beside."
        daily = effect.daily.set_index("day")["observed"]
        read = daily[str(effect.first_day) : str(effect.last_day)].notna().to_numpy()
        sums = [daily[start:][: effect.n_days][read].sum() for start in effect.placebo["start"]]
        told = (
            f"**Same weekdays.** Other windows that begin on a {effect.first_day:%A}: {', '.join(map(amount, sums))} "
            f"{named.many}; the pause: {amount(effect.observed)} ({_chance(effect)})."
        )
        if self.regression is None:
            return told
        return (
            f"{told}\n\n**Penalised regression** of any reported hit on being inside, given the drones of the day: "
            "odds times {odds_ratio:.2g} inside (likelihood ratio {statistic:.1f}, p = {p_value:.2g}; {n_days} days, "
            "{without_hit} without a hit). It takes days for independent and stands on one denial: never the result."
        ).format(**self.regression)

    def declared(self):
        """What Russia named first week by week, in words: description, not a test."""
        read = self.weeks[self.weeks["named first"] != "unknown"]
        if read.empty:
            return "By week, no declaration around this pause can be read."
        energy = (read["named first"] == "energy").groupby(read["pause"]).agg(["sum", "size"])
        energy = energy.reindex(["before", "in", "after"], fill_value=0)
        parts = [f"{row['sum']} of {row['size']} readable weeks {when}" for when, row in energy.iterrows()]
        told = f"By week, energy was named first in {', '.join(parts)} the pause."
        before = read[read["pause"] == "before"]
        named = before.loc[before["named first"] == "energy"].index
        if not len(named):
            return f"{told} It was not named first before either, so nothing can be read from it."
        if energy.loc[["in", "after"], "sum"].any():
            return told
        last = pd.Timestamp(named[-1])
        until = f"The last such week ended on {last.day} {last:%B %Y}"
        if named[-1] != before.index[-1]:
            return f"{told} {until}, so that energy had left first place before."
        return f"{told} {until}; energy did not return within {WEEKS_AROUND} weeks after the end: a step, not a pause."

    def reciprocity(self):
        """The deciding effect on Ukrainian drones that Russia says it shot down."""
        return next(e for e in self.effects if e.outcome in READINGS and e.claim == self.claim)

    def mutual(self):
        """Whether the other side held back, by Russia's count, in words."""
        quiet = " A night without a post may be one without drones, or a gap." * (self.reciprocity().verdict == DEPENDS)
        return f"{finding(self.reciprocity())}{quiet} The count is Russia's own and says nothing about targets."

    def nights(self):
        """Night by night around the pause: drones at Ukraine, and Ukrainian drones that Russia says it shot down."""
        days, margin = self.pause.days(self.claim), NIGHTS_AROUND * ONE_DAY
        around = pd.date_range(days[0] - margin, days[-1] + margin)
        claimed = next(e for e in self.effects if e.outcome == next(iter(READINGS))).daily.set_index("day")["observed"]
        table = pd.DataFrame({"launched at Ukraine": self.launched, "Ukrainian, shot down": claimed}).reindex(around)
        table = table.map(lambda count: amount(count) if pd.notna(count) else "–")
        table.insert(0, "in pause", ["yes" if inside else "" for inside in around.isin(days)])
        return table.set_axis(around.strftime("%Y-%m-%d").rename("day"))

    def plot(self, measure, ax=None):
        """Draw the main daily series of one measure."""
        from analysis.figures import draw_series, new_axes

        daily, named = self.select(measure).daily, MEASURES[measure]
        if daily["observed"].isna().all():
            ax = new_axes(ax, height=0.8)
            nothing = f"{_capital(named.title)}: no day around this pause can be read"
            ax.text(0.5, 0.5, nothing, ha="center", va="center", transform=ax.transAxes)
            ax.set_axis_off()
            return ax
        ax = draw_series(daily, label=named.short, title=_capital(named.title), ax=ax)
        ax.set_xlabel("strike day" if measure == "coded" else "day of the report")
        return ax

    def plot_placebo(self, measure, ax=None):
        """Draw where the pause lies among all windows of its length."""
        ax = self.select(measure).plot_placebo(ax)
        ax.set_xlabel("seen / usual (1 = as usual)")
        return ax

    def plot_mutual(self, ax=None):
        """Draw the Ukrainian drones that Russia says it shot down."""
        from analysis.figures import draw_series

        return draw_series(self.reciprocity().daily, label="Ukrainian drones shot down", title="Russia's count", ax=ax)

    def describe(self, measure):
        """Alternative text for `plot` and `plot_placebo`."""
        effect, named = self.select(measure), MEASURES[measure]
        return f"{_capital(named.many)}, {effect.n_placebo} comparable windows. {_found(effect, named)}"


def _measure(effect):
    """Key of the measure that an effect belongs to; None for the Ukrainian drones."""
    return next((name for name in MEASURES if effect.outcome.startswith(f"energy_{name}")), None)


def _found(effect, measure):
    """One finding in words: what was seen, what is usual, the verdict and how sure it is."""
    if effect.observed is None:
        return f"Cannot speak about the time {days_phrase(effect)}: {measure.blind}."
    seen = f"{amount(effect.observed)} {measure.one if effect.observed == 1 else measure.many} {days_phrase(effect)}"
    if effect.p_value is None:
        return f"{seen}. Not testable: {effect.reason}."
    usual = f"{seen}, where {effect.expected:.1f} would be usual"
    if effect.verdict == NOT_TESTABLE:
        return f"{usual}. Not testable: {effect.reason} ({_chance(effect)})."
    top = "or more" if effect.expected_high is None else f"to {effect.expected_high:.1f}"
    cut = effect.smallest_visible_cut
    power = "no cut, however large, would" if cut is None else f"only a cut of about {cut:.0%} or more would"
    verdict = {
        FEWER: f"Fewer ({_chance(effect)}): {CEILING}",
        MORE: f"More ({_chance(effect)}): no sign of sparing",
        NO_CHANGE: f"No visible change ({_chance(effect)}); {power} have shown in most windows",
        DEPENDS: f"It depends on a choice: {effect.reason.split('; ')[0]} ({_chance(effect)})",
    }[effect.verdict]
    return f"{usual} and {effect.expected_low:.1f} {top} ordinary. {verdict}."


def _day(day):
    return f"{day.day}\u00a0{day:%b}"


def _capital(text):
    return text[0].upper() + text[1:]


def _chance(effect):
    return f"p = {effect.p_value:.2g}, at best {effect.p_min:.2g}"


def _share(effect, role):
    """Share of hits on the days of one role, in per cent."""
    days = effect.daily[effect.daily["role"] == role].dropna(subset=["observed"])
    tested = len(days) and effect.p_value is not None
    return f"{days['observed'].sum() / days['trials'].sum():.1%}" if tested else "–"


def _table(effects, *columns):
    """Chosen columns of energy effects for readers, a row an effect, by measure."""
    table = (
        shown(effects, "outcome", *columns).rename(columns=NUMBERS).rename(columns=lambda name: name.replace("_", " "))
    )
    return table.set_axis(pd.Index([MEASURES[_measure(effect)].title for effect in effects], name="measure"))
