"""The folder of reports: which names may stand in it, one batch at a time, files whole or absent.

An executed notebook carries a digest of all it depends on and one of its own cells, a page one of what it
was made from and one of itself. So a file is current or it is not, however the batch before ended.

The record of all effects, `results.csv`, lies there too: a batch replaces the rows that its notebooks gave, and no
others. Which report gave which rows is kept beside it, in `results_origin.csv`: a line a report, with a digest of the
key of each row, and one with the digest of both files. So a row disappears only when the report that gave it was made
again without it, and any sequence of partial batches ends with the record of one whole batch. A record that does not
read as it was written is replaced by a whole batch in which nothing failed, and by no other.
"""

import csv
import errno
import hashlib
import io
import json
import math
import os
import platform
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from itertools import zip_longest
from pathlib import Path
from typing import Any

import analysis
from analysis.errors import ReportError
from analysis.places import data_folder

EXECUTED, FAILED = "executed", "FAILED-"
RESULTS, ORIGIN, ORIGIN_COLUMNS = "results.csv", "results_origin.csv", ("report", "rows")
SETTLED, LOG = f"{EXECUTED}/.settled", "report.log"
LONGEST_NAME, LAST_LINES = 100, 12
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
NAME = re.compile(r"(?!(?:con|prn|aux|nul|com\d|lpt\d|index|failed-.*)$)[a-z0-9][a-z0-9_-]*", re.IGNORECASE)
Key = tuple[str, ...]


def check_names(names: Iterable[str]) -> None:
    """Refuse, by a ReportError, names that could not be file names everywhere, or would share a file.

    >>> check_names(["easter-2025", "Easter-2025"])
    Traceback (most recent call last):
        ...
    analysis.errors.ReportError: field 'Easter-2025': two reports would share a file name; found 'easter-2025'
    """
    taken = {}
    for name in names:
        if not isinstance(name, str) or len(name) > LONGEST_NAME or not NAME.fullmatch(name):
            raise ReportError(
                "not a name for a report", field=f"{name!r:.80}",
                expected=f"at most {LONGEST_NAME} letters, digits, - and _, and no name that means something else",
            )  # fmt: skip
        other = taken.setdefault(name.casefold(), name)
        if other is not name:
            raise ReportError("two reports would share a file name", field=f"{name!r}", found=f"{other!r}")


def digest(*parts: Any) -> str:
    """One digest of bytes and of anything that JSON can hold."""
    found = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else json.dumps(part, sort_keys=True, default=repr).encode()
        found.update(b"%d:" % len(data) + data)
    return found.hexdigest()[:40]


def surroundings() -> dict[str, str]:
    """What every report depends on: the package's files, the tables, the libraries, Python; contents, never times."""
    installed = {path.stem for entry in sys.path for path in Path(entry or ".").glob("*.dist-info")}
    return {
        "package": package_digest(),
        "data": _files_digest(data_folder().glob("*"), {".csv", ".toml", ".json"}),
        "libraries": digest(sorted(installed)),
        "python": platform.python_version(),
    }


def package_digest() -> str:
    """Digest of the files of this package."""
    return _files_digest(Path(analysis.__file__).parent.rglob("*"), {".py", ".toml", ".j2", ".json", ".css", ".txt"})


def inputs_digest(notebooks: Path, *options: Any) -> str:
    """Digest of all that a whole batch depends on: the surroundings, every plan and table, the notebooks, options."""
    data = data_folder()
    files = [*data.glob("*.*"), *data.glob("*/*.toml"), *notebooks.glob("*")]
    told = [(path.name, _sha256(path)) for path in sorted(files) if path.is_file()]
    return digest(surroundings(), told, options)


def settle(folder: Path, inputs: str, reports: Sequence[str]) -> None:
    """Note that all reports are up to date: what went in, what stands in the folder."""
    told = {"inputs": inputs, "folder": _standing(folder), "reports": list(reports)}
    write_file(folder / SETTLED, json.dumps(told))


def settled(folder: Path, inputs: str) -> list[str]:
    """Names of the reports that are up to date because nothing changed since `settle`; none where something did."""
    if not (folder / SETTLED).is_file():
        return []
    with opened(folder) as folder, suppress(ValueError, LookupError, TypeError):
        told = json.loads((folder / SETTLED).read_bytes())
        if (told["inputs"], told["folder"]) == (inputs, _standing(folder)):
            write_log(folder, [log_line("kept", 0.0, name) for name in told["reports"]], anew=True)
            return told["reports"]
    return []


def _standing(folder: Path) -> str:
    files = [path for place in (folder, folder / EXECUTED) for path in sorted(place.iterdir()) if path.is_file()]
    names = {path: str(path.relative_to(folder)) for path in files}
    left_out = {SETTLED, LOG, f"{EXECUTED}/.lock"}
    return digest([(name, _sha256(path)) for path, name in names.items() if name not in left_out])


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def log_line(state: str, seconds: float, name: str) -> str:
    """A line of the log about one report that has just ended."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {state:6} {seconds:6.1f} s  {name}"


def write_log(folder: Path, lines: Sequence[str], *, anew: bool = False) -> None:
    """Add lines to the log of the batch; no batch fails for want of its log."""
    with suppress(OSError), (folder / LOG).open("w" if anew else "a", encoding="utf-8") as log:
        log.writelines(f"{line}\n" for line in lines)


def _files_digest(paths: Iterable[Path], kinds: set[str]) -> str:
    return digest(*(part for path in sorted(paths) if path.suffix in kinds for part in (path.name, path.read_bytes())))


@contextmanager
def opened(folder: Path | str) -> Iterator[Path]:
    """The folder, made ready and locked; ReportError if it cannot be, or holds a link where a file would go."""
    folder = Path(folder).resolve()
    places = folder, folder / EXECUTED
    try:
        for place in places:
            place.mkdir(parents=True, exist_ok=True)
            if not os.access(place, os.W_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        lock = os.open(folder / EXECUTED / ".lock", os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o644)
    except OSError as error:
        raise _unwritable(folder, error) from error
    try:
        with suppress(ImportError):  # not POSIX: no lock
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        inside = [path for place in places for path in sorted(place.iterdir())]
        for link in filter(Path.is_symlink, inside):
            raise ReportError("a link stands where a file of the reports would go", file=link.name, remedy="remove it")
        for left in (path for path in inside if path.match(".*.new") and path.is_file()):
            left.unlink()
        yield folder
    except BlockingIOError as error:
        remedy = "wait for it, or give another --out"
        raise ReportError("another batch is at work in this folder", file=folder.name, remedy=remedy) from error
    finally:
        os.close(lock)  # which also gives the lock up


def is_same(path: Path, content: str | bytes) -> bool:
    """Whether a file is there and holds this."""
    return path.is_file() and path.read_bytes() == (content if isinstance(content, bytes) else content.encode("utf-8"))


def write_file(path: Path, content: str | bytes) -> bool:
    """Put a file in its place in one step, so that a reader sees the old or the new one; say whether it changed."""
    data = content if isinstance(content, bytes) else content.encode("utf-8")
    staged = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        if is_same(path, data):
            return False
        with staged.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(staged, path)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        with suppress(OSError):
            staged.unlink()
    return True


def executed_path(folder: Path, name: str, *, failed: bool = False) -> Path:
    """Where the executed notebook of a report goes, or what a failed run left."""
    return folder / EXECUTED / f"{FAILED if failed else ''}{name}.ipynb"


def read_executed(path: Path) -> dict | None:
    """Read an executed notebook as plain JSON, or None where there is none or it was changed since."""
    try:
        return _read_executed(path, path.stat().st_mtime_ns, path.stat().st_size)
    except OSError:
        return None


@lru_cache(maxsize=128)  # several parts of a batch read the same notebooks
def _read_executed(path: Path, *version: int) -> dict | None:
    try:
        notebook = json.loads(path.read_bytes())
        whole = notebook["metadata"]["pauses"]["cells"] == cells_digest(notebook)
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return notebook if whole else None


def cells_digest(notebook: dict) -> str:
    """Digest of a stored notebook's cells and outputs, to know an edited copy."""
    return hashlib.sha256(json.dumps(notebook["cells"], sort_keys=True).encode()).hexdigest()


def stamp(page: str, made_from: str) -> bytes:
    """A page with its second line saying what it was made from."""
    doctype, rest = page.encode().split(b"\n", 1)
    return b"\n".join([doctype, _mark(made_from, rest), rest])


def is_stamped(path: Path, made_from: str) -> bool:
    """Whether a page is there, whole, and made from this."""
    lines = path.read_bytes().split(b"\n", 2) if path.is_file() else []
    return len(lines) == 3 and lines[1] == _mark(made_from, lines[2])


def _mark(made_from: str, rest: bytes) -> bytes:
    return f"<!-- made from {made_from}, and from here on {digest(rest)} -->".encode()


def read_failure(path: Path) -> str:
    """Why the last run of a report failed; empty when it did not."""
    if not path.exists():
        return ""
    try:
        return json.loads(path.read_bytes())["metadata"]["pauses"]["error"]
    except (OSError, ValueError, LookupError, TypeError):
        return f"see {path.name}"


def where_it_failed(path: Path) -> list[str]:
    """Of what a failed report left, the file, the cell that raised, and the last lines that it gave."""
    with suppress(OSError, ValueError):
        for cell in json.loads(path.read_bytes())["cells"]:
            for output in (one for one in cell.get("outputs", ()) if one["output_type"] == "error"):
                shown = COLOUR.sub("", "\n".join(output["traceback"])).strip().splitlines()[-LAST_LINES:]
                return [f"in {path.name}, cell {cell['execution_count']}; its last lines:", *(f"  {n}" for n in shown)]
    return [f"in {path.name}, in no cell: what it gave was refused, or its process ended"]


def _unwritable(path: Path, error: OSError) -> ReportError:
    return ReportError(
        "cannot be written; what was there is as it was", file=path.name, found=error.strerror or str(error),
        remedy="make room or give another --out",
    )  # fmt: skip


@dataclass(frozen=True)
class Record:
    """The rows by their keys, digests of keys by the report that gave them, and the pause of each report there can be.

    `heard` are the reports whose rows are known, in this batch or from an earlier one; `fault`, why nothing was read.
    """

    rows: dict[Key, dict[str, str]]
    origin: dict[str, set[str]]
    every: Mapping[str, str]
    heard: frozenset[str]
    fault: ReportError | None = None

    @classmethod
    def read(cls, folder: Path, every: Mapping[str, str]) -> "Record":
        """The record of a folder; empty where there is none, or none that reads as it was written."""
        from analysis.effect import COLUMNS

        try:
            rows, told = _read(folder / RESULTS, COLUMNS), _read(folder / ORIGIN, ORIGIN_COLUMNS)
        except ReportError as fault:
            return cls({}, {}, every, frozenset(), fault)
        known, origin = {_key(row): row for row in rows}, {row["report"]: set(row["rows"].split()) for row in told}
        in_step = origin.pop(RESULTS, None) == {digest(to_csv(rows), _lines(origin))}  # or other hands changed them
        lost = set().union(*origin.values()) - set(map(cls.short, known))
        if lost or len(known) < len(rows):
            expected, found = f"each row that {ORIGIN} names, once", f"{len(lost)} missing" if lost else "others"
            return cls({}, {}, every, frozenset(), _not_as_written(folder / RESULTS, expected=expected, found=found))
        origin = {name: origin[name] for name in origin if name in every}
        return cls(known, origin, every, frozenset(origin if in_step else ()))

    def merged(self, spoken: Mapping[str, Sequence[dict]]) -> "Record":
        """The record with the rows of the reports that have spoken now in place of those they gave before.

        A row of unknown origin goes once all reports of its pause are heard; one that names no listed pause belongs to
        the report of all. ReportError if two reports disagree about one effect.
        """
        from analysis.effect import COLUMNS

        origin, fresh, heard = dict(self.origin), {}, self.heard | set(spoken)
        for name, effects in spoken.items():
            texts = [{field: as_text(row[field]) for field in COLUMNS} for row in effects]
            origin[name] = {self.short(_key(row)) for row in texts}
            for row in texts:
                if fresh.setdefault(_key(row), row) != row:
                    raise ReportError("two notebooks disagree about one effect", field=" / ".join(_key(row)))
        owned, owned_before = (set().union(*found.values()) for found in (origin, self.origin))
        silent = {pause for name, pause in self.every.items() if name not in heard}
        for key, row in self.rows.items():
            pause = key[0] if key[0] in self.every.values() else ""
            if self.short(key) in owned or (self.short(key) not in owned_before and pause in silent):
                fresh.setdefault(key, row)
        return replace(self, rows={key: fresh[key] for key in sorted(fresh)}, origin=origin, heard=heard)

    @staticmethod
    def short(key: Key) -> str:
        """The digest of a key."""
        return digest(key)[:10]

    def write(self, folder: Path) -> None:
        """Write both files, the record first: see `read`."""
        text, lines = to_csv(self.rows.values()), _lines(self.origin)
        write_file(folder / RESULTS, text)
        step = {"report": RESULTS, "rows": digest(text, lines)}
        write_file(folder / ORIGIN, to_csv([step, *lines], ORIGIN_COLUMNS))


def _lines(origin: Mapping[str, set[str]]) -> list[dict[str, str]]:
    return [{"report": name, "rows": " ".join(sorted(origin[name]))} for name in sorted(origin)]


def to_csv(rows: Iterable[Mapping[str, str]], columns: Sequence[str] = ()) -> str:
    """Write rows of text as CSV; the columns are those of the record unless others are named."""
    from analysis.effect import COLUMNS

    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, columns or COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()


def as_text(value: object) -> str:
    """A value as the record holds it: whole, or below 1000 to six significant digits; no value empty.

    >>> [as_text(value) for value in (True, 12345.0, 1234.56, 0.07123456, float("nan"), None, "shift")]
    ['True', '12345', '1235', '0.0712346', '', '', 'shift']
    """
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    if isinstance(value, float):
        return str(round(value)) if value == round(value) or abs(value) >= 1000 else f"{value:.6g}"
    return str(value)


def _key(row: Mapping[str, str]) -> Key:
    from analysis.effect import KEY

    return tuple(row[name] for name in KEY)


def _read(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """The rows of a file as `to_csv` wrote it; none where there is none, a ReportError where it is another."""
    if not path.is_file():
        return []
    try:
        text = path.read_text("utf-8")
        rows = list(csv.DictReader(io.StringIO(text)))
        lines = zip_longest(to_csv(rows, columns).split("\n"), text.split("\n"), fillvalue="")
        for row, (due, found) in enumerate(lines, 1):
            if due != found:
                raise _not_as_written(path, rows=[row], expected=f"{due:.80}", found=found)
    except (OSError, ValueError, csv.Error) as error:  # not UTF-8, other columns, too many cells, too large a cell
        raise _not_as_written(path, found=str(error)) from error
    return rows


def _not_as_written(path: Path, **told: Any) -> ReportError:
    told["found"] = f"{told['found']:.80}"
    remedy = f"restore {RESULTS} and {ORIGIN} from version control, or make all reports: pauses report"
    return ReportError("not as it was written; nothing was changed", file=path.name, remedy=remedy, **told)
