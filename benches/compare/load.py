"""Load, and what it shows: requests per CPU-second, latencies, memory of idle connections."""
import os
import re
import resource
import socket
import ssl
import subprocess
import threading
import time

from processes import OTHER_CORE, cpu_seconds, resident_kib


def h2load(args, url, seconds=300):
    """Runs h2load on the core of the backend. Gives successes and failures; answers other than 2xx are failures."""
    command = ["taskset", "-c", str(OTHER_CORE), "h2load", "-t1", *args, url]
    out = subprocess.run(command, capture_output=True, text=True, timeout=seconds).stdout
    counts = re.search(r"requests: (\d+) total, \d+ started, \d+ done, (\d+) succeeded, (\d+) failed", out)
    codes = re.search(r"status codes: \d+ 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", out)
    if not counts or not codes:
        raise SystemExit(f"{' '.join(command)}\n{out}")
    return int(counts[2]), int(counts[3]) + sum(int(code) for code in codes.groups())


def throughput(proxy, args, path):
    """Requests per second of the proxy's own CPU time, and failures."""
    before = cpu_seconds(proxy.pid)
    succeeded, failed = h2load(args, proxy.url(path))
    if succeeded == 0:
        raise SystemExit(f"{proxy.name} answers {proxy.url(path)} with errors only")
    return succeeded / (cpu_seconds(proxy.pid) - before), failed


def handshakes(proxy, count, path, at_once=100):
    """Full handshakes per CPU-second. Each connection carries one request; h2load resumes no session."""
    before = cpu_seconds(proxy.pid)
    done = bad = 0
    while done + bad < count:
        succeeded, failed = h2load(["--h1", "-c", str(at_once), "-n", str(at_once)], proxy.url(path))
        done, bad = done + succeeded, bad + failed
    return done / (cpu_seconds(proxy.pid) - before), bad


def latencies(shop, url, rate, seconds, connections=8):
    """Latencies in ms of an open-loop stream of requests, sorted."""
    log = shop.path("latencies.tsv")
    if os.path.exists(log):
        os.unlink(log)
    _, failed = h2load(["--h1", "-c", str(connections), f"--rps={rate / connections:.0f}", "-D", str(seconds),
                        "--warm-up-time=1s", f"--log-file={log}"], url)
    times = []
    with open(log) as rows:
        for row in rows:
            _, status, micros = row.split("\t")[:3]
            failed += status != "200"
            times.append(int(micros) / 1000)
    return sorted(times), failed


def percentile(ordered, share):
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def idle_connections(proxy, count, settle=4):
    """Opens TLS connections that have had one request each and are idle. Gives their number and KiB for each."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(count, hard - 200)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, count + 200), hard))
    before = resident_kib(proxy.pid)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    request = f"GET {proxy.prefix}/1k HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    held = []
    for _ in range(count):
        connection = context.wrap_socket(socket.create_connection(("127.0.0.1", proxy.port)), server_hostname="localhost")
        connection.sendall(request)
        answer = connection.recv(4096)
        if not answer.startswith(b"HTTP/1.1 200"):
            raise SystemExit(f"an idle connection was answered {answer[:200]!r}")
        held.append(connection)
    time.sleep(settle)
    each = (resident_kib(proxy.pid) - before) / count
    for connection in held:
        connection.close()
    return count, each


class Reloading(threading.Thread):
    """Reloads a gatehouse again and again, and keeps how long each took."""

    def __init__(self, proxy, pause):
        super().__init__()
        self.proxy, self.pause, self.times, self.stopped = proxy, pause, [], threading.Event()

    def run(self):
        while not self.stopped.is_set():
            offset = os.path.getsize(self.proxy.log)
            start = time.perf_counter()
            os.kill(self.proxy.pid, 1)
            while time.perf_counter() - start < 30:
                with open(self.proxy.log) as text:
                    text.seek(offset)
                    said = text.read()
                if "reload refused" in said:
                    raise SystemExit(said)
                if "configuration reloaded" in said:
                    self.times.append(time.perf_counter() - start)
                    break
                time.sleep(0.005)
            self.stopped.wait(self.pause)

    def stop(self):
        self.stopped.set()
        self.join()
        return self.times
