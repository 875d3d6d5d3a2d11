"""A series of one's own: nothing of this war is said of it, its holidays are its own, and mistakes are explained."""

import re
from datetime import date

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from made_up import noisy, refused

import analysis as pa
from analysis.effect import MIME
from analysis.series import Label
from analysis.specifications import ANY_SERIES
from analysis.words import headline, rebound

DAYS = pd.date_range("2023-01-02", periods=800, name="day")
WINDOW = DAYS[700:703]
WAR = re.compile(
    r"strike day|night|salvo|launch|kyiv|flew|flies|fly|truce|pause|\bwar\b|russia|ukrain|missile|drone|7 apr|evening"
    r"|strategic|regional|registry",
    re.IGNORECASE,
)


def admissions():
    """Counts with a heavy day just before a window of few."""
    counts = noisy(3, mean=90, growth=0.1, size=40, days=DAYS)
    counts.iloc[699] *= 4
    counts[WINDOW] = [20, 1, 0]
    return counts.rename("emergency_admissions")


def births():
    """Steady, without a name."""
    return pd.Series(np.random.default_rng(5).poisson(300, len(DAYS)).astype(float), DAYS)


def thefts():
    """Mostly nothing, with gaps, and one in the window."""
    counts = pd.Series(np.random.default_rng(7).poisson(0.2, len(DAYS)).astype(float), DAYS, name="thefts")
    counts.iloc[::50] = np.nan
    counts[WINDOW] = [1, 0, 0]
    return counts


FOREIGN = {
    "admissions": (admissions(), ("admission", "admissions", "walkout")),
    "births": (births(), None),
    "thefts": (thefts(), Label("theft", "thefts")),
}


def texts(ax):
    """Every word of a picture."""
    axes, figure = ax.figure.axes, ax.figure
    found = [t.get_text() for a in axes for t in [*a.texts, *a.get_xticklabels(), *a.get_yticklabels()]]
    for a in axes:
        found += [a.get_xlabel(), a.get_ylabel(), a.get_title(), a.get_title(loc="left")]
    found += [t.get_text() for t in figure.texts]
    plt.close(figure)
    return found


def everything(result):
    """All that a result says, without the names of columns."""
    told = [result.summary(), result.headline(), repr(result), result._repr_markdown_(), *texts(result.plot())]
    told += [result.table().to_csv(header=False), result.to_frame().to_csv(header=False, index=False)]
    bundle = result.record()._repr_mimebundle_()
    told += [str(list(row.values())) for row in bundle[MIME]["rows"]] + [bundle["text/plain"]]
    for effect in result.effects:
        told += [effect.describe_series(), effect.describe_placebo(), *texts(effect.plot_placebo())]
        told += [headline(effect, "the walkout"), effect.daily.to_csv(), effect.placebo.head().to_csv()]
    return told


def answers(counts, label):
    """Every public verb on one series."""
    options = {"label": label}
    yield (effect := pa.estimate_effect(counts, WINDOW, **options))
    for changes in ({"statistic": "mean-log"}, {"test": "same-weekday"}, {"test": "after-heavy"}, {"baseline": 10}):
        yield pa.estimate_effect(counts, WINDOW, **options, **changes)
    yield pa.estimate_effect(counts, DAYS[600:620], **options)  # a long window
    yield pa.estimate_effect(counts * 0, WINDOW, **options)
    yield pa.estimate_effect(counts, pd.date_range("2030-01-01", periods=2), **options)
    yield pa.estimate_share(counts, counts + 50, WINDOW, **options)
    yield (after := pa.estimate_rebound(counts, WINDOW, **options))
    yield pa.estimate_joint([(counts, WINDOW), (counts, DAYS[500:502]), (counts, DAYS[400:403])], draws=500, **options)
    yield (curve := pa.estimate_curve(counts, WINDOW, **options))
    both = pa.estimate_effect(counts, pd.date_range(WINDOW[0], periods=10), **options)
    yield from (rebound(effect, after, both), curve.impossible(), curve.describe())
    yield from (curve.to_frame().to_csv(), pa.look_ahead(counts, 1, **options).summary())
    forest = pa.forest_frame(pa.to_frame([effect, both]).assign(name="the first ward"))
    yield from (pa.describe_forest(forest), *texts(pa.draw_forest(forest)), pa.describe_timeline(counts, **options))
    spans = pd.DataFrame({"label": ["x"], "first_day": WINDOW[:1], "last_day": WINDOW[-1:]})
    yield from texts(pa.draw_timeline(counts, spans, **options))
    if lull := pa.estimate_lull(counts, WINDOW, threshold=counts.quantile(0.9), **options):
        yield from (lull.summary(), *texts(lull.plot()))


@pytest.mark.parametrize("name", FOREIGN)
def test_nothing_of_this_war_is_said_of_a_foreign_series(name):
    counts, label = FOREIGN[name]
    for answer in answers(counts, label):
        for told in [answer] if isinstance(answer, str) else everything(answer):
            assert not WAR.search(told.replace("PauseEffect", "")), told


def test_the_label_reaches_sentence_axis_and_caption():
    counts, label = FOREIGN["admissions"]
    effect = pa.estimate_effect(counts, WINDOW, label=label)
    assert effect.summary().startswith("Fewer than expected: 21 admissions from 2 to 4 December 2024, where ")
    assert effect.describe_series().startswith("Daily admissions before, during and after the walkout. ")
    assert {"admissions a day", "day", "walkout"} <= set(texts(effect.plot()))
    assert any(told.startswith("this walkout: 0.") for told in texts(effect.plot_placebo()))
    told = '1 day after the last heavy day of this count: compared with all windows, though test="after-heavy" is for'
    assert effect.test == "shift" and told in effect.reason
    for asked in ({"test": "after-heavy"}, {"test": "after-salvo"}, {"salvo_days": DAYS[400:401]}):
        matched = pa.estimate_effect(counts, WINDOW, label=label, **asked)
        assert matched.test == "after-heavy" and "1 day after a heavy day of this count:" in matched.reason
        assert matched.n_placebo < effect.n_placebo / 3
    assert effect.table().index.tolist() == ["admissions"]
    one = pa.estimate_effect(counts, WINDOW[1:2], label=label)
    assert one.summary().startswith("Fewer than expected: 1 admission on 3 December 2024")
    assert pa.estimate_effect(counts, WINDOW).summary().startswith("Fewer than expected: 21 emergency admissions ")
    assert list(effect.row()) == list(pa.to_frame([effect]).columns) and "label" not in effect.row()


def level_of_holidays(given, counts=None):
    counts = births() if counts is None else counts
    return pa.estimate_effect(counts, WINDOW, test="shift", holidays=given)


FIRSTS = pd.date_range("2022-01-01", "2026-01-01", freq="MS")


def test_holidays_of_ones_own_make_a_term_however_they_are_given():
    counts = births().where(~DAYS.isin(FIRSTS), 20)
    plain = level_of_holidays(None, counts)
    ways = [FIRSTS, list(FIRSTS.strftime("%Y-%m-%d")), dict.fromkeys(FIRSTS.date, "first"), set(FIRSTS.date)]
    told = [level_of_holidays(way, counts) for way in ways]
    assert {effect.expected for effect in told} == {told[0].expected} and told[0].expected > 1.01 * plain.expected
    assert level_of_holidays(False, counts) == plain
    few = level_of_holidays(["2024-07-04"], counts)
    assert few.reason.endswith("too few holidays in the baseline for a holiday term") and few.ratio == plain.ratio


def test_the_series_of_this_project_keep_their_own_calendar():
    late = pd.date_range("2026-03-03", periods=3)
    drones = pa.outcome_series("drones_launched")
    usual, stated, without = (pa.estimate_effect(drones, late, holidays=h) for h in (None, True, False))
    assert usual == stated and usual.ratio != without.ratio and usual.label is None
    assert pa.estimate_effect(drones.rename("calls"), late).ratio == without.ratio


def test_a_curve_of_a_foreign_series_offers_what_makes_sense_for_it():
    curve = pa.estimate_curve(births(), WINDOW)
    assert {choice.name for choice in curve.choices} == {c.name for c in ANY_SERIES} - {"weekday, holiday"}
    held = pa.estimate_curve(births(), WINDOW, holidays=FIRSTS)
    assert "weekday, holiday" in {choice.name for choice in held.choices} and held.specifications[0].holidays
    asked = pa.estimate_curve(births(), WINDOW, choices=pa.CHOICES)
    assert "True stands for those of Russia and Ukraine" in asked.impossible()


ROWS = births().reset_index(drop=True)
INDEXED = {
    "text": (births().set_axis(DAYS.strftime("%Y-%m-%d")), "pd.to_datetime(counts.index)"),
    "periods": (births().set_axis(DAYS.to_period("D")), "counts.index.to_timestamp()"),
    "numbers": (ROWS, "frame.set_index('day')['count']"),
    "table": (births().to_frame("births"), "frame['count']"),
    "list": ([1, 2, 3], "frame.set_index('day')['count']"),
    "gaps": (births().drop(DAYS[5]), "counts.asfreq('D')"),
    "hours": (births().set_axis(DAYS + pd.Timedelta(hours=3)), "groupby(counts.index.tz_localize(None).normalize())"),
    "twice": (pd.concat([births(), births()[:3]]).sort_index(), "groupby(level=0).sum()"),
    "no date": (births().set_axis([pd.NaT, *DAYS[1:]]), "drop them"),
    "dates as counts": (pd.Series(DAYS, DAYS), "correct them"),
    "complex": (births().astype(complex), "correct them"),
    "durations": (pd.to_timedelta(births(), unit="s"), "correct them"),
    "too small": (births() * 0 + 5e-324, "count in another unit"),
    "too large": (births().mask(DAYS[650] == DAYS, 1e16), "count in another unit"),
}


@pytest.mark.parametrize("name", INDEXED)
def test_a_series_that_cannot_be_read_is_refused_with_what_to_do(name):
    counts, remedy = INDEXED[name]
    for ask in (pa.estimate_effect, pa.estimate_rebound, pa.estimate_curve):
        with refused("To do: ", remedy):
            ask(counts, WINDOW)
    with refused(remedy):
        pa.look_ahead(counts, 2)
    with refused(remedy):
        pa.estimate_joint([(counts, WINDOW), (counts, WINDOW)])


@pytest.mark.parametrize(
    "days",
    [
        {"a": 1}, b"2024", births().to_frame(), "2024-12-02", date(2024, 12, 2), WINDOW[0],
        ("2024-12-02", "2024-12-04"), slice("2024-12-02", "2024-12-04"), births()[WINDOW], [1], 5, None, ["soon"],
        WINDOW.to_period("D"), [None], [], [pd.Timestamp("2024-12-02"), pd.Timestamp("2024-12-03", tz="UTC")],
    ],
)  # fmt: skip
def test_a_window_that_cannot_be_read_is_refused_with_what_to_do(days):
    for ask in (pa.estimate_effect, pa.estimate_rebound, pa.estimate_curve):
        with refused("field days: ", "pd.date_range(first, last)"):
            ask(births(), days)
    with refused("pd.date_range(first, last)"):
        pa.estimate_joint([(births(), days), (births(), WINDOW)])


def test_outlooks_and_lulls_show_and_print_as_their_words():
    for told in (pa.look_ahead(births(), 3), pa.estimate_lull(births(), WINDOW, threshold=320)):
        assert told.summary() == str(told) == repr(told) == told._repr_markdown_() and told.summary().endswith(".")


def test_a_label_may_hold_dollars():
    effect = pa.estimate_effect(births(), WINDOW, label=("$a", "$a^$", "$b^$"))
    assert all(ax.figure.canvas.draw() is None for ax in (effect.plot(), effect.plot_placebo()))
    plt.close("all")


WORDS = pd.DataFrame({"a": ["x"] * 800}, DAYS)
HOSTILE = {
    "exclude": ["2024-01-01", ["x"], [None], 5, [DAYS]], "salvo_days": ["2024-01-01", ["x"], [[1]], 5],
    "baseline": ["x", 1e9, (1, 2), 10**12, -1, [None, None]], "first_day": ["x", 5, [], "2099-01-01"],
    "announced": [[], "x", 7], "covariates": [5, WORDS, pd.DataFrame({"a": [1]}, ["x"])], "level": ["95", 95, None],
    "exposure": [5, births()[:3] * 0, births()[:0]], "trend": [5, None, [], births()],
    "test": [5, [], births()], "statistic": [[], 5, births()],
    "alternative": ["up", 5, [], births()], "weekday": ["x", None, births()],
}  # fmt: skip


@pytest.mark.parametrize("option", HOSTILE)
def test_bad_options_raise_nothing_but_the_errors_of_the_package(option):
    for value in HOSTILE[option]:
        with pytest.raises(pa.PausesError):
            effect = pa.estimate_effect(births(), WINDOW, **{option: value})
            assert effect.verdict == "not testable" and effect.reason
            raise pa.DesignError("a question that cannot be answered is no error")


LONG = pd.date_range(DAYS[300], periods=48)


@pytest.mark.parametrize(
    ("days", "options", "words"),
    [
        (LONG, {}, '48 days are too long a window: .*trend="linear" or "constant"'),
        (DAYS[770:790], {}, 'only 0 baseline days after .*trend="linear" or "constant"'),
        (DAYS[10:12], {}, "only 10 usable baseline days, .*a longer baseline="),
        (WINDOW, {"baseline": (DAYS[0], DAYS[60])}, "too far from the window: .*a longer baseline="),
    ],
)
def test_a_question_that_cannot_be_answered_comes_with_what_to_do(days, options, words):
    effect = pa.estimate_effect(births(), days, **options)
    assert effect.verdict == "not testable" and re.search(words, effect.summary()), effect.summary()
    ours = pa.estimate_effect(births().rename("drones_launched"), days, **options)
    assert not re.search("baseline=|trend=", ours.reason), "what the rules of the reports leave open is no advice"
    assert len(days) < 48 or pa.estimate_effect(births(), days, trend="constant").p_value is not None


def joint(**options):
    return pa.estimate_joint([(births(), WINDOW), (births(), DAYS[500:502])], **options)


OTHER_FORMS = ["11/06/2024", "2024", "2024-06", "20240611", "11.06.2024", "2024-06-11 18:00", "2024-6-11"]
NO_DAYS = ["x", 5, pd.NaT, np.nan, "1066-10-14", date(9999, 12, 31), *OTHER_FORMS]
NO_LENGTHS = ["x", 0, -1, 1.5, 10**9, 10**20]
CODED = ("energy_coded", "energy_coded_events")
ATTACKS = {
    "label": (
        lambda x: pa.estimate_effect(births(), WINDOW, label=x),
        ["admissions", ("a",), ("a", "b", "c", "d"), ("", "x"), ("a\n", "b"), ("a", "b" * 61), (1, 2), 5, ("<b>", "x")],
    ),
    "holidays": (level_of_holidays, [True, "US", 5, ["soon"], [5], [None], b"x", {"soon": 1}]),
    "seed": (lambda x: joint(seed=x), [-1, "x", 1.5]),
    "draws": (lambda x: joint(draws=x), [*NO_LENGTHS, 10**12]),
    "effects": (pa.combine_effects, [[], [1, 2], "ab"]),
    "windows": (pa.estimate_joint, [births(), [births()], (births(), WINDOW), [], None, {"a": 1}, [(1, 2, 3)]]),
    "rows": (pa.to_frame, [[1], "ab"]),
    "level of several": (lambda x: pa.combine_effects([], level=x), [95, "x"]),
    "horizon": (lambda x: pa.estimate_rebound(births(), WINDOW, horizon=x), NO_LENGTHS),
    "baseline before a week": (lambda x: pa.estimate_rebound(births(), WINDOW, baseline=x), [*NO_LENGTHS, (1, 2)]),
    "baseline of a share": (lambda x: pa.estimate_share(births(), births(), WINDOW, baseline=x), NO_LENGTHS),
    "days": (lambda x: pa.estimate_effect(births(), [x]), NO_DAYS),
    "nights to come": (lambda x: pa.look_ahead(births(), x), [*NO_LENGTHS, 14, True]),
    "level of an outlook": (lambda x: pa.look_ahead(births(), 3, level=x), ["x", None, 95, np.nan]),
    "days to look back on": (lambda x: pa.look_ahead(births()[:x], 3), [0, 1, 27]),
    "outlook without": (lambda x: pa.look_ahead(births(), 3, exclude=[x]), NO_DAYS),
    "lull without": (lambda x: pa.estimate_lull(births(), WINDOW, exclude=[x]), NO_DAYS),
    "threshold": (lambda x: pa.estimate_lull(births(), WINDOW, threshold=x), [0, "x", None, [], np.nan]),
    "salvos": (pa.salvo_days, [None, [1, 2], births().astype(str) + "x"]),
    "outcome": (pa.outcome_series, ["x", 5, None]),
    "first day of an outcome": (lambda x: pa.outcome_series("drones_launched", first_day=x), [*NO_DAYS, "2099-01-01"]),
    "pause": (lambda x: pa.load_pauses()[x], ["eastr", 5, None]),
    "registry": (pa.load_pauses, ["none.toml", "."]),
    "outcomes of a pause": (lambda x: pa.assess("easter-2025", outcomes=x), [[], ["x"], [5], "x"]),
    "baseline of a pause": (lambda x: pa.assess("easter-2025", baseline=x), NO_LENGTHS),
    "start of a look": (lambda x: pa.explore_pause("easter-2025", shift_start=x), ["x", None, 1.5, 10**9, -(10**9)]),
    "end of a look": (lambda x: pa.explore_pause("easter-2025", shift_end=x), ["x", None, 1.5, 10**9, -(10**9)]),
    "outcome of a look": (lambda x: pa.explore_pause("easter-2025", outcome=x), ["x", 5, None]),
    "evening": (lambda x: pa.cut_data(x, into="none"), [*NO_DAYS, "1990-01-01"]),
    "first day": (lambda x: pa.days_between(x, "2024-01-01"), [*NO_DAYS, "2025-01-01"]),
    "table": (pa.load_table, ["x", 5, None]),
    "series of a curve": (lambda x: pa.estimate_curve(births(), WINDOW, series=x), ["x", 5, births(), {"usual": 5}]),
    "windows of a curve": (lambda x: pa.estimate_curve(births(), WINDOW, windows=x), [WINDOW, 5, {"half": 5}]),
    "choices of a curve": (lambda x: pa.estimate_curve(births(), WINDOW, choices=x), ["x", 5, births(), [1]]),
    "days left out of a rebound": (lambda x: pa.estimate_rebound(births(), WINDOW, exclude=x), [5, None, "2024-01-01"]),
    "days left out of several": (lambda x: joint(exclude=x), [5, None, "2024-01-01"]),
    "series to draw": (lambda x: pa.draw_timeline(x, pd.DataFrame()), [5, None, births()[:0], births().to_frame()]),
    "series to describe": (pa.describe_timeline, [5, None, births()[:0]]),
    "question": (lambda x: pa.describe_question("us_births.csv", x, WINDOW), [5, None, births().to_frame()]),
    "file": (pa.read_counts, [5, None, b"x", ".", "a\0b", "x" * 5000]),
    "column of a file": (lambda x: pa.read_counts("us_births.csv", count=x), [5, None, ["births"], births(), "day"]),
    "end of a baseline": (lambda x: pa.estimate_effect(births(), WINDOW, baseline=("2023-06-01", x)), NO_DAYS),
    "day of an announcement": (lambda x: pa.estimate_rebound(births(), WINDOW, announced=x), NO_DAYS),
    "days to review": (lambda x: pa.review_days(*map(pa.load_table, CODED), days=[x]), NO_DAYS),
    "days to explain": (lambda x: pa.design_matrix(DAYS[:0], trend=x), ["linear", "spline"]),
}  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS)
def test_hostile_calls_are_refused_in_the_packages_own_words(attack):
    ask, values = ATTACKS[attack]
    for value in values:
        with pytest.raises(pa.PausesError, match=r"(?s)expected|cannot be read|left from"):
            ask(value)


@pytest.mark.parametrize(
    "counts", [births()[:0], births()[:1], births() * np.nan, births() * 1e12, births() * 0], ids=str
)
def test_odd_series_raise_nothing_but_the_errors_of_the_package(counts):
    for ask in (pa.estimate_effect, pa.estimate_rebound, pa.estimate_curve):
        assert ask(counts, WINDOW).summary()
    try:
        assert pa.look_ahead(counts, 2).summary()
    except pa.DesignError as refusal:
        assert "To do: " in str(refusal)
