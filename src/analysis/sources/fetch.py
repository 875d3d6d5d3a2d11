"""Newer raw files from where they are published, laid aside until the importer and the user have accepted them."""

import base64
import gzip
import json
import os
import re
import sys
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from analysis.errors import DataError

TOKEN = ("KAGGLE_USERNAME", "KAGGLE_KEY", "KAGGLE_API_TOKEN")
RECORD = "fetched.jsonl"


@dataclass(frozen=True)
class Remote:
    """A published raw file; `file` is the name that its importer knows, `private`: it needs a Kaggle token."""

    file: str
    address: str
    private: bool = False


REMOTES = {
    "air_force": Remote(
        "missile_attacks_daily.csv",
        "https://www.kaggle.com/api/v1/datasets/download/piterfm/massive-missile-attacks-on-ukraine/"
        "missile_attacks_daily.csv",
        private=True,
    ),
    "alerts": Remote(
        "air_raid_alerts.csv.gz",
        "https://raw.githubusercontent.com/Vadimkin/ukrainian-air-raid-sirens-dataset/HEAD/datasets/"
        "official_data_en.csv",
    ),
}


@dataclass(frozen=True)
class Fetched:
    """What came: where it was laid aside, from where, its size in bytes and checksum as it came.

    `verified` says whether the server published a checksum, which then was the same.
    """

    source: str
    path: Path
    address: str
    bytes: int
    sha256: str
    verified: bool

    def summary(self):
        """Say in one sentence what came."""
        checked = "as its server published" if self.verified else "its server publishes no checksum to compare"
        host = urlsplit(self.address).hostname
        return f"{self.path.name}: {self.bytes:,} bytes from {host}, sha256 {self.sha256} ({checked})."


def fetch(source, *, into, sha256=None, environ=os.environ):
    """Download a raw file into a folder where no importer looks.

    Parameters
    ----------
    source : str
        A key of `REMOTES`.
    into : path-like
        Folder to lay the file in; a download that broke off stays there as `.part`, and the next one goes on from
        it if the server still has the same file.
    sha256 : str, optional
        The checksum that the file must have as it comes.
    environ : mapping
        Where the Kaggle token is read from: KAGGLE_USERNAME and KAGGLE_KEY, or KAGGLE_API_TOKEN.

    Returns
    -------
    Fetched

    Raises
    ------
    DataError
        No such source, no token, no connection, a refusal, a broken download, a wrong checksum. The token is in no
        message and no traceback, so what the network library said is left out.
    """
    from pooch import file_hash

    if source not in REMOTES:
        raise DataError("no such source to fetch", expected=" or ".join(REMOTES), found=repr(source)[:60])
    remote, folder = REMOTES[source], Path(into)
    login = _login(environ) if remote.private else {}
    part = folder / f"{remote.file}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        published = _download(remote.address, part, login)
        checks = [("sha256", sha256.lower())] if sha256 else []
        for algorithm, expected in checks + ([("md5", published)] if published else []):
            found = file_hash(part, algorithm)
            if found != expected:
                part.unlink()
                remedy = "try again later; nothing was changed"
                raise DataError(
                    f"wrong checksum ({algorithm})", file=remote.file, expected=expected, found=found, remedy=remedy
                )
        came = {"bytes": part.stat().st_size, "sha256": file_hash(part)}
        _unpack(part, folder / remote.file)
    except OSError as error:
        raise DataError("file cannot be written", file=remote.file, found=error.strerror) from None
    return Fetched(source, folder / remote.file, remote.address, **came, verified=bool(published))


def accept(fetched, *, raw):
    """Put fetched files in the folder of raw files, in place of older ones, and note there what came.

    Parameters
    ----------
    fetched : sequence of Fetched
    raw : path-like
        On the same disk as the fetched files.
    """
    for item in fetched:
        entry = {"file": item.path.name, "address": item.address, "bytes": item.bytes, "sha256": item.sha256}
        try:
            os.replace(item.path, Path(raw) / item.path.name)
            with (Path(raw) / RECORD).open("a", encoding="utf-8") as file:
                file.write(json.dumps({"fetched": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", **entry}) + "\n")
        except OSError as error:
            raise DataError("file cannot be written", file=item.path.name, found=error.strerror) from error


def _login(environ):
    """What to send so that Kaggle knows its user."""
    user, key, token = (environ.get(name, "").strip() for name in TOKEN)
    if user and key:
        return {"auth": (user, key)}
    if token:
        return {"headers": {"Authorization": f"Bearer {token}"}}
    raise DataError(
        "Kaggle gives this file to its users only",
        file=REMOTES["air_force"].file,
        expected="your own token in the environment: KAGGLE_API_TOKEN, or KAGGLE_USERNAME and KAGGLE_KEY",
        remedy="make one in your Kaggle settings, or fetch the rest: pauses data fetch alerts",
    )


def _download(address, part, login):
    """Write what lies at an address to `part`, or the rest of it; return the md5 that the server publishes, or ""."""
    from pooch import HTTPDownloader

    tag, before, answers = part.with_suffix(".etag"), part.stat().st_size if part.exists() else 0, []
    headers = {"Accept-Encoding": "identity", **login.get("headers", {})}
    version = tag.read_text() if before and tag.exists() else ""
    if version:
        headers |= {"Range": f"bytes={before}-", "If-Range": version}
    with part.open("ab") as file:

        def begin(response, **_):
            """Start anew where the server sends the whole file: it has another one, or cannot go on."""
            answers.append(response)
            if response.status_code == 200:
                file.truncate(0)
                tag.write_text(response.headers.get("ETag", ""))

        download = HTTPDownloader(
            progressbar=sys.stderr.isatty(), timeout=30, headers=headers, auth=login.get("auth"),
            hooks={"response": begin},
        )  # fmt: skip
        try:
            download(address, file, None)
        except (OSError, ValueError) as error:
            if getattr(error, "errno", None):
                raise
            raise _refusal(address, part, answers) from None
        finally:
            for response in answers:
                response.close()
    tag.unlink(missing_ok=True)
    stated = re.search(r"md5=([\w+/=]+)", answers[-1].headers.get("x-goog-hash", ""))
    return base64.b64decode(stated[1]).hex() if stated else ""


def _refusal(address, part, answers):
    """Why a download failed, in words of our own: those of the library name addresses that hold a signature."""
    host, file, came = urlsplit(address).hostname, part.stem, part.stat().st_size
    status = answers[-1].status_code if answers else 0
    if not came or status == 416:  # nothing to go on from, or more than the server has
        part.unlink()
        part.with_suffix(".etag").unlink(missing_ok=True)
    if status >= 400:
        remedy = "check your Kaggle token" if status in (401, 403) else "try again later; nothing was changed"
        return DataError(f"{host} refused", file=file, found=f"status {status}", remedy=remedy)
    if status in (200, 206):
        remedy = "run the same command again, it goes on from there where the server can"
        return DataError(f"the download from {host} broke off", file=file, found=f"{came:,} bytes", remedy=remedy)
    return DataError(f"no connection to {host}", file=file, remedy="check the network; nothing was changed")


def _unpack(part, target):
    """Take the file out of the archive that Kaggle may wrap it in; pack it where its name says that it is packed."""
    if zipfile.is_zipfile(part):
        try:
            with zipfile.ZipFile(part) as archive:
                content = archive.read(target.name)
        except (KeyError, zipfile.BadZipFile) as error:
            raise DataError("an archive without this file", file=target.name) from error
    else:
        content = part.read_bytes()
        if target.suffix == ".gz" and not content.startswith(b"\x1f\x8b"):
            content = gzip.compress(content, mtime=0)
    target.write_bytes(content)
    part.unlink()
