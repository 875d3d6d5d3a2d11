"""Where the sirens sounded: `estimates` of alert-minutes by oblast, one pause in `assessment`, `figures`."""
