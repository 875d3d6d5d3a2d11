"""The figures of the pages, by name: wide, for phones, and to save."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from analysis import panels, storyboard
from analysis.campaigns import find_campaigns
from analysis.launches import Assessment, decide_pause
from analysis.reports.pages import Drawing
from analysis.scorecard import Scorecard
from analysis.setting import Registry
from analysis.tables import load_table
from analysis.vocabulary import MODEL
from analysis.words import capital


def draw(name: str, **shown: Any) -> Drawing | None:
    """One figure from what it shows; nothing where there is nothing to show."""
    return DRAWN[name](**shown) if name in DRAWN else None


def _strips(cards: Sequence[Scorecard], registry: Registry, folder: Path | None) -> Drawing:
    words = {card.pause.id: card.answer("drones").word for card in cards}
    held = {name: registry[name] for name in words}
    frame = storyboard.nine_pauses_frame(held, words=words, folder=folder)
    wide, narrow = (partial(panels.draw_nine_pauses, frame, columns=columns) for columns in (3, 1))
    return _drawing("strips", storyboard.nine_pauses_words(frame), frame, wide, narrow)


def _claims(found: Assessment) -> Drawing:
    frame = storyboard.claims_frame(found.pause, **_same(found))
    return _of_widths("claims", storyboard.claims_words(frame), frame, panels.draw_claims)


def _unusual(found: Assessment) -> Drawing | None:
    return _how_unusual([found.primary(outcome) for outcome in found.outcomes()], found.setting.registry)


def _unusual_all(cards: Sequence[Scorecard], registry: Registry, folder: Path | None) -> Drawing | None:
    asked = {"registry": registry, "folder": folder}
    return _how_unusual([effect for card in cards for effect in decide_pause(card.pause.id, **asked)], registry)


def _how_unusual(effects: Sequence[Any], registry: Registry) -> Drawing | None:
    frame = storyboard.unusual_frame(effects, registry=registry)
    if frame.empty:
        return None
    return _of_widths("unusual", storyboard.unusual_words(frame), frame, panels.draw_unusual)


def _running_sum(found: Assessment) -> Drawing | None:
    frame = storyboard.running_sum_frame(found)
    if frame.empty:
        return None
    return _of_widths("sum", storyboard.running_sum_words(frame), frame, panels.draw_running_sum)


def _regions(found: Assessment) -> Drawing | None:
    frame = storyboard.region_ratio_frame(found.pause.id, **_same(found))
    if frame["ratio"].isna().all():
        return None
    return _of_widths("regions", storyboard.region_ratio_words(frame), frame, panels.draw_region_ratios)


def _campaigns(found: Assessment) -> Drawing:
    raids = load_table("energy_raids", folder=found.setting.folder)
    found = find_campaigns(raids, found.setting.registry)
    said, *_ = found.found()
    reading, caption = "One dot a large raid; filled: an energy facility named.", f"{capital(MODEL.split(',')[0])}."
    words = storyboard.Words(said, reading, caption, found.describe())

    def make(frame: pd.DataFrame, *, width: float = panels.WIDE, titled: bool = True) -> Any:
        return panels.in_frame(found.plot, width=width, height=2.7, title=said if titled else "")

    return _of_widths("campaigns", words, found.raids.drop(columns="addresses"), make)


def _same(found: Assessment) -> dict[str, Any]:
    return {"registry": found.setting.registry, "folder": found.setting.folder}


def _of_widths(name: str, words: storyboard.Words, frame: pd.DataFrame, make: Callable[..., Any]) -> Drawing:
    wide, narrow = (partial(make, frame, width=width) for width in (panels.WIDE, panels.PHONE))
    return _drawing(name, words, frame, wide, narrow)


def _drawing(
    name: str, words: storyboard.Words, frame: pd.DataFrame, wide: Callable[..., Any], narrow: Callable[..., Any]
) -> Drawing:
    return Drawing(
        name=name,
        title=words.title,
        how=words.reading,
        caption=words.caption,
        alt=words.alt,
        svg=panels.svg(wide(titled=False), alt=words.alt),
        narrow=panels.svg(narrow(titled=False), alt=words.alt),
        png=panels.png(wide()),
        csv=frame.to_csv(index=False, lineterminator="\n"),
        told=words.told,
    )


DRAWN: dict[str, Callable[..., Drawing | None]] = {
    "strips": _strips,
    "claims": _claims,
    "unusual": _unusual,
    "sum": _running_sum,
    "regions": _regions,
    "campaigns": _campaigns,
    "unusual-all": _unusual_all,
}
