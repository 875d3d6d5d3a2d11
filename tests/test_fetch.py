"""Newer raw files: accepted only whole, right and seen; whatever goes wrong, everything stays as it was."""

import base64
import gzip
import hashlib
import io
import json
import shutil
import socket
import threading
import traceback
import zipfile
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner

from analysis.cli import main
from analysis.errors import DataError
from analysis.sources import fetch as module
from analysis.sources.fetch import REMOTES, fetch

DATA = Path(__file__).parents[1] / "data"
HEADER = "time_start,time_end,model,launch_place,target,launched,destroyed,not_reach_goal,source"
NIGHT = "2025-06-01 18:00,2025-06-02 08:30,Shahed-136/131,Kursk oblast,Ukraine,100.0,60.0,30.0,kpszsu/posts/1"
NIGHTS = [NIGHT.replace("06-02", f"06-{day:02}").replace("06-01", f"06-{day - 1:02}") for day in range(2, 31)]
GOOD = "\n".join([HEADER, *NIGHTS, ""]).encode()
PAGE = b"<!DOCTYPE html><html><body>Sign in</body></html>"
RAW = REMOTES["air_force"].file
SECRET = {"KAGGLE_USERNAME": "somebody", "KAGGLE_KEY": "s3cr3t-k3y", "KAGGLE_API_TOKEN": "KGAT_s3cr3t"}


class Server(ThreadingHTTPServer):
    """Serves `content`; `breaks_at`: bytes after which it hangs up; `seen`: headers of every request."""

    content, status, breaks_at, headers, location = GOOD, 200, None, {"ETag": '"first"'}, None

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.seen = []
        self.address = f"http://127.0.0.1:{self.server_port}/{RAW}"


class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        server, wanted = self.server, self.headers
        server.seen.append(dict(wanted))
        if server.location and not self.path.startswith("/signed"):
            return self.send([("Location", "/signed?signature=s3cr3t")], 302, b"")
        content, status, more = server.content, server.status, list(server.headers.items())
        if "Range" in wanted and wanted["If-Range"] == server.headers["ETag"]:
            start = int(wanted["Range"].removeprefix("bytes=").removesuffix("-"))
            more.append(("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}"))
            content, status = content[start:], 206
        return self.send(more, status, content)

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
    with Server() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setitem(REMOTES, "air_force", replace(REMOTES["air_force"], address=server.address))
        monkeypatch.setitem(REMOTES, "alerts", replace(REMOTES["alerts"], address=server.address))
        yield server
        server.shutdown()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A copy of the committed tables with an older raw file, used by the command line."""
    folder = Path(shutil.copytree(DATA, tmp_path / "data", ignore=shutil.ignore_patterns("raw")))
    (folder / "raw").mkdir()
    (folder / "raw" / RAW).write_bytes(b"an older copy")
    monkeypatch.setattr("analysis.pauses.data_folder", lambda: folder)
    for name, value in SECRET.items():
        monkeypatch.setenv(name, value)
    return folder


def on_disk(folder):
    """Every file but what a broken download leaves aside."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files if ".incoming" not in path.parts}


def run(*words, answer=""):
    return CliRunner().invoke(main, ["data", "fetch", *words], input=answer)


def zipped(name=RAW, content=GOOD):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, content)
    return file.getvalue()


def closed_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def test_a_good_file_is_shown_and_asked_about_before_it_replaces_anything(server, folder):
    before = on_disk(folder)
    shown = run("air_force", answer="n\n")
    assert shown.exit_code == 0, shown.output
    assert hashlib.sha256(GOOD).hexdigest() in shown.output
    assert "strikes: " in shown.output and "removed" in shown.output and "Nothing was changed." in shown.output
    assert on_disk(folder) == before


def test_an_accepted_file_replaces_raw_file_and_tables_and_its_checksum_is_recorded(server, folder):
    shown = run("air_force", answer="y\n")
    assert shown.exit_code == 0, shown.output
    assert (folder / "raw" / RAW).read_bytes() == GOOD
    assert (folder / "strikes.csv").read_text(encoding="utf-8").count("\n") == 1 + len(NIGHTS)
    (entry,) = map(json.loads, (folder / "raw" / "fetched.jsonl").read_text(encoding="utf-8").splitlines())
    assert entry["sha256"] == hashlib.sha256(GOOD).hexdigest() and entry["address"] == server.address
    assert list((folder / "raw" / ".incoming").iterdir()) == []


def test_yes_asks_nothing(server, folder):
    shown = run("air_force", "--yes")
    assert "Replace" not in shown.output
    assert (folder / "raw" / RAW).read_bytes() == GOOD


FAULTS = {
    "broken download": ({"breaks_at": 2048}, [], ["broke off", "2,048 bytes", "run the same command again"]),
    "wrong checksum": ({}, ["--sha256", "0" * 64], ["wrong checksum (sha256)", "0" * 64]),
    "other than published": (
        {"headers": {"x-goog-hash": "crc32c=AAAAAA==, md5=" + base64.b64encode(bytes(16)).decode()}},
        [],
        ["wrong checksum (md5)", "0" * 32],
    ),
    "page instead of a table": ({"content": PAGE}, [], ["not a CSV file but a web page"]),
    "error page": ({"content": PAGE, "status": 503}, [], ["refused", "status 503"]),
    "token refused": ({"content": PAGE, "status": 403}, [], ["refused", "status 403", "check your Kaggle token"]),
    "archive of something else": ({"content": zipped("other.csv")}, [], ["an archive without this file"]),
    "last row cut": ({"content": GOOD[:-20]}, [], ["row cut short"]),
    "table of another kind": ({"content": b"day,n\n2025-06-01,3\n"}, [], ["column missing"]),
    "empty": ({"content": b""}, [], ["file is empty"]),
}


@pytest.mark.parametrize(("changes", "options", "words"), FAULTS.values(), ids=FAULTS)
def test_what_is_wrong_is_said_once_and_everything_stays(server, folder, changes, options, words):
    vars(server).update(changes)
    before = on_disk(folder)
    shown = run("air_force", "--yes", *options)
    assert shown.exit_code == 2
    assert [word for word in words if word not in shown.output] == []
    assert shown.output.count("Error:") == 1 and "Traceback" not in shown.output
    assert on_disk(folder) == before
    assert not (folder / "raw" / ".incoming" / RAW).exists()


def test_without_network_one_message_names_the_host(folder, monkeypatch):
    address = f"http://127.0.0.1:{closed_port()}/{RAW}"
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setitem(REMOTES, "air_force", replace(REMOTES["air_force"], address=address))
    before = on_disk(folder)
    shown = run("air_force", "--yes")
    assert shown.exit_code == 2
    assert shown.output.startswith(f"Error: {RAW}: no connection to 127.0.0.1")
    assert on_disk(folder) == before


@pytest.mark.parametrize("location", [None, "/signed"], ids=["direct", "sent on to a signed address"])
def test_a_broken_download_goes_on_where_it_broke_off(server, tmp_path, location):
    server.breaks_at, server.location = 2048, location
    with pytest.raises(DataError, match="broke off; found 2,048 bytes"):
        fetch("air_force", into=tmp_path, environ=SECRET)
    server.breaks_at = None
    fetched = fetch("air_force", into=tmp_path, environ=SECRET)
    assert (server.seen[-1]["Range"], server.seen[-1]["If-Range"]) == ("bytes=2048-", '"first"')
    assert fetched.path.read_bytes() == GOOD
    assert [path.name for path in tmp_path.iterdir()] == [RAW]


def test_a_file_that_changed_meanwhile_is_taken_from_its_beginning(server, tmp_path):
    server.breaks_at = 2048
    with pytest.raises(DataError, match="broke off"):
        fetch("air_force", into=tmp_path, environ=SECRET)
    server.breaks_at, server.content, server.headers = None, GOOD.replace(b"100.0", b"200.0"), {"ETag": '"second"'}
    assert fetch("air_force", into=tmp_path, environ=SECRET).path.read_bytes() == server.content


def test_a_published_checksum_is_verified_and_said(server, tmp_path):
    digest = base64.b64encode(hashlib.md5(GOOD, usedforsecurity=False).digest()).decode()
    assert "publishes no checksum" in fetch("air_force", into=tmp_path, environ=SECRET).summary()
    server.headers = {"x-goog-hash": f"crc32c=AAAAAA==, md5={digest}"}
    assert "as its server published" in fetch("air_force", into=tmp_path, environ=SECRET).summary()


def test_the_archive_that_kaggle_may_send_is_opened(server, tmp_path):
    server.content = zipped()
    fetched = fetch("air_force", into=tmp_path, environ=SECRET)
    assert fetched.path.read_bytes() == GOOD
    assert fetched.sha256 == hashlib.sha256(server.content).hexdigest()


def test_alerts_come_without_a_token_and_are_packed_as_their_name_says(server, tmp_path):
    fetched = fetch("alerts", into=tmp_path, environ={})
    assert "Authorization" not in server.seen[0]
    assert gzip.decompress(fetched.path.read_bytes()) == GOOD


def test_user_and_key_or_the_token_alone_log_in(server, tmp_path):
    fetch("air_force", into=tmp_path, environ=SECRET)
    fetch("air_force", into=tmp_path, environ={"KAGGLE_API_TOKEN": SECRET["KAGGLE_API_TOKEN"]})
    basic = base64.b64encode(b"somebody:s3cr3t-k3y").decode()
    assert [seen["Authorization"] for seen in server.seen] == [f"Basic {basic}", "Bearer KGAT_s3cr3t"]


def test_without_a_token_nothing_is_asked_of_the_server(server, folder, monkeypatch):
    for name in SECRET:
        monkeypatch.delenv(name)
    shown = run()
    assert shown.exit_code == 2
    assert "KAGGLE_API_TOKEN" in shown.output and "pauses data fetch alerts" in shown.output
    assert server.seen == []


@pytest.mark.parametrize(
    "environ",
    [SECRET, {"KAGGLE_API_TOKEN": "KGAT_s3cr3t\nX: y"}, {"KAGGLE_API_TOKEN": "KGAT_s3cr3t\u043a"}],
    ids=["refused after a signed address", "line break", "letter that no header holds"],
)
def test_the_token_is_in_no_message_and_no_traceback(server, tmp_path, environ):
    server.location, server.status = "/signed", 403
    with pytest.raises(DataError) as refusal:
        fetch("air_force", into=tmp_path, environ=environ)
    told = "".join(traceback.format_exception(refusal.value))
    assert "s3cr3t" not in told
    assert not any("s3cr3t" in path.read_text(errors="replace") for path in tmp_path.rglob("*") if path.is_file())


def test_the_record_and_the_terminal_hold_no_token(server, folder):
    shown = run("air_force", "--yes")
    everything = shown.output.encode() + b"".join(on_disk(folder).values())
    assert shown.exit_code == 0
    assert not any(secret.encode() in everything for secret in ("s3cr3t-k3y", "KGAT_s3cr3t"))


def test_a_folder_that_cannot_be_written_is_said(server, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DataError, match="cannot be written"):
        fetch("air_force", into=tmp_path / "file", environ=SECRET)


@pytest.mark.parametrize("words", [["tanks"], ["--sha256", "0" * 64]])
def test_wrong_use_is_refused_before_any_download(server, folder, words):
    shown = run(*words)
    assert shown.exit_code == 2 and server.seen == []


def test_every_source_that_can_be_fetched_has_the_file_that_its_importer_reads():
    from analysis.sources.build import IMPORTERS

    assert {source: (remote.file,) for source, remote in module.REMOTES.items()} == {
        source: IMPORTERS[source].files for source in module.REMOTES
    }
