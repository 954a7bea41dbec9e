"""Track what a block of Python sends and receives, with pcapwho.

Copy this file into a project; it needs nothing but the program ``pcapwho`` on the
PATH (or in the environment variable PCAPWHO) and the rights to record.

    with network_activity_tracker() as t:
        with t.phase("read"):
            read_from_somewhere()
    print(t.network_statistics["received_wire_bytes"])

Only the process and what it starts count; the interpreter's own threads do, too.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from contextlib import contextmanager

__all__ = ["TrackerError", "network_activity_tracker"]


class TrackerError(RuntimeError):
    """The recorder or the analysis failed; the text is what it said."""


class network_activity_tracker:
    """Records while a ``with`` block runs, then analyzes.

    pid: the process that counts, with all that it starts; None is this one.
    directory: where run.pcapng, run.conns.jsonl and result.json are kept; None is a
        temporary folder, which is removed.
    record: further flags of ``pcapwho record``, as ["-i", "lo"].
    timeout: seconds to wait for the recorder to begin, and to end.

    After the block:

    network_statistics: what the process and its descendants sent and received: the
        columns of the table ``processes`` that begin with ``tree_``, without that.
    asv_network_statistics: the nine numbers of nwb_benchmarks' network tracking, as
        airspeed velocity takes them: {"samples": {...}, "number": None}. They are made
        as that tool made them, faults included.
    result: the whole of ``pcapwho analyze --format json``, a dictionary of tables;
        ``result["phases"]`` has what each phase exchanged.
    """

    def __init__(self, pid=None, directory=None, record=(), timeout=30.0):
        self.pid = os.getpid() if pid is None else pid
        self.network_statistics = self.asv_network_statistics = self.result = None
        self._program = os.environ.get("PCAPWHO") or shutil.which("pcapwho")
        self._directory, self._flags, self._timeout = directory, list(record), timeout
        self._recorder = self._control = self._folder = None
        self._said, self._ready = [], threading.Event()
        self._outer = None

    def __enter__(self):
        if not self._program:
            raise TrackerError("the program pcapwho is not on the PATH; the environment variable PCAPWHO can name it")
        self._folder = self._directory or tempfile.mkdtemp(prefix="pcapwho-")
        self._capture = os.path.join(self._folder, "run.pcapng")
        command = [self._program, "record", "-w", self._capture, "--force", "--pid", str(self.pid), *self._flags]
        try:
            self._recorder = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace",
                start_new_session=True)  # Ctrl-C is the benchmark's own
            self._listener = threading.Thread(target=self._listen, daemon=True)
            self._listener.start()
            self._ready.wait(self._timeout)
            if self._recorder.poll() is not None or not self._begun():
                raise TrackerError(self._stop())
            with open(os.path.join(self._folder, "run.conns.jsonl"), encoding="utf-8") as log:
                self._control = json.loads(log.readline()).get("control")
        except OSError as e:
            self._stop()
            self._clean_up()
            raise TrackerError(f"the recorder cannot be started: {e}") from e
        except BaseException:
            self._stop()
            self._clean_up()
            raise
        self._outer = os.environ.get("PCAPWHO_SOCKET")
        if self._control:  # children mark phases of this recording
            os.environ["PCAPWHO_SOCKET"] = self._control
        return self

    def __exit__(self, kind, value, traceback):
        os.environ.pop("PCAPWHO_SOCKET", None)
        if self._outer is not None:
            os.environ["PCAPWHO_SOCKET"] = self._outer
        try:
            said = self._stop()
            if kind is None:  # else the block's own exception is what matters
                if self._recorder.returncode != 0:
                    raise TrackerError(said)
                self._analyze()
        finally:
            self._clean_up()
        return False

    @contextmanager
    def phase(self, name):
        """Marks the block as a phase of this name."""
        self.mark("begin", name)
        try:
            yield
        except BaseException:
            try:
                self.mark("end", name)
            except TrackerError:
                pass  # the block's own exception is what matters
            raise
        self.mark("end", name)

    def mark(self, what, name):
        """Marks that a phase begins ("begin"), ends ("end"), or begins where the one
        before ends ("mark"). Its time is that of this call."""
        if what not in ("begin", "end", "mark") or not name or "\n" in name or len(name.encode()) > 4000:
            raise ValueError("a mark is begin, end or mark, and the name of a phase: one line of 4000 bytes at most")
        if not self._control:
            raise TrackerError("this recording takes no marks")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to:
            to.settimeout(1.0)
            try:
                to.sendto(f"{what} {name}".encode(), self._control)
            except OSError as e:
                raise TrackerError(f"the mark {name!r} cannot be made: {e}") from e

    def _listen(self):
        for line in self._recorder.stderr:
            self._said.append(line.rstrip("\n"))
            if self._begun():
                self._ready.set()
        self._ready.set()

    def _begun(self):
        return any(line.startswith("recording ") for line in self._said)

    def _stop(self):
        """Ends the recorder, and returns what it said."""
        if self._recorder is None:
            return ""
        try:
            if self._recorder.poll() is None:
                self._recorder.send_signal(signal.SIGINT)
            self._recorder.wait(self._timeout)
        except subprocess.TimeoutExpired:
            self._recorder.kill()
            self._recorder.wait()
        self._listener.join(self._timeout)
        return "\n".join(self._said) or "the recorder said nothing"

    def _analyze(self):
        pid = str(self.pid)
        self.result = self._run("--format", "json")
        self.asv_network_statistics = self._run("--format", "nwb", "--pid", pid)
        rows = [p for p in self.result["processes"] if p["pid"] == self.pid]
        if not rows:
            raise TrackerError(f"the recording has no process {pid}")
        self.network_statistics = {name[len("tree_"):]: value for name, value in rows[-1].items() if name.startswith("tree_")}
        if self._directory:
            with open(os.path.join(self._directory, "result.json"), "w", encoding="utf-8") as file:
                json.dump(self.result, file)

    def _run(self, *flags):
        done = subprocess.run([self._program, "analyze", self._capture, "-q", *flags],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace")
        if done.returncode not in (0, 3):  # 3: finished, but something was damaged
            raise TrackerError(done.stderr.strip())
        return json.loads(done.stdout)

    def _clean_up(self):
        if self._folder and not self._directory:
            shutil.rmtree(self._folder, ignore_errors=True)
