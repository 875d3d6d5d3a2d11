"""Try another choice on one pause, or a series of one's own. For looking: reports have rules."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import fill
from typing import Any
from urllib.parse import quote

import pandas as pd

from analysis.effect import Answer, PauseEffect
from analysis.errors import DesignError, PausesError
from analysis.estimate import estimate_effect
from analysis.figures import EXPECTED, PAUSE_INK, SEEN, SMALL, TITLE_LETTERS, Picture
from analysis.launches import decide_pause
from analysis.panels import svg
from analysis.pauses import REPORTED, Claim, Pause, get_pause, load_pauses
from analysis.series import SIMULATED, Label, Words, find_file, read_counts, read_rows, series_label
from analysis.setting import VOLUME, Registry, days_of_others
from analysis.tables import Outcome, data_folder, outcome_series, outcomes
from analysis.windows import (
    BASELINE_LONG,
    BASELINE_SHORT,
    CENTURY,
    ONE_DAY,
    SHORT_WINDOW,
    check_counts,
    check_window,
    days_between,
)
from analysis.words import FEWER, MORE, capital, days_phrase, days_text, span_text

MOVED = "moved"
FARTHEST = 14  # days that the panel moves an edge
LINE = 0.18  # inches, of small print
BASELINES = (0, 60, 90, 120, 180, 270, 365, 545, 700)


@dataclass(frozen=True, repr=False)
class Exploration(Answer):
    """What one choice says, by the procedure of the reports; the pause has a claim "moved" where edges were moved.

    `departures` name what the rule of the reports would have chosen otherwise, and `by_rule` is what it found then.
    """

    pause: Pause
    claim: str
    baseline_days: int  # 0: by the rule
    effect: PauseEffect
    n_shared: int  # days of the window inside other reported pauses
    call: str  # in Python
    departures: tuple[str, ...] = ()
    by_rule: PauseEffect | None = None  # of a pause that has a report

    @property
    def effects(self) -> tuple[PauseEffect, ...]:
        """The one that decides."""
        return (self.effect,)

    def summary(self) -> str:
        """The finding in one or two sentences, and how it departs from the rule."""
        return f"{self.effect.summary()} {self.departure()}".strip()

    def departure(self) -> str:
        """How the choice departs from the rule of the reports, in a sentence; empty where it does not."""
        return f"Not by the rule of the reports: {'; '.join(self.departures)}." if self.departures else ""

    def report_says(self) -> str:
        """The verdict of the pause's own report, which no choice here changes."""
        if not self.by_rule or not self.departures:
            return "This is the choice of the report, and what it says." if self.by_rule else "It has no report."
        return f'The report says, by the rule (claim "{self.pause.main}"): {self.by_rule.summary()}'

    def plot(self, ax: Any = None) -> Any:
        """Draw the daily series around the window."""
        return self._marked(self.effect.plot(ax))

    def plot_placebo(self, ax: Any = None) -> Any:
        """Draw where the window lies among all windows of its length."""
        return self._marked(self.effect.plot_placebo(ax))

    def _marked(self, ax: Any) -> Any:
        if self.departures:  # said wherever the picture is saved
            words = {"x": 0.01, "ha": "left", "fontsize": SMALL, "color": PAUSE_INK, "parse_math": False}
            told = fill(self.departure(), TITLE_LETTERS + 12)
            ax.figure.suptitle(told, **words)
            ax.figure.set_figheight(ax.figure.get_figheight() + LINE * (1 + told.count("\n")))  # or the axes collapse
        return ax

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

    def citation(self) -> str:
        """How to cite what was found here, with its departures; a report has a citation of its own."""
        until = span_text(*outcome_series(self.effect.outcome).index[[-1, -1]])
        told = f'The strike-pauses project, "{self.pause.name}", {days_phrase(self.effect)}, as explored by a reader'
        return f"{told}, version {version('strike-pauses')}, data to {until}. {self.departure()}".strip()

    def export(self) -> str:
        """How to take the choice into a report, as commented lines to copy."""
        moved, lines = self.pause.claim(self.claim), []
        if moved.id == MOVED:
            lines += [f"# No parameter moves a window. First, in data/pauses.toml, with the claims of {self.pause.id}:"]
            lines += ["[[pause.claims]]", f"start = {moved.start}", f"end = {moved.end}"]
            lines += [f'{name} = "{getattr(moved, name)}"' for name in ("id", "party", "basis", "note")]
        lines += ["# This choice, in a notebook of its own:", self.command()]
        lines += ["# The same parameters, for papermill.execute_notebook:", repr(self.parameters())]
        lines += ["# The same in Python:", "import analysis as pa", self.call]
        if self.pause.role in REPORTED:
            lines += ["# The page of this pause, by the fixed rules:", f"pauses report {self.pause.id}"]
        return "\n".join([*lines, "# To cite:", self.citation()])


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
    RegistryError, DataError, DesignError
        As `assess`; a window that ends before it starts.

    Examples
    --------
    >>> explore_pause("us-three-day-2026-05", shift_start=-1, shift_end=1).describe_window()
    'Tested: 5 days from 8 to 12 May 2026, claim accepted, start moved by -1 and end by +1 days. Inside another \
reported pause as well: 2 days.'
    """
    usual = registry = load_pauses() if registry is None else registry
    pause = get_pause(registry, pause_id)
    chosen = pause.claim(claim).id
    departures = [f'claim "{chosen}" instead of "{pause.main}"'] if chosen != pause.main else []
    told = {"claim": chosen, "outcome": outcome, "baseline_days": baseline_days}
    if shift_start != 0 or shift_end != 0:
        claimed = pause.days_to_test(chosen)
        pause, chosen = _with_moved(pause, chosen, shift_start, shift_end), MOVED
        registry = {**registry, pause.id: pause}
        departures.append(" instead of ".join(span_text(*days[[0, -1]]) for days in (pause.days(MOVED), claimed)))
        told |= {"shift_start": shift_start, "shift_end": shift_end}
    others, baseline = days_of_others(registry, pause), baseline_days if baseline_days != 0 else None
    (effect,) = decide_pause(pause.id, claim=chosen, outcomes=[outcome], baseline=baseline, registry=registry)
    if outcome not in VOLUME:
        departures.append(f"{outcomes()[outcome].label} instead of drones or missiles")
    rule = BASELINE_LONG if effect.n_days > SHORT_WINDOW else BASELINE_SHORT
    if baseline_days not in (0, rule):
        departures.append(f"a baseline of {days_text(baseline_days)} instead of {rule}")
    by_rule = effect if pause.role in REPORTED else None
    if by_rule and departures:
        (by_rule,) = decide_pause(pause.id, outcomes=[outcome if outcome in VOLUME else VOLUME[0]], registry=usual)
    call = f"pa.explore_pause({pause.id!r}, {', '.join(f'{name}={value!r}' for name, value in told.items())})"
    found = (effect, sum(day in others for day in pause.days(chosen)), call, tuple(departures), by_rule)
    return Exploration(pause, chosen, baseline_days, *found)


def _with_moved(pause: Pause, claim: str, shift_start: int, shift_end: int) -> Pause:
    for field, shift in (("shift_start", shift_start), ("shift_end", shift_end)):
        if type(shift) is not int or abs(shift) > CENTURY:
            raise DesignError("not a number of days", field=field, expected="a whole number", found=f"{shift!r:.60}")
    days = check_window(pause.days_to_test(claim))
    first, last = days[0] + shift_start * ONE_DAY, days[-1] + shift_end * ONE_DAY
    if last < first:
        details = {"expected": f"an end on {span_text(first, first)} or later", "found": span_text(last, last)}
        details |= {"field": f"{pause.id}, claim {claim}", "remedy": "move the edges apart"}
        raise DesignError("the moved window ends before it starts", **details)
    note = f"claim {claim}, start moved by {shift_start:+d} and end by {shift_end:+d} days"
    moved = Claim(MOVED, "no party", "inferred", first.date(), last.date(), note=note)
    return replace(pause, claims=(*pause.claims, moved))


def describe_question(file: str | Path, counts: pd.Series, days: pd.DatetimeIndex, *, label: Words = None) -> str:
    """Say what is asked of a file of one's own, and of a sample what is known, in sentences.

    Parameters
    ----------
    file : path
        As in `read_counts`.
    counts, days, label
        As in `estimate_effect`; like the file, refused as there.
    """
    path, counts, days = find_file(file), check_counts(counts), check_window(days)
    named = series_label(counts.name, label) or Label(str(counts.name), str(counts.name))
    window = days_text(len(days)) if named.event == Label.event else f"{named.event}, {days_text(len(days))}"
    column, name = (str(word).replace("`", "'") for word in (counts.name, path.name))  # in a page, code is no markup
    held = f"{counts.notna().sum():,} of {days_text(len(counts))}"
    held += f", {span_text(*counts.index[[0, -1]])}" if len(counts) else ""
    asked = f"{'Were' if days.size > 1 else 'Was'} {span_text(*days[[0, -1]])} ({window}) out of the ordinary?"
    known = SIMULATED if path == data_folder() / "examples" / "admissions_simulated.csv" else ""
    return f"{asked} Counted are {named}: column `{column}` of `{name}`, with a figure on {held}.{known}"


class _Panel:
    """Controls, what they say, and two pictures: what the panels share."""

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return self.box._repr_mimebundle_() | {"text/plain": "Controls appear here when the cell runs in JupyterLab."}

    def _refuse(self, refusal: PausesError) -> None:
        told = str(refusal) if refusal.file else capital(str(refusal))  # a file keeps its name
        self.verdict.value = _framed((EXPECTED, "Cannot be asked", told, ""))
        self.series.value = self.placebo.value = ""


class ExplorationPanel(_Panel):
    """Controls for one choice, and what it says beside what the report says; shown in JupyterLab, needs ipywidgets.

    Its `controls` have the names of the arguments of `explore_pause`, but for `window`, the first and the last day.
    It shows `verdict` (or the words of a refusal), `series`, `placebo` and `export`, while it computes `busy`; `reset`
    takes the rule again, as another pause does.

    Parameters
    ----------
    pause_id : str
        The pause to start with.
    """

    def __init__(self, pause_id: str = "us-three-day-2026-05") -> None:
        from ipywidgets import HTML, Button, Dropdown, HBox, Layout, SelectionRangeSlider, VBox

        self.registry = load_pauses()
        pauses = sorted(self.registry.values(), key=lambda pause: pause.role not in REPORTED)
        spans = [(days_text(days) if days else "by the rule (365, long windows 700)", days) for days in BASELINES]
        look = {"layout": Layout(width="27rem"), "style": {"description_width": "5.5rem"}}
        self.controls = {
            "pause_id": Dropdown(description="Pause", options=[(pause.name, pause.id) for pause in pauses], **look),
            "claim": Dropdown(description="Claim", **look),
            "outcome": Dropdown(description="Outcome", **look),
            "baseline_days": Dropdown(description="Baseline", options=spans, **look),
            "window": SelectionRangeSlider(description="Window", options=[""], continuous_update=False, **look),
        }
        self.verdict, self.series, self.placebo, self.export, self.busy = (HTML() for _ in range(5))
        self.reset = Button(description="Back to the rule", tooltip="Claim, outcome, baseline and window of the report")
        middle = [VBox([*self.controls.values(), HBox([self.reset, self.busy])]), self.series, self.placebo]
        self.box = VBox([self.verdict, HBox(middle, layout=Layout(flex_flow="row wrap")), self.export])
        self._settling = False
        self.controls["pause_id"].value = get_pause(self.registry, pause_id).id
        self._follow({"owner": self.controls["pause_id"]})
        self.reset.on_click(lambda button: self._follow({"owner": self.controls["pause_id"]}))
        for control in self.controls.values():
            control.observe(self._follow, names="value")

    def _follow(self, change: dict[str, Any]) -> None:
        if not self._settling:
            if change["owner"] in (self.controls["pause_id"], self.controls["claim"]):
                self._offer(by_rule=change["owner"] is self.controls["pause_id"])
            self._show()

    def _offer(self, *, by_rule: bool) -> None:
        """Offer what the pause has, with the reason where an option is shut, and the window as claimed."""
        pause, window = self.registry[self.controls["pause_id"].value], self.controls["window"]
        chosen = {name: self.controls[name].value for name in ("claim", "outcome")}
        if by_rule:
            chosen = {"claim": pause.main if pause.claims else None, "outcome": VOLUME[0], "baseline_days": 0}
        days = pause.claim(chosen["claim"]).days if chosen["claim"] else []
        near = pd.date_range(days[0] - FARTHEST * ONE_DAY, days[-1] + FARTHEST * ONE_DAY) if len(days) else []
        self._settling = True  # one answer for all that changes here
        self.controls["claim"].options = [(_offered_claim(pause, known), known.id) for known in pause.claims]
        self.controls["outcome"].options = [(_offered(known, days), name) for name, known in outcomes().items()]
        window.options = [(f"{day.day} {day:%b}", day.date()) for day in near] or [("no day", None)]
        window.disabled = not len(near)
        window.index = (FARTHEST, FARTHEST + len(days) - 1) if len(near) else (0, 0)
        for name, value in chosen.items():
            self.controls[name].value = value
        self._settling = False

    def _show(self) -> None:
        self.busy.value = '<span role="progressbar" aria-label="computing">computing …</span>'
        chosen = {name: control.value for name, control in self.controls.items() if name != "window"}
        window = self.controls["window"]
        if not window.disabled:
            chosen["shift_start"] = window.index[0] - FARTHEST
            chosen["shift_end"] = window.index[1] + FARTHEST + 1 - len(window.options)
        try:
            self._tell(explore_pause(**chosen | {"claim": chosen["claim"] or "main"}, registry=self.registry))
        except PausesError as refusal:
            told = PausesError(refusal.problem, expected=refusal.expected, found=refusal.found, remedy=refusal.remedy)
            self._refuse(told)  # without the file and the field, which nobody wrote here
            self.export.value = ""
        finally:
            self.busy.value = ""

    def _tell(self, found: Exploration) -> None:
        effect = found.effect
        colour = SEEN if effect.verdict in (FEWER, MORE) else EXPECTED
        detail = f"{found.describe_window()} Why: {effect.reason}."
        lead, rest = found.summary().split(": ", 1)
        said, by_rule = found.report_says().partition(": ")[::2]
        self.verdict.value = _framed((colour, lead, rest, detail), (EXPECTED, said, by_rule, ""))
        name, apart = f"{found.pause.id}-{effect.outcome}", f" {found.departure()}".rstrip()
        self.series.value = _image(found.plot(), effect.describe_series() + apart, f"{name}-days")
        self.placebo.value = _image(found.plot_placebo(), effect.describe_placebo() + apart, f"{name}-placebo")
        days = effect.daily.assign(departure=found.departure()).to_csv(index=False, lineterminator="\n")
        link = _link("Days of this choice as CSV", f"{name}-days.csv", f"data:text/csv,{quote(days)}")
        self.export.value = f'{link}<pre style="line-height: 1.4; white-space: pre-wrap">{escape(found.export())}</pre>'


class OwnSeriesPanel(_Panel):
    """Pick a CSV file, its columns and a window, and see whether the window was out of the ordinary; needs ipywidgets.

    Its `controls` are `file`, `day`, `count`, `first_day` and `last_day`. It shows `verdict` (or the words of a
    refusal), `series` and `placebo`.
    """

    def __init__(self) -> None:
        from ipywidgets import HTML, DatePicker, Dropdown, FileUpload, HBox, VBox

        self.controls = {
            "file": FileUpload(description="CSV file", accept=".csv", multiple=False),
            "day": Dropdown(description="Days"),
            "count": Dropdown(description="Counts"),
            "first_day": DatePicker(description="First day"),
            "last_day": DatePicker(description="Last day"),
        }
        self.verdict, self.series, self.placebo = HTML(), HTML(), HTML()
        self._place = TemporaryDirectory()
        self._path = Path(self._place.name) / "series.csv"
        self.box = VBox([self.verdict, HBox([VBox([*self.controls.values()]), self.series, self.placebo])])
        self.controls["file"].observe(self._offer, names="value")
        for name in ("day", "count", "first_day", "last_day"):
            self.controls[name].observe(self._show, names="value")

    def _offer(self, change: dict[str, Any]) -> None:
        """Offer the columns of the file, the first as days and the second as counts."""
        columns: list[str] = []
        self.verdict.value = self.series.value = self.placebo.value = ""
        for upload in self.controls["file"].value:  # one, under its own name
            self._path = Path(self._place.name) / (Path(upload["name"]).name or "series.csv")
            self._path.write_bytes(bytes(upload["content"]))
        try:
            columns = next(iter(read_rows(self._path)[2].values()))
        except PausesError as refusal:
            self._refuse(refusal)
        for name, column in zip(("day", "count"), (columns * 2)[:2] or [None] * 2, strict=True):
            self.controls[name].options = columns
            self.controls[name].value = column
        self._show(change)  # columns of the same names are no change

    def _show(self, change: dict[str, Any]) -> None:
        chosen = {name: control.value for name, control in self.controls.items()}
        if not all(chosen.values()):
            return
        try:
            counts = read_counts(self._path, day=chosen["day"], count=chosen["count"])
            effect = estimate_effect(counts, days_between(chosen["first_day"], chosen["last_day"]))
        except PausesError as refusal:
            self._refuse(refusal)
            return
        lead, rest = effect.summary().split(": ", 1)
        self.verdict.value = _framed((SEEN, lead, rest, f"Why: {effect.reason}."))
        self.series.value = _image(effect.plot(), effect.describe_series(), "days")
        self.placebo.value = _image(effect.plot_placebo(), effect.describe_placebo(), "placebo")


def _offered_claim(pause: Pause, claim: Claim) -> str:
    """A claim by its name, whether it is the main one, and why it cannot be asked about."""
    why = "" if claim.covers_days else ": covers no strike day by half" if claim.stated else ": no window stated"
    return claim.id + (why or (" (main)" if claim.id == pause.main else ""))


def _offered(outcome: Outcome, days: Sequence[pd.Timestamp]) -> str:
    """An outcome by its name, and why it cannot be asked about on these days."""
    first, last = pd.Timestamp(outcome.first_day), pd.Timestamp(outcome.last_day or "2200-01-01")
    if len(days) and days[-1] < first:
        return f"{outcome.short}: usable only from {span_text(first, first)} on"
    return outcome.short + (f": usable only to {span_text(last, last)}" if len(days) and days[0] > last else "")


def _framed(*parts: tuple[str, str, str, str]) -> str:
    """Boxes side by side: colour, lead in bold, what follows it, small print."""
    boxes = [
        f'<div style="flex: 1 1 24rem; border-left: 6px solid {colour}; padding: .1rem 1rem; max-width: 60rem">'
        f'<span style="font-size: 1.15rem"><strong>{escape(lead)}{":" if rest else ""}</strong> {escape(rest)}</span>'
        f" <br>{escape(detail)}</div>"
        for colour, lead, rest, detail in parts
    ]
    return f'<div role="status" style="display: flex; flex-wrap: wrap; gap: 1rem">{"".join(boxes)}</div>'


def _image(ax: Any, alt: str, file: str) -> str:
    """A picture, and links that save it as PNG and as SVG."""
    vector = _link("as SVG", f"{file}.svg", f"data:image/svg+xml,{quote(svg(ax.figure, alt=alt, tight=True))}")
    address = Picture(ax, alt).address()  # closes the figure
    shown = f'<img alt="{escape(alt)}" src="{address}" style="width: 27rem; max-width: 100%">'
    return f"{shown}<br>{_link('Save as PNG', f'{file}.png', address)}, {vector}"


def _link(text: str, file: str, address: str) -> str:
    return f'<a style="text-decoration: underline" download="{escape(file)}" href="{address}">{escape(text)}</a>'
