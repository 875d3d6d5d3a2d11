"""Posts of the Russian ministry: made-up texts with answers worked out by hand, and the known weeks."""

import os
import tomllib
from pathlib import Path

import pandas as pd
import pytest
from made_up_raw import DATA, NIGHT_POST, made, posts_file, touched

from recipes import kit
from recipes.communiques import CUT_AT, read_number

LEXICON = tomllib.loads((DATA / "lexicon_communiques.toml").read_text("utf-8"))
RAW = os.environ.get("PAUSES_RAW")
NIGHT, LATE = ("2025-02-11 04:10", NIGHT_POST), ("2025-02-20 04:00", NIGHT_POST)


def build(folder, *posts):
    return made("communiques", folder, {"posts.csv": posts_file(*posts)})


def claimed(folder, *posts):
    """The table of claims from 10 February 2025 on; a late post keeps the days before it complete."""
    return build(folder, *posts, LATE).tables["russian_claims"].set_index("day").loc["2025-02-10":]


STRIKE = "Сегодня ночью Вооруженными Силами Российской Федерации нанесен групповой удар высокоточным оружием по "


def test_numbers_are_read_in_digits_and_in_words():
    words = {
        "7": 7, "один": 1, "двумя": 2, "трёх": 3, "девятнадцать": 19, "сорок один": 41, "семьюдесятью": 70,
        "сто двадцать один": 121, "двести восемьдесят шесть": 286,
    }  # fmt: skip
    assert {word: read_number(word, LEXICON["numbers"]) for word in words} == words


@pytest.mark.parametrize(
    ("claim", "number"),
    [
        ("уничтожены 14 украинских беспилотных летательных аппаратов: десять – над Курской, четыре – над Брянской", 14),
        ("перехвачены тридцать два украинских БПЛА. 11 БПЛА – над Саратовской областью, 21 – над Курской", 32),
        ("пресечена попытка атаки с применением трех БпЛА самолетного типа. Два БпЛА уничтожены, один сбит", 3),
        ("уничтожен украинский беспилотный летательный аппарат самолетного типа над Курской областью", 1),
        ("уничтожены: три украинских БпЛА – над Брянской, один БпЛА – в Крыму и четыре БпЛА – над морем", 8),
        ("уничтожены сто двадцать один украинский беспилотный летательный аппарат", 121),
    ],
)
def test_total_of_a_claim(tmp_path, claim, number):
    night = ("2025-02-11 04:10", f"⚡️ **В течение прошедшей ночи** дежурными средствами ПВО {claim}.")
    assert claimed(tmp_path, night).loc["2025-02-11", "drones_claimed"] == number


@pytest.mark.parametrize(
    ("posted", "period", "day"),
    [
        ("2025-02-11 20:10", "В период с 20.00 мск до 23.00 мск", "2025-02-12"),
        ("2025-02-11 19:45", "С 20.00 до 23.00 мск", "2025-02-12"),  # told a quarter of an hour before the end
        ("2025-02-11 17:10", "С 18.30 до 20.00 мск", "2025-02-12"),  # middle 18:15 in Kyiv
        ("2025-07-11 16:10", "С 17.00 до 19.00 мск", "2025-07-12"),  # in summer Kyiv keeps Moscow's clock
        ("2025-02-11 21:20", "С 22.00 мск 11 февраля до 0.00 мск 12 февраля", "2025-02-12"),
        ("2025-02-12 05:00", "За период с 20.10 мск 11 февраля по 06.00 мск 12 февраля", "2025-02-12"),
        ("2025-02-11 12:00", "Около 13.15 мск", "2025-02-11"),
        ("2025-02-11 06:00", "Утром", "2025-02-11"),
        ("2025-02-11 16:30", "Вечером", "2025-02-12"),
    ],
)
def test_claims_are_dated_by_the_middle_of_their_period(tmp_path, posted, period, day):
    text = f"{period} дежурными средствами ПВО уничтожены пять украинских БпЛА над Курской областью"
    table = claimed(tmp_path, (posted, text), ("2025-07-20 04:00", NIGHT_POST))
    assert table.loc[table["drones_named"] == 5].index.strftime("%Y-%m-%d").tolist() == [day]


def test_night_and_day_add_up_and_nothing_counts_twice(tmp_path):
    summary = "уничтожены 99 украинских БпЛА"
    table = claimed(
        tmp_path,
        ("2025-02-10 19:30", "С 20.00 до 22.00 мск дежурными средствами ПВО уничтожены семь украинских БпЛА"),
        NIGHT,
        ("2025-02-11 11:00", "С 10.00 до 13.00 мск дежурными средствами ПВО уничтожены 3 украинских БпЛА"),
        ("2025-02-11 17:30", "С 09.00 до 17.30 мск дежурными средствами ПВО уничтожены 8 украинских БпЛА"),
        ("2025-02-11 09:00", f"Министерства обороны о ходе проведения специальной военной операции. {summary}"),
        ("2025-02-11 20:00", f"Главное за день. С 8.00 до 20.00 {summary}"),
        ("2025-02-11 20:01", f"С 1 по 7 февраля в ходе отражения попытки, о ходе отражения {summary}"),
        ("2025-02-11 13:00", "Около 15.00 мск дежурными средствами ПВО уничтожена ракета РСЗО «Ольха»"),
    )
    named = 7 + 10 + 8  # the 3 are within the 8
    columns = ["drones_named", "drones_claimed", "posts_night", "posts_daytime", "posts_unread"]
    assert table.loc["2025-02-11", columns].tolist() == [named, named, 1, 2, 0]


def test_a_day_without_a_night_post_and_a_number_that_cannot_be_read_are_missing_not_zero(tmp_path):
    text = "С 10.00 до 13.00 мск дежурными средствами ПВО уничтожены {}украинских БпЛА"
    posts = [NIGHT, ("2025-02-11 11:00", text.format("")), ("2025-02-13 11:00", text.format("3 ")), LATE]
    result = build(tmp_path, *posts)
    table = result.tables["russian_claims"].set_index("day")["2025-02-11":"2025-02-13"]
    assert table["drones_claimed"].isna().all()
    assert table["drones_named"].tolist() == [10, 0, 3] and table["posts_unread"].tolist() == [1, 0, 0]
    assert touched(result.rules)["leave_day_open_without_number"] == 1


CUT = ("о", "объектам", "критически важным об", "инфраструктуре", "пунк")
TARGETS = {  # class, whether energy, reading
    "energy yes read": [
        STRIKE + "объектам энергетики, обеспечивающим работу заводов",
        STRIKE + "критически важным объектам газо-энергетической инфраструктуры",
        STRIKE + "нефтеперерабатывающему заводу в городе",
        (STRIKE + "объектам энерг").rjust(CUT_AT),
    ],
    "transport no read": [STRIKE + "объектам транспортной инфраструктуры, объектам энергетики"],
    "military_airfields no read": [STRIKE + "инфраструктуре военных аэродромов, объектам энергетики"],
    "defence_industry no read": [
        STRIKE + "предприятиям военно-промышленного комплекса Украины и объектам энергетики",
        STRIKE + "цехам сборки беспилотных летательных аппаратов",
    ],
    "other no read": [
        STRIKE + "пунктам временной дислокации иностранных наемников",
        (STRIKE + "складам боеприпасов, об").rjust(CUT_AT),
    ],
    "unknown unknown cut": [(STRIKE + part).rjust(CUT_AT) for part in CUT],
    "unknown unknown none": [
        "Подразделениями группировки войск «Север» нанесено поражение объектам энергетики",
        "Сегодня ночью киевским режимом нанесен массированный удар по объектам энергетики России",
        "Расчет ОТРК «Искандер-М» нанес групповой удар по объектам энергетики",
        "Поздравляем с праздником энергетики",
    ],
}


@pytest.mark.parametrize(("answer", "text"), [(answer, text) for answer, texts in TARGETS.items() for text in texts])
def test_first_named_class_and_a_list_cut_too_early_is_unknown_never_no(tmp_path, answer, text):
    declared = build(tmp_path, ("2025-02-11 09:00", text), LATE).tables["energy_declared"]
    day = declared[(declared["period"] == "day") & (declared["last_day"] == "2025-02-11")]
    assert " ".join(day[["target_class", "energy_first", "reading"]].squeeze()) == answer


def test_weeks_run_from_saturday_to_friday(tmp_path):
    report = "(с {0} по {1} марта 2025 г.) С {0} по {1} марта Вооруженными Силами Российской Федерации нанесены 15 "
    report += "групповых ударов высокоточным оружием, в результате которых поражены объекты {2}, обеспечивающие"
    week = ("2025-03-14 11:00", report.format(8, 14, "газовой инфраструктуры"))
    other_span = ("2025-03-21 11:00", report.format(1, 21, "энергетики"))
    result = build(tmp_path, week, other_span, LATE)
    table = result.tables["energy_declared"]
    weeks = table[table["period"] == "week"].set_index("last_day")
    assert weeks.loc["2025-03-14", ["target_class", "first_day"]].tolist() == ["energy", pd.Timestamp("2025-03-08")]
    assert weeks.loc["2025-03-21", "reading"] == "none"
    assert touched(result.rules)["leave_out_other_spans"] == 1
    assert (table.loc[table["period"] == "day", "reading"] == "none").all()


def test_first_readable_post_of_a_day_decides(tmp_path):
    texts = [(STRIKE + "объек").rjust(CUT_AT), STRIKE + "объектам энергетики, складам", STRIKE + "аэродромам, складам"]
    posts = [(f"2025-02-11 {hour}:00", text) for hour, text in zip(("07", "09", "20"), texts, strict=True)]
    result = build(tmp_path, *posts, LATE)
    assert result.tables["energy_declared"].loc[0, ["target_class", "posts"]].tolist() == ["energy", 3]
    assert touched(result.rules)["first_readable_post_decides"] == 2


def test_no_text_is_republished(tmp_path):
    imported = build(tmp_path, NIGHT, ("2025-02-12 09:00", STRIKE + "объектам"), LATE)
    said = repr([imported.rules, imported.notes, imported.source])
    said += "".join(table.to_csv() for table in imported.tables.values())
    assert not any("а" <= letter.lower() <= "я" for letter in said)


@pytest.mark.skipif(not RAW, reason="PAUSES_RAW does not name the folder of raw files")
def test_known_weeks_and_nights():
    tables = kit.make("communiques", [Path(RAW) / "mod_communiques.csv"], folder=DATA).tables
    declared = tables["energy_declared"]
    weeks = declared[declared["period"] == "week"].set_index("last_day")["energy_first"]
    assert weeks[["2025-01-24", "2025-03-14"]].eq("yes").all()
    assert weeks[["2025-01-17", "2025-01-31", "2025-02-07", "2025-02-14"]].eq("unknown").all()
    assert not weeks["2025-03-21":"2025-04-25"].eq("yes").any()
    claims = tables["russian_claims"].set_index("day")["drones_claimed"]
    assert claims["2026-01-26"] == 13 + 40 + 16 + 10  # the evening before, the night, two spans of the day
    assert claims["2025-05-08":"2025-05-12"].isna().all()
