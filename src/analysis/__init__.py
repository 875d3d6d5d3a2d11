"""Did announced pauses change the strikes? Placebo tests whose false-alarm rate is measured.

>>> import analysis as pa
>>> pa.load_pauses()["easter-2025"].days().strftime("%Y-%m-%d").tolist()
['2025-04-20']
"""

from importlib import import_module

_EXPORTS = {
    "errors": ["DataError", "DesignError", "PausesError", "RegistryError", "ReportError"],
    "days": ["strike_day", "strike_days"],
    "pauses": ["load_pauses", "reported_pauses", "volume_episodes"],
    "tables": ["check_tables", "load_strikes", "load_table", "outcome_series", "outcomes"],
    "expected": ["design_matrix", "fit_null"],
    "launches": ["Assessment", "assess", "estimate_lull", "not_ordinary", "salvo_days"],
    "figures": [
        "Download",
        "Picture",
        "draw_forest",
        "draw_region_ranks",
        "draw_region_windows",
        "draw_tile_map",
        "draw_timeline",
    ],
    "effect": ["EffectsRecord", "PauseEffect", "to_frame"],
    "estimate": [
        "combine_effects",
        "estimate_effect",
        "estimate_joint",
        "estimate_rebound",
        "estimate_share",
        "share_size_study",
    ],
    "energy": [
        "assess_energy",
        "compare_energy",
        "describe_agreement",
        "describe_measures",
        "energy_days",
        "estimate_reciprocity",
        "firth_test",
        "fit_firth",
        "review_days",
        "show_review",
    ],
    "choices": ["CHOICES", "Choice", "SpecificationCurve", "assess_choices", "estimate_curve"],
    "together": [
        "compare_truces",
        "coverage_by_year",
        "describe_forest",
        "describe_timeline",
        "forest_frame",
        "forest_rows",
        "load_results",
        "look_ahead",
        "pause_spans",
        "proposed_only",
        "published_nights",
        "quiet_days",
        "shown_verdicts",
        "verdicts",
        "zero_days",
    ],
    "sirens": [
        "RegionalAssessment",
        "alert_minutes",
        "assess_regions",
        "estimate_alerts",
        "estimate_relative",
        "estimate_shares",
    ],
    "explore": ["ExplorationPanel", "explore_pause"],
}
_ROOM_OF = {name: room for room, names in _EXPORTS.items() for name in names}
__all__ = sorted(_ROOM_OF)


def __getattr__(name):
    """Import a room when one of its names is first used, so that `import analysis` stays light."""
    if name not in _ROOM_OF:
        raise AttributeError(f"module 'analysis' has no attribute {name!r}")
    return getattr(import_module(f"analysis.{_ROOM_OF[name]}"), name)


def __dir__():
    return __all__
