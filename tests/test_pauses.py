"""The registry: every claim's window, what it comes to in strike days, and what is refused."""

import re
from dataclasses import replace

import pandas as pd
import pytest

import analysis as pa
from analysis.errors import RegistryError
from analysis.panels import draw_claims, svg
from analysis.pauses import get_pause, load_pauses, overlapping, reported_pauses, volume_episodes
from analysis.storyboard import claims_frame
from analysis.tables import data_folder

PAUSES = load_pauses()
COLD_WEEK, SILENCE = "cold-week-pause-2026-01", "ukraine-silence-2026-05-06"
# pause, claim, first and last strike day as worked out by hand, how many
HALVES = [
    # 12:00 in Moscow is 11:00 in Kyiv: 7 of 24 hours of the 6th, the whole 7th, 5 hours of the 8th.
    ("orthodox-christmas-2023", "russia", "2023-01-07", "2023-01-07", 1),
    # Exactly from the start of strike day 20 on; 6 hours of the 21st.
    ("easter-2025", "accepted", "2025-04-20", "2025-04-20", 1),
    # Midnight in Moscow is 23:00 in Kyiv: 5 hours of 1 February.
    (COLD_WEEK, "accepted", "2026-01-30", "2026-01-31", 2),
    # 07:00 in Moscow is 06:00 in Kyiv: 12 of 24 hours of the 29th, just enough.
    (COLD_WEEK, "rumour", "2026-01-29", "2026-02-03", 6),
    # Russia's 72 hours run from an unknown hour of the 5th into the 8th; the planned window stays.
    ("capitals-pause-2026-09", "russia", "2026-09-05", "2026-09-08", 4),
]

GOOD = {
    "id": '"truce-2027"', "name": '"Truce 2027"', "phrase": '"the truce of 2027"', "kind": '"general truce"',
    "announced_by": '["Somebody"]', "announced_at": "2027-05-04", "announcer": '"russia"', "status": '"unilateral"',
    "role": '"primary"', "geography": '"whole front"', "targets": '["all-hostilities"]', "confidence": '"high"',
    "violations": '"not collected"', "sources": '[{ publisher = "A newspaper", url = "https://example.org/truce" }]',
}  # fmt: skip
CLAIM = {"id": '"russia"', "party": '"Russia"', "basis": '"stated"'}
CLAIM |= {"start": "2027-05-08 00:00:00+03:00", "end": "2027-05-11 00:00:00+03:00"}
HOUR = {"start": "2027-05-08 10:00:00+03:00", "end": "2027-05-08 11:00:00+03:00"}


def entry(*claims, **changed):
    """One block of a registry; a field changed to None is left out."""
    lines = ["[[pause]]", *_lines(GOOD | changed)]
    for claim in claims or ({},):
        lines += ["[[pause.claims]]", *_lines(CLAIM | claim)]
    return "\n".join(lines) + "\n"


def without_claims(**changed):
    return entry(**changed).split("[[pause.claims]]")[0]


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


def dates(days, form="%Y-%m-%d"):
    return days.strftime(form).tolist()


# ---- the registry as it is ----


def told(pause):
    """All that the registry says of a pause's windows: whose, which strike days, which were announced before."""
    yield f"{pause.summary()} Role: {pause.role}."
    for claim in pause.claims:
        days, announced = claim.days, pause.announced_days(claim.id) if claim.start else []
        window = f"{days[0]:%Y-%m-%d} to {days[-1]:%Y-%m-%d}, strike days: {len(days)}" if len(days) else "none"
        before = f", {len(announced)} announced before" if len(announced) else ""
        yield f"{claim.id}, {claim.precision or 'no date'}: {window}{before}"
    yield f"Beside: {', '.join(other.id for other in overlapping(PAUSES, pause)) or 'none'}."


def test_windows_strike_days_and_what_lies_beside_are_what_they_were(golden):
    golden("registry", {pause.id: "\n".join(told(pause)) for pause in PAUSES.values()})


@pytest.mark.parametrize(("pause_id", "claim", "first", "last", "n"), HALVES)
def test_half_a_strike_day_counts(pause_id, claim, first, last, n):
    days = PAUSES[pause_id].days(claim)
    assert days.equals(pd.date_range(first, last, unit="us")) and len(days) == n


def test_a_claim_without_a_whole_window_is_kept_shown_and_refused():
    for pause_id, claim, others in (("easter-2025", "ukraine", "accepted, russia"), ("znpp-local-2026-06", "iaea", "")):
        pause = PAUSES[pause_id]
        remedy = f"choose a claim with a window: {others}" if others else "add the window when a source states it"
        for ask in (pause.days, pause.days_to_test):
            with pytest.raises(RegistryError, match=f"window not stated.*{remedy}"):
                ask(claim)
        assert pause.to_frame().set_index("claim").loc[claim, "n_days"] == 0


def test_an_accepted_window_lies_inside_every_other_and_no_wait_reaches_into_a_window():
    for pause in PAUSES.values():
        accepted = set(pause.days()) if pause.main == "accepted" else set()
        for claim in (claim for claim in pause.claims if claim.stated):
            assert accepted <= set(claim.days), pause.id
            waiting = pause.announced_days(claim.id)
            assert not len(waiting) or waiting[-1] < claim.days[0]


def test_episodes_merge_the_three_truces_of_may_2026_and_leave_energy_apart():
    *apart, easter, may = volume_episodes(PAUSES)
    assert [episode.id for episode in apart] == ["orthodox-christmas-2023", "easter-2025", "victory-day-2025"]
    assert [episode.status for episode in (*apart, easter, may)] == ["unilateral"] * 3 + ["agreed"] * 2
    assert (easter.id, may.id) == ("orthodox-easter-2026", "truces-2026-05-06")
    assert may.pauses == (SILENCE, "russia-victory-day-2026", "us-three-day-2026-05")
    assert dates(may.days, "%m-%d") == ["05-06", "05-07", "05-08", "05-09", "05-10", "05-11"]
    assert (may.days.name, may.days.freq) == ("day", None)


def whole_days(when):
    """Strike days that a published count is for, where it names whole nights or days."""
    night = re.match(r"(\d{4}-)(\d\d-)\d\d/(\d\d-)?(\d\d)\b", when)
    if night:
        return [night[1] + (night[3] or night[2]) + night[4]]
    return re.findall(r"\d{4}-\d\d-\d\d", when) if re.fullmatch(r"[-\d]+( and [-\d]+)*( \(all day\))?", when) else []


def test_a_published_count_that_differs_from_the_table_says_why():
    strikes, compared, differing = pa.load_strikes(), 0, []
    for count in (count for pause in PAUSES.values() for count in pause.published_counts):
        for name in ("drones", "missiles"):
            days = strikes[f"{name}_launched"].reindex(pd.DatetimeIndex(whole_days(count.when))).dropna()
            published = getattr(count, name)
            compared += published is not None and len(days) > 0
            if published is not None and len(days) and days.sum() != published:
                differing.append(count.when)
                assert "the table has" in count.note, f"{count.when}: {published} {name}, table {days.sum():.0f}"
    assert compared >= 26 and differing == ["2025-05-08 and 2025-05-09"]


def test_nothing_of_the_research_was_lost_and_not_known_is_not_zero():
    parts = ("sources", "published_counts", "claims")  # seven accepted windows beside the parties' own
    assert [sum(len(getattr(pause, part)) for pause in PAUSES.values()) for part in parts] == [195, 36, 54 + 7]
    easter = {count.when: (count.drones, count.missiles) for count in PAUSES["easter-2025"].published_counts}
    assert easter["2025-04-20 (all day)"] == (0, 0)
    assert easter["2025-04-19 17:15 Kyiv"] == (None, None)


def test_the_frame_of_a_pause_shows_its_claims():
    for pause in PAUSES.values():
        assert (pause.to_frame()["main"] == "yes").sum() == (len(pause.claims) > 0)
    frame = PAUSES[COLD_WEEK].to_frame().set_index("claim")
    assert frame.loc["accepted", ["start", "main"]].tolist() == ["2026-01-30 00:00+02:00", "yes"]


def test_the_registry_cannot_be_changed_and_unknown_ids_name_what_is_close_and_where_to_look():
    with pytest.raises(TypeError):
        PAUSES["easter-2025"] = None
    with pytest.raises(AttributeError):
        PAUSES["easter-2025"].role = "context"
    with pytest.raises(KeyError):
        PAUSES["easter2025"]
    for ask in (PAUSES.__getitem__, lambda key: get_pause(PAUSES, key), lambda key: get_pause(dict(PAUSES), key)):
        with pytest.raises(RegistryError, match=r"^pauses.toml, field pause: no such entry.*easter-2025.*pauses list"):
            ask("easter2025")
        for strange in (None, "\x1b[2J" + "x" * 1000):
            with pytest.raises(RegistryError, match="no such entry") as caught:
                ask(strange)
            assert "\x1b" not in str(caught.value) and len(str(caught.value)) < 400
    with pytest.raises(RegistryError, match=r"easter-2025, claim: .*accepted.*pauses show easter-2025"):
        PAUSES["easter-2025"].claim("acepted")
    for claim, words in (("main", "window not stated: no party named one"), ("russia", "no such entry")):
        with pytest.raises(RegistryError, match=words):
            PAUSES["energy-offer-2025-12"].days(claim)


# ---- other registries ----


def test_the_example_in_the_head_of_the_registry_is_a_valid_entry(load):
    head = (data_folder() / "pauses.toml").read_text("utf-8").partition("#   [[pause]]")[2].partition("#\n# A claim")[0]
    lines = [line.removeprefix("#") for line in head.splitlines() if not line.startswith("#   #")]
    pauses = load("[[pause]]" + "\n".join(lines))
    assert dates(pauses["some-truce-2027"].days()) == ["2027-05-08", "2027-05-09"]
    assert [episode.id for episode in volume_episodes(load(entry()))] == ["truce-2027"], "a changed file is read anew"


@pytest.mark.parametrize(
    ("first", "last", "episodes"),
    [
        ("10", "14", [("truce-2027", "later")]),  # they overlap
        ("11", "14", [("truce-2027", "later")]),  # they touch
        ("12", "14", [("truce-2027",), ("later",)]),
        ("01", "20", [("later", "truce-2027")]),  # one lies inside the other
    ],
)
def test_windows_that_overlap_or_touch_are_one_episode(load, first, last, episodes):
    window = {"start": f"2027-05-{first}", "end": f"2027-05-{last}"}
    found = volume_episodes(load(entry(window, id='"later"', status='"agreed"') + entry()))
    assert [episode.pauses for episode in found] == episodes
    days = {*range(8, 11), *range(int(first), int(last) + 1)}
    assert [int(day) for episode in found for day in dates(episode.days, "%d")] == sorted(days)
    assert found[-1].status == "agreed"


@pytest.mark.parametrize(
    ("announced", "start", "waiting"),
    [
        ("2027-05-06 05:59:00+03:00", "2027-05-08 00:00:00+03:00", ["06", "07"]),
        ("2027-05-06 06:01:00+03:00", "2027-05-08 00:00:00+03:00", ["07"]),
        (None, "2027-05-08 00:00:00+03:00", []),
        # 00:00 to 12:00 in Kyiv is half of a strike day; 00:00 in London would be too late.
        ("2027-05-06", "2027-05-06 12:00:00+03:00", ["06"]),
        ("2027-05-06", "2027-05-06 11:59:59+03:00", []),
    ],
)
def test_days_between_an_announcement_by_its_clock_or_date_and_the_start(load, announced, start, waiting):
    pause = load(entry({"start": start}, announced_at=announced))["truce-2027"]
    assert dates(pause.announced_days(), "%d") == waiting
    assert ("on 20" in pause.summary().split("Windows")[0]) == (announced is not None)


def test_hours_that_cover_no_strike_day_are_kept_and_refused_only_when_asked_for(load):
    pause = load(entry({}, HOUR | {"id": '"hour"'}))["truce-2027"]
    assert (len(pause.days("hour")), pause.claim("hour").covers_days) == (0, False)
    assert pause.other_claims("russia") == []
    assert pause.to_frame().set_index("claim").loc["hour", "n_days"] == 0
    with pytest.raises(RegistryError, match=r"truce-2027, claim hour: the claim covers no strike day.*10:00.*: russia"):
        pause.days_to_test("hour")


@pytest.mark.parametrize("ask", ["assess", "assess_energy", "assess_regions", "assess_choices", "explore_pause"])
def test_no_part_of_the_report_tests_a_claim_without_a_strike_day(load, ask):
    short = load(entry(HOUR, role='"context"'))["truce-2027"]
    with pytest.raises(RegistryError, match="truce-2027, claim russia: the claim covers no strike day by half"):
        getattr(pa, ask)("truce-2027", registry=PAUSES | {"truce-2027": short})


def test_a_proposal_without_a_strike_day_costs_no_other_its_place(load):
    short = load(entry(HOUR, role='"context"', status='"proposed-only"'))["truce-2027"]
    ask = {"outcomes": ["missiles_launched"]}
    found = pa.proposed_only(registry=PAUSES, **ask)
    assert len(found) and found.equals(pa.proposed_only(registry=PAUSES | {"short": short}, **ask))


def test_text_is_data_whatever_editor_saved_it(load):
    pause = load(entry(violations='"<script>alert(1)</script> {{x}}"', name='"""\n  Truce\n\t2027\n"""'))["truce-2027"]
    assert (pause.violations, pause.name) == ("<script>alert(1)</script> {{x}}", "Truce 2027")
    content = entry(name='"Перемир’я"').encode()
    assert load(b"\xef\xbb\xbf" + content)["truce-2027"].name == "Перемир’я"
    assert load(content.replace(b"\n", b"\r\n"))["truce-2027"].name == "Перемир’я"


def test_dollars_in_a_name_are_no_formula_to_a_picture():
    pause, party = PAUSES["easter-2025"], r"$\frac{$"
    pause = replace(pause, claims=tuple(replace(claim, party=party) for claim in pause.claims))
    assert party in svg(draw_claims(claims_frame(pause)))


URLS = ["ftp://e.org", "https:// e.org", "http://[bad", "https://", "https://e.org:port", "e.org", "http://a]b.org",
        r"https://e.org/\u001b", "https://e.org/><b>"]  # fmt: skip
IDS = ["Truce-2027", "truce_2027", "-truce", "truce-", "a--b", "", "main", "a" * 65, "перемир-я", "../x", r"truce\n",
       "index", "method", "easter-2025-evidence", "volume-truces"]  # fmt: skip
SOURCE = '[{{ publisher = "X", url = "{}"{} }}]'
COUNTS = '[{{ when = "May", drones = {} }}]'
BAD = {  # fields of the entry, or of its claim, and what stands there
    "colour": ['"red"'], "anouncer": ['"russia"'], "status": [None, '"agred"'], "kind": ['"general truce / peace"'],
    "targets": ['["cities", "moon"]', '"cities"'], "announced_by": ['["A", 3]'],
    "name": ['"  "', r'"a\u0000b"', '"和"', '"🕊"', '"\ue000"'], "scope_note": [r'"a\u0000b"'], "phrase": ["2027-05-04"],
    "violations": [rf'"a\u{code}b"' for code in ("001b", "0085", "202e", "2028")], "notes": [r'["\u0007"]'],
    "announced_at": ["2027-05-04T10:00:00", '"2027-05-04"', "0001-01-01"], "announcer": ['"ukraine"', None],
    "sources": [
        None, "[]", '["https://example.org"]', *(SOURCE.format(url, "") for url in URLS),
        *(SOURCE.format("https://e.org", f", date = {when}") for when in ('"2026-13"', "2026-05-01T10:00:00")),
    ],
    "published_counts": [COUNTS.format("-1"), COUNTS.format("true"), "{ drones = 3 }"],
    "claim end": ["2027-05-08 00:00:00+03:00", "2027-05-07", None, "2027-05-08 05:00:00+03:00", "2054-05-11"],
    "claim start": ["2027-05-08T00:00:00"], "claim until": ["2027-05-09"], "claim basis": [None],
    "claim id": ['"main"'],
    "id": [*(f'"{bad}"' for bad in IDS), "3", "{ a = 1 }"],
}  # fmt: skip


def test_faults_of_an_entry_and_of_a_claim_are_named(refusal, golden):
    said = {}
    for field, values in BAD.items():
        for bad in values:
            of_claim = field.startswith("claim ")
            message = refusal(entry({field.removeprefix("claim "): bad}) if of_claim else entry(**{field: bad}))
            assert message.startswith("pauses.toml: 1 fault\n  pause ") and message.replace("\n", "").isprintable()
            said[f"{field} = {bad}"] = message.partition("\n  ")[2]
    golden("faults", said)


def test_faults_of_several_entries_or_fields(load, refusal):
    assert "field pause: the id truce-2027 is used 2 times" in refusal(entry() + entry())
    assert "pause truce-2027, field claims: the id russia is used 2 times" in refusal(entry({}, {}))
    closed = entry({"end": None, "closed_reason": '"it ended"'}, role='"context"')
    assert "claims russia, field closed_reason: nothing is closed" in refusal(closed)
    assert "not the id of a claim; expected none" in refusal(without_claims(role='"context"'))
    assert "field claims: not valid" in refusal(without_claims(claims="3"))
    assert len(refusal(entry(status=f'"{"x" * 10_000}"'))) < 400
    pauses = load(entry({"end": None}, role='"context"'))  # not reported, so it may lack a window
    assert reported_pauses(pauses) == () and volume_episodes(pauses) == ()
    assert load(without_claims(role='"context"', announcer=None))["truce-2027"].claims == ()


def test_all_faults_are_listed_at_once(refusal):
    first = entry({"end": "2027-05-07", "note": "3"}, {"end": "2027-05-07"}, status='"agred"', colour="1")
    message = refusal(first + entry(id='"other"', role=None, sources='[{ publisher = "X", url = "nowhere" }]'))
    lines = message.splitlines()
    assert lines[0] == f"pauses.toml: {len(lines) - 1} faults"
    for part in ("field note", "field end", "field status", "'colour'", "field role", "field url"):
        assert sum(part in line for line in lines) == 1, part


NO_REGISTRY = [
    ("# only a comment\n", "field pause: missing; expected [[pause]] blocks"),
    ("[[pauses]]\n", "field 'pauses': unknown field; expected pause"),
    ("pause = []\n", "field pause: not valid; expected [[pause]] blocks; found []"),
    ("pause = [3]\n", "pause number 1: not a table; found 3"),
    ('"\\u001b[31m" = 1\n', "unknown field"),
    (entry() + 'id = "again"\n', "at line 22"),
    ("[[pause]]\nannounced_at = 2027-02-30\n", "at line 2"),
    ("<!DOCTYPE html><html></html>", "not valid TOML"),
    ("[[pause]]\nx = " + "[" * 5000, "not valid TOML"),
    (entry() + "x" + ".a" * 5000 + " = 1\n", "not usable TOML; expected a table of at most 50 levels"),
]


@pytest.mark.parametrize(("content", "expected"), NO_REGISTRY)
def test_files_that_are_no_registry(refusal, content, expected):
    message = refusal(content)
    assert message.startswith("pauses.toml: ") and expected in message
    assert "\x1b" not in message


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(RegistryError, match=r"none\.toml: the file cannot be read; found No such file"):
        load_pauses(tmp_path / "none.toml")
    with pytest.raises(RegistryError, match="cannot be read"):
        load_pauses(tmp_path)
