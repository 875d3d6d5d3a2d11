"""The project as it would have stood on an earlier day: tables and registry cut to what was known by then."""

from __future__ import annotations

import io
import json
import re
import shutil
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from analysis.days import NIGHTS, read_nights
from analysis.effect import Answer, PauseEffect
from analysis.errors import DataError, DesignError
from analysis.launches import Assessment, assess, decide_pause
from analysis.pauses import FILE, get_pause, load_pauses, reported_pauses
from analysis.places import data_folder, parsed
from analysis.plan import FOLDER as PLANS
from analysis.scorecard import load_scorecard, score_pause
from analysis.tables import AS_OF, PACKAGE, Folder, data_package, described, dictionary, folder_contents, load_table
from analysis.vocabulary import word
from analysis.windows import Day, as_day, as_days
from analysis.words import said_on

VIOLATIONS = re.compile(r'(?m)^violations = (?:"""[\s\S]*?"""|"[^\n]*")')
UNKNOWN_YET = 'violations = "not told: the registry does not date what was said of them"'
CLAIMED = re.compile(r'id = "[a-z-]*(\d{4}-\d\d-\d\d)"')
DATED = re.compile(r'^\s*\{.*?\b(?:date|when) = "?(\d{4}-\d\d(?:-\d\d)?)')


def cut_data(as_of: Day, *, into: str | Path, folder: Folder = None) -> Path:
    """Write a data folder as it would have stood on the evening of a day.

    Of tables by day, the rows before that day are kept; daily ones keep the day too, as the incomplete last day of a
    copy, without figures where these may be empty. Reports, pauses, sources, published counts and plans of later date
    are left out. What was coded or written since of earlier days is not.

    Parameters
    ----------
    as_of : date, str or Timestamp
        The day, not before the first announcement and not to come.
    into : path
        Where to write, and what is returned: a new or empty folder, or an earlier cut, which is replaced; no other.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as place:
    ...     "easter-2026" in load_pauses(cut_data("2025-05-01", into=place) / "pauses.toml")
    False
    """
    day, source, into = as_day(as_of, "as_of"), data_folder() if folder is None else Path(folder), Path(into)
    told = {"field": "as_of", "found": f"{day:%Y-%m-%d}"}
    if day > pd.Timestamp.now():
        raise DesignError("a day to come", expected="a day that has begun", **told)
    if into.resolve() == source.resolve() or (into.is_dir() and any(into.iterdir()) and not (into / AS_OF).is_file()):
        expected = "a new or empty folder, or one with an earlier cut"
        raise DesignError("a cut would overwrite what is there", field="into", expected=expected, found=into.name)
    load_pauses(source / FILE)  # what is cut must be sound: here the registry, the nights and, below, tables and plans
    read_nights(source)
    contents = folder_contents(source)
    contents[FILE] = cut_registry(contents[FILE].decode("utf-8-sig"), day.date()).encode()
    if b"\n[[pause]]" not in contents[FILE]:
        raise DesignError("no pause was announced yet", expected="a day on which one was", **told)
    for name, definition in dictionary()["tables"].items():
        if f"{name}.csv" not in contents or definition.get("edited"):
            continue
        load_table(name, folder=source)
        content = contents[f"{name}.csv"] = _cut_table(contents[f"{name}.csv"], definition, f"{day:%Y-%m-%d}")
        beside = parsed(f"{name}.json", contents[f"{name}.json"])
        beside["output"] |= described(f"{name}.csv", content)
        contents[f"{name}.json"] = json.dumps(beside, ensure_ascii=False).encode()
    contents[PACKAGE] = data_package(contents)
    contents[AS_OF] = f"{day:%Y-%m-%d}\n".encode()
    if NIGHTS in contents:
        head, *nights = _entries(contents[NIGHTS].decode("utf-8-sig"), "night")
        seen = [night for night in nights if tomllib.loads(night)["night"][0]["seen_at"] <= day.date()]
        contents[NIGHTS] = "".join([head, *seen]).encode()
    for plan in (source / PLANS).glob("*.toml"):
        file = f"{PLANS}/{plan.name}"
        if not isinstance(fixed := parsed(file, plan.read_bytes()).get("fixed"), date):
            raise DataError("not a plan", file=file, field="fixed", expected="a date", remedy="mend it")
        if _date(fixed) <= day.date():
            contents[file] = plan.read_bytes()
    shutil.rmtree(into / PLANS, ignore_errors=True)
    for name, content in contents.items():
        (into / name).parent.mkdir(parents=True, exist_ok=True)
        (into / name).write_bytes(content)
    return into


def _cut_table(content: bytes, definition: dict[str, Any], as_of: str) -> bytes:
    """The CSV file of a table as of a day, as text, so that no cell is written otherwise."""
    frame = pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False)
    fields = definition["fields"]
    known = [field["name"] for field in fields if field["type"] == "date" and field["name"] in definition["key"]][-1]
    if definition.get("daily"):
        figures = [field for field in fields if field["type"] in ("integer", "number")]
        if not any(field.get("constraints", {}).get("required") for field in figures):
            frame.loc[frame[known] == as_of, [field["name"] for field in figures]] = ""
        frame = frame[frame[known] <= as_of]
    else:
        frame = frame[frame[known] < as_of]
    if "published" in frame:
        frame = frame[~frame["published"].str.fullmatch(r"\d{4}-\d\d(-\d\d)?") | (frame["published"] <= as_of)]
    return frame.to_csv(index=False, lineterminator="\n").encode()


def cut_registry(text: str, as_of: date) -> str:
    """The text of a registry as of a day: whole entries and lines of sources and counts, nothing written anew.

    A pause is known once it was announced; where no day is given, once its first dated claim had begun.
    """
    head, *entries = _entries(text, "pause")
    kept = [head]
    for entry in entries:
        pause = tomllib.loads(entry)["pause"][0]
        begun = [claim.get("start") or claim.get("end") for claim in pause.get("claims", ())]
        first = next(filter(None, [pause.get("announced_at"), *begun]), None)
        if first is not None and _date(first) <= as_of:
            kept.append(_without_later(entry, as_of))
    return "".join(kept)


def _entries(text: str, name: str) -> list[str]:
    """What stands before the first entry, then each with all that follows it up to the next."""
    return re.split(rf"(?m)^(?=\[\[{name}\]\])", text)


def _without_later(entry: str, as_of: date) -> str:
    """An entry without what is dated later: lines, claims that carry their date in their id, and talk of violations."""

    def is_known(dated: re.Match[str] | None) -> bool:
        return not dated or dated[1] <= f"{as_of:%Y-%m-%d}"[: len(dated[1])]

    head, *claims = re.split(r"(?m)^(?= *\[\[pause\.claims\]\])", VIOLATIONS.sub(UNKNOWN_YET, entry))
    entry = head + "".join(claim for claim in claims if is_known(CLAIMED.search(claim)))
    kept = "".join(line for line in entry.splitlines(keepends=True) if is_known(DATED.match(line)))
    return kept if tomllib.loads(kept)["pause"][0]["sources"] else entry  # an entry needs one source at least


def _date(moment: date) -> date:
    stamp = pd.Timestamp(moment)
    return (stamp.tz_convert("Europe/Kyiv") if stamp.tz else stamp).date()


def assess_as_of(pause_id: str, as_of: Day, *, into: str | Path, folder: Folder = None, **asked: Any) -> Assessment:
    """Test a pause with what was known on a day; `into` as for `cut_data`, and what else `assess` is asked."""
    get_pause(load_pauses((data_folder() if folder is None else Path(folder)) / FILE), pause_id)
    cut = cut_data(as_of, into=into, folder=folder)
    if pause_id not in (registry := load_pauses(cut / FILE)):
        found = f"{as_day(as_of, 'as_of'):%Y-%m-%d}"
        raise DesignError(f"{pause_id} was not announced yet", field="as_of", expected="a later day", found=found)
    return assess(pause_id, registry=registry, folder=cut, **asked)


def cut_clone(as_of: Day) -> Path:
    """A small clone as of a day, in reports/as-of: cut tables, and the notebooks and the calibration as they are."""
    home, day = data_folder().parent, f"{as_day(as_of, 'as_of'):%Y-%m-%d}"
    clone = home / "reports" / "as-of" / day
    cut_data(day, into=clone / "data")
    shutil.copytree(home / "notebooks", clone / "notebooks", dirs_exist_ok=True)
    shutil.copytree(home / "benchmarks", clone / "benchmarks", dirs_exist_ok=True)
    (clone / "reports").mkdir(exist_ok=True)
    for table in (home / "reports").glob("*calibration*"):
        shutil.copy(table, clone / "reports")
    return clone


@dataclass(frozen=True, repr=False)
class Replayed(Answer):
    """How the answer about one pause formed: the deciding effects of the days on which it was announced.

    `days` has a row a day: nights of the window and those held, counted, expected, ratio, the word for it.
    """

    days: pd.DataFrame
    effects: tuple[PauseEffect, ...]

    def to_frame(self) -> pd.DataFrame:
        return self.days

    table = to_frame

    def summary(self) -> str:
        return said_on(self.days.to_dict("records"))

    def plot(self, ax: Any = None) -> Any:
        from analysis.figures import finish, new_axes

        numbers = self.days.set_index(pd.DatetimeIndex(self.days["date"]))[["expected", "counted"]].astype(float)
        return finish(numbers.plot(style=["_", "o"], ax=new_axes(ax)), title="As known on the day")


def verdict_by_date(
    pause_id: str, dates: Iterable[Day], *, outcome: str = "drones_launched", claim: str = "main", folder: Folder = None
) -> Replayed:
    """Ask the question of `assess` about one outcome with what was known on each of several days, as for `cut_data`.

    Examples
    --------
    >>> verdict_by_date("cold-week-pause-2026-01", ["2026-01-25", "2026-02-01"]).to_frame()["held"].tolist()
    [0, 2]
    """
    source = data_folder() if folder is None else Path(folder)
    get_pause(load_pauses(source / FILE), pause_id)  # a slip of the pen is not "not announced yet"
    rows, effects = [], []
    for day in as_days(dates, "dates").date:
        with TemporaryDirectory() as place:
            registry = load_pauses(cut_data(day, into=place, folder=source) / FILE)
            if pause_id not in registry:
                rows.append((day, None, 0, None, None, None, ""))
                continue
            (e,) = decide_pause(pause_id, claim=claim, outcomes=[outcome], registry=registry, folder=Path(place))
        effects.append(e)
        rows.append((day, e.n_days, e.n_days - e.n_missing, e.observed, e.expected, e.ratio, word(e.row())))
    columns = ["date", "nights", "held", "counted", "expected", "ratio", "word"]
    return Replayed(pd.DataFrame(rows, columns=columns), tuple(effects))


def words_changed(contents: Mapping[str, bytes], *, folder: Folder = None) -> pd.DataFrame:
    """Words for launches that a data folder with these files instead would change: pause, question, old, new.

    Old is what the stored scorecard says, new what a fresh test of every reported pause says.
    """
    source, rows = data_folder() if folder is None else Path(folder), []
    words = load_scorecard().set_index(["pause", "question"])["word"]
    with TemporaryDirectory() as place:
        changed = Path(place)
        for name, content in {**folder_contents(source), **contents}.items():
            (changed / name).write_bytes(content)
        if (source / PLANS).is_dir():
            shutil.copytree(source / PLANS, changed / PLANS)
        registry = load_pauses(changed / FILE)
        for pause in reported_pauses(registry):
            found = assess(pause.id, registry=registry, folder=changed)
            for answer in score_pause(found.effects, pause, folder=changed).answers:
                old = words.get((pause.id, answer.question), "no answer yet")
                if answer.outcome in found.outcomes() and old != answer.word:
                    rows.append((pause.id, answer.asked, old, answer.word))
    return pd.DataFrame(rows, columns=["pause", "question", "old", "new"])
