"""The folder of reports: which names may stand in it, one batch at a time, and files that are whole or absent."""

import hashlib
import json
import os
import re
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path

from analysis.errors import ReportError

EXECUTED, CACHE = "executed", ".cache"
FAILED = "FAILED-"
LONGEST_NAME = 100
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d|index)|failed-.*", re.IGNORECASE)


def check_names(names):
    """Refuse, by a ReportError, names that could not be file names everywhere, or would share a file.

    Examples
    --------
    >>> check_names(["easter-2025", "Easter-2025"])
    Traceback (most recent call last):
        ...
    analysis.errors.ReportError: field 'Easter-2025': two reports would share a file name; found 'easter-2025'
    """
    taken = {}
    for name in names:
        plain = isinstance(name, str) and len(name) <= LONGEST_NAME and _NAME.fullmatch(name)
        if not plain or _RESERVED.fullmatch(name):
            raise ReportError(
                "not a name for a report", field=f"{name!r:.80}",
                expected=f"at most {LONGEST_NAME} letters, digits, - and _, and no name that means something else",
            )  # fmt: skip
        if name.casefold() in taken:
            raise ReportError(
                "two reports would share a file name", field=f"{name!r}", found=f"{taken[name.casefold()]!r}"
            )
        taken[name.casefold()] = name


@contextmanager
def open_folder(folder):
    """Make the folder of reports ready and keep every other batch out of it.

    Parameters
    ----------
    folder : path

    Yields
    ------
    Path
        The folder, its links resolved.

    Raises
    ------
    ReportError
        It cannot be written, holds a link where a file would go, or another batch is at work in it.
    """
    folder = Path(folder).resolve()
    try:
        for part in (folder, folder / EXECUTED, folder / CACHE):
            part.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / CACHE / "lock", os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o644)
    except OSError as error:
        raise _unwritable(folder, error) from error
    try:
        _take(lock, folder)
        inside = [path for part in (folder, folder / EXECUTED, folder / CACHE) for path in sorted(part.iterdir())]
        links = [path for path in inside if path.is_symlink()]
        if links:
            raise ReportError(
                "a link stands where a file of the reports would go", file=links[0].name, remedy="remove it"
            )
        for left in (left for part in (folder, folder / EXECUTED, folder / CACHE) for left in part.glob(".*.new")):
            left.unlink()
        yield folder
    finally:
        os.close(lock)  # which also gives the lock up


def write_file(path, content):
    """Put a text or bytes in its place in one step: a reader sees the old file or the new one, never a part.

    Returns
    -------
    bool
        Whether the file changed.

    Raises
    ------
    ReportError
        It cannot be written; what was there is as it was.
    """
    data = content if isinstance(content, bytes) else content.encode("utf-8")
    staged = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        if path.is_file() and path.read_bytes() == data:
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


def read_executed(path):
    """Read an executed notebook as plain JSON, or None where there is none or it was changed since."""
    try:
        status = path.stat()
    except OSError:
        return None
    return _read_executed(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=64)  # several parts of a batch read the same notebooks
def _read_executed(path, *version):
    try:
        notebook = json.loads(path.read_text("utf-8"))
        whole = notebook["metadata"]["pauses"]["cells"] == cells_digest(notebook)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return notebook if whole else None


def read_failure(path):
    """Read why the last run of an executed notebook failed; empty when it did not."""
    failed = failed_path(path)
    if not failed.exists():
        return ""
    try:
        return json.loads(failed.read_text("utf-8"))["metadata"]["pauses"]["error"]
    except (OSError, ValueError, KeyError, TypeError):
        return f"see {failed.name}"


def failed_path(path):
    """Where a failed run of an executed notebook is kept."""
    return path.with_name(f"{FAILED}{path.name}")


def cells_digest(notebook):
    """Digest of a stored notebook's cells and outputs, to know an edited copy."""
    return hashlib.sha256(json.dumps(notebook["cells"], sort_keys=True).encode()).hexdigest()


def part_path(folder, name):
    """Where the rendered part of an executed notebook is kept."""
    return Path(folder) / CACHE / f"{name}.html"


def mark_part(html, digest):
    """A part of a page, headed by the digest of what it was rendered from."""
    return f"<!-- {digest} -->\n{html}"


def read_part(folder, name, digest):
    """Read a part of a page; None where there is none, or one that was rendered from something else."""
    try:
        text = part_path(folder, name).read_text("utf-8")
    except (OSError, ValueError):
        return None
    mark = mark_part("", digest)
    return text.removeprefix(mark) if text.startswith(mark) else None


def _take(lock, folder):
    try:
        import fcntl
    except ImportError:  # not POSIX: no lock
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise ReportError(
            "another batch is at work in this folder", file=folder.name, remedy="wait for it, or give another --out"
        ) from error


def _unwritable(path, error):
    return ReportError(
        "cannot be written; what was there is as it was", file=path.name, found=error.strerror or str(error),
        remedy="make room or give another --out",
    )  # fmt: skip
