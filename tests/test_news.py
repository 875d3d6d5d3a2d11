"""News of strikes on energy: made-up addresses and files with answers worked out by hand, and the known totals."""

import io
import tomllib
import zipfile

import pandas as pd
import pytest
from made_up_raw import DATA, KYIV, addresses_file, csv_file, event, made, padding, touched

from analysis.errors import DataError
from analysis.measures import measure_rule
from recipes import news
from recipes.kit import Log, RawFile
from recipes.news import NATION

LEXICON = tomllib.loads((DATA / "lexicon_news.toml").read_text("utf-8"))
ODESA, BELGOROD, SEA = (30.73, 46.48), (36.58734, 50.59556), (31.0, 43.0)
STRIKE = "rosiya-atakuvala-energetichniy-ob-yekt-v-odesi"


def table_of(tmp_path, *rows):
    """The table by day and oblast, and rows touched by rule."""
    imported = made("news", tmp_path, {"events.json": addresses_file(*rows)})
    return imported.tables["energy_reported"].set_index(["day", "oblast"]), touched(imported.rules)


def test_one_spelling_for_cyrillic_and_every_romanisation():
    for texts in (
        ("Удари по енергетиці", "udari-po-energetici", "udary-po-energetytsi"),
        ("Харків знеструмлено", "harkiv-znestrumleno", "kharkiv-znestrumleno"),
        ("Знищено підстанцію", "znyshheno-pidstantsiyu", "znishcheno-pidstanciyu"),
        ("Обстрел ТЭЦ", "obstrel-tets", "obstrel-tec"),
        ("У Києві немає світла", "u-kiyevi-nemaye-svitla", "u-kyyevi-nemaye-svitla"),
    ):
        assert news.fold(pd.Series(texts)).nunique() == 1, texts


STRIKES = [
    STRIKE,
    "posle-ataki-rf-v-kieve-bez-sveta-800-000-abonentov",
    "rosijska-ataka-zalyshyla-chornobylsku-aes-bez-zovnishnogo-elektrozhyvlennya",
    "Росіяни вдарили по об'єктах Нафтогазу на Полтавщині",
]
OTHERS = [
    "grafik-vidklyuchen-svitla-na-zavtra",  # no attack
    "rosiyani-atakuvali-port-odesi",  # no energy
    "syly-oborony-urazyly-tets-u-byelgorodi",  # in Russia, by Ukraine
    "na-zaporizkiy-aes-stavsya-blekaut-cherez-ataku-drona",
    "ekspert-poyasniv-chomu-rosiya-atakuye-tec",  # comment
    "u-kiyevi-vidnovili-opalennya-pislya-ataki",  # repair
    "svitlana-zaginula-vid-udaru-drona",  # a name
    "",
]


def test_reports_of_strikes_on_energy_count_and_other_articles_do_not():
    coded = news.code_words(news.fold(pd.Series([*STRIKES, *OTHERS])), LEXICON)
    assert coded["energy_strike"].tolist() == [True] * len(STRIKES) + [False] * len(OTHERS)


def test_addresses_in_every_disguise():
    rows = (
        ("20260110", KYIV, "https://www.epravda.com.ua/energetika/atakovano-tec-u-kijevi-816409/"),
        ("20260110", KYIV, "https://epravda.com.ua/energetika/atakovano-tec-u-kijevi-816409?utm_source=x"),
        ("20260110", KYIV, "https://news.liga.net/%D0%B0%D1%82%D0%B0%D0%BA%D0%B0-%D0%BD%D0%B0-%D0%A2%D0%95%D0%A6"),
        ("20260110", KYIV, "https://espreso.tv/атака-на-київську-тец"),
        ("20260110", KYIV, "https://www.unian.ua/13242939.html"),
        ("20260110", KYIV, "https://www.pravda.com.ua/news/2026/01/10/8014208/"),
        ("20260110", KYIV, "https://notunian.ua/atakovano-tec-u-kijevi"),
    )
    found = news.read_addresses(RawFile("events.json", addresses_file(*rows)), LEXICON, Log())
    assert found["words"].tolist() == [*["atakovano tec u kievi"] * 2, "ataka na tec", "ataka na kivsku tec"]
    assert found["article"].nunique() == 3


def test_article_counts_once_an_oblast_once_the_nation_and_on_its_first_day(tmp_path):
    address = f"https://epravda.com.ua/energetika/{STRIKE}-816409"
    table, counts = table_of(
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
    assert counts["count_repeated_addresses_once"] == 1
    assert len(table) == 2 * 28


def test_what_cannot_be_placed_is_counted_and_stays_in_the_nation(tmp_path):
    far = ("20260110", SEA, "https://epravda.com.ua/energetika/rosiya-atakuvala-tec-na-mori")
    abroad = ("20260110", BELGOROD, "https://epravda.com.ua/energetika/rosiya-atakuvala-tec-nevidomo-de")
    table, counts = table_of(tmp_path, far, abroad, *padding("20260110"))
    day = table.loc["2026-01-10"]["energy_articles"]
    assert day[NATION] == 2 and day.drop(NATION).sum() == 0
    assert (counts["count_unplaced_in_nation_only"], counts["count_outside_in_nation_only"]) == (1, 1)


def test_thin_days_and_the_gap_are_missing_not_zero(tmp_path):
    rows = [row for day in ("20260226", "20260227", "20260325", "20260326") for row in padding(day)]
    table, counts = table_of(tmp_path, *rows, *padding("20260328", 9))
    nation = table["coded_articles"].xs(NATION, level="oblast")
    assert nation[["2026-02-26", "2026-03-26"]].tolist() == [10, 10]
    assert nation["2026-02-27":"2026-03-25"].isna().all() and nation["2026-03-27":"2026-03-28"].isna().all()
    assert counts["miss_days_of_gap"] == 27


def zipped(name, content):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        packed.writestr(name, content)
    return file.getvalue()


YEAR = "event_info_latest_2025.zip"


def test_yearly_archive_is_coded_from_headlines_and_leaves_the_addresses_of_its_year_out(tmp_path):
    rows = [("20250401", i, f"Погода на завтра {i}", "Odessa") for i in range(12)]
    rows += [("20250401", 20, "Росія вдарила по енергооб'єкту в Одесі", region) for region in ("Odessa", "KievCity")]
    rows += [("20250401", 21, "", "Odessa"), ("2025", 22, "Удар по ТЕЦ", "Odessa")]
    content = [
        {"date": day, "url": f"https://www.pravda.com.ua/news/{day}/{number}/", "text": text, "ADM1_NAME": region,
         "longitude": 30.7, "latitude": 46.5}
        for day, number, text, region in rows
    ]  # fmt: skip
    addresses = addresses_file(*padding("20250401", 30), *padding("20260101", 12))
    imported = made("news", tmp_path, {"events.json": addresses, YEAR: zipped("2025.csv", csv_file(content))})
    table = imported.tables["energy_reported"].set_index(["day", "oblast"])
    counts = table.loc["2025-04-01"].loc[[NATION, "Odesa", "Kyiv City"]]
    assert counts["energy_articles"].tolist() == [1, 1, 1]
    assert counts["coded_articles"].tolist() == [13, 13, 1]
    basis = table.loc[[("2025-04-01", NATION), ("2026-01-01", NATION)], ["coded_articles", "basis"]]
    assert basis.to_numpy().tolist() == [[13, "headlines"], [12, "addresses"]]
    assert touched(imported.rules)["drop_rows_without_headline"] == 2


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"no zip", YEAR), (zipped("x.txt", b""), "a CSV file"), (zipped("x.csv", b"date,url\n1,a\n"), "ADM1_NAME")],
)
def test_archive_of_another_form_is_named(tmp_path, content, words):
    with pytest.raises(DataError, match=words):
        made("news", tmp_path, {YEAR: content})


def test_acled_export(tmp_path):
    events = [
        event(1), event(1), event(2, tags=""), event(3, day="21 March 2025", admin1="Zaporizhia"),
        event(4, actor1="Military Forces of Ukraine (2019-)"), event(5, country="Russia", admin1="Belgorod"),
        event(6, event_type="Battles"),
    ]  # fmt: skip
    imported = made("acled", tmp_path, {"acled.csv": b"\xef\xbb\xbf" + csv_file(events)})
    table = imported.tables["energy_acled"].set_index(["day", "oblast"])
    assert table.loc[("2025-03-20", "Odesa")].tolist() == [1, 2]
    assert table.loc[("2025-03-21", "Zaporizhzhia")].tolist() == [1, 1]
    assert table.xs(NATION, level="oblast").to_numpy().tolist() == [[1, 2], [1, 1]]
    assert touched(imported.rules) == {"keep_russian_strikes": 3, "drop_repeated_events": 1}


def test_precision_and_weighted_recall_by_hand():
    """Rule: 45 of 50 right (Wilson), 180 of its 200; of 600 other energy words 3 of 60, 30 missed; of the rest none."""
    strata = [("rule", 45, 5, 200), ("energy word", 3, 57, 600), ("rest", 0, 40, 5000)]
    rows = [(name, size, label) for name, yes, no, size in strata for label in ["yes"] * yes + ["no"] * no]
    sample = pd.DataFrame(rows, columns=["stratum", "stratum_size", "label"])
    measured = measure_rule(sample).set_index("measure")
    wilson = measured.loc["precision", ["estimate", "low", "high"]].tolist()
    assert wilson == pytest.approx([0.9, 0.7864, 0.9565], abs=1e-4)
    recalls = measured.loc[["recall", "recall among energy words"]]
    assert recalls["estimate"].tolist() == pytest.approx([180 / 210] * 2)
    assert recalls["low"].iloc[0] < recalls["low"].iloc[1] < 180 / 210
    assert measured.loc["recall", ["n", "positives"]].tolist() == [150, 48]


def test_committed_sample_says_who_labelled_it_and_fits_the_rule():
    sample = pd.read_csv(DATA / "news_sample.csv")
    assert len(sample) == 150 and sample["address"].is_unique
    assert (sample["labelled_by"] == "language model").all()
    words = news.fold(sample["address"].str.rsplit("/", n=1).str[-1].str.replace(r"-?\d{5,}(\.html)?$", "", regex=True))
    coded = news.code_words(words, LEXICON)
    assert (coded["energy_strike"] == (sample["stratum"] == "rule")).all()
    assert (coded["energy_word"] == (sample["stratum"] != "rest")).all()
    assert measure_rule(sample)["estimate"].round(2).tolist() == [0.92, 0.90, 0.90]
