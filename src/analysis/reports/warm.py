"""What a report needs, imported and used once: the fork server imports this module and forks from there."""

import atexit
import gc
import io
import os
import shutil

if SCRATCH := os.environ.pop("PAUSES_SCRATCH", ""):
    atexit.register(shutil.rmtree, SCRATCH, ignore_errors=True)  # the server ends when all others have ended
    os.setsid()  # Ctrl-C is for the batch alone
gc.disable()  # what is frozen below is not looked through again

import matplotlib.figure  # noqa: E402
import psutil  # noqa: E402
import seaborn  # noqa: E402, F401
import statsmodels.genmod.generalized_linear_model  # noqa: E402, F401
from matplotlib import pyplot  # noqa: E402, F401

import analysis.choices  # noqa: E402
import analysis.energy  # noqa: E402
import analysis.figures  # noqa: E402
import analysis.launches  # noqa: E402
import analysis.record  # noqa: E402
import analysis.reports.engine  # noqa: E402
import analysis.sirens  # noqa: E402
import analysis.together  # noqa: E402, F401

_figure = matplotlib.figure.Figure()  # pyplot would choose its backend before there is a shell
_figure.add_subplot().set_title("warm")
_figure.savefig(io.BytesIO())
os.environ.pop("PYTHONSAFEPATH", None)
THREADS = psutil.Process().num_threads()  # those of libraries too: to fork from more than one is not safe
gc.freeze()
gc.enable()
