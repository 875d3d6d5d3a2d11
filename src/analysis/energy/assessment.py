"""What was found about energy in one pause, arranged for reading: each measure, how sure it is, what it cannot see."""

from dataclasses import dataclass

import pandas as pd

from analysis.assessment import NIGHTS_AROUND, Assessment
from analysis.effects import NATIONAL, EffectsRecord, to_frame
from analysis.energy.measures import MEASURES, days_around, measure_of
from analysis.energy.reciprocity import READINGS
from analysis.energy.shares import SAME_WEEKDAY
from analysis.energy.wording import WITNESSES, agreement, chance, found, table_of
from analysis.layout import ONE_DAY
from analysis.pauses import Pause
from analysis.sentences import DEPENDS, amount, capital, finding

PAUSE = "pause"
WEEKS_AROUND = 10


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
        Weekly declarations around the pause: week to, pause (before, during, after), named first.
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
        named = MEASURES[measure]
        key = (named, stratum or named.place, claim or self.claim, window, test)
        return next(e for e in self.effects if (measure_of(e), e.stratum, e.claim, e.window, e.test) == key)

    def to_frame(self):
        """Every row that this pause adds to the record."""
        return to_frame(self.effects)

    def record(self):
        """The effects as a notebook output that a batch can read back."""
        return EffectsRecord(self.effects)

    def summary(self):
        """Whether the measures agree, then each of them in its own paragraph (Markdown)."""
        return "\n\n".join([self.agreement(), *(self.say(measure) for measure in self.measures)])

    def agreement(self):
        """Whether the measures agree, and why their agreement would prove little (Markdown)."""
        return f"**In short.** {agreement([self.select(measure) for measure in self.measures])} {WITNESSES}"

    def say(self, measure):
        """What one measure found, how sure it is, and what it misses (Markdown)."""
        effect, named = self.select(measure), MEASURES[measure]
        told = [f"**{capital(named.title)}.** {found(effect)}"]
        if measure == "declared":
            told.append(self.declared())
        if measure == "coded" and effect.observed is not None:
            known = self.select(measure, NATIONAL).daily.dropna(subset=["observed"])
            without = [f"{day.day} {day:%B}" for day in known.loc[known["observed"] == 0, "day"]]
            told.append(
                f"Somewhere in the country a hit was reported on {len(known) - len(without)} of the {len(known)} days "
                f"that could be read; days without: {', '.join(without) or 'none'}. Outside a truce a day without hits "
                f"may go unreported ({self.coders})."
            )
        asked, unread = days_around(self.series[measure], self.pause.days(self.claim))
        if len(unread):
            weekend = ", all at weekends" if (unread.day_of_week >= 5).all() else ""
            told.append(f"Not read: {len(unread)} of the {len(asked)} days around the pause{weekend}.")
        return " ".join(told)

    def declared(self):
        """What Russia named first week by week, in words: description, not a test."""
        read = self.weeks[self.weeks["named first"] != "unknown"]
        if read.empty:
            return "By week, no declaration around this pause can be read."
        energy = read["named first"] == "energy"
        weeks = energy.groupby(read["pause"]).agg(["sum", "size"]).reindex(["before", "during", "after"], fill_value=0)
        counts = "{} of {} readable weeks before the pause, {} of {} during it, {} of {} after it"
        told = f"By week, energy was named first in {counts.format(*weeks.to_numpy().ravel())}."
        before = read[read["pause"] == "before"].index
        named = before[energy[before]]
        if not len(named):
            return f"{told} It was not named first before either, so nothing can be read from it."
        if weeks.loc[["during", "after"], "sum"].any():
            return told
        last = pd.Timestamp(named[-1])
        until = f"The last such week ended on {last.day} {last:%B %Y}"
        if named[-1] != before[-1]:
            return f"{told} {until}, so that energy had left first place before."
        return f"{told} {until}; energy did not return within {WEEKS_AROUND} weeks after the end: a step, not a pause."

    def inside_and_outside(self):
        """Each measure and place: what was seen, what is usual, and what the test could have shown at best."""
        rows = [e for e in self._readable() if (e.claim, e.window) == (self.claim, PAUSE)]
        roles = {"share inside": "window", "share outside": "baseline"}
        shares = {name: [_share(effect, role) for effect in rows] for name, role in roles.items()}
        return table_of(rows, {"place": [effect.stratum for effect in rows], **shares})

    def by_claim(self):
        """The main series under each party's window, and on the days in dispute."""
        rows = [e for e in self._readable() if (e.outcome, e.stratum) == (measure_of(e).outcome, measure_of(e).place)]
        keys = {name: [getattr(effect, name) for effect in rows] for name in ("claim", "window")}
        read = [f"{e.n_days - e.n_missing}\u00a0of\u00a0{e.n_days}" for e in rows]
        return table_of(rows, {**keys, "days": [_span(effect) for effect in rows], "read": read})

    def bounds(self):
        """The main series if the open days, inside and outside, were all without a hit or all with one."""
        corners = [(*ways, e) for own in self.corners.values() for ways, e in own.items() if e.p_value is not None]
        inside, outside, rows = zip(*corners, strict=True) if corners else ((), (), ())
        return table_of(rows, {"open days inside": inside, "open days outside": outside})

    def _readable(self):
        """The energy effects of measures that can read at least one day of some window, companions left out."""
        energy = [effect for effect in self.effects if measure_of(effect) and effect.test == "shift"]
        read = {measure_of(effect) for effect in energy if effect.observed is not None}
        return [effect for effect in energy if measure_of(effect) in read]

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
            f"{named.many}; the pause: {amount(effect.observed)} ({chance(effect)})."
        )
        if self.regression is None:
            return told
        return (
            f"{told}\n\n**Penalised regression** of any reported hit on being inside, given the drones of the day: "
            "odds times {odds_ratio:.2g} inside (likelihood ratio {statistic:.1f}, p = {p_value:.2g}; {n_days} days, "
            "{without_hit} without a hit). It takes days for independent and stands on one denial: never the result."
        ).format(**self.regression)

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
        from analysis.figures import draw_series, draw_words

        daily, named = self.select(measure).daily, MEASURES[measure]
        if daily["observed"].isna().all():
            return draw_words(f"{capital(named.title)}: no day around this pause can be read", ax=ax)
        ax = draw_series(daily, label=named.short, title=capital(named.title), ax=ax)
        ax.set_xlabel("strike day" if measure == "coded" else "day of the report")
        return ax

    def plot_placebo(self, measure, ax=None):
        """Draw where the pause lies among all windows of its length."""
        from analysis.figures import draw_placebo

        effect = self.select(measure)
        ax = draw_placebo(effect.placebo, ratio=effect.ratio, n_days=effect.n_days, ax=ax)
        ax.set_xlabel(f"{MEASURES[measure].short}: seen / usual (1 = as usual)")
        return ax

    def plot_mutual(self, ax=None):
        """Draw the Ukrainian drones that Russia says it shot down."""
        from analysis.figures import draw_series

        return draw_series(self.reciprocity().daily, label="Ukrainian drones shot down", title="Russia's count", ax=ax)

    def describe(self, measure):
        """Alternative text for `plot` and `plot_placebo`."""
        effect = self.select(measure)
        return f"{capital(MEASURES[measure].many)}, {effect.n_placebo} comparable windows. {found(effect)}"


def _span(effect):
    """First and last day in few characters."""
    ends = dict.fromkeys(f"{day.day}\u00a0{day:%b}" for day in (effect.first_day, effect.last_day))
    return "–".join(ends)


def _share(effect, role):
    """Share of hits on the days of one role, in per cent."""
    days = effect.daily[effect.daily["role"] == role].dropna(subset=["observed"])
    tested = len(days) and effect.p_value is not None
    return f"{days['observed'].sum() / days['trials'].sum():.1%}" if tested else "–"
