"""Every defensible choice: the list of `choices`, the `curve` and its `figures`, one pause in `assessment`."""
