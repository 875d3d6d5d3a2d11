"""The registry: every claim's window, what it comes to in strike days, and what is refused."""

import datetime as dt
import json

import pandas as pd
import pytest

from analysis.errors import RegistryError
from analysis.pauses import data_folder, get_pause, load_pauses, reported_pauses, volume_episodes

COLD_WEEK, SILENCE = "cold-week-pause-2026-01", "ukraine-silence-2026-05-06"
REPORTED = [
    "orthodox-christmas-2023",
    "energy-moratorium-2025-03",
    "easter-2025",
    "victory-day-2025",
    COLD_WEEK,
    "orthodox-easter-2026",
    SILENCE,
    "russia-victory-day-2026",
    "us-three-day-2026-05",
]

# pause, claim, window as the sources give it, first and last strike day (worked out by hand), how many
WINDOWS = [
    # 12:00 in Moscow is 11:00 in Kyiv: 7 of 24 hours of the 6th, the whole 7th, 5 hours of the 8th.
    ("orthodox-christmas-2023", "russia", "2023-01-06 12:00+03:00", "2023-01-08 00:00+03:00", "2023-01-07", "01-07", 1),
    ("energy-moratorium-2025-03", "accepted", "2025-03-25", "2025-04-16", "2025-03-25", "04-16", 23),
    ("energy-moratorium-2025-03", "russia", "2025-03-18", "2025-04-16", "2025-03-18", "04-16", 30),
    ("energy-moratorium-2025-03", "ukraine", "2025-03-25", "2025-04-24", "2025-03-25", "04-24", 31),
    # Exactly from the start of strike day 20 on; 6 hours of the 21st.
    ("easter-2025", "accepted", "2025-04-19 18:00+03:00", "2025-04-21 00:00+03:00", "2025-04-20", "04-20", 1),
    ("easter-2025", "russia", "2025-04-19 18:00+03:00", "2025-04-21 00:00+03:00", "2025-04-20", "04-20", 1),
    ("victory-day-2025", "russia", "2025-05-08 00:00+03:00", "2025-05-11 00:00+03:00", "2025-05-08", "05-10", 3),
    # Midnight in Moscow is 23:00 in Kyiv: 5 hours of 1 February.
    (COLD_WEEK, "accepted", "2026-01-30 00:00+02:00", "2026-02-01 00:00+03:00", "2026-01-30", "01-31", 2),
    (COLD_WEEK, "ukraine", "2026-01-30 00:00+02:00", "2026-02-05", "2026-01-30", "02-05", 7),
    (COLD_WEEK, "us-2026-02-03", "2026-01-25", "2026-02-01", "2026-01-25", "02-01", 8),
    # 07:00 in Moscow is 06:00 in Kyiv: 12 of 24 hours of the 29th, just enough.
    (COLD_WEEK, "rumour", "2026-01-29 07:00+03:00", "2026-02-03", "2026-01-29", "02-03", 6),
    ("orthodox-easter-2026", "accepted", "2026-04-11 16:00+03:00", "2026-04-13 00:00+03:00", "2026-04-12", "04-12", 1),
    ("orthodox-easter-2026", "russia", "2026-04-11 16:00+03:00", "2026-04-13 00:00+03:00", "2026-04-12", "04-12", 1),
    (SILENCE, "ukraine", "2026-05-06 00:00+03:00", "2026-05-08 00:00+03:00", "2026-05-06", "05-07", 2),
    ("russia-victory-day-2026", "russia", "2026-05-08", "2026-05-09", "2026-05-08", "05-09", 2),
    ("us-three-day-2026-05", "accepted", "2026-05-09", "2026-05-11", "2026-05-09", "05-11", 3),
    ("us-three-day-2026-05", "us", "2026-05-09", "2026-05-11", "2026-05-09", "05-11", 3),
    ("us-three-day-2026-05", "russia", "2026-05-09", "2026-05-11", "2026-05-09", "05-11", 3),
    ("us-three-day-2026-05", "ukraine", "2026-05-09", "2026-05-11", "2026-05-09", "05-11", 3),
    ("capitals-pause-2026-09", "accepted", "2026-09-05", "2026-09-07", "2026-09-05", "09-07", 3),
    ("black-sea-grain-initiative", "accepted", "2022-12-01", "2023-07-17", "2022-12-01", "07-17", 229),
    ("znpp-local-2025-12", "iaea", "2025-12-28", "2025-12-30", "2025-12-28", "12-30", 3),
    ("paris-olympic-truce-2024", "proposal", "2024-07-26", "2024-08-11", "2024-07-26", "08-11", 17),
]  # fmt: skip
NOT_STATED = [
    ("orthodox-christmas-2023", "ukraine", ""),
    ("energy-moratorium-2025-03", "us", ""),
    ("easter-2025", "ukraine", "from 2025-04-19 18:00+03:00"),
    ("victory-day-2025", "ukraine", ""),
    (COLD_WEEK, "us-2026-01-29", ""),
    (COLD_WEEK, "russia", "to 2026-02-01"),
    ("orthodox-easter-2026", "ukraine", "from 2026-04-11 16:00+03:00"),
    (SILENCE, "russia", ""),
    ("russia-victory-day-2026", "ukraine", ""),
    ("trump-energy-halt-2026-09", "us", "from 2026-09-14"),
    ("qatar-energy-2024", "ukrainian-official", ""),
    ("black-sea-grain-initiative", "all", "to 2023-07-18"),
]

GOOD = {
    "id": '"truce-2027"',
    "name": '"Truce 2027"',
    "phrase": '"the truce of 2027"',
    "kind": '"general truce"',
    "announced_by": '["Somebody"]',
    "announced_at": "2027-05-04",
    "announcer": '"russia"',
    "status": '"unilateral"',
    "role": '"primary"',
    "geography": '"whole front"',
    "targets": '["all-hostilities"]',
    "confidence": '"high"',
    "violations": '"not collected"',
    "sources": '[{ publisher = "A newspaper", date = 2027-05-04, url = "https://example.org/truce" }]',
}
CLAIM = {
    "id": '"russia"',
    "party": '"Russia"',
    "start": "2027-05-08 00:00:00+03:00",
    "end": "2027-05-11 00:00:00+03:00",
    "basis": '"stated"',
}


def entry(*claims, **changed):
    """One block of a registry; a field changed to None is left out."""
    lines = ["[[pause]]", *_lines(GOOD | changed)]
    for claim in claims or ({},):
        lines += ["[[pause.claims]]", *_lines(CLAIM | claim)]
    return "\n".join(lines) + "\n"


def _lines(fields):
    return [f"{name} = {value}" for name, value in fields.items() if value is not None]


@pytest.fixture
def load(tmp_path):
    def write_and_load(content):
        path = tmp_path / "pauses.toml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return load_pauses(path)

    return write_and_load


@pytest.fixture
def refusal(load):
    def message(content):
        with pytest.raises(RegistryError) as caught:
            load(content)
        return str(caught.value)

    return message


@pytest.fixture(scope="module")
def pauses():
    return load_pauses()


def dates(days, form="%Y-%m-%d"):
    return days.strftime(form).tolist()


# ---- the registry as it is ----


def test_the_reported_pauses_are_the_nine_in_order_of_date(pauses):
    assert [pause.id for pause in reported_pauses(pauses)] == REPORTED
    assert len(pauses) == 36


@pytest.mark.parametrize(("pause_id", "claim", "start", "end", "first", "last", "n"), WINDOWS)
def test_windows_and_their_strike_days(pauses, pause_id, claim, start, end, first, last, n):
    stated = pauses[pause_id].claim(claim)
    shown = f"{start} to {end}"
    assert stated.window_text.removesuffix(" (closed here)") == shown
    days = pauses[pause_id].days(claim)
    assert (f"{days[0]:%Y-%m-%d}", f"{days[-1]:%m-%d}", len(days)) == (first, last, n)
    assert days.equals(pd.date_range(days[0], days[-1], unit="us"))


@pytest.mark.parametrize(("pause_id", "claim", "known"), NOT_STATED)
def test_a_claim_without_a_whole_window_is_kept_shown_and_refused(pauses, pause_id, claim, known):
    pause = pauses[pause_id]
    assert not pause.claim(claim).stated
    assert pause.claim(claim).window_text == "window not stated" + (f" ({known})" if known else "")
    with pytest.raises(RegistryError, match="window not stated") as caught:
        pause.days(claim)
    others = [known.id for known in pause.claims if known.stated]
    assert caught.value.remedy == (
        f"choose a claim with a window: {', '.join(others)}" if others else "add the window when a source states it"
    )
    row = pause.to_frame().set_index("claim").loc[claim]
    assert (row["n_days"], row["first_day"] is pd.NaT) == (0, True)


def test_main_is_the_accepted_claim_or_the_announcers(pauses):
    main = {pause_id: pauses[pause_id].main for pause_id in REPORTED}
    accepted = {pause_id for pause_id, claim in main.items() if claim == "accepted"}
    assert accepted == {
        "energy-moratorium-2025-03", "easter-2025", COLD_WEEK, "orthodox-easter-2026", "us-three-day-2026-05"
    }  # fmt: skip
    assert {claim for pause_id, claim in main.items() if pause_id not in accepted} == {"russia", "ukraine"}
    for pause_id in REPORTED:
        assert pauses[pause_id].days().equals(pauses[pause_id].days(main[pause_id]))
        assert pauses[pause_id].claim().id == main[pause_id]


def test_an_accepted_window_lies_inside_every_other_stated_window(pauses):
    for pause in pauses.values():
        if pause.main != "accepted":
            continue
        accepted = set(pause.days())
        others = [claim for claim in pause.claims if claim.stated]
        assert all(accepted <= set(pause.days(claim.id)) for claim in others), pause.id


def test_the_open_end_of_ukraines_silence_is_closed_with_a_reason_and_no_other(pauses):
    closed = [
        (pause.id, claim.id) for pause in pauses.values() for claim in pause.claims if claim.closed_reason
    ]  # fmt: skip
    assert closed == [(SILENCE, "ukraine")]
    claim = pauses[SILENCE].claim("ukraine")
    assert "refused Moscow's dates on 7 May" in claim.closed_reason
    assert claim.window_text.endswith("(closed here)")


def test_days_between_announcement_and_start(pauses):
    # Announced on 28 April (from 00:00: 18 of 24 hours), started at 00:00 on 8 May (6 hours of its strike day).
    assert dates(pauses["victory-day-2025"].announced_days())[::9] == ["2025-04-28", "2025-05-07"]
    # The week between Moscow's and Kyiv's start; by Moscow's word there was no wait.
    assert dates(pauses["energy-moratorium-2025-03"].announced_days(), "%d") == [f"{day}" for day in range(18, 25)]
    assert len(pauses["energy-moratorium-2025-03"].announced_days("russia")) == 0
    # Announced an hour before the start.
    assert len(pauses["easter-2025"].announced_days()) == 0
    # Until 16:00 on the 11th: 22 of 24 hours.
    assert dates(pauses["orthodox-easter-2026"].announced_days(), "%d") == ["09", "10", "11"]
    # Until 11:00 on the 6th: 17 of 24 hours.
    assert dates(pauses["orthodox-christmas-2023"].announced_days(), "%d") == ["05", "06"]
    # Claimed afterwards for days before the announcement.
    assert len(pauses[COLD_WEEK].announced_days("us-2026-02-03")) == 0
    # A start is enough.
    assert len(pauses["black-sea-2025-03"].announced_days("us")) == 0
    with pytest.raises(RegistryError, match="window not stated"):
        pauses[COLD_WEEK].announced_days("russia")


def test_announced_days_never_overlap_the_window(pauses):
    for pause in reported_pauses(pauses):
        for claim in pause.claims:
            if claim.stated:
                waiting, days = pause.announced_days(claim.id), pause.days(claim.id)
                assert not len(waiting) or waiting[-1] < days[0]


def test_episodes_merge_the_three_truces_of_may_2026_and_leave_energy_apart(pauses):
    episodes = {episode.id: episode for episode in volume_episodes(pauses)}
    assert list(episodes) == [
        "orthodox-christmas-2023", "easter-2025", "victory-day-2025", "orthodox-easter-2026", "truces-2026-05-06"
    ]  # fmt: skip
    may = episodes["truces-2026-05-06"]
    assert may.pauses == (SILENCE, "russia-victory-day-2026", "us-three-day-2026-05")
    assert dates(may.days, "%m-%d") == ["05-06", "05-07", "05-08", "05-09", "05-10", "05-11"]
    assert (may.days.name, may.days.freq) == ("day", None)
    status = {episode.id: episode.status for episode in episodes.values()}
    assert [name for name, word in status.items() if word == "agreed"] == ["orthodox-easter-2026", "truces-2026-05-06"]
    assert set(status.values()) == {"agreed", "unilateral"}


def test_nothing_of_the_research_was_lost(pauses):
    every = list(pauses.values())
    assert sum(len(pause.sources) for pause in every) == 137
    assert sum(len(pause.published_counts) for pause in every) == 30
    assert sum(len(pause.claims) for pause in every) == 46 + 7  # seven accepted windows beside the parties' own
    assert all(pause.sources and pause.violations and pause.geography for pause in every)
    publishers = {source.publisher for pause in every for source in pause.sources}
    assert {"J. Claw blog (Guardian, BBC, Al Jazeera digest)", "Global News (Reuters, copy)"} <= publishers
    assert not any("null" in publisher or publisher.count("(") != publisher.count(")") for publisher in publishers)


def test_published_counts_keep_not_known_apart_from_zero(pauses):
    easter = {count.when: (count.drones, count.missiles) for count in pauses["easter-2025"].published_counts}
    assert easter["2025-04-20 (all day)"] == (0, 0)
    assert easter["2025-04-20/21, after the end"] == (96, 3)
    assert easter["2025-04-19 17:15 Kyiv"] == (None, None)


def test_every_pause_can_be_shown(pauses):
    for pause in pauses.values():
        frame = pause.to_frame()
        assert len(frame) == len(pause.claims)
        assert (frame["main"] == "yes").sum() == (len(frame) > 0)
        assert json.loads(frame.to_json(orient="records", date_format="iso")) is not None
        summary = pause.summary()
        assert pause.phrase[1:] in summary and summary.endswith(".") and "  " not in summary


def test_a_frame_holds_the_window_as_written(pauses):
    frame = pauses[COLD_WEEK].to_frame().set_index("claim")
    assert list(frame) == [
        "party", "start", "end", "precision", "basis", "main", "first_day", "last_day", "n_days", "note"
    ]  # fmt: skip
    assert frame["precision"].to_dict() == {
        "accepted": "clock", "rumour": "mixed", "us-2026-01-29": "", "us-2026-02-03": "day", "russia": "day",
        "ukraine": "mixed",
    }  # fmt: skip
    assert frame.loc["ukraine", "last_day"] == pd.Timestamp("2026-02-05")
    assert frame.loc["accepted", ["start", "main"]].tolist() == ["2026-01-30 00:00+02:00", "yes"]


def test_summaries_say_who_when_and_whose_window(pauses):
    assert pauses["victory-day-2025"].summary() == (
        "The Victory Day truce of 2025 was announced by Putin on 2025-04-28. Windows: russia (main), "
        "2025-05-08 00:00+03:00 to 2025-05-11 00:00+03:00; ukraine, window not stated."
    )
    assert pauses["turkey-shipping-2024-03"].summary() == (
        "The Turkish-mediated shipping guarantee of 2024 was reported, but never announced. No party named a window."
    )
    assert pauses["us-three-day-2026-05"].summary().startswith(
        "The US-brokered truce of May 2026 was announced by Trump, Ushakov (confirmed) and Zelensky (confirmed) on"
    )  # fmt: skip


def test_the_registry_cannot_be_changed_by_accident(pauses):
    with pytest.raises(TypeError):
        pauses["easter-2025"] = None
    with pytest.raises(AttributeError):
        pauses["easter-2025"].role = "context"
    assert load_pauses() == pauses


def test_unknown_ids_name_what_is_close_and_where_to_look(pauses):
    with pytest.raises(RegistryError, match=r"easter-2025.*pauses list"):
        get_pause(pauses, "easter2025")
    with pytest.raises(RegistryError, match=r"easter-2025, claim: .*accepted.*pauses show easter-2025"):
        pauses["easter-2025"].claim("acepted")
    with pytest.raises(RegistryError, match="no such entry"):
        get_pause(pauses, None)
    with pytest.raises(RegistryError, match="window not stated: no party named one"):
        pauses["energy-offer-2025-12"].days()
    with pytest.raises(RegistryError, match="no such entry"):
        pauses["energy-offer-2025-12"].days("russia")
    with pytest.raises(RegistryError) as caught:
        get_pause(pauses, "\x1b[2J" + "x" * 1000)
    assert "\x1b" not in str(caught.value) and len(str(caught.value)) < 400
    assert get_pause(pauses, "easter-2025") is pauses["easter-2025"]


def test_the_data_folder_is_the_one_that_holds_the_registry():
    assert (data_folder() / "pauses.toml").is_file()


def test_an_installed_package_without_a_repository_uses_its_own_copy(tmp_path, monkeypatch):
    package = tmp_path / "lib" / "site-packages" / "analysis"
    monkeypatch.setattr("analysis.tables.__file__", str(package / "tables.py"))
    (tmp_path / "lib" / "data").mkdir(parents=True)  # a folder of that name that is not ours
    assert data_folder() == package / "_data"
    (tmp_path / "lib" / "data" / "pauses.toml").touch()
    assert data_folder() == tmp_path / "lib" / "data"


# ---- other registries ----


def test_a_new_pause_is_one_entry(load):
    pauses = load(entry())
    pause = pauses["truce-2027"]
    assert (pause.main, dates(pause.days())) == ("russia", ["2027-05-08", "2027-05-09", "2027-05-10"])
    assert (pause.announced_at, pause.notes, pause.scope_note) == (dt.date(2027, 5, 4), (), "")
    assert [episode.id for episode in volume_episodes(pauses)] == ["truce-2027"]


def test_the_example_in_the_head_of_the_registry_is_a_valid_entry(load):
    head = (data_folder() / "pauses.toml").read_text("utf-8").split("\n\n")[0].splitlines()
    first = next(n for n, line in enumerate(head) if "[[pause]]" in line)
    last = max(n for n, line in enumerate(head) if "note =" in line)
    pauses = load("\n".join(line.removeprefix("#") for line in head[first : last + 1]))
    assert dates(pauses["some-truce-2027"].days()) == ["2027-05-08", "2027-05-09"]


def test_dates_count_whole_and_times_exactly(load):
    by_date = {"start": "2027-05-08", "end": "2027-05-08"}
    by_clock = {"start": "2027-05-08 00:00:00+03:00", "end": "2027-05-08 23:59:59+03:00"}
    just_short = {"start": "2027-05-08 06:00:01+03:00", "end": "2027-05-09"}
    found = [dates(load(entry(claim))["truce-2027"].days(), "%d") for claim in (by_date, by_clock, just_short)]
    assert found == [["08"], ["08"], ["09"]]


def test_the_change_of_clocks_inside_a_window(load):
    claim = {"start": "2027-03-27 00:00:00+02:00", "end": "2027-03-29 00:00:00+03:00"}  # clocks change on the 28th
    assert dates(load(entry(claim))["truce-2027"].days(), "%d") == ["27", "28"]


def test_accepted_beats_the_announcer(load):
    accepted = {"id": '"accepted"', "basis": '"overlap"', "start": "2027-05-09"}
    pause = load(entry({}, accepted))["truce-2027"]
    assert (pause.main, dates(pause.days("main"), "%d")) == ("accepted", ["09", "10"])


@pytest.mark.parametrize(("first_of_second", "merged"), [("2027-05-10", 1), ("2027-05-11", 1), ("2027-05-12", 2)])
def test_windows_that_overlap_or_touch_are_one_episode(load, first_of_second, merged):
    later = entry({"start": first_of_second, "end": "2027-05-14"}, id='"later"', status='"agreed"')
    episodes = volume_episodes(load(later + entry()))
    assert len(episodes) == merged
    assert sum(len(episode.days) for episode in episodes) == 7 - (first_of_second == "2027-05-12")
    assert episodes[-1].status == "agreed"
    assert episodes[0].pauses[0] == "truce-2027"


def test_a_window_inside_another_does_not_shorten_the_episode(load):
    long = entry({"start": "2027-05-01", "end": "2027-05-20"}, id='"long"')
    last = entry({"start": "2027-05-20", "end": "2027-05-22"}, id='"last"')
    (episode,) = volume_episodes(load(long + entry() + last))
    assert (episode.pauses, len(episode.days)) == (("long", "truce-2027", "last"), 22)


def test_an_announcement_with_a_clock_and_one_without_a_date(load):
    timed = load(entry(announced_at="2027-05-06 05:59:00+03:00"))["truce-2027"]
    assert dates(timed.announced_days(), "%d") == ["06", "07"]
    late = load(entry(announced_at="2027-05-06 06:01:00+03:00"))["truce-2027"]
    assert dates(late.announced_days(), "%d") == ["07"]
    unknown = load(entry(announced_at=None))["truce-2027"]
    assert len(unknown.announced_days()) == 0
    assert "on 20" not in unknown.summary().split("Windows")[0]


def test_an_announcement_known_by_its_date_counts_from_midnight_in_kyiv(load):
    # 00:00 to 12:00 in Kyiv is half of a strike day; 00:00 in London would be too late.
    claims = ({"start": f"2027-05-06 {time}+03:00"} for time in ("12:00:00", "11:59:59"))
    waiting = [load(entry(claim, announced_at="2027-05-06"))["truce-2027"].announced_days() for claim in claims]
    assert [dates(days) for days in waiting] == [["2027-05-06"], []]


def test_text_is_data(load):
    pause = load(entry(violations=r'"<script>alert(1)</script> \u001b[31m {{x}}"', name='"""\n  Truce\n  2027\n"""'))
    assert pause["truce-2027"].violations == "<script>alert(1)</script> \x1b[31m {{x}}"
    assert pause["truce-2027"].name == "Truce 2027"


def test_files_saved_by_other_editors(load):
    content = entry(name='"Перемир’я"').encode()
    assert load(b"\xef\xbb\xbf" + content)["truce-2027"].name == "Перемир’я"
    assert load(content.replace(b"\n", b"\r\n"))["truce-2027"].name == "Перемир’я"


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"colour": '"red"'}, ["truce-2027", "'colour'", "unknown field"]),
        ({"anouncer": '"russia"'}, ["'anouncer'", "unknown field", "announcer"]),
        ({"status": None}, ["truce-2027", "field status", "missing", "agreed or unilateral"]),
        ({"sources": None}, ["field sources", "missing", "publisher = "]),
        ({"sources": "[]"}, ["field sources", "no source"]),
        ({"status": '"agred"'}, ["field status", "agreed or", "found 'agred'"]),
        ({"role": '"main"'}, ["field role", "primary or secondary", "found 'main'"]),
        ({"kind": '"general truce / peace"'}, ["field kind", "city pause", "found 'general truce / peace'"]),
        ({"confidence": "3"}, ["field confidence", "high or medium", "found 3"]),
        ({"targets": '["cities", "moon"]'}, ["field targets", "all-hostilities", "moon"]),
        ({"targets": '"cities"'}, ["field targets", "a list"]),
        ({"announced_by": '["A", 3]'}, ["field announced_by", "a list of texts"]),
        ({"name": '"  "'}, ["field name", "text in quotes"]),
        ({"name": "2027-05-04"}, ["field name", "text in quotes", "found 2027-05-04"]),
        ({"announced_at": "2027-05-04T10:00:00"}, ["field announced_at", "time with offset"]),
        ({"announced_at": '"2027-05-04"'}, ["field announced_at", "a date such as"]),
        ({"announced_at": "10:00:00"}, ["field announced_at", "a date such as"]),
        ({"announced_at": "0001-01-01"}, ["field announced_at", "a date such as", "found 0001-01-01"]),
        ({"announcer": '"ukraine"'}, ["field announcer", "not the id of a claim", "russia", "'ukraine'"]),
        ({"announcer": None}, ["field announcer", "not the id of a claim"]),
        ({"claims": "3"}, ["claims"]),
        ({"sources": '["https://example.org"]'}, ["sources number 1", "not a table"]),
        (
            {"sources": '[{ publisher = "X", url = "ftp://example.org" }]'},
            ["sources number 1", "field url", "https://"],
        ),
        ({"sources": '[{ publisher = "X", url = "javascript:alert(1)" }]'}, ["field url", "https://"]),
        ({"sources": '[{ publisher = "X", url = "https:// example.org" }]'}, ["field url", "https://"]),
        ({"sources": '[{ publisher = "X", url = "https://e.org", date = "May" }]'}, ["field date", "a month such as"]),
        ({"published_counts": '[{ when = "2027-05-08/09", drones = -1 }]'}, ["counts number 1", "field drones", "-1"]),
        ({"published_counts": '[{ when = "2027-05-08/09", drones = true }]'}, ["field drones", "found True"]),
        ({"published_counts": '[{ when = "2027-05-08/09", missiles = nan }]'}, ["field missiles", "found nan"]),
        ({"published_counts": "{ drones = 3 }"}, ["field published_counts", "not a list"]),
    ],
)
def test_faults_of_an_entry_are_named(refusal, changed, expected):
    if changed == {"claims": "3"}:
        message = refusal("\n".join(["[[pause]]", *_lines(GOOD | changed)]))
    else:
        message = refusal(entry(**changed))
    assert message.startswith("pauses.toml: ")
    for part in expected:
        assert part in message


@pytest.mark.parametrize(
    ("claim", "expected"),
    [
        ({"end": "2027-05-07 00:00:00+03:00"}, ["claims russia", "field end", "ends before it starts"]),
        ({"end": "2027-05-08 00:00:00+03:00"}, ["ends before it starts", "after 2027-05-08 00:00:00+03:00"]),
        ({"start": "2027-05-09", "end": "2027-05-08"}, ["ends before it starts"]),
        ({"end": "2027-05-07"}, ["ends before it starts", "found 2027-05-07"]),
        ({"start": "2027-05-08T00:00:00"}, ["claims russia", "field start", "offset", "found 2027-05-08 00:00:00"]),
        ({"end": None}, ["field claims", "a reported pause without a main window"]),
        ({"end": "2027-05-08 05:00:00+03:00"}, ["a reported pause without a main window", "half a strike day"]),
        ({"end": None, "closed_reason": '"it ended"'}, ["field closed_reason", "nothing is closed"]),
        ({"basis": '"guessed"'}, ["field basis", "stated or inferred", "found 'guessed'"]),
        ({"basis": None}, ["field basis", "missing"]),
        ({"id": '"main"'}, ["claims number 1", "field id"]),
        ({"until": "2027-05-09"}, ["'until'", "unknown field"]),
    ],
)
def test_faults_of_a_claim_are_named(refusal, claim, expected):
    message = refusal(entry(claim))
    for part in ["pause truce-2027", *expected]:
        assert part in message


@pytest.mark.parametrize(
    "bad",
    [
        *("Truce-2027", "truce_2027", "-truce", "truce-", "a--b", "a b", "", "main", "a" * 65, "перемир-я"),
        *("../x", "a/b", "con.txt", "truce\\n", "truce\\u0000"),
    ],
)
def test_ids_are_safe_as_names_of_files(refusal, bad):
    message = refusal(entry(id=f'"{bad}"'))
    assert "pause number 1, field id: not valid; expected lower-case words" in message


def test_unsafe_ids_that_are_not_text(refusal):
    for value in ("3", "[]", "2027-05-04", "{ a = 1 }"):
        assert "pause number 1, field id" in refusal(entry(id=value))


def test_a_long_wrong_value_is_cut_short(refusal):
    assert len(refusal(entry(status=f'"{"x" * 10_000}"'))) < 400


def test_ids_used_twice(refusal):
    assert "the id truce-2027 is used 2 times" in refusal(entry() + entry())
    assert "pause truce-2027, field claims: the id russia is used 2 times" in refusal(entry({}, {}))


def test_all_faults_are_listed_at_once(refusal):
    first = entry({"end": "2027-05-07", "basis": '"guessed"'}, status='"agred"', colour="1")
    second = entry(id='"other"', role=None, sources='[{ publisher = "X", url = "nowhere" }]')
    message = refusal(first + second + entry(id='"other"'))
    lines = message.splitlines()
    assert lines[0] == f"pauses.toml: {len(lines) - 1} faults"
    for part in ("field end", "field basis", "field status", "'colour'", "field role", "field url", "id other is used"):
        assert sum(part in line for line in lines) == 1, part


def test_a_pause_that_is_not_reported_may_lack_a_window(load, refusal):
    pauses = load(entry({"end": None}, role='"context"'))
    assert reported_pauses(pauses) == () and volume_episodes(pauses) == ()
    without = "\n".join(["[[pause]]", *_lines(GOOD | {"role": '"context"', "announcer": None})])
    assert load(without)["truce-2027"].claims == ()
    assert "not the id of a claim" in refusal(without.replace("role =", 'announcer = "russia"\nrole ='))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "no pause in the file"),
        ("# only a comment\n", "no pause in the file"),
        ("pause = []\n", "no pause in the file"),
        ("pause = 3\n", "not a list"),
        ("pause = [3]\n", "not a table"),
        ('[pause]\nid = "a"\n', "not a list"),
        ("[[pauses]]\n", "unknown block"),
        ('"\\u001b[31m" = 1\n', "unknown block"),
        (entry() + "[[pause]]\nid = \n", "at line 23"),
        (entry() + 'id = "again"\n', "at line 22"),
        ("[[pause]]\nid = 'a'\nid = 'b'\n", "at line 3"),
        ("[[pause]]\nannounced_at = 2027-02-30\n", "at line 2"),
        ("<!DOCTYPE html><html></html>", "not valid TOML"),
        (b"\xff\xfe[\x00[\x00", "not valid TOML"),
        (b"PK\x03\x04\x00\x00", "not valid TOML"),
        ("[[pause]]\nx = " + "[" * 5000, "not valid TOML"),
        ("[[pause]]\nx = " + "9" * 5000, "not valid TOML"),
    ],
)
def test_files_that_are_no_registry(refusal, content, expected):
    message = refusal(content)
    assert message.startswith("pauses.toml: ") and expected in message
    assert "\x1b" not in message


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(RegistryError, match=r"none\.toml: the file cannot be read; found No such file"):
        load_pauses(tmp_path / "none.toml")
    with pytest.raises(RegistryError, match="cannot be read"):
        load_pauses(tmp_path)
