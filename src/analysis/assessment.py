"""What was found about one pause, arranged for reading."""

from dataclasses import dataclass
from html import escape
from importlib.metadata import version

import pandas as pd

from analysis.effects import NATIONAL, EffectsRecord, shown, to_frame
from analysis.pauses import Pause
from analysis.phrases import in_brief
from analysis.salvos import Lull
from analysis.sentences import (
    NO_CHANGE,
    capital,
    days_text,
    headline,
    outcome_label,
    rebound,
    span_text,
    spans_text,
)

HORIZONS = (3, 7, 14)
PRIMARY_HORIZON = 7
NIGHTS_AROUND = 3


@dataclass(frozen=True)
class Assessment:
    """What the launch counts say about one pause.

    Attributes
    ----------
    pause : Pause
    claim : str
        The claim in question; the pause's other claims have rows of their own.
    effects : tuple of PauseEffect
    lull : Lull or None
        How ordinary a quiet of this length was; None where the data cannot say.
    data_until : Timestamp
        Last strike day of the data.
    other_pauses : frozenset of Timestamp
        Days of other reported pauses.
    inferred : frozenset of Timestamp
        Days whose zero stands in no report, as from `inferred_zeros`.
    """

    pause: Pause
    claim: str
    effects: tuple
    lull: Lull | None
    data_until: pd.Timestamp
    other_pauses: frozenset
    inferred: frozenset

    def select(self, outcome, *, window="pause", claim=None):
        """The national rows that fit, the one that decides first."""
        key = (outcome, window, claim or self.claim, NATIONAL)
        return [e for e in self.effects if (e.outcome, e.window, e.claim, e.stratum) == key]

    def primary(self, outcome):
        """The finding that answers the main question for one outcome."""
        return self.select(outcome)[0]

    def outcomes(self):
        """Names of the outcomes assessed."""
        return list(dict.fromkeys(effect.outcome for effect in self.effects))

    def to_frame(self):
        """Every row that this pause adds to the record."""
        return to_frame(self.effects)

    def record(self):
        """The effects as a notebook output that a batch can read back."""
        return EffectsRecord(self.effects, self.headline())

    def summary(self):
        """One or two sentences per outcome."""
        return "\n\n".join(self.primary(outcome).summary() for outcome in self.outcomes())

    def headline(self):
        """The first outcome's finding for someone who reads nothing else."""
        return headline(self.primary(self.outcomes()[0]), self.pause.phrase, spared=self.pause.spared)

    def plot(self, ax=None):
        """Draw the first outcome's daily series."""
        return self.primary(self.outcomes()[0]).plot(ax)

    def coverage(self):
        """How far the data reach, how much of the window they hold, and which zeros stand in no report."""
        effect = self.primary(self.outcomes()[0])
        held = effect.n_days - effect.n_missing
        so_far = " so far" if effect.last_day > self.data_until.date() else ""
        nights = f"{held} of its {effect.n_days} strike days"
        if effect.n_days == 1:
            nights = "its only strike day" if held else "no usable count of its only strike day"
        span = span_text(effect.first_day, effect.last_day)
        held_so_far = f'The window of the claim "{self.claim}" is {span}; the data hold {nights}{so_far}.'
        zeros = describe_inferred(day for day in self.pause.days(self.claim) if day in self.inferred)
        return " ".join(filter(None, [f"The data reach to {self._until()}.", held_so_far, zeros]))

    def quotation(self):
        """The headline with how far the data reach and how to cite it, as Markdown."""
        return f"**{self.headline()}**\n\n{self.coverage()}\n\nTo cite: {self.citation()}"

    def citation(self):
        """How to cite this finding: project, report, version, and the date the data reach to."""
        return (
            f'The strike-pauses project, "{self.pause.name}: did the strikes change?", version '
            f"{version('strike-pauses')}, data to {self._until()}."
        )

    def said_and_found(self):
        """What officials said of the pause beside what the counts show, as a Markdown table of one row."""
        found = []
        for outcome in self.outcomes():
            effect = self.primary(outcome)
            brief = in_brief(effect.record())
            words = "; ".join(filter(None, (brief["seen"], brief["sight"] if effect.verdict == NO_CHANGE else "")))
            found.append(f"{capital(outcome_label(outcome))}: **{effect.verdict}**" + (f" ({words})" if words else ""))
        said = escape(self.pause.violations).replace("|", "\\|")
        return f"| Officials said | The launch counts show |\n|---|---|\n| {said}. | {'. '.join(found)}. |"

    def nights(self):
        """The strike days of the window and three on either side: reported and expected per outcome."""
        days = self.pause.days(self.claim)
        margin = pd.Timedelta(days=NIGHTS_AROUND)
        every = pd.date_range(days[0] - margin, days[-1] + margin)
        columns = {"period": [self._period(day, days) for day in every]}
        for outcome in self.outcomes():
            label = outcome_label(outcome, short=True)
            daily = self.primary(outcome).daily.set_index("day").reindex(every)
            seen = daily["observed"].map("{:.0f}".format, na_action="ignore").fillna("no report")
            columns[label] = seen.mask(every.isin(list(self.inferred)) & (seen == "0"), "0 (inferred)")
            columns[f"{label} expected"] = daily["expected"].map("{:.0f}".format, na_action="ignore").fillna("–")
        return pd.DataFrame(columns, index=every.strftime("%Y-%m-%d").rename("strike day"))

    def _period(self, day, days):
        if days[0] <= day <= days[-1]:
            return "pause"
        if day in self.other_pauses:
            return "another pause"
        return "before" if day < days[0] else "after"

    def _until(self):
        return span_text(self.data_until, self.data_until)

    def describe_lull(self):
        """How ordinary the quiet was, in words."""
        return self.lull.summary() if self.lull else "The record of mass salvos before this pause is too thin to say."

    def claims(self):
        """Every party's claim, with the strike days its window comes to, as a Markdown list."""
        lines = []
        for claim in self.pause.claims:
            days = self.pause.days(claim.id) if claim.stated else []
            comes_to = f"; {days_text(len(days))}" if claim.stated else ""
            main = ", the main one" if claim.id == self.pause.main else ""
            lines.append(f"* **{claim.id}** ({escape(claim.party)}{main}): {claim.window_text}{comes_to}."
                         + (f" {escape(claim.note)}." if claim.note else ""))  # fmt: skip
        return "\n".join(lines)

    def said(self):
        """What the registry holds of the parties' claims about violations, with its sources, as Markdown."""
        sources = "\n".join(f"* {escape(s.publisher)}, {s.date or 'undated'}: <{s.url}>" for s in self.pause.sources)
        return f"{escape(self.pause.violations)}.\n\nSources:\n\n{sources}"

    def before_and_after(self):
        """The days around the pause: a row per outcome and window."""
        around = ["announced-to-start", *(f"after-{h}" for h in HORIZONS), f"pause+after-{PRIMARY_HORIZON}"]
        rows = [e for window in around for o in self.outcomes() for e in self.select(o, window=window)[:1]]
        return shown(rows, "window", "outcome", "n_days", "observed", "expected", "ratio", "p_value", "verdict")

    def rebounds(self):
        """Whether a surge followed and made up for the pause, a sentence per outcome."""
        return "\n\n".join(self.rebound(outcome) for outcome in self.outcomes())

    def rebound(self, outcome):
        """Whether a surge followed the pause, and whether it made up for it, in a sentence."""
        after = self.select(outcome, window=f"after-{PRIMARY_HORIZON}")
        both = self.select(outcome, window=f"pause+after-{PRIMARY_HORIZON}")
        return rebound(self.primary(outcome), after[0], both[0])

    def by_claim(self):
        """The verdict under each party's window: a row per claim and outcome."""
        claims = dict.fromkeys(effect.claim for effect in self.effects)
        rows = [self.select(outcome, claim=claim)[0] for claim in claims for outcome in self.outcomes()]
        numbers = ["observed", "expected", "ratio", "p_value"]
        return shown(rows, "claim", "outcome", "first_day", "last_day", "n_days", *numbers, "verdict")


def inferred_zeros(strikes):
    """Days on which no report lists drones and other evidence says that none flew.

    Parameters
    ----------
    strikes : DataFrame
        As `load_strikes` returns it.

    Returns
    -------
    DatetimeIndex
    """
    return strikes.index[strikes["drones_basis"] == "judged zero"]


def describe_inferred(days):
    """Say on which of a window's days zero stands in no report; empty where there are none."""
    spans = spans_text(days)
    return f"On {spans} no report lists drones: zero is inferred from quiet sirens and the press." if spans else ""
