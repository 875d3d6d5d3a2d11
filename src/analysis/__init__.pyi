from .campaigns import find_campaigns
from .choices import SpecificationCurve, assess_choices, estimate_curve
from .days import strike_day, strike_days
from .effect import EffectsRecord, PauseEffect, to_frame
from .energy import assess_energy
from .errors import DataError, DesignError, PausesError, RegistryError, ReportError
from .estimate import estimate_effect, estimate_share
from .expected import design_matrix
from .explore import ExplorationPanel, OwnSeriesPanel, describe_question, explore_pause
from .figures import (
    Download,
    Picture,
    draw_forest,
    draw_timeline,
)
from .joint import combine_effects, estimate_joint
from .launches import Assessment, assess
from .measures import describe_agreement, describe_agreements, describe_measures, energy_days, review_days, show_review
from .panels import draw_region_ratios
from .pauses import load_pauses, reported_pauses, volume_episodes
from .quiet import Lull, Outlook, estimate_lull, estimate_rebound, look_ahead, salvo_days
from .record import (
    compare_energy,
    coverage_by_year,
    describe_forest,
    describe_timeline,
    forest_frame,
    load_results,
    pause_spans,
    published_nights,
    quiet_days,
    shown_verdicts,
    verdicts,
    zero_days,
)
from .replay import cut_data, verdict_by_date
from .reports.parameters import names, refuse_unknown
from .series import Label, read_counts
from .setting import not_ordinary
from .sirens import (
    RegionalAssessment,
    alert_minutes,
    assess_regions,
)
from .specifications import CHOICES, Choice
from .storyboard import region_ratio_frame, region_ratio_words
from .tables import check_tables, load_strikes, load_table, outcome_series, outcomes
from .together import compare_truces, holidays_without_truce, proposed_only, truce_margin
from .windows import days_between
from .words import describe_holidays

__version__: str

__all__ = [
    "CHOICES",
    "Assessment",
    "Choice",
    "DataError",
    "DesignError",
    "Download",
    "EffectsRecord",
    "ExplorationPanel",
    "Label",
    "Lull",
    "Outlook",
    "OwnSeriesPanel",
    "PauseEffect",
    "PausesError",
    "Picture",
    "RegionalAssessment",
    "RegistryError",
    "ReportError",
    "SpecificationCurve",
    "alert_minutes",
    "assess",
    "assess_choices",
    "assess_energy",
    "assess_regions",
    "check_tables",
    "combine_effects",
    "compare_energy",
    "compare_truces",
    "coverage_by_year",
    "cut_data",
    "days_between",
    "describe_agreement",
    "describe_agreements",
    "describe_forest",
    "describe_holidays",
    "describe_measures",
    "describe_question",
    "describe_timeline",
    "design_matrix",
    "draw_forest",
    "draw_region_ratios",
    "draw_timeline",
    "energy_days",
    "estimate_curve",
    "estimate_effect",
    "estimate_joint",
    "estimate_lull",
    "estimate_rebound",
    "estimate_share",
    "explore_pause",
    "find_campaigns",
    "forest_frame",
    "holidays_without_truce",
    "load_pauses",
    "load_results",
    "load_strikes",
    "load_table",
    "look_ahead",
    "names",
    "not_ordinary",
    "outcome_series",
    "outcomes",
    "pause_spans",
    "proposed_only",
    "published_nights",
    "quiet_days",
    "read_counts",
    "refuse_unknown",
    "region_ratio_frame",
    "region_ratio_words",
    "reported_pauses",
    "review_days",
    "salvo_days",
    "show_review",
    "shown_verdicts",
    "strike_day",
    "strike_days",
    "to_frame",
    "truce_margin",
    "verdict_by_date",
    "verdicts",
    "volume_episodes",
    "zero_days",
]
