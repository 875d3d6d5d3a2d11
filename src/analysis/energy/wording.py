"""What measures of energy found, in words and tables: how sure it is, what they cannot see, whether they agree."""

from dataclasses import replace

import pandas as pd

from analysis.effects import shown
from analysis.energy.measures import measure_of
from analysis.sentences import DEPENDS, FEWER, MORE, NO_CHANGE, NOT_TESTABLE, amount, capital, days_phrase

WITNESSES = (
    "The measures are no independent witnesses: reports and articles come from the same outlets, which repeat the "
    "same statements of officials, and what Russia declares comes from a party to the pause."
)
CEILING = "consistent with sparing, not established: a truce itself makes officials say that nothing was hit"
NUMBERS = {"observed": "seen", "expected": "usual", "p_value": "p", "p_min": "p at best"}


def speaks(effect):
    """Whether a measure says anything of a pause: it reads at least half of the days, and has others to compare."""
    return effect.ratio is not None and 2 * effect.n_missing <= effect.n_days


def agreement(effects):
    """Whether the main effects of several measures in one pause agree, in one sentence."""
    speaking = [effect for effect in effects if speaks(effect)]
    titles = [measure_of(effect).title for effect in speaking]
    silent = [measure_of(effect).title for effect in effects if effect not in speaking]
    if not speaking:
        return f"None of the {len(effects)} measures ({', '.join(silent)}) can speak about this pause."
    below = [measure_of(effect).title for effect in speaking if effect.ratio < 1]
    point = "less than usual" if below == titles else "different things" if below else "no less than usual"
    told = [measure_of(effect).title for effect in speaking if effect.verdict in (FEWER, MORE)]
    deaf = [measure_of(e).title for e in speaking if not e.testable and measure_of(e).title not in told]
    maybe = ", which may be chance" if set(below) - set(deaf) else ""
    sure = f", told from chance by {' and '.join(told)}" if told else maybe
    if deaf:  # what could not have shown anything must not read like a finding
        where = "" if deaf == titles else f"in {' and '.join(deaf)} "
        sure += f", but {where}even none at all would not have been told from chance"
    rest = f"; {' and '.join(silent)} cannot speak about this pause" if silent else ""
    return f"{capital(' and '.join(titles))} show {point}{sure}{rest}."


def found(effect):
    """One finding in words: what was seen, what is usual, the verdict and how sure it is."""
    measure, when = measure_of(effect), days_phrase(replace(effect, n_missing=0))
    if effect.observed is None:
        return f"Cannot speak about the time {when}: {measure.blind}."
    noun = measure.one if effect.observed == 1 else measure.many
    gaps = f" ({effect.n_missing} of these {effect.n_days} days cannot be read)" if effect.n_missing else ""
    seen = f"{amount(effect.observed)} {noun} {when}{gaps}"
    if effect.p_value is None:
        return f"{seen}. Not testable: {effect.reason}."
    usual = f"{seen}, where {effect.expected:.1f} would be usual"
    if effect.verdict == NOT_TESTABLE:
        return f"{usual}. Not testable: {effect.reason} ({chance(effect)})."
    top = "or more" if effect.expected_high is None else f"to {effect.expected_high:.1f}"
    cut = effect.smallest_visible_cut
    power = "no cut, however large, would" if cut is None else f"only a cut of about {cut:.0%} or more would"
    verdict = {
        FEWER: f"Fewer ({chance(effect)}): {CEILING}",
        MORE: f"More ({chance(effect)}): no sign of sparing",
        NO_CHANGE: f"No visible change ({chance(effect)}); {power} have shown in most windows",
        DEPENDS: f"It depends on a choice: {effect.reason.split('; ')[0]} ({chance(effect)})",
    }[effect.verdict]
    return f"{usual} and {effect.expected_low:.1f} {top} ordinary. {verdict}."


def chance(effect):
    """The p-value, and what it would be had nothing been hit."""
    return f"p = {effect.p_value:.2g}, at best {effect.p_min:.2g}"


def table_of(effects, first, *, last=("verdict",)):
    """Effects for readers, a row an effect, by measure: the columns given first, the numbers, the last fields."""
    names = {field.replace("_", " "): name for field, name in NUMBERS.items()}
    numbers = shown(effects, "outcome", *NUMBERS, *last).rename(columns=names)
    titles = pd.Index([measure_of(effect).title for effect in effects], name="measure")
    return pd.concat([pd.DataFrame(first, index=titles), numbers.set_axis(titles)], axis=1)
