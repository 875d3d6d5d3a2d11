"""Read a file of pauses and name everything that is wrong with it at once."""

import re
import tomllib
from collections import Counter
from dataclasses import MISSING, fields
from datetime import date, datetime
from difflib import get_close_matches
from functools import partial

from analysis.days import day_span, strike_days
from analysis.errors import RegistryError

REPORTED = ("primary", "secondary")
KINDS = ("general truce", "energy moratorium", "city pause", "long-range pause", "maritime", "local", "sectoral")
TARGETS = ("all-hostilities", "energy", "cities", "long-range", "sea", "airports", "repair-zone")


def read_registry(path, models):
    """Return the [[pause]] blocks of a file as plain dicts, if nothing is wrong with any of them.

    Parameters
    ----------
    path : Path
    models : dict of str to dataclass
        What the table "pause" may hold, and the tables inside it by the name of their field. A field without
        default is required.

    Returns
    -------
    list of dict
        Values as TOML types them; lists are tuples, and line breaks in text are folded.

    Raises
    ------
    RegistryError
        The file cannot be read, or has faults; all of them are listed.
    """
    try:
        content = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise RegistryError("the file cannot be read", file=path.name, found=error.strerror) from error
    except (ValueError, RecursionError) as error:
        raise RegistryError("not valid TOML", file=path.name, found=str(error), remedy="mend that place") from error
    unknown = [_shown(name) for name in content if name != "pause"]
    faults = [RegistryError("unknown block", field=name, expected="[[pause]]") for name in unknown]
    pauses = _read_tables(content.get("pause", []), "pause", models, "", faults)
    if not pauses:
        faults.append(RegistryError("no pause in the file", expected="blocks that start with [[pause]]"))
    if faults:
        count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        raise RegistryError(count + "".join(f"\n  {fault}" for fault in faults), file=path.name)
    return pauses


def main_claim(announcer, claim_ids):
    """Return the id of the claim that counts, by rule: "accepted" where it exists, else the announcer's."""
    return "accepted" if "accepted" in claim_ids else announcer


def window_span(start, end):
    """Return the first moment of a window and the first after it; an edge that is not stated stays None.

    A date stands for the whole strike day of that date; a time counts exactly.
    """
    return day_span(start)[0] if _is_date(start) else start, day_span(end)[1] if _is_date(end) else end


def _read_tables(tables, name, models, place, faults):
    """The valid fields of each table in a list; what is wrong is added to `faults`."""
    if not isinstance(tables, list):
        faults.append(RegistryError("not a list", file=place, field=name, expected="tables", found=_shown(tables)))
        return ()
    read = []
    for number, table in enumerate(tables, 1):
        table_id = table.get("id") if isinstance(table, dict) else None
        label = f"{name} {table_id if _is_id(table_id) else f'number {number}'}"
        read.append(_read_table(table, name, models, f"{place}, {label}" if place else label, faults))
    for table_id, times in Counter(table.get("id") for table in read).items():
        if table_id and times > 1:
            problem, remedy = f"the id {table_id} is used {times} times", "give each its own"
            faults.append(RegistryError(problem, file=place, field=name, remedy=remedy))
    return tuple(read)


def _read_table(table, name, models, place, faults):
    """The valid fields of one table, which may hold tables itself."""
    if not isinstance(table, dict):
        faults.append(RegistryError("not a table", file=place, found=_shown(table)))
        return {}

    def fault(field, problem, **details):
        faults.append(RegistryError(problem, file=place, field=field, **details))

    required = {field.name: field.default is MISSING for field in fields(models[name])}
    for field in table:
        if field not in required:
            close = get_close_matches(field, required) or required
            fault(_shown(field), "unknown field", expected=" or ".join(close), remedy="correct or remove it")
    valid = {}
    for field in required:
        expected, accepts = _RULES.get(field, _TEXT)
        if field not in table:
            if required[field]:
                fault(field, "missing", expected=expected, remedy="add it")
        elif field in models:
            valid[field] = _read_tables(table[field], field, models, place, faults)
        elif accepts(table[field]):
            valid[field] = _folded(table[field])
        else:
            fault(field, "not valid", expected=expected, found=_shown(table[field]), remedy="correct it")
    if name in _CHECKS:
        _CHECKS[name](valid, fault)
    return valid


def _check_pause(pause, fault):
    claims = {claim["id"]: claim for claim in pause.get("claims", ()) if "id" in claim}
    announcer = pause.get("announcer", "")
    if announcer not in claims and (claims or announcer):
        expected = " or ".join(claims) or "none, as there are no claims"
        fault("announcer", "not the id of a claim", expected=expected, found=_shown(announcer), remedy="name a claim")
    if pause.get("sources") == ():
        fault("sources", "no source", expected="at least one", remedy="add where the facts come from")
    main = claims.get(main_claim(announcer, claims), {})
    start, end = window_span(main.get("start"), main.get("end"))
    if pause.get("role") in REPORTED and not (start and end and start < end and len(strike_days(start, end))):
        remedy = "state it, or give the pause the role context"
        fault("claims", "a reported pause without a main window", expected="at least half a strike day", remedy=remedy)


def _check_claim(claim, fault):
    start, end = window_span(claim.get("start"), claim.get("end"))
    if start and end and end <= start:
        found, remedy = _shown(claim["end"]), "correct start or end"
        fault("end", "ends before it starts", expected=f"after {claim['start']}", found=found, remedy=remedy)
    if claim.get("closed_reason") and not end:
        fault(
            "closed_reason", "nothing is closed", expected="an end as well", remedy="add the end or remove the reason"
        )


def _is_date(value):
    return isinstance(value, date) and not isinstance(value, datetime)


def _is_moment(value):
    aware = isinstance(value, datetime) and value.tzinfo is not None
    return (aware or _is_date(value)) and 2000 <= value.year < 2100


def _is_count(value):
    return type(value) is int and 0 <= value < 1_000_000


def _is_text(value, pattern=r"(?s).*\S.*"):
    return isinstance(value, str) and bool(re.fullmatch(pattern, value))


def _are_texts(value, pattern=r"(?s).*\S.*"):
    return isinstance(value, list) and all(_is_text(item, pattern) for item in value)


def _is_id(value):
    return _is_text(value, r"(?!main\Z)(?=.{1,64}\Z)[a-z0-9]+(-[a-z0-9]+)*")


def _folded(value):
    if isinstance(value, list):
        return tuple(_folded(item) for item in value)
    return " ".join(value.split()) if isinstance(value, str) else value


def _shown(value):
    """A value for a message: short, and without characters that a terminal obeys."""
    return (repr(value) if isinstance(value, str | list | dict) else str(value))[:60]


def _one_of(*words):
    return " or ".join(words), words.__contains__


_TEXT = ("text in quotes", _is_text)
_TEXTS = ("a list of texts in quotes", _are_texts)
_MOMENT = ("a date such as 2025-04-19, or a time with offset such as 2025-04-19 18:00:00+03:00", _is_moment)
_COUNT = ("a whole number of 0 or more", _is_count)
_KIND = "|".join(KINDS)
_RULES = {
    "id": ("lower-case words and digits joined by hyphens, such as easter-2025", _is_id),
    "kind": (f"{', '.join(KINDS)}, or several joined by ' / '", partial(_is_text, pattern=f"({_KIND})( / ({_KIND}))*")),
    "targets": (f"a list of {', '.join(TARGETS)}", partial(_are_texts, pattern="|".join(TARGETS))),
    "url": ("an address that starts with https:// or http://", partial(_is_text, pattern=r"https?://[^\s/]\S*")),
    "date": (
        'a date, or a month such as "2026-05"',
        lambda value: _is_date(value) or _is_text(value, r"20\d\d-[01]\d"),
    ),
    "sources": ("at least one { publisher = ..., date = ..., url = ... }", bool),
    "status": _one_of("agreed", "unilateral", "disputed", "proposed-only", "reported-only"),
    "role": _one_of(*REPORTED, "context", "outside-data"),
    "confidence": _one_of("high", "medium", "low"),
    "basis": _one_of("stated", "inferred", "overlap"),
    **dict.fromkeys(("announced_at", "start", "end"), _MOMENT),
    **dict.fromkeys(("announced_by", "notes"), _TEXTS),
    **dict.fromkeys(("drones", "missiles"), _COUNT),
}
_CHECKS = {"pause": _check_pause, "claims": _check_claim}
