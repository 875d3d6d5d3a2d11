"""Fetching newer raw files: they are laid aside until their recipe and the user have accepted them."""

import base64
import gzip
import json
import os
import re
import sys
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from analysis.errors import DataError

from . import kit

TOKEN = ("KAGGLE_USERNAME", "KAGGLE_KEY", "KAGGLE_API_TOKEN")
RECORD = "fetched.jsonl"  # in the folder of raw files: what was fetched when
LATER = "try again later; nothing was changed"


@dataclass(frozen=True)
class Fetched:
    """What came: where it was laid aside, from where, its size and checksum as it came; `verified`: as published."""

    source: str
    path: Path
    address: str
    bytes: int
    sha256: str
    verified: bool

    def summary(self) -> str:
        checked = "as its server published" if self.verified else "its server publishes no checksum to compare"
        host = urlsplit(self.address).hostname
        return f"{self.path.name}: {self.bytes:,} bytes from {host}, sha256 {self.sha256} ({checked})."


def remotes() -> list[str]:
    """The recipes whose raw file can be fetched."""
    return [name for name, recipe in kit.recipes().items() if hasattr(recipe, "ADDRESS")]


def fetch(
    source: str, *, into: str | Path, sha256: str | None = None, environ: Mapping[str, str] = os.environ
) -> Fetched:
    """Download the raw file of a recipe into a folder where no recipe looks.

    `sha256`: what the file must have as it comes. DataError: no token in `environ`, no connection, a refusal, a broken
    download, a wrong checksum. The token is in no message and no traceback, so what the network library says is not.
    """
    from pooch import file_hash

    if source not in remotes():
        raise DataError("no such source to fetch", expected=" or ".join(remotes()), found=repr(source)[:60])
    recipe = kit.recipes()[source]
    target = Path(into) / recipe.RAW[0]
    part = target.with_name(f"{target.name}.part")
    login = _login(environ, target.name) if getattr(recipe, "PRIVATE", False) else {}
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        published = _download(recipe.ADDRESS, part, login)
        checks = {"sha256": sha256.lower() if sha256 else "", "md5": published}
        for algorithm, expected in checks.items():
            found = file_hash(part, algorithm)
            if expected and found != expected:
                problem = f"wrong checksum ({algorithm})"
                raise DataError(problem, file=target.name, expected=expected, found=found, remedy=LATER)
        came = {"bytes": part.stat().st_size, "sha256": file_hash(part)}
        _unpack(part, target)
    except OSError as error:
        raise DataError("file cannot be written", file=target.name, found=error.strerror) from None
    finally:
        if target.parent.is_dir():
            part.unlink(missing_ok=True)
    return Fetched(source, target, recipe.ADDRESS, **came, verified=bool(published))


def accept(fetched: Iterable[Fetched], *, raw: str | Path) -> None:
    """Put fetched files in the folder of raw files, on the same disk, in place of older ones, and note what came."""
    for item in fetched:
        entry = {"file": item.path.name, "address": item.address, "bytes": item.bytes, "sha256": item.sha256}
        try:
            os.replace(item.path, Path(raw) / item.path.name)
            with (Path(raw) / RECORD).open("a", encoding="utf-8") as file:
                file.write(json.dumps({"fetched": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", **entry}) + "\n")
        except OSError as error:
            raise DataError("file cannot be written", file=item.path.name, found=error.strerror) from error


def _login(environ: Mapping[str, str], file: str) -> dict[str, Any]:
    """What to send so that Kaggle knows its user."""
    user, key, token = (environ.get(name, "").strip() for name in TOKEN)
    if user and key:
        return {"auth": (user, key)}
    if token:
        return {"headers": {"Authorization": f"Bearer {token}"}}
    raise DataError(
        "Kaggle gives this file to its users only",
        file=file,
        expected="your own token in the environment: KAGGLE_API_TOKEN, or KAGGLE_USERNAME and KAGGLE_KEY",
        remedy="make one in your Kaggle settings, or fetch the rest: pauses data fetch alerts",
    )


def _download(address: str, part: Path, login: dict[str, Any]) -> str:
    """Write what lies at an address to `part`; return the md5 that the server publishes, or ""."""
    from pooch import HTTPDownloader, get_logger, retrieve

    get_logger().setLevel("WARNING")
    answers = []
    headers = {"Accept-Encoding": "identity", **login.get("headers", {})}
    hooks = {"response": lambda response, **_: answers.append(response)}
    more = {"headers": headers, "auth": login.get("auth"), "hooks": hooks, "timeout": 30}
    part.unlink(missing_ok=True)  # what is there already would be taken for the file
    try:
        retrieve(address, None, part.name, part.parent, downloader=HTTPDownloader(sys.stderr.isatty(), **more))
    except (OSError, ValueError) as error:
        if getattr(error, "errno", None):
            raise
        raise _refusal(address, part.stem, answers) from None
    finally:
        for response in answers:
            response.close()
    stated = re.search(r"md5=([\w+/=]+)", answers[-1].headers.get("x-goog-hash", ""))
    return base64.b64decode(stated[1]).hex() if stated else ""


def _refusal(address: str, file: str, answers: list[Any]) -> DataError:
    """Why a download failed, in words of our own: those of the library name addresses that hold a signature."""
    host = urlsplit(address).hostname
    status = answers[-1].status_code if answers else 0
    if status >= 400:
        remedy = "check your Kaggle token" if status in (401, 403) else LATER
        return DataError(f"{host} refused", file=file, found=f"status {status}", remedy=remedy)
    if status == 200:
        came, remedy = f"{answers[-1].raw.tell():,} bytes", "run the same command again; nothing was changed"
        return DataError(f"the download from {host} broke off", file=file, found=came, remedy=remedy)
    return DataError(f"no connection to {host}", file=file, remedy="check the network; nothing was changed")


def _unpack(part: Path, target: Path) -> None:
    """Take the file out of the archive that Kaggle may wrap it in; pack it where its name says that it is packed."""
    content = part.read_bytes()
    if zipfile.is_zipfile(part):
        try:
            with zipfile.ZipFile(part) as archive:
                content = archive.read(target.name)
        except (KeyError, zipfile.BadZipFile) as error:
            raise DataError("an archive without this file", file=target.name) from error
    elif target.suffix == ".gz" and not content.startswith(b"\x1f\x8b"):
        content = gzip.compress(content, mtime=0)
    target.write_bytes(content)
