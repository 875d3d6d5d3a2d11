"""Small made-up raw files, one kind a recipe, and a good one of each."""

import csv
import io
import json
from pathlib import Path

import pandas as pd

from analysis.tables import table_definition
from recipes import kit

DATA = Path(__file__).parents[1] / "data"
OBLASTS = pd.read_csv(DATA / "oblasts.csv")
USED = OBLASTS.loc[OBLASTS["alerts_status"] == "used", "oblast"].tolist()
KYIV, LINK = (30.52, 50.45), "https://example.org/1"
NIGHT = {
    "time_start": "2025-06-01 18:00", "time_end": "2025-06-02 08:30", "model": "Shahed-136/131",
    "launch_place": "Kursk oblast", "target": "Ukraine", "launched": "100.0", "destroyed": "60",
    "not_reach_goal": "30", "source": "kpszsu/posts/1",
}  # fmt: skip
SALVO = NIGHT | {
    "time_start": "2025-06-02 18:00", "time_end": "2025-06-03 08:30", "model": "Kalibr", "launched": "8",
    "destroyed": "6", "not_reach_goal": "",
}  # fmt: skip
NIGHT_POST = "В течение прошедшей ночи дежурными средствами ПВО уничтожены 10 украинских БпЛА. Конец"


def csv_file(rows, columns=None):
    buffer = io.StringIO(newline="")
    writer = csv.DictWriter(buffer, columns or list(rows[0]), extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue().encode()


def utc(kyiv):
    """A time in Kyiv as the raw files write it; an end that nobody knows stays empty."""
    return str(pd.Timestamp(kyiv).tz_localize("Europe/Kyiv").tz_convert("UTC")) if kyiv else ""


def frame(days):
    """An alert of a minute in each oblast on either day, around noon and never two at once."""
    for day in days:
        for i, oblast in enumerate(USED):
            start = pd.Timestamp(day) + pd.Timedelta(hours=12, minutes=10 * i)
            yield oblast, start, start + pd.Timedelta(minutes=1)


def merged_file(*alerts, around=("2025-03-01", "2025-06-15")):
    """A file of alerts (oblast, start, end in Kyiv) between days with an alert in each oblast."""
    rows = [f"{oblast},{utc(start)},{utc(end)}" for oblast, start, end in [*frame(around), *alerts]]
    return "\n".join(["region,started_at,finished_at", *rows, ""]).encode()


def upstream_file(*alerts, around=("2025-03-01", "2025-06-15")):
    """The same in the upstream form, from (oblast, raion, hromada, level, start, end)."""
    alerts = [*((oblast, "", "", "oblast", *times) for oblast, *times in frame(around)), *alerts]
    rows = [",".join([*row[:4], utc(row[4]), utc(row[5]), "official"]) for row in alerts]
    return "\n".join(["oblast,raion,hromada,level,started_at,finished_at,source", *rows, ""]).encode()


def posts_file(*posts):
    """Posts from (time, text)."""
    return "\n".join(["datetime,text_snippet", *(f'{time},"{text}"' for time, text in posts), ""]).encode()


def addresses_file(*rows):
    """A file of addresses from (day, place, address)."""
    days = {}
    for day, (longitude, latitude), *addresses in rows:
        days.setdefault(day, []).append([longitude, latitude, "place", "O", len(addresses), addresses])
    return json.dumps(days).encode()


def padding(day, number=10):
    """Enough articles about nothing to make a day complete."""
    return [(day, KYIV, f"https://www.unian.ua/society/pro-pogodu-ta-sport-{day}-{i}x.html") for i in range(number)]


def coded_day(date, code, **other):
    urls = "" if code == "not_found" else LINK
    return {"day": date, "coder": "1", "code": code, "evidence_urls": urls, "note": ""} | other


def hit(date, oblast, side="rear", **other):
    row = {"day": date, "oblast": oblast, "rear_or_front": side, "url": LINK, "coder": "1", "note": "", "published": ""}
    return row | {"asset": "heat", "weapon": "drone", "found_via": "assigned"} | other


def coded_files(days, events, again=()):
    columns, of_events = (table_definition(name)["coded"] for name in ("energy_coded", "energy_coded_events"))
    files = {"days.csv": csv_file(days, columns), "events.csv": csv_file(events, of_events)}
    return files | ({"double_coding.csv": csv_file(again, columns)} if again else {})


def raid(date, code, **other):
    """A raid as one coder saw it."""
    row = {"day": date, "drones": "9", "missiles": "30", "code": code, "targets": f"{code} told", "confidence": "high"}
    return row | {"evidence_urls": "" if code == "not_found" else LINK, "note": ""} | other


def listed(date, ukraine, russia="silent", **other):
    """A day of the daily list as one coder read it."""
    row = dict.fromkeys([*table_definition("energy_digest")["coded"], "asset", "chosen_because_known"], "")
    row |= {"strike_day": date, "ukraine_energy": ukraine, "russia_energy": russia}
    return row | {"evidence_url": "" if ukraine == "not_found" else LINK} | other


def two_coders(first, second):
    return {f"coder_{number}.csv": csv_file(rows) for number, rows in enumerate((first, second), 1)}


def event(number, day="2025-03-20", admin1="Odesa", tags="energy infrastructure; residential", **other):
    told = {"event_id_cnty": f"UKR{number}", "event_date": day, "event_type": "Explosions/Remote violence"}
    told |= {"actor1": "Military Forces of Russia (2000-)", "country": "Ukraine", "admin1": admin1, "tags": tags}
    return told | other


CODED_DAYS = [
    coded_day("2026-01-10", "yes"), coded_day("2026-01-11", "no"), coded_day("2026-01-12", "silent"),
    coded_day("2026-01-13", "not_found"),
]  # fmt: skip
HITS = [
    hit("2026-01-10", "Odesa"),
    hit("2026-01-10", "Odesa", url="https://example.org/2"),  # the same oblast, told by another outlet
    hit("2026-01-10", "Kyiv City", weapon="missile"),
    hit("2026-01-10", "Sumy", "front"),
    hit("2026-01-10", "unspecified"),
    hit("2026-01-10", "Lviv", found_via="other"),
    hit("2026-01-13", "Rivne", found_via="other"),
]
RAIDS = [raid("2026-01-10", "facility"), raid("2026-01-09", "silent"), raid("2026-01-11", "not_found")]
LISTED = [listed("2026-01-10", "yes_rear", oblasts="Odesa", list_seen_whole="1"), listed("2026-01-11", "not_found")]
GOOD = {
    "air_force": {"missile_attacks_daily.csv": csv_file([NIGHT, SALVO])},
    "alerts": {"air_raid_alerts.csv.gz": merged_file(("Lviv", "2025-05-07 20:00", "2025-05-07 21:00"))},
    "communiques": {
        "mod_communiques.csv": posts_file(("2025-02-11 04:10", NIGHT_POST), ("2025-02-20 04:00", NIGHT_POST))
    },
    "news": {"viina_events_2026.json": addresses_file(*padding("20260110"))},
    "coded": coded_files(CODED_DAYS, HITS),
    "raids": two_coders(RAIDS, RAIDS),
    "digest": two_coders(LISTED, LISTED),
    "acled": {"acled.csv": csv_file([event(1), event(2)])},
}


def put(folder, files):
    """Write files and return their paths."""
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in files]


def made(name, folder, files, *, tables=DATA):
    """What a recipe makes of files, given as bytes by name."""
    return kit.make(name, put(folder, files), folder=tables)


def touched(rules):
    """How many rows each rule touched."""
    return {rule.name: rule.rows_touched for rule in rules}
