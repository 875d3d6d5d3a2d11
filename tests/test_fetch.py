"""Newer raw files: accepted only whole, right and seen; whatever goes wrong, everything stays as it was."""

import base64
import gzip
import hashlib
import io
import json
import threading
import traceback
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from click.testing import CliRunner
from made_up import copied_tables
from made_up_raw import NIGHT, csv_file

from analysis.cli import main
from analysis.errors import DataError
from analysis.tables import dictionary
from recipes import fetch

LATER = {"time_start": "2025-06-11 18:00", "time_end": "2025-06-12 08:30"}
GOOD, RAW, PACKED = csv_file([NIGHT, NIGHT | LATER]), "missile_attacks_daily.csv", "air_raid_alerts.csv.gz"
PAGE = b"<!DOCTYPE html><html><body>Sign in</body></html>"
SECRET = {"KAGGLE_USERNAME": "somebody", "KAGGLE_KEY": "s3cr3t-k3y", "KAGGLE_API_TOKEN": "KGAT_s3cr3t"}


class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        server.seen.append(dict(self.headers))
        if server.location and not self.path.startswith("/signed"):
            return self.send([("Location", "/signed?signature=s3cr3t")], 302, b"")
        return self.send(server.headers, server.status, server.content)

    def send(self, headers, status, content):
        self.send_response(status)
        for name, value in [*headers, ("Content-Length", str(len(content)))]:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content[: self.server.breaks_at])

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    """Serves `content`; `breaks_at`: bytes after which it hangs up; `seen`: headers of every request."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        vars(server).update(content=GOOD, status=200, breaks_at=None, headers=[], location=None, seen=[])
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        for name in ("air_force", "alerts"):
            address = f"http://127.0.0.1:{server.server_port}/{RAW}"
            monkeypatch.setitem(dictionary()["recipes"][name], "download", address)
        yield server
        server.shutdown()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A copy of the committed tables with an older raw file, used by the command line."""
    folder = copied_tables(tmp_path / "data")
    (folder / "raw").mkdir()
    (folder / "raw" / RAW).write_bytes(b"an older copy")
    monkeypatch.setattr("analysis.cli.data_folder", lambda: folder)
    for name, value in SECRET.items():
        monkeypatch.setenv(name, value)
    return folder


def on_disk(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def run(*words, answer=""):
    return CliRunner().invoke(main, ["data", "fetch", "--older", *words], input=answer)


def zipped(name=RAW):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, GOOD)
    return file.getvalue()


def test_a_good_file_is_shown_and_asked_about_before_it_replaces_anything(server, folder):
    before = on_disk(folder)
    shown = run("air_force", answer="n\n")
    assert shown.exit_code == 0, shown.output
    assert hashlib.sha256(GOOD).hexdigest() in shown.output and "publishes no checksum" in shown.output
    assert "strikes: " in shown.output and "removed" in shown.output and "Nothing was changed." in shown.output
    assert on_disk(folder) == before


@pytest.mark.parametrize(("words", "answer"), [([], "y\n"), (["--yes"], "")])
def test_an_accepted_file_replaces_raw_file_and_tables_and_its_checksum_is_recorded(server, folder, words, answer):
    shown = run("air_force", *words, answer=answer)
    assert shown.exit_code == 0, shown.output
    assert ("Replace" in shown.output) == bool(answer)
    assert (folder / "raw" / RAW).read_bytes() == GOOD
    assert (folder / "strikes.csv").read_text(encoding="utf-8").count("\n") == 1 + 11
    (entry,) = map(json.loads, (folder / "raw" / "fetched.jsonl").read_text(encoding="utf-8").splitlines())
    assert entry["sha256"] == hashlib.sha256(GOOD).hexdigest() and entry["address"].endswith(f"/{RAW}")
    assert list((folder / "raw" / ".incoming").iterdir()) == []
    everything = shown.output.encode() + b"".join(on_disk(folder).values())
    assert not any(secret.encode() in everything for secret in ("s3cr3t-k3y", "KGAT_s3cr3t"))


def published(digest):
    return {"headers": [("x-goog-hash", f"crc32c=AAAAAA==, md5={base64.b64encode(digest).decode()}")]}


FAULTS = {
    "broken download": ({"breaks_at": 100}, [], ["broke off", "100 bytes", "run the same command again"]),
    "wrong checksum": ({}, ["--sha256", "0" * 64], ["wrong checksum (sha256)", "0" * 64]),
    "other than published": (published(bytes(16)), [], ["wrong checksum (md5)", "0" * 32]),
    "no network": ({"away": True}, [], [f"Error: {RAW}: no connection to 127.0.0.1"]),
    "page instead of a table": ({"content": PAGE}, [], ["not a CSV file but a web page"]),
    "error page": ({"content": PAGE, "status": 503}, [], ["refused", "status 503"]),
    "token refused": ({"content": PAGE, "status": 403}, [], ["refused", "status 403", "check your Kaggle token"]),
    "archive of something else": ({"content": zipped("other.csv")}, [], ["an archive without this file"]),
}


@pytest.mark.parametrize(("changes", "options", "words"), FAULTS.values(), ids=FAULTS)
def test_what_is_wrong_is_said_once_and_everything_stays(server, folder, monkeypatch, changes, options, words):
    vars(server).update(changes)
    if "away" in changes:
        monkeypatch.setitem(dictionary()["recipes"]["air_force"], "download", f"http://127.0.0.1:1/{RAW}")
    before = on_disk(folder)
    shown = run("air_force", "--yes", *options)
    assert shown.exit_code == 2
    assert [word for word in words if word not in shown.output] == []
    assert shown.output.startswith("Error:") or shown.output.count("Error:") == 1
    assert "Traceback" not in shown.output
    assert on_disk(folder) == before


def test_what_comes_is_verified_unpacked_and_packed_as_its_name_says(server, tmp_path):
    vars(server).update(published(hashlib.md5(GOOD, usedforsecurity=False).digest()))
    assert "as its server published" in fetch.fetch("air_force", into=tmp_path, environ=SECRET).summary()
    vars(server).update(headers=[], content=zipped(), location="/signed")
    came = fetch.fetch("air_force", into=tmp_path, environ=SECRET)
    assert (came.path.read_bytes(), came.entry["sha256"]) == (GOOD, hashlib.sha256(server.content).hexdigest())
    server.content = GOOD
    assert gzip.decompress(fetch.fetch("alerts", into=tmp_path, environ={}).path.read_bytes()) == GOOD
    assert sorted(path.name for path in tmp_path.iterdir()) == [PACKED, RAW]


def test_user_and_key_or_the_token_alone_log_in_and_alerts_need_neither(server, tmp_path):
    fetch.fetch("air_force", into=tmp_path, environ=SECRET)
    fetch.fetch("air_force", into=tmp_path, environ={"KAGGLE_API_TOKEN": SECRET["KAGGLE_API_TOKEN"]})
    fetch.fetch("alerts", into=tmp_path, environ={})
    basic = base64.b64encode(b"somebody:s3cr3t-k3y").decode()
    assert [seen.get("Authorization") for seen in server.seen] == [f"Basic {basic}", "Bearer KGAT_s3cr3t", None]


@pytest.mark.parametrize("words", [[], ["tanks"], ["--sha256", "0" * 64]])
def test_wrong_use_and_no_token_are_refused_before_any_download(server, folder, monkeypatch, words):
    for name in SECRET:
        monkeypatch.delenv(name)
    shown = run(*words)
    assert shown.exit_code == 2 and server.seen == []
    assert words or ("KAGGLE_API_TOKEN" in shown.output and "pauses data fetch alerts" in shown.output)


@pytest.mark.parametrize(
    "environ",
    [SECRET, {"KAGGLE_API_TOKEN": "KGAT_s3cr3t\nX: y"}, {"KAGGLE_API_TOKEN": "KGAT_s3cr3t\u043a"}],
    ids=["refused after a signed address", "line break", "letter that no header holds"],
)
def test_the_token_is_in_no_message_and_no_traceback(server, tmp_path, environ):
    vars(server).update(location="/signed", status=403)
    with pytest.raises(DataError) as refusal:
        fetch.fetch("air_force", into=tmp_path, environ=environ)
    told = "".join(traceback.format_exception(refusal.value))
    assert "s3cr3t" not in told
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_said(server, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DataError, match="cannot be written"):
        fetch.fetch("air_force", into=tmp_path / "file", environ=SECRET)
