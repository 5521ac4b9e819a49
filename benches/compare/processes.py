"""Processes under measurement: how they are started, and what they use of the machine."""
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

PROXY_CORE = 0
OTHER_CORE = 1


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(port, process, log, seconds=60):
    """Waits until something listens; says what the process said when it ends before."""
    deadline = time.time() + seconds
    while time.time() < deadline:
        if process.poll() is not None:
            break
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
            return
        except OSError:
            time.sleep(0.02)
    with open(log, errors="replace") as text:
        raise SystemExit(f"nothing listens on port {port}:\n{text.read()[-4000:]}")


def cpu_seconds(pid):
    """CPU time of all threads of a process, from the scheduler's nanosecond counters."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{task}/schedstat") as text:
                total += int(text.read().split()[0])
        except FileNotFoundError:
            pass  # The thread has just ended.
    return total / 1e9


def resident_kib(pid):
    with open(f"/proc/{pid}/status") as text:
        for line in text:
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
    return 0


class Workshop:
    """A folder for everything that a run writes, and the processes that it starts."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="gatehouse-compare-")
        os.chmod(self.folder, 0o755)  # nginx started by root reads it as another user.
        self.processes = []

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def write(self, name, text):
        target = self.path(name)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "w") as file:
            file.write(text)
        return target

    def start(self, name, args, core, port, cwd=None):
        """Starts a process on one core and waits until it listens. Gives it and the file of what it says."""
        log = self.path(f"{name}.log")
        with open(log, "ab") as out:
            process = subprocess.Popen(["taskset", "-c", str(core), *args], stdout=out, stderr=out, cwd=cwd)
        self.processes.append(process)
        wait_for(port, process, log)
        return process, log

    def certificate(self):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
             "-keyout", "server.key", "-out", "server.pem", "-subj", "/CN=localhost",
             "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
             "-addext", "basicConstraints=critical,CA:FALSE", "-addext", "extendedKeyUsage=serverAuth"],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.folder)

    def close(self):
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
