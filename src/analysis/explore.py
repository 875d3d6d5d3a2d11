"""Try another choice on one pause: claim, outcome, baseline or edges of the window. For looking: reports have rules."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from html import escape
from typing import Any

from analysis.effect import Answer, PauseEffect
from analysis.errors import DesignError, PausesError
from analysis.figures import EXPECTED, SEEN, Picture
from analysis.launches import decide_pause
from analysis.pauses import REPORTED, Claim, Pause, get_pause, load_pauses
from analysis.setting import Registry, days_of_others
from analysis.tables import outcomes
from analysis.windows import CENTURY, ONE_DAY, check_window
from analysis.words import FEWER, MORE, days_phrase, days_text

MOVED = "moved"
FARTHEST = 14  # days that the panel moves an edge
BASELINES = (0, 60, 90, 120, 180, 270, 365, 545, 700)


@dataclass(frozen=True, repr=False)
class Exploration(Answer):
    """What one choice says, by the procedure of the reports; the pause has a claim "moved" where edges were moved."""

    pause: Pause
    claim: str
    baseline_days: int  # 0: by the rule
    effect: PauseEffect
    n_shared: int  # days of the window inside other reported pauses

    @property
    def effects(self) -> tuple[PauseEffect, ...]:
        """The one that decides."""
        return (self.effect,)

    def summary(self) -> str:
        """The finding in one or two sentences."""
        return self.effect.summary()

    def plot(self, ax: Any = None) -> Any:
        """Draw the daily series around the window."""
        return self.effect.plot(ax)

    def describe_window(self) -> str:
        """Which days were tested, by whose word, and how many of them belong to another pause as well."""
        claim, days = self.pause.claim(self.claim), days_text(self.effect.n_days)
        whose = claim.note if claim.id == MOVED else f'claim "{claim.id}" ({claim.party})'
        shared = f" Inside another reported pause as well: {days_text(self.n_shared)}." if self.n_shared else ""
        return f"Tested: {days} {days_phrase(self.effect)}, {whose}.{shared}"

    def parameters(self) -> dict[str, str | int]:
        """The choice as parameters of pause.ipynb."""
        chosen = {"pause_id": self.pause.id, "claim": self.claim, "outcomes": self.effect.outcome}
        return chosen | {"baseline_days": self.baseline_days}

    def command(self) -> str:
        """The command that makes a notebook of this choice, for the project's folder."""
        given = " ".join(f"-p {name} {shlex.quote(str(value))}" for name, value in self.parameters().items())
        return f"papermill notebooks/pause.ipynb explored.ipynb {given}"

    def export(self) -> str:
        """How to take the choice into a report, as commented lines to copy."""
        moved, lines = self.pause.claim(self.claim), []
        if moved.id == MOVED:
            where = f"in data/pauses.toml, after the claims of {self.pause.id}"
            lines += [f"# No parameter moves a window. First, {where}:", "[[pause.claims]]"]
            lines += [f'{name} = "{getattr(moved, name)}"' for name in ("id", "party")]
            lines += [f"{name} = {getattr(moved, name)}" for name in ("start", "end")]
            lines += [f'{name} = "{getattr(moved, name)}"' for name in ("basis", "note")]
        lines += ["# This choice, in a notebook of its own:", self.command()]
        lines += ["# The same parameters, for papermill.execute_notebook:", repr(self.parameters())]
        if self.pause.role in REPORTED:
            lines += ["# The page of this pause, by the fixed rules:", f"pauses report {self.pause.id}"]
        return "\n".join(lines)


def explore_pause(
    pause_id: str,
    *,
    claim: str = "main",
    outcome: str = "drones_launched",
    baseline_days: int = 0,
    shift_start: int = 0,
    shift_end: int = 0,
    registry: Registry | None = None,
) -> Exploration:
    """Test one choice on one pause as `assess` would; a window with moved edges counts as one more claim.

    Parameters
    ----------
    pause_id, claim, registry
        As in `assess`.
    outcome : str
        Name in the catalogue of outcomes.
    baseline_days : int
        Days before the window; 0 takes the rule.
    shift_start, shift_end : int
        Days by which the edges are moved, negative for earlier.

    Returns
    -------
    Exploration

    Raises
    ------
    RegistryError, DataError
        As `assess`.
    DesignError
        The window ends before it starts.

    Examples
    --------
    >>> explore_pause("us-three-day-2026-05", shift_start=-1, shift_end=1).describe_window()
    'Tested: 5 days from 8 to 12 May 2026, claim accepted, start moved by -1 and end by +1 days. Inside another \
reported pause as well: 2 days.'
    """
    registry = load_pauses() if registry is None else registry
    pause = get_pause(registry, pause_id)
    chosen = pause.claim(claim).id
    if shift_start != 0 or shift_end != 0:
        pause, chosen = _with_moved(pause, chosen, shift_start, shift_end), MOVED
        registry = {**registry, pause.id: pause}
    others, baseline = days_of_others(registry, pause), baseline_days or None
    (effect,) = decide_pause(pause.id, claim=chosen, outcomes=[outcome], baseline=baseline, registry=registry)
    return Exploration(pause, chosen, baseline_days, effect, sum(day in others for day in pause.days(chosen)))


def _with_moved(pause: Pause, claim: str, shift_start: int, shift_end: int) -> Pause:
    for field, shift in (("shift_start", shift_start), ("shift_end", shift_end)):
        if not isinstance(shift, int) or abs(shift) > CENTURY:
            raise DesignError("not a number of days", field=field, expected="a whole number", found=f"{shift!r:.60}")
    days = check_window(pause.days_to_test(claim))
    first, last = days[0] + shift_start * ONE_DAY, days[-1] + shift_end * ONE_DAY
    if last < first:
        raise DesignError(
            "the moved window ends before it starts",
            field=f"{pause.id}, claim {claim}",
            expected=f"an end on {first:%Y-%m-%d} or later",
            found=f"{last:%Y-%m-%d}",
            remedy="move the edges apart",
        )
    note = f"claim {claim}, start moved by {shift_start:+d} and end by {shift_end:+d} days"
    moved = Claim(MOVED, "no party", "inferred", first.date(), last.date(), note=note)
    return replace(pause, claims=(*pause.claims, moved))


class ExplorationPanel:
    """Controls for one choice, and what it says; shown in JupyterLab, needs ipywidgets.

    A choice that is refused shows the words of the refusal. Its `controls` have the names of the arguments of
    `explore_pause`; it shows `verdict`, `series`, `placebo` and `export`.

    Parameters
    ----------
    pause_id : str
        The pause to start with.
    """

    def __init__(self, pause_id: str = "us-three-day-2026-05") -> None:
        from ipywidgets import HTML, Dropdown, HBox, IntSlider, Layout, VBox

        self.registry = load_pauses()
        pauses = sorted(self.registry.values(), key=lambda pause: pause.role not in REPORTED)
        counted = [(outcome.short, name) for name, outcome in outcomes().items()]
        spans = [(days_text(days) if days else "by the rule (365, long windows 700)", days) for days in BASELINES]
        look = {"layout": Layout(width="23rem"), "style": {"description_width": "5.5rem"}}
        edge = look | {"min": -FARTHEST, "max": FARTHEST, "continuous_update": False, "readout_format": "+d"}
        self.controls = {
            "pause_id": Dropdown(description="Pause", options=[(pause.name, pause.id) for pause in pauses], **look),
            "claim": Dropdown(description="Claim", **look),
            "outcome": Dropdown(description="Outcome", options=counted, **look),
            "baseline_days": Dropdown(description="Baseline", options=spans, **look),
            "shift_start": IntSlider(description="Move start", **edge),
            "shift_end": IntSlider(description="Move end", **edge),
        }
        self.verdict, self.series, self.placebo, self.export = HTML(), HTML(), HTML(), HTML()
        middle = [VBox(list(self.controls.values())), self.series, self.placebo]
        self.box = VBox([self.verdict, HBox(middle, layout=Layout(flex_flow="row wrap")), self.export])
        self.controls["pause_id"].value = get_pause(self.registry, pause_id).id
        self._offer_claims()
        self._show()
        for control in self.controls.values():
            control.observe(self._follow, names="value")

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return self.box._repr_mimebundle_() | {"text/plain": "Controls appear here when the cell runs in JupyterLab."}

    def _follow(self, change: dict[str, Any]) -> None:
        if self._settling:
            return
        if change["owner"] is self.controls["pause_id"]:
            self._offer_claims()
        self._show()

    def _offer_claims(self) -> None:
        """Offer the claims of the chosen pause, the main one chosen, edges as claimed."""
        pause = self.registry[self.controls["pause_id"].value]
        marks = {pause.main: " (main)"} | {claim.id: ": no window stated" for claim in pause.claims if not claim.stated}
        named = [(claim.id + marks.get(claim.id, ""), claim.id) for claim in pause.claims]
        self._settling = True  # one answer for all that changes here
        self.controls["claim"].options = named
        self.controls["claim"].value = pause.main if named else None
        self.controls["shift_start"].value = self.controls["shift_end"].value = 0
        self._settling = False

    def _show(self) -> None:
        chosen = {name: control.value for name, control in self.controls.items()}
        try:
            found = explore_pause(**chosen | {"claim": chosen["claim"] or "main"}, registry=self.registry)
        except PausesError as refusal:
            self.verdict.value = _framed("Cannot be asked", str(refusal), "", EXPECTED)
            self.series.value = self.placebo.value = self.export.value = ""
            return
        effect = found.effect
        detail = f"{found.describe_window()} Why: {effect.reason}."
        colour = SEEN if effect.verdict in (FEWER, MORE) else EXPECTED
        self.verdict.value = _framed(*found.summary().split(": ", 1), detail, colour)
        self.series.value = _image(found.plot(), effect.describe_series())
        self.placebo.value = _image(effect.plot_placebo(), effect.describe_placebo())
        self.export.value = f'<pre style="line-height: 1.4; white-space: pre-wrap">{escape(found.export())}</pre>'


def _framed(lead: str, rest: str, detail: str, colour: str) -> str:
    return (
        f'<div role="status" style="border-left: 6px solid {colour}; padding: .1rem 1rem; margin: .3rem 0 .8rem; '
        f'max-width: 66rem; line-height: 1.45"><span style="font-size: 1.2rem"><strong>{escape(lead)}:</strong> '
        f"{escape(rest)}</span><br>{escape(detail)}</div>"
    )


def _image(ax: Any, alt: str) -> str:
    return f'<img alt="{escape(alt)}" src="{Picture(ax, alt).address()}" style="width: 27rem; max-width: 100%">'
