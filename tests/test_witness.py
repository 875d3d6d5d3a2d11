"""Inferred zeros: what sirens say of them, and how many drones would have to be hidden."""

import numpy as np
import pandas as pd
import pytest

import analysis as pa
from analysis.setting import set_up
from analysis.sirens import break_even, defend_zeros, silent_nights, zeros_of


def test_sirens_of_8_may_2025_sounded_before_the_truce_alone():
    zeros = zeros_of(pd.date_range("2025-05-07", "2025-05-11"))
    assert zeros.index.strftime("%m-%d").tolist() == ["05-08", "05-09", "05-10"]
    parts = ["evening_minutes", "night_minutes", "day_minutes"]
    assert zeros.loc["2025-05-08", parts].tolist() == [664, 0, 64]
    assert zeros["night_minutes"].sum() == 0 and zeros.loc["2025-05-08", "reason"].startswith("press: no drones")


def test_few_ordinary_nights_with_drones_are_as_silent():
    silent, nights = silent_nights()
    assert silent == 5 and 500 < nights < 700


def test_break_even_by_hand():
    counts = pd.Series([9.0, 0.0, 0.0, 9.0], pd.date_range("2025-01-01", periods=4))
    zeros = counts.index[1:3]
    assert break_even(counts, zeros, lambda changed: changed[zeros].sum() < 31) == 16
    assert break_even(counts, zeros, lambda changed: changed[zeros].sum() < 1000) is None
    assert break_even(counts, zeros[:0], lambda changed: True) is None


@pytest.mark.parametrize("pause, n_zeros, least", [("victory-day-2025", 3, 30), ("orthodox-easter-2026", 1, 20)])
def test_it_would_take_many_hidden_drones_to_change_a_verdict(pause, n_zeros, least):
    zeros = defend_zeros(set_up(pause), pa.assess(pause).primary("drones_launched"))
    assert len(zeros.days) == n_zeros and zeros.verdict == "fewer" and zeros.break_even >= least
    assert f"It would take {zeros.break_even} hidden drones" in zeros.summary()
    assert "| strike day |" in zeros._repr_markdown_() and repr(zeros).startswith("InferredZeros: On ")


def test_a_pause_without_inferred_zeros_says_so():
    zeros = defend_zeros(
        set_up("cold-week-pause-2026-01"), pa.assess("cold-week-pause-2026-01").primary("drones_launched")
    )
    assert zeros.days.empty and zeros.summary().startswith("Every day of this window has a report")


def test_the_second_witness_is_an_outcome_outside_the_family():
    series, entry = pa.outcome_series("siren_minutes_rear"), pa.outcomes()["siren_minutes_rear"]
    assert not entry.in_family and not np.isnan(series).any()
    effect = pa.assess("us-three-day-2026-05", outcomes=["siren_minutes_rear"]).primary("siren_minutes_rear")
    assert effect.verdict == "fewer" and effect.ratio == pytest.approx(0.08, abs=0.01) and effect.p_adjusted is None
