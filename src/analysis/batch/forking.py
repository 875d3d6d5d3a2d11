"""A kernel that was forked from a warm process, as jupyter_client sees it.

jupyter_client lets a *provisioner* start kernels and leaves the rest as it is: connection file, messages, signals.
Here the process exists already and waits at a pipe for the order to become an ipykernel; the pipe stays open as its
lifeline. The other classes only keep jupyter_client from sleeping where a forked kernel is ready sooner than another.
"""

import json
import os
import signal
import sys
import threading
import traceback
from contextlib import suppress
from pathlib import Path

import numpy
from jupyter_client import AsyncKernelClient, AsyncKernelManager
from jupyter_client.channels import AsyncZMQSocketChannel
from jupyter_client.provisioning import LocalProvisioner
from traitlets import Type


class ForkedKernel:
    """A forked process that waits to become a kernel; has what `LocalProvisioner` asks of a Popen object."""

    stdin = stdout = stderr = None

    def __init__(self):
        receiving, self.pipe = os.pipe()
        self.returncode = None
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self.pipe)
            _become_kernel(receiving)
        os.close(receiving)

    def launch(self, command, *, env, cwd):
        """Tell the waiting process to start; the pipe stays open as its lifeline."""
        order = {"arguments": command[command.index("-f") :], "env": env, "cwd": cwd}
        os.write(self.pipe, json.dumps(order).encode() + b"\n")

    def poll(self):
        """Return the exit code, or None while it runs."""
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode

    def wait(self):
        """Wait for the end and return the exit code."""
        if self.returncode is None:
            self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.returncode

    def send_signal(self, number):
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)


class ForkProvisioner(LocalProvisioner):
    """Gives jupyter_client a kernel that was forked already; everything else is as for a local one."""

    async def launch_kernel(self, cmd, **kwargs):
        """Start the waiting kernel with the connection file in `cmd`."""
        self.process = self.parent.forked
        self.process.launch(cmd, env=kwargs["env"], cwd=kwargs.get("cwd"))
        self.pid = self.pgid = self.process.pid
        return self.connection_info

    async def kill(self, restart=False):
        """Kill the kernel and wait for its end, which is near; the manager would look only every tenth of a second."""
        await super().kill(restart=restart)
        self.process.wait()

    async def cleanup(self, restart=False):
        """Kill what a kernel that died by itself left of its process group."""
        with suppress(OSError, TypeError):
            os.killpg(self.pgid, signal.SIGKILL)
        await super().cleanup(restart=restart)


class Listener(AsyncZMQSocketChannel):
    """The channel of outputs, on which a client that waits for silence is content with a tenth of the usual time.

    A client listens like that before the first cell only; what came too early it would ignore anyway.
    """

    async def get_msg(self, timeout=None):
        """Return the next message; raises Empty after a tenth of `timeout` seconds."""
        return await super().get_msg(timeout and timeout / 10)


class ForkKernelClient(AsyncKernelClient):
    """A client with a `Listener`."""

    iopub_channel_class = Type(Listener)


class ForkKernelManager(AsyncKernelManager):
    """A kernel manager whose kernel is `forked`."""

    forked = None

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.client_factory = ForkKernelClient
        self.provisioner = ForkProvisioner(parent=self, kernel_spec=self.kernel_spec)


def _become_kernel(receiving):
    """Wait for the order, then be an ipykernel until the end; never returns."""
    code = 1
    try:
        os.setsid()
        with os.fdopen(receiving, "rb", buffering=0) as pipe:
            order = json.loads(pipe.readline() or "null")
            if order is not None:
                os.environ.clear()
                os.environ.update(order["env"])
                os.chdir(order["cwd"] or ".")
                threading.Thread(target=end_with, args=(receiving, os.getpgrp()), daemon=True).start()
                numpy.random.seed()  # every fork would draw the same numbers
                packages = [place for place, path in enumerate(sys.path) if Path(path).name.endswith("-packages")]
                sys.path.insert(min(packages, default=0), "")  # as IPython does, but not in a process with -P
                from ipykernel.kernelapp import IPKernelApp

                # 1 means: somebody else, here the pipe, watches over the parent
                IPKernelApp.launch_instance([*order["arguments"], "--IPKernelApp.parent_handle=1"])
        code = 0
    except Exception:
        traceback.print_exc()
    finally:
        os._exit(code)


def end_with(pipe, group=None):
    """End this process, or its whole group, when the other end of the pipe closes, that is, when the parent is gone."""
    os.read(pipe, 1)
    if group is not None:
        os.killpg(group, signal.SIGKILL)
    os._exit(1)
