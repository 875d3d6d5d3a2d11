"""What the strike data cover."""

import analysis as pa

STRIKES = pa.load_strikes()


def test_days_of_a_year_add_up_and_missing_reports_are_counted():
    by_year = pa.coverage_by_year(STRIKES)
    assert by_year.loc[2025, "days"] == 365
    assert by_year["days without report"].to_dict() == {2022: 0, 2023: 0, 2024: 3, 2025: 1, 2026: 0}


def test_every_zero_day_says_what_it_rests_on():
    zeros = pa.zero_days(STRIKES, first_day="2025-01-01")
    assert zeros.index.strftime("%Y-%m-%d").tolist() == [
        "2025-04-01", "2025-04-07", "2025-04-20", "2025-05-08", "2025-05-09", "2025-05-10", "2026-04-12", "2026-05-11",
    ]  # fmt: skip
    assert zeros.loc["2025-04-07", "drones_basis"] == "missing"


def test_published_nights_agree_with_the_table():
    nights = pa.published_nights(pa.load_pauses(), STRIKES)
    for name in ("drones", "missiles"):
        stated = nights.dropna(subset=[f"{name} published"])
        assert (stated[f"{name} published"] == stated[f"{name} in table"]).all()
    assert len(nights) >= 14


def test_spans_are_the_reported_pauses():
    spans = pa.pause_spans(pa.load_pauses())
    assert len(spans) == 9
    assert (spans["first_day"] <= spans["last_day"]).all()
