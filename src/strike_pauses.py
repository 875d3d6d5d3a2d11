"""The package `analysis` under a name that nothing else has: `import strike_pauses as pa`.

Where a file `analysis.py` lies in the folder one works in, Python finds that one first; this says so.
"""

import analysis

if "load_pauses" not in getattr(analysis, "__all__", ()):
    raise ImportError(
        f"{getattr(analysis, '__file__', 'another package')} hides this project's package 'analysis'; "
        "rename that file, or work in another folder"
    )

__doc__, __all__ = analysis.__doc__, list(analysis.__all__)


def __getattr__(name: str) -> object:
    return getattr(analysis, name)
