"""Fetching newer raw files: they are laid aside until their recipe and the user have accepted them."""

import base64
import gzip
import hashlib
import io
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
from analysis.tables import described, dictionary

LATER = "try again later; nothing was changed"


@dataclass(frozen=True)
class Fetched:
    """Where a file was laid aside, and its address, size and checksum as it came; `verified`: as published."""

    source: str
    path: Path
    entry: Mapping[str, Any]

    def summary(self) -> str:
        host, verified = urlsplit(self.entry["address"]).hostname, self.entry["verified"]
        checked = "as its server published" if verified else "its server publishes no checksum to compare"
        size, checksum = self.entry["bytes"], self.entry["sha256"]
        return f"{self.path.name}: {size:,} bytes from {host}, sha256 {checksum} ({checked})."


def remotes() -> list[str]:
    """The recipes whose raw file can be fetched."""
    return [name for name, reads in dictionary()["recipes"].items() if "download" in reads]


def fetch(source: str, *, into: Path, sha256: str | None = None, environ: Mapping[str, str] = os.environ) -> Fetched:
    """Download the raw file of a recipe into a folder where no recipe looks; `sha256`: what it must have."""
    if source not in remotes():
        raise DataError("no such source to fetch", expected=" or ".join(remotes()), found=repr(source)[:60])
    reads = dictionary()["recipes"][source]
    target, address = into / reads["raw"][0], reads["download"]
    login = _login(environ, target.name) if reads.get("private") else {}
    try:
        into.mkdir(parents=True, exist_ok=True)
        content, published = _download(address, target.name, login)
        entry = described(target.name, content) | {"address": address, "verified": bool(published)}
        md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
        for name, expected, found in (("sha256", (sha256 or "").lower(), entry["sha256"]), ("md5", published, md5)):
            if expected and found != expected:
                problem = f"wrong checksum ({name})"
                raise DataError(problem, file=target.name, expected=expected, found=found, remedy=LATER)
        target.write_bytes(_unpacked(content, target.name))
    except OSError as error:
        raise DataError("file cannot be written", file=target.name, found=error.strerror) from None
    return Fetched(source, target, entry)


def accept(fetched: Iterable[Fetched], *, raw: Path) -> None:
    """Put fetched files in the folder of raw files, on the same disk, in place of older ones, and note what came."""
    for item in fetched:
        entry = {"fetched": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", **item.entry}
        try:
            os.replace(item.path, raw / item.path.name)
            with (raw / "fetched.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(entry) + "\n")
        except OSError as error:
            raise DataError("file cannot be written", file=item.path.name, found=error.strerror) from error


def _login(environ: Mapping[str, str], file: str) -> dict[str, Any]:
    """What to send so that Kaggle knows its user."""
    user, key, token = (environ.get(f"KAGGLE_{name}", "").strip() for name in ("USERNAME", "KEY", "API_TOKEN"))
    if user and key:
        return {"auth": (user, key)}
    if token:
        return {"headers": {"Authorization": f"Bearer {token}"}}
    expected = "your own token in the environment: KAGGLE_API_TOKEN, or KAGGLE_USERNAME and KAGGLE_KEY"
    remedy = "make one in your Kaggle settings, or fetch the rest: pauses data fetch alerts"
    raise DataError("Kaggle gives this file to its users only", file=file, expected=expected, remedy=remedy)


def _download(address: str, file: str, login: Mapping[str, Any]) -> tuple[bytes, str]:
    """What lies at an address, and the md5 that the server publishes, or ""."""
    from pooch import HTTPDownloader

    answers, content = [], io.BytesIO()
    headers = {"Accept-Encoding": "identity", **login.get("headers", {})}
    hooks = {"response": lambda response, **_: answers.append(response)}
    bring = HTTPDownloader(sys.stderr.isatty(), headers=headers, auth=login.get("auth"), timeout=30, hooks=hooks)
    try:
        bring(address, content, None)
    except (OSError, ValueError):
        raise _refusal(urlsplit(address).hostname, file, answers) from None
    finally:
        for response in answers:
            response.close()
    stated = re.search(r"md5=([\w+/=]+)", answers[-1].headers.get("x-goog-hash", ""))
    return content.getvalue(), base64.b64decode(stated[1]).hex() if stated else ""


def _refusal(host: str, file: str, answers: list[Any]) -> DataError:
    """Why a download failed, in words of our own: those of the library may hold the token or a signature."""
    status = answers[-1].status_code if answers else 0
    if status >= 400:
        remedy = "check your Kaggle token" if status in (401, 403) else LATER
        return DataError(f"{host} refused", file=file, found=f"status {status}", remedy=remedy)
    if status == 200:
        came, remedy = f"{answers[-1].raw.tell():,} bytes", "run the same command again; nothing was changed"
        return DataError(f"the download from {host} broke off", file=file, found=came, remedy=remedy)
    return DataError(f"no connection to {host}", file=file, remedy="check the network; nothing was changed")


def _unpacked(content: bytes, file: str) -> bytes:
    """The file out of the archive that Kaggle may wrap it in, or packed where its name says that it is packed."""
    if file.endswith(".gz") and not content.startswith(b"\x1f\x8b"):
        return gzip.compress(content, mtime=0)
    if not zipfile.is_zipfile(io.BytesIO(content)):
        return content
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return archive.read(file)
    except (KeyError, zipfile.BadZipFile) as error:
        raise DataError("an archive without this file", file=file) from error
