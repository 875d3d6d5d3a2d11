"""For nbval: JSON is compared place by place, numbers to nine digits, so that a difference is shown by its name."""

from nbval.plugin import IPyNbCell

DIGITS = 9  # two machines may differ further out
_of_text = IPyNbCell.sanitize


def flat(value, place=""):
    """A line of place and value for each value in JSON."""
    if isinstance(value, dict | list):
        parts = sorted(value.items()) if isinstance(value, dict) else enumerate(value, 1)
        return [line for name, part in parts for line in flat(part, f"{place} {name}".strip())]
    return [f"{place}: {value:.{DIGITS}g}" if isinstance(value, float) else f"{place}: {value}"]


def sanitize(cell, value):
    """What nbval compares: text by its own rules, JSON by its lines."""
    return flat(value) if isinstance(value, dict | list) else _of_text(cell, value)


IPyNbCell.sanitize = sanitize
