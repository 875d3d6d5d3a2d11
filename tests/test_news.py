"""News of strikes on energy: made-up addresses and files with answers worked out by hand, and the known totals."""

import json
import os
import re
import tomllib
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.errors import DataError
from analysis.sources.acled import COLUMNS, import_acled
from analysis.sources.news import count_articles, import_news, read_addresses
from analysis.sources.newswords import code_words, draw_sample, fold, measure_rule, word_pattern
from analysis.sources.oblasts import NATION, find_oblasts
from analysis.sources.rawfile import RawFile

DATA = Path(__file__).parents[1] / "data"
LEXICON = tomllib.loads((DATA / "lexicon_news.toml").read_text("utf-8"))
RAW = os.environ.get("PAUSES_RAW")
needs_raw = pytest.mark.skipif(not RAW, reason="PAUSES_RAW does not name the folder of raw files")
KYIV, ODESA, BELGOROD, SEA = (30.52, 50.45), (30.73, 46.48), (36.58734, 50.59556), (31.0, 43.0)
STRIKE = "rosiya-atakuvala-energetichniy-ob-yekt-v-odesi"
ARCHIVE = ["viina_version", "event_id", "date", "ADM1_NAME", "longitude", "latitude", "source", "url", "text", "lang"]


def events(*rows):
    """A file of addresses from (day, place, address)."""
    days = {}
    for day, (longitude, latitude), *addresses in rows:
        days.setdefault(day, []).append([longitude, latitude, "place", "O", len(addresses), addresses])
    return json.dumps(days).encode()


def padding(day, number=10):
    """Enough articles about nothing to make a day complete."""
    return [(day, KYIV, f"https://www.unian.ua/society/pro-pogodu-ta-sport-{day}-{i}x.html") for i in range(number)]


def mentions_of(*rows):
    return read_addresses(RawFile("events.json", events(*rows)), LEXICON)[0]


def table_of(tmp_path, *rows):
    path = tmp_path / "events.json"
    path.write_bytes(events(*rows))
    imported = import_news(path, folder=DATA)
    return imported.tables["energy_reported"].set_index(["day", "oblast"]), {
        rule.name: rule.rows_touched for rule in imported.rules
    }


def is_strike(text):
    return bool(code_words(fold(pd.Series([text])), LEXICON)["energy_strike"].iloc[0])


@pytest.mark.parametrize(
    "texts",
    [
        ("Удари по енергетиці", "udari-po-energetici", "udary-po-energetytsi"),
        ("Харків знеструмлено", "harkiv-znestrumleno", "kharkiv-znestrumleno"),
        ("Знищено підстанцію", "znyshheno-pidstantsiyu", "znishcheno-pidstanciyu"),
        ("Обстрел ТЭЦ", "obstrel-tets", "obstrel-tec"),
        ("У Києві немає світла", "u-kiyevi-nemaye-svitla", "u-kyyevi-nemaye-svitla"),
    ],
)
def test_one_spelling_for_cyrillic_and_every_romanisation(texts):
    assert len(set(fold(pd.Series(texts)))) == 1


def test_entries_of_the_lexicon():
    pattern = re.compile(word_pattern(["udar", "tes_", "zaporizk aes_", "sili_ oboroni"]))
    hits = ["nichni udari", "tes stoit", "na zaporizki aes", "sili oboroni"]
    misses = ["vudar", "protest", "testi", "zaporizka chaes", "silisti oboroni"]
    assert all(pattern.search(text) for text in hits)
    assert not any(pattern.search(text) for text in misses)


@pytest.mark.parametrize(
    "text",
    [
        STRIKE,
        "posle-ataki-rf-v-kieve-bez-sveta-800-000-abonentov",
        "rosijska-ataka-zalyshyla-chornobylsku-aes-bez-zovnishnogo-elektrozhyvlennya",
        "Росіяни вдарили по об'єктах Нафтогазу на Полтавщині",
        "Российские дроны ударили по подстанции в Одессе",
    ],
)
def test_reports_of_strikes_on_energy_count(text):
    assert is_strike(text)


@pytest.mark.parametrize(
    "text",
    [
        "grafik-vidklyuchen-svitla-na-zavtra",  # no attack
        "rosiyani-atakuvali-port-odesi",  # no energy
        "syly-oborony-urazyly-tets-u-byelgorodi",  # in Russia, by Ukraine
        "droni-atakuvali-elektropidstanciyu-v-okupovanomu-lugansku",
        "na-zaporizkiy-aes-stavsya-blekaut-cherez-ataku-drona",
        "droni-urazili-npz-yakiy-zhiviv-elektrostanciyu",  # oil
        "ekspert-poyasniv-chomu-rosiya-atakuye-tec",  # comment
        "u-kiyevi-vidnovili-opalennya-pislya-ataki",  # repair
        "svitlana-zaginula-vid-udaru-drona",  # a name
        "",
    ],
)
def test_other_articles_do_not(text):
    assert not is_strike(text)


def test_addresses_in_every_disguise():
    found = mentions_of(
        ("20260110", KYIV, "https://www.epravda.com.ua/energetika/atakovano-tec-u-kijevi-816409/"),
        ("20260110", KYIV, "https://epravda.com.ua/energetika/atakovano-tec-u-kijevi-816409?utm_source=x"),
        ("20260110", KYIV, "https://news.liga.net/%D0%B0%D1%82%D0%B0%D0%BA%D0%B0-%D0%BD%D0%B0-%D0%A2%D0%95%D0%A6"),
        ("20260110", KYIV, "https://espreso.tv/атака-на-київську-тец"),
        ("20260110", KYIV, "https://www.unian.ua/13242939.html"),
        ("20260110", KYIV, "https://www.pravda.com.ua/news/2026/01/10/8014208/"),
        ("20260110", KYIV, "https://notunian.ua/atakovano-tec-u-kijevi"),
    )
    assert found["words"].tolist() == [
        "atakovano tec u kievi",
        "atakovano tec u kievi",
        "ataka na tec",
        "ataka na kivsku tec",
    ]
    assert found["article"].nunique() == 3


def test_article_counts_once_an_oblast_once_the_nation_and_on_its_first_day(tmp_path):
    address = f"https://epravda.com.ua/energetika/{STRIKE}-816409"
    table, touched = table_of(
        tmp_path,
        ("20260110", ODESA, address),
        ("20260110", (30.7, 46.5), address + "/"),
        ("20260110", KYIV, address),
        ("20260111", KYIV, address),
        *padding("20260110"),
        *padding("20260111"),
    )
    assert table.loc[("2026-01-10", "Odesa"), "energy_articles"] == 1
    assert table.loc[("2026-01-10", "Kyiv City"), ["energy_articles", "coded_articles"]].tolist() == [1, 11]
    assert table.loc[("2026-01-10", NATION), ["energy_articles", "coded_articles"]].tolist() == [1, 11]
    assert table.loc[("2026-01-11", NATION), ["energy_articles", "coded_articles"]].tolist() == [0, 10]
    assert touched["count_repeated_addresses_once"] == 1
    assert len(table) == 2 * 28


def test_what_cannot_be_placed_is_counted_and_stays_in_the_nation(tmp_path):
    far = ("20260110", SEA, "https://epravda.com.ua/energetika/rosiya-atakuvala-tec-na-mori")
    abroad = ("20260110", BELGOROD, "https://epravda.com.ua/energetika/rosiya-atakuvala-tec-nevidomo-de")
    table, touched = table_of(tmp_path, far, abroad, *padding("20260110"))
    day = table.loc["2026-01-10"]["energy_articles"]
    assert day[NATION] == 2 and day.drop(NATION).sum() == 0
    assert (touched["count_unplaced_in_nation_only"], touched["count_outside_in_nation_only"]) == (1, 1)


def test_region_by_name_goes_before_coordinates():
    places = pd.DataFrame({"longitude": [30.52], "latitude": [50.45], "oblast": ["Kyiv City"]})
    rows = pd.DataFrame(
        {
            "region": ["Odessa", "", "Atlantis", ""],
            "longitude": [30.5, 30.6, 30.5, np.nan],
            "latitude": [50.4, 50.5, 50.4, np.nan],
        }
    )
    assert find_oblasts(rows, places, {"odessa": "Odesa"}).tolist() == ["Odesa", "Kyiv City", "Kyiv City", "unplaced"]


def test_thin_days_and_the_gap_are_missing_not_zero(tmp_path):
    rows = [row for day in ("20260226", "20260227", "20260325", "20260326") for row in padding(day)]
    table, touched = table_of(tmp_path, *rows, *padding("20260328", 9))
    counts = table["coded_articles"].xs(NATION, level="oblast")
    assert counts[["2026-02-26", "2026-03-26"]].tolist() == [10, 10]
    assert counts["2026-02-27":"2026-03-25"].isna().all() and counts["2026-03-27":"2026-03-28"].isna().all()
    assert touched["miss_days_of_gap"] == 27


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]x",
        b"[1, 2]",
        b"{}",
        b'{"20260110": [[1, 2]]}',
        b'{"10 January": []}',
        b'{"20260110": [["a", 2, "", "", 1, ["x"]]]}',
    ],
)
def test_file_of_another_form_is_named(tmp_path, content):
    path = tmp_path / "events.json"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"events\.json"):
        import_news(path, folder=DATA)


def archive_of(tmp_path, rows, name="event_info_latest_2025.zip"):
    path = tmp_path / name
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("event_info_latest_2025.csv", pd.DataFrame(rows, columns=ARCHIVE).to_csv(index=False))
    return path


def headline(day, text, region="Odessa", number=0):
    return (
        "20260101",
        number,
        day,
        region,
        30.7,
        46.5,
        "pravdaua",
        f"https://www.pravda.com.ua/news/{day}/{number}/",
        text,
        "ua",
    )


def test_yearly_archive_is_coded_from_headlines(tmp_path):
    rows = [headline("20250401", f"Погода на завтра {i}", number=i) for i in range(12)]
    rows += [headline("20250401", "Росія вдарила по енергооб'єкту в Одесі", number=20)]
    rows += [headline("20250401", "Росія вдарила по енергооб'єкту в Одесі", "KievCity", number=20)]
    rows += [headline("20250401", "", number=21), headline("2025", "Удар по ТЕЦ", number=22)]
    table = import_news(archive_of(tmp_path, rows), folder=DATA)
    counts = table.tables["energy_reported"].set_index(["day", "oblast"]).loc["2025-04-01"]
    assert counts.loc[[NATION, "Odesa", "Kyiv City"], "energy_articles"].tolist() == [1, 1, 1]
    assert counts.loc[[NATION, "Odesa", "Kyiv City"], "coded_articles"].tolist() == [13, 13, 1]
    assert counts["basis"].unique().tolist() == ["headlines"]
    assert {rule.name: rule.rows_touched for rule in table.rules}["drop_rows_without_headline"] == 2


def test_year_with_an_archive_leaves_its_addresses_out(tmp_path):
    addresses = tmp_path / "events.json"
    addresses.write_bytes(events(*padding("20250402", 30), *padding("20260101", 12)))
    rows = [headline("20250402", f"Погода на завтра {i}", number=i) for i in range(11)]
    table = import_news(addresses, archive_of(tmp_path, rows), folder=DATA).tables["energy_reported"]
    nation = table[table["oblast"] == NATION].set_index("day")
    assert nation.loc[["2025-04-02", "2026-01-01"], "coded_articles"].tolist() == [11, 12]
    assert nation.loc[["2025-04-02", "2026-01-01"], "basis"].tolist() == ["headlines", "addresses"]


def test_archive_without_its_columns_is_named(tmp_path):
    path = tmp_path / "event_info_latest_2025.zip"
    path.write_bytes(b"no zip")
    with pytest.raises(DataError, match=r"event_info_latest_2025\.zip"):
        import_news(path, folder=DATA)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.csv", "date,url\n20250101,a\n")
    with pytest.raises(DataError, match="ADM1_NAME"):
        import_news(path, folder=DATA)


def acled_of(tmp_path, *rows):
    path = tmp_path / "acled.csv"
    path.write_text(pd.DataFrame(rows, columns=COLUMNS).to_csv(index=False), "utf-8-sig")
    return path


def event(number, day="2025-03-20", admin1="Odesa", tags="energy infrastructure; residential infrastructure", **other):
    row = {
        "event_type": "Explosions/Remote violence",
        "actor1": "Military Forces of Russia (2000-)",
        "country": "Ukraine",
    }
    return {"event_id_cnty": f"UKR{number}", "event_date": day, "admin1": admin1, "tags": tags} | row | other


def test_acled_export(tmp_path):
    path = acled_of(
        tmp_path,
        event(1),
        event(1),
        event(2, tags=""),
        event(3, day="21 March 2025", admin1="Zaporizhia"),
        event(4, actor1="Military Forces of Ukraine (2019-)"),
        event(5, country="Russia", admin1="Belgorod"),
        event(6, event_type="Battles"),
    )
    imported = import_acled(path, folder=DATA)
    table = imported.tables["energy_acled"].set_index(["day", "oblast"])
    assert table.loc[("2025-03-20", "Odesa")].tolist() == [1, 2]
    assert table.loc[("2025-03-21", "Zaporizhzhia")].tolist() == [1, 1]
    assert table.xs(NATION, level="oblast").to_numpy().tolist() == [[1, 2], [1, 1]]
    assert {rule.name: rule.rows_touched for rule in imported.rules} == {
        "keep_russian_strikes": 3,
        "drop_repeated_events": 1,
    }


@pytest.mark.parametrize(("bad", "field"), [({"day": "soon"}, "event_date"), ({"admin1": "Atlantis"}, "admin1")])
def test_acled_row_that_nobody_knows_is_named(tmp_path, bad, field):
    with pytest.raises(DataError, match=rf"acled\.csv, field {field}, 1 row \(3\)"):
        import_acled(acled_of(tmp_path, event(1), event(2, **bad)), folder=DATA)


def sample_of(**strata):
    """A labelled sample from stratum = (yes, no, size)."""
    rows = [(name.replace("_", " "), size, label) for name, (yes, no, size) in strata.items()
            for label in ["yes"] * yes + ["no"] * no]  # fmt: skip
    return pd.DataFrame(rows, columns=["stratum", "stratum_size", "label"])


def test_precision_and_weighted_recall_by_hand():
    measured = measure_rule(sample_of(rule=(45, 5, 200), energy_word=(3, 57, 600), rest=(0, 40, 5000)))
    measured = measured.set_index("measure")
    # Wilson for 45 of 50; 180 true reports among the rule's 200, 30 missed among the other 600
    assert measured.loc["precision", ["estimate", "low", "high"]].tolist() == pytest.approx(
        [0.9, 0.7864, 0.9565], abs=1e-4
    )
    assert measured.loc["recall among energy words", "estimate"] == pytest.approx(180 / 210)
    assert measured.loc["recall", "estimate"] == pytest.approx(180 / 210)
    assert measured.loc["recall", "low"] < measured.loc["recall among energy words", "low"] < 180 / 210
    assert measured.loc["recall", ["n", "positives"]].tolist() == [150, 48]


def test_sample_holds_every_stratum_and_depends_on_the_seed_only():
    words = fold(pd.Series([STRIKE] * 6 + ["grafik vidklyuchen svitla"] * 8 + ["pogoda na zavtra"] * 20))
    words.index = [f"unian.ua/{i:02d}" for i in range(len(words))]
    sizes = {"rule": 2, "energy word": 3, "rest": 4}
    sample = draw_sample(words, LEXICON, sizes=sizes, seed=1)
    assert sample["stratum"].value_counts().to_dict() == sizes
    assert sample.groupby("stratum")["stratum_size"].first().to_dict() == {"rule": 6, "energy word": 8, "rest": 20}
    pd.testing.assert_frame_equal(
        sample, draw_sample(words.sample(frac=1, random_state=3), LEXICON, sizes=sizes, seed=1)
    )
    assert not sample.equals(draw_sample(words, LEXICON, sizes=sizes, seed=2))


def test_committed_sample_says_who_labelled_it_and_fits_the_rule():
    sample = pd.read_csv(DATA / "news_sample.csv")
    assert len(sample) == 150 and sample["address"].is_unique
    assert (sample["labelled_by"] == "language model").all()
    words = fold(sample["address"].str.rsplit("/", n=1).str[-1].str.replace(r"-?\d{5,}(\.html)?$", "", regex=True))
    coded = code_words(words, LEXICON)
    assert (coded["energy_strike"] == (sample["stratum"] == "rule")).all()
    assert (coded["energy_word"] == (sample["stratum"] != "rest")).all()
    assert measure_rule(sample)["estimate"].round(2).tolist() == [0.92, 0.90, 0.90]


@needs_raw
def test_known_totals(tmp_path):
    table = import_news(Path(RAW) / "viina_events_2026.json", folder=DATA).tables["energy_reported"]
    nation = table[table["oblast"] == NATION].set_index("day")
    assert nation.loc["2026-01-08":"2026-01-28", "coded_articles"].sum() == 1017
    assert nation.loc["2026-01-29":"2026-02-01", ["energy_articles", "coded_articles"]].sum().tolist() == [3, 174]
    assert nation["coded_articles"].isna().sum() == 28


def test_counts_do_not_depend_on_the_order_of_rows():
    rows = [("20260110", ODESA, f"https://epravda.com.ua/energetika/{STRIKE}-{i}00000") for i in range(1, 5)]
    mentions = mentions_of(*rows, *padding("20260110")).assign(oblast="Odesa", basis="addresses")
    first, _ = count_articles(mentions, LEXICON, ["Odesa"], fewest=1)
    again, _ = count_articles(mentions.iloc[::-1], LEXICON, ["Odesa"], fewest=1)
    pd.testing.assert_frame_equal(first, again)
    assert first.loc[first["oblast"] == "Odesa", "energy_articles"].tolist() == [4]
