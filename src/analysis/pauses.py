"""Announced pauses: who announced what, for when, and by whose word."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from difflib import get_close_matches
from functools import cached_property, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self, get_args
from urllib.parse import urlsplit

import pandas as pd
from annotated_types import Predicate
from pydantic import AfterValidator, ConfigDict, Field, HttpUrl, InstanceOf, ValidationError, model_validator
from pydantic.dataclasses import dataclass
from pydantic_core import PydanticCustomError

from analysis.days import KYIV, day_span, strike_days
from analysis.errors import RegistryError
from analysis.places import data_folder, parsed

FILE = "pauses.toml"
REPORTED = ("primary", "secondary")
LONGEST = 731  # days of a claim: the baseline needs days that no pause covers
ID = r"^(?!main\Z)(?=.{1,64}\Z)[a-z0-9]+(-[a-z0-9]+)*\Z"
KINDS = "general truce|energy moratorium|city pause|long-range pause|maritime|local|sectoral"
CONTROL = r"\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069"  # and what turns the direction of text
Target = Literal["all-hostilities", "energy", "cities", "long-range", "sea", "airports", "repair-zone"]


def _fault(problem: str, **details: str) -> PydanticCustomError:
    """A fault with the details of a RegistryError; pydantic collects it with the others."""
    return PydanticCustomError("fault", problem, details)


@AfterValidator
def _distinct(parts: tuple[Any, ...]) -> tuple[Any, ...]:
    for part_id, times in Counter(part.id for part in parts).items():
        if times > 1:
            raise _fault(f"the id {part_id} is used {times} times", remedy="give each its own")
    return parts


@AfterValidator
def _of_a_page(name: str) -> str:
    """An id becomes a page, its evidence page and rows of the record."""
    if name in ("index", "method", "calibration", "data", "review") or re.search("-evidence$|^volume-truces", name):
        raise _fault("another page or row has this name", expected="another id", found=name, remedy="choose another")
    return name


def _is_moment(value: date | None) -> bool:
    return value is None or ((type(value) is date or value.tzinfo is not None) and 2000 <= value.year < 2100)


# Types of fields; a description follows the word "expected" where a value is refused.
PLAIN = Field(pattern=rf"^[^{CONTROL}]*\Z", description="text in quotes, without control characters")
Note = Annotated[str, PLAIN, AfterValidator(lambda text: " ".join(text.split()))]
Text = Annotated[Note, Predicate(bool)]
DRAWN = Field(pattern=r"^[ -~\xa0-\u024f\u0391-\u03c9\u0400-\u04ff\u2010-\u2027]+\Z",
              description="text in quotes, in letters that a picture can show: Latin, Greek or Cyrillic")  # fmt: skip
Name = Annotated[Text, DRAWN]
Texts = Annotated[tuple[Text, ...], Field(description="a list of texts in quotes")]
Id = Annotated[str, Field(pattern=ID, description="lower-case words and digits joined by hyphens, such as easter-2025")]
JOINED = f"{KINDS.replace('|', ', ')}, or several joined by ' / '"
Kind = Annotated[str, Field(pattern=rf"^({KINDS})( / ({KINDS}))*\Z", description=JOINED)]
MOMENT = "a date such as 2025-04-19, or a time with offset such as 2025-04-19 18:00:00+03:00"
Moment = Annotated[InstanceOf[date] | None, Predicate(_is_moment), Field(description=MOMENT)]
Month = Annotated[str, Field(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])\Z")]
Day = Annotated[date, Field(strict=True)]
DayOrMonth = Annotated[Day | Month | None, Field(description='a date, or a month such as "2026-05"')]
Count = Annotated[int | None, Field(strict=True, ge=0, lt=1_000_000, description="a whole number of 0 or more")]
SIGN = rf'[^\s<>"{CONTROL}]'
HTTP = Field(pattern=rf"^https?://(?![/.]){SIGN}+\Z", description="a valid address with https:// or http://")
ADDRESS = Predicate(lambda text: bool(HttpUrl(text).host and urlsplit(text).hostname))  # for browsers and for Python
STRICT = ConfigDict(extra="forbid", regex_engine="python-re")


@dataclass(frozen=True, config=STRICT)
class Source:
    """Where a fact comes from; `date` is a day, or a month as text, or None."""

    publisher: Text
    url: Annotated[str, HTTP, ADDRESS]
    date: DayOrMonth = None


@dataclass(frozen=True, config=STRICT)
class PublishedCount:
    """What was published as launched at the time; None is not known, never 0."""

    when: Text
    drones: Count = None
    missiles: Count = None
    note: Note = ""


@dataclass(frozen=True, config=STRICT)
class Claim:
    """One party's word on when a pause held; "accepted" is the id of the span that every claiming party accepts.

    A date stands for the whole strike day of that date; a time counts exactly, as an end exclusively. `closed_reason`
    says why an end is given although the party left it open; `targets`,
    what it meant where the parties meant different things.
    """

    id: Id
    party: Text
    basis: Literal["stated", "inferred", "overlap"]
    start: Moment = None
    end: Moment = None
    closed_reason: Note = ""
    targets: tuple[Target, ...] = ()
    note: Note = ""

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        start, end = self.span
        if start and end and end <= start:
            told = {"expected": f"after {self.start}", "found": str(self.end), "remedy": "correct start or end"}
            raise _fault("ends before it starts", field="end", **told)
        if start and end and (length := (end - start).days) > LONGEST:
            told = {"expected": f"at most {LONGEST} days", "found": f"{length} days", "remedy": "correct start or end"}
            raise _fault("too long for days without a pause to be left", field="end", **told)
        if self.closed_reason and not end:
            raise _fault("nothing is closed", field="closed_reason", remedy="add the end or remove the reason")
        return self

    @property
    def stated(self) -> bool:
        return self.start is not None and self.end is not None

    @property
    def span(self) -> tuple[datetime | None, datetime | None]:
        """First moment of the window and first moment after it; None where not stated."""
        start, end = self.start, self.end
        return day_span(start)[0] if type(start) is date else start, day_span(end)[1] if type(end) is date else end

    @cached_property
    def days(self) -> pd.DatetimeIndex:
        """The strike days that the window covers by at least half; none where it is not stated or too short."""
        return strike_days(*self.span) if self.stated else pd.DatetimeIndex([])

    @property
    def covers_days(self) -> bool:
        """Whether the window is stated, and long enough for a strike day."""
        return len(self.days) > 0

    @property
    def precision(self) -> str:
        """Day, clock or mixed; empty where neither edge is stated."""
        found = {"clock" if isinstance(edge, datetime) else "day" for edge in (self.start, self.end) if edge}
        return "mixed" if len(found) > 1 else "".join(found)

    @property
    def window_text(self) -> str:
        if self.stated:
            return f"{_written(self.start)} to {_written(self.end)}{' (closed here)' if self.closed_reason else ''}"
        known = f" (from {_written(self.start)})" if self.start else f" (to {_written(self.end)})" if self.end else ""
        return f"window not stated{known}"


@dataclass(frozen=True, config=STRICT)
class Pause:
    """One announced pause; the head of data/pauses.toml explains its fields."""

    id: Annotated[Id, _of_a_page]
    name: Name
    phrase: Text
    kind: Kind
    announced_by: Texts
    status: Literal["agreed", "unilateral", "disputed", "proposed-only", "reported-only"]
    role: Literal["primary", "secondary", "context", "outside-data"]
    geography: Text
    targets: Annotated[tuple[Target, ...], Field(description=f"a list of {', '.join(get_args(Target))}")]
    confidence: Literal["high", "medium", "low"]
    violations: Text
    sources: Annotated[tuple[Source, ...], Predicate(bool), Field(description="at least one { publisher, date, url }")]
    announced_at: Moment = None
    announcer: Note = ""
    scope_note: Note = ""
    length: Note = ""
    notes: Texts = ()
    published_counts: Annotated[tuple[PublishedCount, ...], Field(description="a list of { when, drones, ... }")] = ()
    claims: Annotated[tuple[Claim, ...], _distinct, Field(description="[[pause.claims]] blocks")] = ()

    @model_validator(mode="after")
    def _has_a_main_claim(self) -> Self:
        known = {claim.id: claim for claim in self.claims}
        if self.announcer not in known and (known or self.announcer):
            told = {"expected": " or ".join(known) or "none, as there are no claims", "found": _shown(self.announcer)}
            raise _fault("not the id of a claim", field="announcer", remedy="name a claim", **told)
        if self.role in REPORTED and not (known and known[self.main].covers_days):
            problem, remedy = "a reported pause without a main window", "state it, or give the pause the role context"
            raise _fault(problem, field="claims", expected="at least half a strike day", remedy=remedy)
        return self

    @property
    def main(self) -> str:
        """Id of the claim that counts, by rule: "accepted" where it exists, else the announcer's."""
        return "accepted" if any(claim.id == "accepted" for claim in self.claims) else self.announcer

    @property
    def spared(self) -> str:
        """What it promised to spare, in words; empty where it promised fewer strikes of any kind."""
        if {"all-hostilities", "long-range"} & set(self.targets):
            return ""
        return self.in_words(self.targets)

    def in_words(self, targets: Iterable[str]) -> str:
        """Targets in words; a city by its name, where it is named."""
        return " and ".join("Kyiv" if t == "cities" and "Kyiv" in self.geography else t for t in targets)

    def claim(self, claim: str = "main") -> Claim:
        """A claim by its id or "main"; RegistryError where there is none."""
        known = {claim.id: claim for claim in self.claims}
        if claim == "main" and not known:
            problem = "window not stated: no party named one"
            raise RegistryError(problem, file=FILE, field=self.id, remedy="add a claim when a source states it")
        return _pick(known, self.main if claim == "main" else claim, f"{self.id}, claim", f"show {self.id}")

    def other_claims(self, claim: str) -> list[str]:
        """The ids of the claims that cover a strike day, besides the one named."""
        return [other.id for other in self.claims if other.covers_days and other.id != claim]

    def days(self, claim: str = "main") -> pd.DatetimeIndex:
        """The strike days that a claim's window covers by at least half; RegistryError where it is not stated."""
        return self._claim_with("stated", claim).days

    def days_to_test(self, claim: str = "main") -> pd.DatetimeIndex:
        """Return `days`, or a RegistryError where the claim covers none."""
        return self._claim_with("covers_days", claim).days

    def announced_days(self, claim: str = "main") -> pd.DatetimeIndex:
        """The strike days from the announcement (a bare date: from 00:00) to a claim's start, covered by half."""
        start, _ = self._claim_with("start", claim).span
        told = pd.Timestamp(self.announced_at or start)
        return strike_days(min(told if told.tz else told.tz_localize(KYIV), start), start)

    def first_announced_day(self, claim: str = "main") -> pd.Timestamp | None:
        """The first of `announced_days`; None where the announcement came too late for one."""
        return next(iter(self.announced_days(claim)), None)

    def to_frame(self) -> pd.DataFrame:
        """One row a claim: its window as written, and the strike days it comes to."""
        columns = ["claim", "party", "start", "end", "precision", "basis", "main", "first_day", "last_day", "n_days"]
        rows = []
        for claim in self.claims:
            main, note = "yes" if claim.id == self.main else "no", [claim.note, claim.closed_reason]
            window = [claim.party, _written(claim.start), _written(claim.end), claim.precision, claim.basis, main]
            days = [claim.days.min(), claim.days.max(), len(claim.days)]
            rows.append([claim.id, *window, *days, "; ".join(filter(None, note))])
        return pd.DataFrame(rows, columns=[*columns, "note"])

    def summary(self) -> str:
        """Say who announced the pause and when, and who claims which window."""
        verb = {"proposed-only": "proposed", "reported-only": "reported"}.get(self.status, "announced")
        *others, last = self.announced_by or ("",)
        by = f" by {', '.join(others)} and {last}" if others else f" by {last}" if last else ""
        on = f" on {_written(self.announced_at)}" if self.announced_at else ""
        never = ", but never announced" if self.status == "reported-only" else ""
        told = f"{self.phrase[0].upper()}{self.phrase[1:]} was {verb}{by}{on}{never}."
        windows = [f"{c.id}{' (main)' if c.id == self.main else ''}, {c.window_text}" for c in self.claims]
        return f"{told} Windows: {'; '.join(windows)}." if windows else f"{told} No party named a window."

    def _claim_with(self, needed: str, claim: str) -> Claim:
        chosen = self.claim(claim)
        if getattr(chosen, needed):
            return chosen
        others, place = ", ".join(self.other_claims(chosen.id)), f"{self.id}, claim {chosen.id}"
        remedy = f"choose a claim with a window: {others}" if others else "add the window when a source states it"
        told = {"found": chosen.window_text} if chosen.stated else {}
        problem = "the claim covers no strike day by half" if chosen.stated else chosen.window_text
        raise RegistryError(problem, file=FILE, field=place, remedy=remedy, **told)


@dataclasses.dataclass(frozen=True, eq=False)
class Episode:
    """Reported truces whose main windows overlap or touch, as one; agreed if any was, else unilateral."""

    id: str
    pauses: tuple[str, ...]
    days: pd.DatetimeIndex
    status: str


@dataclass(frozen=True, config=STRICT)
class _File:
    pause: Annotated[tuple[Pause, ...], Predicate(bool), _distinct, Field(description="[[pause]] blocks")]


class UnknownIdError(RegistryError, KeyError):
    __str__ = Exception.__str__  # a KeyError shows its message in quotes


class _Pauses(dict[str, Pause]):
    def __missing__(self, pause_id: object) -> Pause:
        return get_pause(self, pause_id)


def load_pauses(path: str | Path | None = None) -> Mapping[str, Pause]:
    """Read and verify the registry.

    Parameters
    ----------
    path : path, optional
        Another registry; the project's own by default.

    Returns
    -------
    Mapping of str to Pause
        Read-only, in the order of the file; an unknown id raises a RegistryError that is a KeyError too.

    Raises
    ------
    RegistryError
        The file cannot be read, or has faults; all of them are listed.

    Examples
    --------
    >>> load_pauses()["ukraine-silence-2026-05-06"].claim().window_text
    '2026-05-06 00:00+03:00 to 2026-05-08 00:00+03:00 (closed here)'
    """
    path = Path(path) if path is not None else data_folder() / FILE
    try:
        return _read(path.read_bytes(), path.name)
    except OSError as error:
        raise RegistryError("the file cannot be read", file=path.name, found=error.strerror) from error


def get_pause(pauses: Mapping[str, Pause], pause_id: object) -> Pause:
    """A pause by its id, or a RegistryError that names the closest ids."""
    return _pick(pauses, pause_id, "pause", "list")


def reported_pauses(pauses: Mapping[str, Pause]) -> tuple[Pause, ...]:
    """Return the pauses that have reports; all others are announced, not measurable here."""
    return tuple(pause for pause in pauses.values() if pause.role in REPORTED)


def overlapping(pauses: Mapping[str, Pause], pause: Pause) -> tuple[Pause, ...]:
    """Return the other pauses, proposals too, of which some claim shares a strike day with some claim of this one."""
    days = {other.id: {day for claim in other.claims for day in claim.days} for other in (*pauses.values(), pause)}
    return tuple(other for other in pauses.values() if other.id != pause.id and days[other.id] & days[pause.id])


def volume_episodes(pauses: Mapping[str, Pause]) -> tuple[Episode, ...]:
    """Return the reported general truces, those whose main windows overlap or touch merged into one Episode.

    Examples
    --------
    >>> [episode.id for episode in volume_episodes(load_pauses())][-2:]
    ['orthodox-easter-2026', 'truces-2026-05-06']
    """
    groups: list[list[Pause]] = []
    reached = pd.Timestamp.min
    truces = [pause for pause in reported_pauses(pauses) if pause.kind == "general truce"]
    for pause in sorted(truces, key=lambda pause: pause.days()[0]):
        if pause.days()[0] > reached + pd.Timedelta(days=1):
            groups.append([])
        groups[-1].append(pause)
        reached = max(reached, pause.days()[-1])
    return tuple(map(_as_one, groups))


def _as_one(truces: list[Pause]) -> Episode:
    days = pd.DatetimeIndex(
        sorted({day for pause in truces for day in pause.days()}), dtype="datetime64[us]", name="day"
    )
    status = "agreed" if any(pause.status == "agreed" for pause in truces) else "unilateral"
    name = truces[0].id if len(truces) == 1 else f"truces-{days[0]:%Y-%m-%d}"
    return Episode(name, tuple(pause.id for pause in truces), days, status)


@lru_cache(maxsize=8)
def _read(content: bytes, file: str) -> Mapping[str, Pause]:
    tables = parsed(file, content, error=RegistryError)
    try:
        return MappingProxyType(_Pauses((pause.id, pause) for pause in _File(**tables).pause))
    except ValidationError as error:
        faults = list(dict.fromkeys(f"\n  {_in_our_words(fault, tables)}" for fault in error.errors()))
        count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        raise RegistryError(count + "".join(faults), file=file) from None


def _in_our_words(fault: Mapping[str, Any], table: Any) -> RegistryError:
    """What pydantic found: in which entry and field, what was expected and found, and what is to be done."""
    kind, place, steps = _File, [], list(fault["loc"])
    while len(steps) > 1 and steps[0] in _KINDS:
        name, number, *steps = steps
        kind, table = _KINDS[name], table[name][number]
        table_id = table.get("id") if isinstance(table, dict) else None
        named = isinstance(table_id, str) and re.match(ID, table_id)
        place.append(f"{name} {table_id if named else f'number {number + 1}'}")
    known, field = kind.__pydantic_fields__, steps[0] if steps else None
    problem, details = "not valid", {"found": _shown(fault["input"]), "remedy": "correct it"}
    if fault["type"] == "fault":
        problem, details = fault["msg"], fault["ctx"]
    elif field is None:
        problem, details["remedy"] = "not a table", "write its fields, each with its name"
    elif field not in known:
        close = get_close_matches(field, known) or known
        field, problem = _shown(field), "unknown field"
        details = {"expected": " or ".join(close), "remedy": "correct or remove it"}
    else:
        details["expected"] = known[field].description or " or ".join(get_args(known[field].annotation))
    if fault["type"] == "missing":
        problem, details = "missing", {"expected": details["expected"], "remedy": "add it"}
    return RegistryError(problem, **{"file": ", ".join(place), "field": field} | details)


def _pick(known: Mapping[str, Any], key: object, what: str, command: str) -> Any:
    """The value of a key, or an error that names the keys most like it."""
    if isinstance(key, str) and key in known:
        return known[key]
    close = " or ".join(get_close_matches(str(key)[:80], known, cutoff=0.4) or list(known)[:3]) or "none"
    remedy = f"choose from those that 'pauses {command}' names"
    raise UnknownIdError("no such entry", file=FILE, field=what, expected=close, found=repr(key)[:60], remedy=remedy)


def _written(edge: date | None) -> str:
    """A date or time as the registry states it; empty where it does not."""
    return edge.isoformat(sep=" ", timespec="minutes") if isinstance(edge, datetime) else str(edge or "")


def _shown(value: object) -> str:
    """A value for a message: short, and without characters that a terminal obeys."""
    return (repr(value) if isinstance(value, str | list | dict) else str(value))[:60]


_KINDS = {"pause": Pause, "claims": Claim, "sources": Source, "published_counts": PublishedCount}
