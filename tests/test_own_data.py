"""Files of one's own: what is read, what is refused, the samples' known answers, and the guide followed literally."""

import os
import re
import subprocess
import sys
from datetime import UTC, date, datetime
from html import unescape
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import analysis as pa

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "docs" / "own-data.md").read_text(encoding="utf-8")


YEAR = ("2013-01-01", "2013-12-31")


def test_a_file_becomes_a_daily_series_without_inventing_zeros(tmp_path):
    file = tmp_path / "calls.csv"
    file.write_text("\ufeffwhen, calls ,note\n2024-03-03,7,x\n2024-03-01, 0,\n2024-03-04,,late\n,,\n2024-03-06,2.5,\n")
    file.write_text(file.read_text().replace(" calls ", "calls"))
    counts = pa.read_counts(file, day="when", count="calls")
    np.testing.assert_array_equal(counts, [0, np.nan, 7, np.nan, np.nan, 2.5])
    assert counts.name == "calls" and counts.index.freqstr == "D" and str(counts.index[0].date()) == "2024-03-01"


ROW = "2024-01-01"


@pytest.mark.parametrize(
    ("content", "read"),
    [
        (f"day;count;note\n{ROW};1;a,b\n", 1.0),
        (f"day\tcount\n{ROW}\t2.5\n", 2.5),
        (f' day ,"count"\r\n\r\n{ROW} , 7 \r\n,\n', 7.0),
        (f'note,day,count,\n"a\nb, c",{ROW},1e3,\n', 1000.0),
        (f"day,count,x,x\n{ROW},NA,,\n2024-01-02,3,,\n", np.nan),
    ],
)
def test_what_is_unambiguous_is_read(content, read, tmp_path):
    (tmp_path / "own.csv").write_bytes(content.encode())
    counts = pa.read_counts(tmp_path / "own.csv")
    np.testing.assert_array_equal(counts.iloc[0], read)
    assert str(counts.index[0].date()) == ROW


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("day,count\n08/10/2024,5\n", 'field day, 1 row (2)|a date as YYYY-MM-DD|08/10/2024|format="%d/%m/%Y"'),
        (f"day,count\n{ROW} 00:00,5\n2024-1-2,1\n20240103,1\n", "3 rows (2, 3, 4)|a date as YYYY-MM-DD"),
        (f"day,count\n{ROW},5\n\n2024-01-02,six\n", "field count, 1 row (4)|a number of 0 or more|six"),
        (f'note,day,count\n"a\nb",{ROW},1\n,2024-01-02,x\n', "field count, 1 row (4)|found x"),
        (f"day,count\n{ROW},-5\n", "a number of 0 or more|found -5"),
        (f"day,count\n{ROW},1\n{ROW},2\n", "2 rows (2, 3)|each day once"),
        ("day,count\n,3\n", "a date as YYYY-MM-DD|nothing"),
        (f"day,count\n{ROW},inf\n", "a number of 0 or more"),
        (f'day,count\n{ROW},"1,234"\n', "field count, 1 row (2)|without signs between thousands|thousands="),
        (f"day;count\n{ROW};1,5\n", "field count, 1 row (2)|found 1,5|sep=';', decimal=\",\""),
        (f"day;count\n{ROW};1.234\n", "field count, 1 row (2)|found 1.234|thousands="),
        (f"day,count\n{ROW},1 234\n", "field count, 1 row (2)|found 1 234"),
        (f"day,count\n{ROW},1,5\n", f"1 row (2): rows have more|2 fields, as in the header|'{ROW},1,5'"),
        (f"sent,day,all,count\n{ROW},2024-01-02,1,2,\n", "1 row (2): rows have more|4 fields|index_col=False"),
        (f"day,count\n{ROW}\n", "1 row (2): rows have more or fewer fields"),
        (f"day,count,count\n{ROW},1,2\n", "field count: not one column of this name"),
        (f"day :count\n{ROW}:1\n", "field day: no such column; expected one of 'day :count'"),
        ("day,count\n", "no rows"),
        ("\n", "an empty file"),
        (f'day,count\n"{ROW},1\n', "not a CSV file that can be read"),
        (b"PK\x03\x04\xff\xfe\x00", "not a CSV file that can be read|save it as CSV in UTF-8"),
        (None, "own.csv: no such file; expected a CSV file, or a sample: admissions_simulated.csv, "),
    ],
)
def test_what_cannot_be_read_is_refused_with_file_field_and_rows(content, words, tmp_path):
    if content is not None:
        (tmp_path / "own.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(pa.DataError) as refusal:
        pa.read_counts(tmp_path / "own.csv")
    assert all(part in str(refusal.value) for part in ["own.csv", *words.split("|")]), refusal.value


@pytest.mark.parametrize(
    ("name", "count", "first", "last", "verdict", "options"),
    [
        ("us_births", "births", "2013-12-24", "2013-12-26", "fewer", {}),
        ("us_births", "births", "2012-08-01", "2012-08-03", "no visible change", {}),
        ("new_york_flights", "departed", "2013-02-08", "2013-02-09", "fewer", {"baseline": YEAR}),
        ("new_york_flights", "cancelled", "2013-02-08", "2013-02-09", "more", {"baseline": YEAR}),
        ("admissions_simulated", "admissions", "2024-10-08", "2024-10-10", "fewer", {}),
    ],
)
def test_the_samples_have_the_answers_that_are_known(name, count, first, last, verdict, options):
    counts = pa.read_counts(f"{name}.csv", count=count)
    effect = pa.estimate_effect(counts, pa.days_between(first, last), **options)
    assert effect.verdict == verdict
    assert "simulated" not in name or effect.ratio_low < 0.6 < effect.ratio_high


def test_the_guide_works_as_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for part in ("data", "notebooks"):
        (tmp_path / part).symlink_to(ROOT / part)
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "bin").symlink_to(Path(sys.executable).parent)
    shell = re.findall(r"^```sh\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)[1]
    environ = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(["bash", "-euc", shell], env=environ, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "answer.html").read_text(encoding="utf-8")
    assert "Fewer than expected: 243 admissions from 8 to 10 October 2024" in page and page.count("data:image/png") >= 2
    exec(re.search(r"^```python\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)[1], {})
    assert (tmp_path / "days.png").stat().st_size > 5000 < (tmp_path / "placebo.png").stat().st_size
    plt.close("all")


def test_the_recipe_for_files_of_another_form_reads_one(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    days = pd.date_range("2024-01-01", "2024-11-01")
    rows = [f"{day:%d.%m.%Y};1.{200 + 7 * (day.day_of_year % 5)},5" for day in days]
    (tmp_path / "calls.csv").write_text("\n".join(["Datum;Anrufe", *rows]), "latin-1")
    exec(re.findall(r"^```python\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)[1], {})
    assert "3,664 Anrufe from 8 to 10 October 2024" in capsys.readouterr().out


def test_a_question_says_file_count_window_and_days_and_of_a_sample_alone_what_is_known(tmp_path):
    sample, days = ROOT / "data" / "examples" / "admissions_simulated.csv", pa.days_between("2024-10-08", "2024-10-10")
    (tmp_path / "mine.csv").write_bytes(sample.read_bytes())
    counts, label = pa.read_counts(sample.name, count="admissions"), ("admission", "admissions", "strike")
    told = [pa.describe_question(file, counts, days, label=label) for file in (sample.name, tmp_path / "mine.csv")]
    asked = "Were 8 to 10 October 2024 (strike, 3 days) out of the ordinary? Counted are admissions: "
    column = "column `admissions` of `mine.csv`, with a figure on 729 of 731 days, 1 January 2023 to 31 December 2024."
    assert told[1] == asked + column and told[0].endswith(
        " 2024. These are simulated: a strike from 8 to 10 October 2024 kept 40 % of admissions away."
    )
    assert pa.describe_question(sample.name, counts, days[:1]).startswith("Was 8 October 2024 (1 day) out of")


def upload(name, content):
    held = {"name": name, "type": "text/csv", "size": 1, "content": memoryview(content)}
    return (held | {"last_modified": datetime(2026, 1, 1, tzinfo=UTC)},)


def test_the_panel_takes_a_file_and_answers_as_the_function_does():
    panel, sample = pa.OwnSeriesPanel(), ROOT / "data" / "examples" / "admissions_simulated.csv"
    panel.controls["file"].value = upload(sample.name, sample.read_bytes())
    assert panel.controls["day"].value == "day" and not panel.verdict.value
    panel.controls["count"].value = "admissions"
    panel.controls["first_day"].value, panel.controls["last_day"].value = date(2024, 10, 8), date(2024, 10, 10)
    days = pa.days_between("2024-10-08", "2024-10-10")
    told = pa.estimate_effect(pa.read_counts(sample, count="admissions"), days).summary()
    assert told.split(": ", 1)[1][:40] in unescape(panel.verdict.value) and "<img" in panel.series.value
    panel.controls["count"].value = "day"
    assert "Cannot be asked" in panel.verdict.value and not panel.series.value
    quoted = sample.read_bytes().replace(b",", b";").replace(b"day", b'"day, here"')
    panel.controls["file"].value = upload("mine.csv", quoted)
    assert panel.controls["day"].options == ("day, here", "admissions")
    assert told.split(": ", 1)[1][:40] in unescape(panel.verdict.value)
    panel.controls["file"].value = upload("mine.csv", b'"day, here";admissions\nsoon;1\n')
    assert "mine.csv, field day, here, 1 row (2)" in unescape(panel.verdict.value) and not panel.series.value
    panel.controls["file"].value = upload("none.csv", b"")
    assert "none.csv: an empty file" in panel.verdict.value and not panel.controls["day"].options
