"""Where the sirens sounded: known truths in made-up panels, the known days, and what cannot be told."""

import os

import numpy as np
import pandas as pd
import pytest
from made_up import refused
from scipy.signal import lfilter

import analysis as pa
from analysis.figures import region_label
from analysis.sirens import GROUPS, MINUTES, RELATIVE_MINUTES, WITHOUT, assess_regions, estimate_alerts, usable_regions
from analysis.storyboard import ratio_text

FULL = bool(os.environ.get("PAUSES_FULL_STUDY"))
REPLICATES = 2000 if FULL else 120
COLD = "cold-week-pause-2026-01"


def made_up_panel(seed, *, length=3, shock=0.8, n_regions=12):
    """Minutes of 12 regions over two quarters: a common drifting intensity, own noise, silent nights, a common shock.

    The window of `length` days in the middle is scaled by `shock` everywhere.
    """
    generator, days = np.random.default_rng(seed), pd.date_range("2025-01-01", periods=180 + length, name="day")
    common = np.exp(0.6 * lfilter([np.sqrt(1 - 0.09)], [1, -0.3], generator.standard_normal(len(days) + 20))[20:])
    usual = np.linspace(20, 200, n_regions)
    minutes = usual * common[:, None] * generator.gamma(8, 1 / 8, (len(days), n_regions))
    minutes *= generator.random(minutes.shape) > 0.05
    minutes[90 : 90 + length] *= shock
    return pd.DataFrame(minutes, days, [f"region {k}" for k in range(n_regions)]), days[90 : 90 + length]


def beside(panel, region):
    """The minutes of one region, and of all others together."""
    return panel[region].rename(MINUTES), panel.drop(columns=region).sum(axis=1)


@pytest.fixture(scope="module")
def study():
    """What is tested in many panels, by the truth: nothing changed, and a drop of 60 % in the last region."""
    found = {1.0: [], 0.4: []}
    for seed in np.random.SeedSequence(5).spawn(REPLICATES):
        panel, days = made_up_panel(seed, length=4)
        region, others = beside(panel, "region 11")
        for truth, effects in found.items():
            effect = estimate_alerts(region.where(~panel.index.isin(days), truth * region), days, others=others)
            effects += [effect] if effect.p_value is not None else []
    return found


def test_without_a_drop_the_named_region_is_rejected_as_often_as_announced(study):
    rate = np.mean([effect.p_value <= 0.05 for effect in study[1.0]])
    assert 0.03 <= rate <= 0.07 if FULL else rate <= 0.1, rate


def test_a_drop_of_60_percent_is_covered_and_found(study):
    tested = study[0.4]
    covered = np.mean([e.ratio_low is not None and e.ratio_low <= 0.4 <= (e.ratio_high or np.inf) for e in tested])
    assert 0.93 <= covered <= 0.97 if FULL else covered >= 0.9, covered
    promised = [e.verdict == "fewer" for e in tested if e.smallest_visible_cut and e.smallest_visible_cut <= 0.6]
    assert len(promised) > len(tested) / 2 and np.mean(promised) >= 0.8
    assert all(effect.testable and effect.verdict != "more" for effect in tested)


def test_the_common_shock_is_taken_for_an_effect_by_the_own_ratio_but_not_by_the_relative_one():
    (shocked, days), (calm, _) = made_up_panel(3, shock=0.5), made_up_panel(3, shock=1.0)
    own, other_own = (estimate_alerts(panel["region 11"], days).ratio for panel in (shocked, calm))
    pairs = [beside(panel, "region 11") for panel in (shocked, calm)]
    relative, other_relative = (estimate_alerts(region, days, others=others).ratio for region, others in pairs)
    assert own == pytest.approx(0.5 * other_own, rel=0.01) and relative == pytest.approx(other_relative)


# By hand, and by another route


def test_relative_ratio_is_the_ratio_of_sums_inside_over_outside():
    panel, days = made_up_panel(1, shock=2)
    region, others = beside(panel, "region 5")
    effect = estimate_alerts(region, days, others=others)
    inside = panel.index.isin(days)
    outside = ~inside & ~panel.index.isin(pd.date_range(days[-1], periods=8))  # nor the week after
    usual = region[outside].sum() / others[outside].sum()
    assert effect.outcome == RELATIVE_MINUTES
    assert effect.ratio == pytest.approx(region[inside].sum() / others[inside].sum() / usual)
    assert effect.expected == pytest.approx(usual * others[inside].sum())
    placebo = effect.placebo.set_index("start")["ratio"]
    window = slice(start := placebo.index[40], start + pd.Timedelta("2D"))
    assert placebo[start] == pytest.approx(region[window].sum() / others[window].sum() / usual)
    counted = min((placebo <= effect.ratio).sum(), (placebo >= effect.ratio).sum())
    assert effect.p_value == pytest.approx(min(1, 2 * (1 + counted) / (1 + len(placebo))))


def test_own_ratio_is_minutes_over_the_mean_of_a_quarter_on_either_side():
    days = pd.date_range("2025-01-01", periods=300)
    minutes = pd.Series(np.tile([10.0, 20, 30], 100), days, name=MINUTES)
    minutes[:50] = 9999  # more than a quarter before the window: does not count
    minutes.iloc[150] = 5
    effect = estimate_alerts(minutes, days[150:151])
    ordinary = np.r_[minutes[60:150], minutes[158:241]]
    assert effect.n_placebo == len(ordinary) == 173
    assert effect.ratio == pytest.approx(5 / ordinary.mean(), rel=1e-4)
    assert (str(effect.baseline_first_day), str(effect.baseline_last_day)) == ("2025-03-02", "2025-08-29")


def test_flagged_days_are_missing_not_silent():
    panel, days = made_up_panel(2)
    region = panel["region 8"].mask(panel.index == days[1])
    effect = estimate_alerts(region, days)
    assert (effect.n_missing, effect.observed) == (1, pytest.approx(region[days].sum()))
    window = region[effect.placebo["start"][10] :][:3].to_numpy()
    assert effect.placebo["ratio"][10] == pytest.approx((window[0] + window[2]) / effect.expected, rel=0.02)
    flagged = estimate_alerts(region.mask(panel.index.isin(days)), days)
    assert (flagged.verdict, flagged.observed) == ("not testable", None) and "no usable report" in flagged.reason


def test_usable_regions_are_whole_in_the_window_and_mostly_so_around_it():
    panel, days = made_up_panel(2, n_regions=3)
    panel.loc[days[0], "region 0"] = np.nan
    panel.loc[panel.index[:10], "region 1"] = np.nan
    assert usable_regions(panel, days, panel) == ["region 1", "region 2"]
    panel.loc[panel.index[:30], "region 1"] = np.nan
    assert usable_regions(panel, days, panel) == ["region 2"]
    assert usable_regions(panel, pd.date_range("2030-01-01", periods=2), panel) == []


# What cannot be told


def test_a_share_of_next_to_nothing_is_not_tested():
    panel, days = made_up_panel(4)
    region, others = beside(panel, "region 11")
    quiet, silent = (estimate_alerts(region, days, others=others.mask(panel.index.isin(days), m)) for m in (1.0, 0.0))
    assert quiet.verdict == "not testable" and "as quiet themselves" in quiet.reason and quiet.ratio > 10
    assert (silent.verdict, silent.ratio, silent.p_value) == ("not testable", None, None)


def test_a_window_of_which_few_fit_into_the_quarters_is_described_not_tested():
    panel, days = made_up_panel(4, length=6, shock=2)  # so that the others are not quiet
    own = estimate_alerts(panel["region 3"], days)
    relative = estimate_alerts(panel["region 3"], days, others=panel["region 4"])
    assert own.verdict == relative.verdict == "not testable" and min(own.ratio, relative.ratio) > 0
    assert "28 separate windows of 6 days, at least 30" in own.reason
    assert relative.reason == "only 28 separate windows to compare with, 39 are needed"
    assert (own.p_value, own.ratio_low, own.smallest_visible_cut) == (None, None, None)
    assert relative.p_value is not None and relative.smallest_visible_cut is None


def test_two_silent_nights_of_kyiv_city_are_ordinary_and_the_sentence_says_so():
    found = assess_regions(COLD)
    effect = found.select(MINUTES, "Kyiv City")
    silent = (effect.placebo["ratio"] == 0).sum()
    assert (effect.observed, effect.verdict) == (0, "not testable")
    told = f"even total silence is ordinary: {silent} of {effect.n_placebo} comparable windows are wholly silent"
    assert told in found.summary()
    assert 0.2 < (pa.alert_minutes()["Kyiv City"]["2025-11":"2026-04"] == 0).mean() < 0.4


def test_a_window_after_the_alerts_or_in_a_broken_region_is_not_testable():
    late = assess_regions("capitals-pause-2026-09")
    assert all(effect.verdict == "not testable" and "the data end on" in effect.reason for effect in late.effects)
    broken = assess_regions(COLD, regions=["Kharkiv"])
    assert all("no usable report" in broken.say(outcome, "Kharkiv") for outcome in (MINUTES, RELATIVE_MINUTES))
    assert broken.select(MINUTES, "rear").p_value is not None


@pytest.mark.parametrize(
    ("name", "near"), [("Kiew City", "Kyiv City"), ("Lvov", "Lviv"), ("Luhansk", "region of data")]
)
def test_an_unknown_region_is_refused_with_the_closest_names(name, near):
    with refused(name, near):
        assess_regions(COLD, regions=[name])


# The known days


def test_easter_2025_was_silent_in_the_rear_and_near_the_front():
    found = assess_regions("easter-2025")
    assert found.select(MINUTES, "all").observed == 15 + 22 + 29  # Kyiv City, Kyiv, Zaporizhzhia
    assert found.select(MINUTES, "rear").observed == 37
    assert [found.select(MINUTES, group).verdict for group in GROUPS] == ["fewer"] * 3
    assert found.select(RELATIVE_MINUTES, "Kyiv City").verdict == "not testable"
    assert "quiet in the whole rear" in found.under_each_claim()


def test_the_alarm_of_6_january_2023_is_a_take_off_and_can_be_left_out():
    day = "2023-01-06"
    assert pa.alert_minutes().loc[day].dropna().between(110, 700).all()
    assert pa.alert_minutes(takeoffs=False).loc[day, ["Lviv", "Kyiv City", "Odesa"]].tolist() == [0, 0, 0]
    found = assess_regions("orthodox-christmas-2023")
    assert found.select(WITHOUT, "Kyiv City").expected < 0.8 * found.select(MINUTES, "Kyiv City").expected
    assert "takeoff alarm" in found.takeoffs()


def test_every_claim_is_told_in_the_words_of_the_registry():
    found = assess_regions(COLD)
    for claim, line in zip(found.pause.claims, found.under_each_claim().split("\n"), strict=True):
        assert claim.party in line and claim.note.split("; ")[0] in line
        assert ("so that of" in line) == (not claim.stated)
    table = found.to_frame()
    assert set(table["claim"]) == {claim.id for claim in found.pause.claims if claim.stated}
    assert not table.duplicated(["pause", "claim", "outcome", "stratum", "window", "test"]).any()
    assert table["p_adjusted"].isna().all()
    assert set(table.loc[table["claim"] == "accepted", "stratum"]) == {"Kyiv City", "Kyiv", "rear", "front", "all"}


@pytest.mark.parametrize("pause", [COLD, "orthodox-easter-2026", "capitals-pause-2026-09"])
def test_the_map_has_every_value_as_text_and_kyiv_oblast_never_by_the_name_of_the_city(pause):
    frame, found = pa.region_ratio_frame(pause), assess_regions(pause)
    drawn = pa.draw_region_ratios(frame).axes[0].texts
    texts = {text.get_text().replace("-\n", "").replace("\n", " ").replace("-", "") for text in drawn}
    assert {region_label(region).replace("-", "") for region in frame["oblast"]} <= texts
    assert set(map(ratio_text, frame["ratio"].dropna())) <= texts and "%" not in "".join(texts)
    assert {text for text in texts if "Kyiv" in text} == {"Kyiv oblast", "Kyiv City"} and found.describe()
    shown = set(found.by_claim()["stratum"])
    assert {"Kyiv oblast", "Kyiv City"} <= shown and "Kyiv" not in shown
    assert "Kyiv" in set(found.to_frame()["stratum"]), "the key of the record stays"
