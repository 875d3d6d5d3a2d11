"""Rows of the record in the short phrases of a table."""

from analysis.sentences import DEPENDS, MORE, NO_CHANGE, NOT_TESTABLE, amount, chance_text


def in_brief(row):
    """One row of the record in the short phrases of a table.

    Parameters
    ----------
    row : mapping
        The record's columns; None or NaN where empty.

    Returns
    -------
    dict of str
        seen: what flew, and what would have been ordinary; ratio: with its interval; sight: the smallest cut that
        would have been seen, or why none. Empty where there is nothing to say.
    """
    row = _empty_as_none(row)
    why = str(row["reason"] or "").split("; ")[0]
    if row["observed"] is None:
        return {"seen": "", "ratio": "", "sight": why}
    seen = f"{amount(row['observed'])} flew"
    if row["expected_high"] is not None and row["testable"]:
        seen += f", {amount(row['expected_low'])} to {amount(row['expected_high'])} ordinary"
    return {"seen": seen, "ratio": _ratio_in_brief(row), "sight": _sight_in_brief(row, why)}


def week_after(row):
    """The week after a pause in the short phrase of a table, from its row of the record; empty where nothing is known.

    Examples
    --------
    >>> week_after({"ratio": 2.1, "p_value": 0.03, "verdict": "more", "testable": True, "reason": "x"})
    'week after: 2.10 times the expected, a surge (one-sided p = 0.03)'
    """
    row = None if row is None else _empty_as_none(row)
    if row is None or row["ratio"] is None:
        return ""
    if row["p_value"] is None:
        return f"week after: cannot be told, {row['reason'].split('; ')[0]}"
    found = "a surge" if row["verdict"] == MORE else "no surge visible" if row["testable"] else "cannot be told"
    return f"week after: {row['ratio']:.2f} times the expected, {found} (one-sided {chance_text(row['p_value'])})"


def _empty_as_none(row):
    return {name: None if value != value else value for name, value in row.items()}  # NaN differs from itself


def _ratio_in_brief(row):
    if row["ratio"] is None:
        return ""
    if row["ratio"] == 0:
        return f"none of an expected {amount(row['expected'])}"
    bounded = row["ratio_low"] is not None and row["ratio_high"] is not None
    interval = f" ({row['ratio_low']:.2f} to {row['ratio_high']:.2f})" if bounded else " (no upper limit)"
    return f"{row['ratio']:.2f} times the expected{interval}"


def _sight_in_brief(row, why):
    if row["verdict"] in (NOT_TESTABLE, DEPENDS):
        return why
    cut, p, adjusted = (row[name] for name in ("smallest_visible_cut", "p_value", "p_adjusted"))
    sight = "no cut is visible in most windows" if cut is None else f"visible from a cut of {cut:.0%}"
    if row["verdict"] == NO_CHANGE and adjusted is not None and p <= round(1 - row["level"], 12):
        return f"p = {p:.2g}, but {adjusted:.2g} once both outcomes are counted; {sight}"
    return sight
