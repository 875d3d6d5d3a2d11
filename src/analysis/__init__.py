"""Did announced pauses change the strikes? Placebo tests whose false-alarm rate is measured.

What is public stands in `__init__.pyi`; a room is imported when one of its names is first used.

>>> import analysis as pa
>>> pa.load_pauses()["easter-2025"].days().strftime("%Y-%m-%d").tolist()
['2025-04-20']
"""

import lazy_loader

_of_rooms, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> object:
    if name != "__version__":
        return _of_rooms(name)
    from importlib.metadata import version

    return version("strike-pauses")
