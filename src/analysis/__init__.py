"""Did announced pauses change the strikes? Placebo tests whose false-alarm rate is measured.

>>> import analysis as pa
>>> pa.load_pauses()["easter-2025"].days().strftime("%Y-%m-%d").tolist()
['2025-04-20']
"""

from importlib import import_module

_EXPORTS = {
    "errors": ["DataError", "DesignError", "PausesError", "RegistryError", "ReportError"],
    "strikedays": ["strike_day", "strike_days"],
    "pauses": ["load_pauses", "reported_pauses", "volume_episodes"],
    "tables": ["check_tables", "load_strikes", "load_table", "outcome_series", "outcomes"],
    "nullmodel": ["design_matrix", "fit_null"],
    "salvos": ["estimate_lull", "salvo_days"],
    "figures": ["Download", "Picture", "draw_forest", "draw_timeline"],
    "effects": ["EffectsRecord", "PauseEffect", "to_frame"],
    "joint": ["combine_effects"],
    "estimation": ["estimate_effect", "estimate_joint", "estimate_rebound"],
    "assessment": ["Assessment"],
    "procedure": ["assess", "not_ordinary"],
    "energy.shares": ["estimate_share", "share_size_study"],
    "energy.firth": ["firth_test", "fit_firth"],
    "energy.coding": ["describe_agreement", "review_days", "show_review"],
    "energy.measures": ["describe_measures", "energy_days"],
    "energy.reciprocity": ["estimate_reciprocity"],
    "energy.procedure": ["assess_energy"],
    "energy.overview": ["compare_energy"],
    "sensitivity.choices": ["CHOICES", "Choice"],
    "sensitivity.curve": ["SpecificationCurve", "estimate_curve"],
    "sensitivity.assessment": ["assess_choices"],
    "comparison": ["compare_truces", "forest_rows", "proposed_only"],
    "outlook": ["look_ahead"],
    "coverage": ["coverage_by_year", "describe_timeline", "pause_spans", "published_nights", "quiet_days", "zero_days"],
    "regions.estimates": ["alert_minutes", "estimate_alerts", "estimate_relative", "estimate_shares"],
    "regions.figures": ["draw_region_ranks", "draw_region_windows", "draw_tile_map"],
    "regions.assessment": ["RegionalAssessment", "assess_regions"],
    "explore": ["ExplorationPanel", "explore_pause"],
    "results": ["describe_forest", "forest_frame", "load_results", "shown_verdicts", "verdicts"],
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
