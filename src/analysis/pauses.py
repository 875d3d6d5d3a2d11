"""Announced pauses: who announced what, for when, and by whose word."""

from dataclasses import dataclass
from datetime import date, datetime
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType

import pandas as pd

from analysis.errors import RegistryError
from analysis.registry import REPORTED, main_claim, read_registry, window_span
from analysis.strikedays import KYIV, strike_days
from analysis.tables import data_folder

FILE = "pauses.toml"


@dataclass(frozen=True)
class Source:
    """Where a fact comes from; `date` is a day, or a month as text, or None."""

    publisher: str
    url: str
    date: date | str | None = None


@dataclass(frozen=True)
class PublishedCount:
    """What was published as launched at the time; None is not known, never 0."""

    when: str
    drones: int | None = None
    missiles: int | None = None
    note: str = ""


@dataclass(frozen=True)
class Claim:
    """One party's word on when a pause held.

    Attributes
    ----------
    id, party : str
        The id is "accepted" for the span that every claiming party accepts.
    basis : str
        stated, inferred, or overlap (of the other claims).
    start, end : date, aware datetime, or None where not stated
        A date stands for the whole strike day of that date; a time counts exactly, as an end exclusively.
    closed_reason : str
        Why an end is given although the party left it open; empty for every other end.
    """

    id: str
    party: str
    basis: str
    start: date | None = None
    end: date | None = None
    closed_reason: str = ""
    note: str = ""

    @property
    def stated(self):
        """Whether the window has both a start and an end."""
        return self.start is not None and self.end is not None

    @property
    def precision(self):
        """Day, clock or mixed; empty where neither edge is stated."""
        found = {"clock" if isinstance(edge, datetime) else "day" for edge in (self.start, self.end) if edge}
        return "mixed" if len(found) > 1 else "".join(found)

    @property
    def window_text(self):
        """The window in words."""
        if self.stated:
            return f"{_written(self.start)} to {_written(self.end)}{' (closed here)' if self.closed_reason else ''}"
        known = f" (from {_written(self.start)})" if self.start else f" (to {_written(self.end)})" if self.end else ""
        return f"window not stated{known}"


@dataclass(frozen=True)
class Pause:
    """One announced pause; the head of data/pauses.toml explains its fields."""

    id: str
    name: str
    phrase: str
    kind: str
    announced_by: tuple[str, ...]
    status: str
    role: str
    geography: str
    targets: tuple[str, ...]
    confidence: str
    violations: str
    sources: tuple[Source, ...]
    announced_at: date | None = None
    announcer: str = ""
    scope_note: str = ""
    notes: tuple[str, ...] = ()
    published_counts: tuple[PublishedCount, ...] = ()
    claims: tuple[Claim, ...] = ()

    @property
    def main(self):
        """Id of the claim that counts, by rule: "accepted" where it exists, else the announcer's."""
        return main_claim(self.announcer, [claim.id for claim in self.claims])

    @property
    def spared(self):
        """What it promised to spare, in words; empty where it promised fewer strikes of any kind."""
        return "" if {"all-hostilities", "long-range"} & set(self.targets) else " and ".join(self.targets)

    def claim(self, claim="main"):
        """Return a claim by its id or "main"; RegistryError where there is none."""
        known = {claim.id: claim for claim in self.claims}
        if claim == "main" and not known:
            problem = "window not stated: no party named one"
            raise RegistryError(problem, file=FILE, field=self.id, remedy="add a claim when a source states it")
        return _pick(known, self.main if claim == "main" else claim, f"{self.id}, claim", f"show {self.id}")

    def other_claims(self, claim):
        """Return the ids of the claims that state a window, besides the one named."""
        return [other.id for other in self.claims if other.stated and other.id != claim]

    def days(self, claim="main"):
        """Return the strike days that a claim's window covers by at least half.

        Parameters
        ----------
        claim : str
            "main" or the id of a claim.

        Returns
        -------
        DatetimeIndex

        Raises
        ------
        RegistryError
            Unknown claim, or its window is not stated.

        Examples
        --------
        >>> load_pauses()["us-three-day-2026-05"].days("russia").strftime("%m-%d").tolist()
        ['05-09', '05-10', '05-11']
        """
        return strike_days(*self._span(claim, "start", "end"))

    def announced_days(self, claim="main"):
        """Return the strike days from the announcement to a claim's start, covered by at least half.

        An announcement of which only the date is known counts from 00:00 in Kyiv. Raises as `days`, if there is no
        start.
        """
        start, _ = self._span(claim, "start")
        told = pd.Timestamp(self.announced_at or start)
        return strike_days(min(told if told.tz else told.tz_localize(KYIV), start), start)

    def first_announced_day(self, claim="main"):
        """Return the first of `announced_days`; None where the announcement came too late for one."""
        return next(iter(self.announced_days(claim)), None)

    def to_frame(self):
        """Return one row per claim: its window as written, and the strike days it comes to."""
        columns = ["claim", "party", "start", "end", "precision", "basis", "main"]
        rows = []
        for claim in self.claims:
            days = self.days(claim.id) if claim.stated else pd.DatetimeIndex([])
            main = "yes" if claim.id == self.main else "no"
            window = [_written(claim.start), _written(claim.end), claim.precision, claim.basis, main]
            note = "; ".join(filter(None, [claim.note, claim.closed_reason]))
            rows.append([claim.id, claim.party, *window, days.min(), days.max(), len(days), note])
        return pd.DataFrame(rows, columns=[*columns, "first_day", "last_day", "n_days", "note"])

    def summary(self):
        """Say who announced the pause and when, and who claims which window."""
        verb = {"proposed-only": "proposed", "reported-only": "reported"}.get(self.status, "announced")
        *others, last = self.announced_by or ("",)
        by = f" by {', '.join(others)} and {last}" if others else f" by {last}" if last else ""
        on = f" on {_written(self.announced_at)}" if self.announced_at else ""
        never = ", but never announced" if self.status == "reported-only" else ""
        told = f"{self.phrase[0].upper()}{self.phrase[1:]} was {verb}{by}{on}{never}."
        windows = [f"{c.id}{' (main)' if c.id == self.main else ''}, {c.window_text}" for c in self.claims]
        return f"{told} Windows: {'; '.join(windows)}." if windows else f"{told} No party named a window."

    def _span(self, claim, *edges):
        """First moment of a claim's window and first moment after it; refuses if one of `edges` is not stated."""
        chosen = self.claim(claim)
        if any(getattr(chosen, edge) is None for edge in edges):
            others = ", ".join(known.id for known in self.claims if known.stated)
            remedy = f"choose a claim with a window: {others}" if others else "add the window when a source states it"
            field = f"{self.id}, claim {chosen.id}"
            raise RegistryError(chosen.window_text, file=FILE, field=field, remedy=remedy)
        return window_span(chosen.start, chosen.end)


@dataclass(frozen=True, eq=False)
class Episode:
    """Reported truces whose main windows overlap or touch, as one; agreed if any was, else unilateral."""

    id: str
    pauses: tuple[str, ...]
    days: pd.DatetimeIndex
    status: str


def load_pauses(path=None):
    """Read and verify the registry.

    Parameters
    ----------
    path : path, optional
        Another registry; the project's own by default.

    Returns
    -------
    Mapping of str to Pause
        Read-only, in the order of the file.

    Raises
    ------
    RegistryError
        The file cannot be read, or has faults; all of them are listed.

    Examples
    --------
    >>> load_pauses()["ukraine-silence-2026-05-06"].claim().window_text
    '2026-05-06 00:00+03:00 to 2026-05-08 00:00+03:00 (closed here)'
    """
    parts = {"sources": Source, "published_counts": PublishedCount, "claims": Claim}
    entries = read_registry(Path(path) if path is not None else data_folder() / FILE, {"pause": Pause, **parts})
    for entry in entries:
        entry |= {name: tuple(model(**part) for part in entry.get(name, ())) for name, model in parts.items()}
    return MappingProxyType({entry["id"]: Pause(**entry) for entry in entries})


def get_pause(pauses, pause_id):
    """Return a pause by its id, or raise a RegistryError that names the closest ids."""
    return _pick(pauses, pause_id, "pause", "list")


def reported_pauses(pauses):
    """Return the pauses that have reports; all others are announced, not measurable here."""
    return tuple(pause for pause in pauses.values() if pause.role in REPORTED)


def volume_episodes(pauses):
    """Return the reported general truces, those whose main windows overlap or touch merged into one Episode.

    Examples
    --------
    >>> [episode.id for episode in volume_episodes(load_pauses())][-2:]
    ['orthodox-easter-2026', 'truces-2026-05-06']
    """
    truces = [pause for pause in reported_pauses(pauses) if pause.kind == "general truce"]
    groups = []
    for pause in sorted(truces, key=lambda pause: pause.days()[0]):
        days = pause.days()
        if groups and days[0] <= groups[-1][1][-1] + pd.Timedelta(days=1):
            members, before = groups.pop()
            groups.append(([*members, pause], before.union(days)))
        else:
            groups.append(([pause], days))
    return tuple(_episode(members, days) for members, days in groups)


def _episode(members, days):
    episode_id = members[0].id if len(members) == 1 else f"truces-{days[0]:%Y-%m-%d}"
    status = "agreed" if any(pause.status == "agreed" for pause in members) else "unilateral"
    return Episode(episode_id, tuple(pause.id for pause in members), pd.DatetimeIndex(days, freq=None), status)


def _pick(known, key, what, command):
    """The value of a key, or an error that names the keys most like it."""
    if isinstance(key, str) and key in known:
        return known[key]
    close = get_close_matches(str(key), known, n=3, cutoff=0.4) or list(known)[:3]
    raise RegistryError(
        "no such entry", file=FILE, field=what, expected=" or ".join(close) or "none", found=repr(key)[:60],
        remedy=f"choose from those that 'pauses {command}' names",
    )  # fmt: skip


def _written(edge):
    """A date or time as the registry states it; empty where it does not."""
    return edge.isoformat(sep=" ", timespec="minutes") if isinstance(edge, datetime) else str(edge or "")
