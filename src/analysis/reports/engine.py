"""A notebook run by papermill in this very process, by IPython's own shell: no kernel, no socket, no messages.

Papermill asks an *engine* to run the cells. The one here suits a process that was made for one notebook and ends with
it (see `pool`), so nothing of one report reaches another. With a real kernel the same notebook gives the same outputs.
"""

import os
import re
import signal
import sys
import tempfile
from binascii import b2a_base64
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from io import TextIOBase
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pandas as pd
import papermill
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from nbformat import NotebookNode
from nbformat.v4 import new_output
from papermill.engines import Engine, NBClientEngine, papermill_engines
from traitlets.config import Config

OVERWRITTEN = re.compile(r".*\r(?=[^\n])")


def run_notebook(
    source: bytes,
    parameters: dict,
    *,
    folder: str,
    timeout: int,
    cold: bool = False,
    seen: list | None = None,
    beat: Callable[[], None] = lambda: None,
) -> NotebookNode:
    """Run a notebook in a working folder and return it; `cold`: by a real kernel.

    A cell may take `timeout` seconds, `seen` receives the notebook for the case that it fails, and `beat` is called
    at the start of each cell.
    """
    options: dict[str, Any] = {"engine_name": "in-process", "folder": folder}
    if cold:
        options = {"engine_name": "kernel", "shutdown_kernel": "immediate", "config": _private(tempfile.mkdtemp())}
        options |= {"record_timing": False, "coalesce_streams": True, "resources": {"metadata": {"path": folder}}}
    seen = [] if seen is None else seen
    notebook = nbformat.reads(source.decode("utf-8"), as_version=4)
    return papermill.execute_notebook(
        notebook, None, parameters, kernel_name="python3", progress_bar=False, request_save_on_cell_execute=False,
        execution_timeout=timeout, seen=seen, beat=beat, **options,
    )  # fmt: skip


class Kernel(NBClientEngine):
    """Papermill's own engine; what ran so far stays within reach when it raises."""

    @classmethod
    def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, *, seen: list, beat: Callable, **options: Any):
        """Run the cells in a kernel."""
        seen.append(nb_man.nb)
        super().execute_managed_notebook(nb_man, kernel_name, on_cell_start=lambda **_: beat(), **options)


class InProcess(Engine):
    """Runs the cells here, as a fresh kernel would."""

    @classmethod
    def execute_managed_notebook(
        cls, nb_man: Any, kernel_name: str, *, seen: list, folder: str, beat: Callable, execution_timeout: int, **_: Any
    ):
        """Run the cells up to the first that fails; papermill raises what its last output says."""
        seen.append(nb_man.nb)
        os.chdir(folder)
        packages = [place for place, path in enumerate(sys.path) if Path(path).name.endswith("-packages")]
        sys.path.insert(min(packages, default=0), "")  # as IPython does
        np.random.seed()  # every fork would draw the same numbers
        pd.set_option("display.max_columns", 20)  # as in a kernel: pandas takes this process for a terminal
        shell = _Shell.instance(
            displayhook_class=_Hook, display_pub_class=_Publisher, ipython_dir=tempfile.mkdtemp(prefix="ipython-"),
            config=Config(HistoryManager={"enabled": False}),
        )  # fmt: skip
        shell.display_formatter.active, shell.displayed = True, {}
        spilt = [_Spilt(1, "stdout", shell), _Spilt(2, "stderr", shell)]
        if hasattr(signal, "SIGALRM"):
            signal.signal(signal.SIGALRM, _too_long)
        for cell in (cell for cell in nb_man.nb.cells if cell.cell_type == "code"):
            beat()
            shell.outputs = cell.outputs = []
            with redirect_stdout(_Stream("stdout", shell)), redirect_stderr(_Stream("stderr", shell)):
                _alarm(execution_timeout)
                result = shell.run_cell(cell.source, store_history=True)
                _alarm(0)
            for file in spilt:
                file.collect()
            cell.execution_count = shell.execution_count - 1
            for output in (output for output in cell.outputs if output.output_type == "stream"):
                output.text = OVERWRITTEN.sub("", output.text)
            if not result.success:
                return


papermill_engines.register("in-process", InProcess)
papermill_engines.register("kernel", Kernel)


class CellTimeoutError(BaseException):
    """Not an Exception: a cell that handles those must not go on."""


class _Shell(InteractiveShell):
    """Collects in `outputs` what the running cell shows."""

    def add(self, kind: str, data: dict, metadata: dict | None = None, **fields: Any) -> NotebookNode:
        plain = {name: b2a_base64(v).decode() if isinstance(v, bytes) else v for name, v in data.items()}
        self.outputs.append(new_output(kind, plain, metadata=metadata or {}, **fields))
        return self.outputs[-1]

    def write(self, name: str, text: str):
        stream = next((output for output in self.outputs if output.get("name") == name), None)
        if stream is None:
            self.outputs.append(stream := new_output("stream", name=name, text=""))
        stream["text"] += text

    def enable_gui(self, gui: str | None = None): ...

    def _showtraceback(self, etype: type, evalue: BaseException, stb: list[str]):
        self.outputs.append(new_output("error", ename=etype.__name__, evalue=str(evalue), traceback=list(stb)))


class _Hook(DisplayHook):
    def write_output_prompt(self): ...

    def write_format_data(self, format_dict: dict, md_dict: dict | None = None):
        self.shell.add("execute_result", format_dict, md_dict, execution_count=self.prompt_count)

    def finish_displayhook(self):
        self._is_active = False


class _Publisher(DisplayPublisher):
    def publish(self, data: dict, metadata: dict | None = None, *, transient: Any = None, update: bool = False, **_):
        known = self.shell.displayed.setdefault((transient or {}).get("display_id"), [])
        if not update:
            known.append(self.shell.add("display_data", data, metadata))
        for output in known if update else ():
            output.update(data=data, metadata=metadata or {})

    def clear_output(self, wait: bool = False):
        self.shell.outputs.clear()


class _Stream(TextIOBase):
    """A standard stream that becomes an output of the running cell."""

    encoding = "utf-8"

    def __init__(self, name: str, shell: _Shell):
        self.name, self._shell = name, shell

    def write(self, text: str) -> int:
        if text:
            self._shell.write(self.name, text)
        return len(text)


class _Spilt:
    """What child processes and libraries write past Python's streams."""

    def __init__(self, descriptor: int, name: str, shell: _Shell):
        self._file, self._name, self._shell, self._read = tempfile.TemporaryFile(), name, shell, 0  # noqa: SIM115
        os.dup2(self._file.fileno(), descriptor)

    def collect(self):
        size = os.fstat(self._file.fileno()).st_size
        if size > self._read:
            text = os.pread(self._file.fileno(), size - self._read, self._read)
            self._shell.write(self._name, text.decode("utf-8", "replace"))
            self._read = size


def _alarm(seconds: int):
    if hasattr(signal, "alarm"):
        signal.alarm(seconds)


def _too_long(*_: Any):
    raise CellTimeoutError("the cell took too long")


def _private(folder: str) -> Config:
    """Let a kernel talk through files in a private folder: no open port, no warning about one."""
    settings = Config()
    if os.name == "posix":
        settings.KernelManager.transport = "ipc"
        settings.KernelManager.ip = str(Path(folder, "kernel"))  # absolute: with a relative path the client hangs
    return settings
