"""The figures of the pages, by name: wide, for phones, and to save."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

import analysis.storyboard as story
from analysis import panels
from analysis.campaigns import find_campaigns
from analysis.figures import to_png
from analysis.launches import Assessment, decide_pause
from analysis.reports.pages import Drawing
from analysis.scorecard import Scorecard
from analysis.series import SALVO_MISSILES
from analysis.setting import Registry
from analysis.tables import load_table
from analysis.vocabulary import MODEL
from analysis.words import capital


def draw(name: str, **shown: Any) -> Drawing | None:
    """One figure from what it shows; nothing where there is nothing to show."""
    if name in WHOLE:
        return WHOLE[name](**shown)
    make, words, picture = DRAWN[name]
    frame = make(**shown)
    if frame.empty or ("oblast" in frame and frame["ratio"].isna().all()):
        return None
    return _drawing(name.removesuffix("-all"), words(frame), frame, partial(picture, frame))


def _strips(cards: Sequence[Scorecard], registry: Registry, folder: Path | None) -> Drawing:
    words = {card.pause.id: card.answer("drones").word for card in cards}
    held = {name: registry[name] for name in words}
    frame = story.nine_pauses_frame(held, words=words, folder=folder)
    return _drawing("strips", story.nine_pauses_words(frame), frame, partial(panels.draw_nine_pauses, frame))


def _campaigns(found: Assessment) -> Drawing:
    raids = load_table("energy_raids", folder=found.setting.folder)
    raids = find_campaigns(raids, found.setting.registry)
    said, *_ = raids.found()
    reading = (
        f"A dot a raid of {SALVO_MISSILES} missiles or more, to {raids.raids['day'].max():%B %Y}. "
        "Filled: a facility named. Stripes: pauses."
    )
    words = story.Words(said, reading, f"{capital(MODEL.split(',')[0])}.", raids.describe())
    frame = raids.raids.drop(columns="addresses")
    return _drawing("campaigns", words, frame, partial(panels.draw_campaigns, raids, words))


def _unusual(found: Assessment) -> pd.DataFrame:
    return story.unusual_frame([*map(found.primary, found.outcomes())], registry=found.setting.registry)


def _unusual_all(cards: Sequence[Scorecard], registry: Registry, folder: Path | None) -> pd.DataFrame:
    effects = [decide_pause(card.pause.id, registry=registry, folder=folder) for card in cards]
    return story.unusual_frame([effect for own in effects for effect in own], registry=registry)


def _regions(found: Assessment) -> pd.DataFrame:
    return story.region_ratio_frame(found.pause.id, **found.setting.read_from)


def _running_sum(found: Assessment) -> pd.DataFrame:
    return story.running_sum_frame(found)


def _claims(found: Assessment) -> pd.DataFrame:
    return story.claims_frame(found.pause, **found.setting.read_from)


def _drawing(name: str, words: story.Words, frame: pd.DataFrame, make: Callable[..., Any]) -> Drawing:
    shown = story.in_kyiv_time(frame) if name == "claims" else frame
    return Drawing(
        name=name,
        title=words.title,
        how=words.reading,
        caption=words.caption,
        alt=words.alt,
        svg=panels.svg(make(titled=False), alt=words.alt),
        narrow=panels.svg(make(width=panels.PHONE, titled=False), alt=words.alt),
        png=to_png(make()),
        csv=shown.to_csv(index=False, lineterminator="\n"),
        told=words.told,
    )


WHOLE: dict[str, Callable[..., Drawing]] = {"strips": _strips, "campaigns": _campaigns}  # with words of their own
DRAWN: dict[str, tuple[Callable[..., pd.DataFrame], Callable[..., story.Words], Callable[..., Any]]] = {
    "claims": (_claims, story.claims_words, panels.draw_claims),
    "unusual": (_unusual, story.unusual_words, panels.draw_unusual),
    "unusual-all": (_unusual_all, story.unusual_words, panels.draw_unusual),
    "sum": (_running_sum, story.running_sum_words, panels.draw_running_sum),
    "regions": (_regions, story.region_ratio_words, panels.draw_region_ratios),
}
