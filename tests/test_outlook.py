"""What a pause of some length could show, before it begins."""

import numpy as np
import pandas as pd
import pytest

import analysis as pa
from analysis.together import look_ahead, what_to_expect

DAYS = pd.date_range("2025-01-01", periods=365)


def noise(dispersion, seed=1):
    generator = np.random.default_rng(seed)
    counts = generator.negative_binomial(1 / dispersion, 1 / (1 + 100 * dispersion), len(DAYS))
    return pd.Series(counts, index=DAYS, name="drones", dtype=float)


def test_more_noise_hides_a_larger_cut():
    calm, wild = look_ahead(noise(0.05), 3), look_ahead(noise(0.8), 3)
    assert calm.smallest_visible_cut < wild.smallest_visible_cut
    assert calm.nights_for_half < (wild.nights_for_half or 14)


def test_the_stated_cut_is_found_in_four_of_five_windows():
    counts = noise(0.4)
    stated = look_ahead(counts, 4).smallest_visible_cut
    found = 0
    starts = range(300, 361)
    for start in starts:
        cut = counts.copy()
        cut.iloc[start : start + 4] *= 1 - stated
        found += pa.estimate_effect(cut, DAYS[start : start + 4], test="shift").verdict == "fewer"
    assert 0.55 < found / len(starts) < 0.95


def test_silence_that_is_ordinary_is_never_visible():
    counts = noise(0.4)
    counts.iloc[::2] = 0
    seen = look_ahead(counts, 1)
    assert seen.smallest_visible_cut is None
    assert seen.p_min == pytest.approx(1.0)
    assert "no cut would show reliably" in seen.summary()


def test_a_pause_after_the_data_says_what_is_missing():
    lines = what_to_expect(pa.load_pauses()["capitals-pause-2026-09"])
    assert "hold 0 of its 3 days; missing: 2026-09-05 to 2026-09-07." in lines[0]
    assert lines[1].startswith("In 3 nights of long-range drones launched, only a cut of about ")


def test_a_pause_inside_the_data_misses_nothing_and_sends_nobody_for_more():
    assert what_to_expect(pa.load_pauses()["easter-2025"])[0].endswith("hold 1 of its 1 day.")


def test_the_nights_for_half_are_the_first_length_at_which_half_is_visible():
    counts = noise(0.4)
    asked = look_ahead(counts, 1)
    cuts = [look_ahead(counts, length).smallest_visible_cut for length in range(1, 14)]
    enough = [length for length, cut in enumerate(cuts, 1) if cut and cut <= 0.5]
    assert asked.nights_for_half == (enough[0] if enough else None)
    assert asked.cut_in_longest == cuts[-1]


def test_where_half_stays_hidden_the_sentence_says_what_the_longest_window_shows():
    hidden = look_ahead(noise(1.5), 2)
    assert hidden.nights_for_half is None
    assert f"even in 13 nights, where it takes {hidden.cut_in_longest:.0%}" in hidden.summary()


def test_lengths_without_an_outlook_are_refused_or_explained():
    with pytest.raises(pa.DesignError, match="1 to 13"):
        look_ahead(noise(0.4), 14)
    assert "both sides" in what_to_expect(pa.load_pauses()["energy-moratorium-2025-03"])[1]
    assert "No party stated" in what_to_expect(pa.load_pauses()["jeddah-30-day-2025-03"])[0]
