"""Trust in the coded reports: agreement worked out by hand, and days to check."""

import pandas as pd
import pytest

import analysis as pa

COLD = pd.date_range("2026-01-30", "2026-02-05")


@pytest.fixture(scope="module")
def tables():
    return pa.load_table("energy_coded"), pa.load_table("energy_coded_events")


def coded_twice(*pairs, second_coder="5"):
    frame = pd.DataFrame(pairs, columns=["code", "second_code"]).replace("", None)
    return frame.assign(coder="1", second_coder=second_coder)


def test_agreement_by_hand():
    pairs = [("yes", "yes")] * 4 + [("yes", "no")] + [("no", "no")] * 4 + [("no", "silent")] + [("silent", "")]
    told = pa.describe_agreement(coded_twice(*pairs))
    chance = 0.5 * 0.4 + 0.5 * 0.5
    kappa = [(share - chance) / (1 - chance) for share in (0.8, 0.4439, 0.9748)]  # Clopper-Pearson, 8 of 10
    assert told.startswith("Of 10 days coded twice, 8 were given the same code (80%, interval 44% to 97%;")
    assert "kappa {:.2f}, {:.2f} to {:.2f})".format(*kappa) in told
    assert "runs of one language model, which share their errors" in told
    assert "language model" not in pa.describe_agreement(coded_twice(*pairs, second_coder="A. Person"))


def test_agreement_is_not_claimed_where_there_is_none_to_measure():
    assert "kappa has no meaning" in pa.describe_agreement(coded_twice(*[("not_found", "not_found")] * 5))
    assert pa.describe_agreement(coded_twice(("yes", ""))).startswith("No day was coded twice")


def test_twenty_days_to_check_cover_every_code_and_the_cold_week(tables):
    listed = pa.review_days(*tables, days=COLD, seed=1)
    assert len(listed) == 20 and set(COLD) <= set(listed.index) and listed.index.is_monotonic_increasing
    found = listed["finding"].value_counts()
    assert found["silent"] >= 3 and found["yes"] >= 3 and found["not found"] >= 3
    assert (listed[["agree", "disagree"]] == "").all(axis=None)
    assert all(
        address.startswith("http") for day in listed[listed["finding"] != "not found"]["evidence"] for address in day
    )
    assert listed.loc["2026-02-02", "said to be hit"] == "Cherkasy, Dnipropetrovsk, Kharkiv (front), Sumy (front)"
    assert listed.loc["2026-01-30":"2026-01-31", "said to be hit"].tolist() == ["Donetsk (front)", "no oblast"]


def test_the_seed_decides_which_days_are_listed(tables):
    first, again, other = (pa.review_days(*tables, days=COLD, seed=seed).index for seed in (1, 1, 2))
    assert first.equals(again) and not first.equals(other)
    assert len(pa.review_days(*tables, n=500)) == (tables[0]["code"] != "not_found").sum() + 3


def test_evidence_can_be_opened_and_nothing_in_it_breaks_the_table(tables):
    coded = (
        tables[0]
        .tail(1)
        .assign(code="yes", evidence_urls="https://a.example/x?y=(1)|http://b.example/", note="<b>odd|note")
    )
    text = pa.show_review(pa.review_days(coded, tables[1], n=1))
    assert "[a.example](<https://a.example/x?y=(1)>), [b.example](<http://b.example/>)" in text
    assert "&lt;b&gt;odd&#124;note" in text and {line.count("|") for line in text.splitlines()} == {8}
