"""Episodes of truces on their own and together, on the real record."""

import pytest

import analysis as pa
from analysis.record import load_results, verdicts


@pytest.fixture(scope="module")
def compared():
    return pa.compare_truces()


def test_the_truces_of_may_2026_are_one_episode(compared):
    merged = [effect for effect in compared.episodes if effect.pause == "episode:truces-2026-05-06"]
    assert {str(effect.first_day) + " " + str(effect.last_day) for effect in merged} == {"2026-05-06 2026-05-11"}


def test_drones_fell_over_all_truces_together(compared):
    effect = compared.together("drones_launched")
    assert effect.verdict == "fewer"
    assert effect.observed == 347
    assert "orthodox-christmas-2023" in effect.reason  # named as left out, not counted as a success


def test_missile_silence_is_untestable_alone_in_each_episode_but_not_together(compared):
    alone = [e for e in compared.episodes if e.outcome == "missiles_launched"]
    assert {effect.verdict for effect in alone} == {"not testable"}
    assert compared.together("missiles_launched").testable


def test_holm_runs_over_the_episodes_that_can_be_tested(compared):
    drones = [e for e in compared.episodes if e.outcome == "drones_launched"]
    tested = sorted((e for e in drones if e.p_adjusted is not None), key=lambda e: e.p_value)
    assert all(effect.testable for effect in tested)
    assert tested[0].p_adjusted == pytest.approx(min(1, len(tested) * tested[0].p_value))


def test_same_seed_same_numbers_and_the_seed_matters_little(compared):
    again, other = pa.compare_truces(), pa.compare_truces(seed=1)
    assert again.record()._repr_mimebundle_() == compared.record()._repr_mimebundle_()
    p, q = (c.together("missiles_launched").p_value for c in (compared, other))
    assert p == pytest.approx(q, abs=0.004)


def test_proposals_are_clear_of_reported_pauses():
    proposed = pa.proposed_only()
    assert len(proposed)
    assert not set(proposed.index) & {pause.id for pause in pa.reported_pauses(pa.load_pauses())}


def test_the_record_is_read_back_and_refused_when_it_is_something_else(tmp_path, compared):
    path = tmp_path / "results.csv"
    with pytest.raises(pa.DataError, match="pauses report"):
        load_results(path)
    path.write_text("a,b\n1,2\n")
    with pytest.raises(pa.DataError, match="pause, claim, outcome"):
        load_results(path)
    pa.assess("easter-2025").to_frame().to_csv(path, index=False)
    assert verdicts(load_results(path)).groupby("outcome").size().to_dict() == {
        "drones_launched": 1,
        "missiles_launched": 1,
    }
