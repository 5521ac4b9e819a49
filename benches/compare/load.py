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


def latencies(shop, url, rate, seconds):
    """Latencies in ms of an open-loop stream of requests, sorted.

    h2load's timers tick every 10 ms: a connection with a higher rate than 100 a second sends bursts, and connections
    that are opened at once send at once. So there are as many connections as it takes for 100 a second each, opened
    3 ms apart, which spreads them over all phases of the tick. The first second warms up.
    """
    connections = max(1, round(rate / 100))
    log = shop.path("latencies.tsv")
    if os.path.exists(log):
        os.unlink(log)
    _, failed = h2load(["--h1", "-c", str(connections), "-r", "1", "--rate-period=3ms", "--rps=100",
                        "-n", str(int(connections * 100 * (seconds + 1))), f"--log-file={log}"], url)
    with open(log) as text:
        rows = [[int(field) for field in row.split("\t")[:3]] for row in text]
    failed += sum(status != 200 for _, status, _ in rows)
    warm = min(start for start, _, _ in rows) + 1_000_000
    return sorted(micros / 1000 for start, _, micros in rows if start >= warm), failed


def percentile(ordered, share):
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def http1_exchange(connection, path):
    """One request over HTTP/1.1."""
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    answer = connection.recv(4096)
    if not answer.startswith(b"HTTP/1.1 200"):
        raise SystemExit(f"an idle connection was answered {answer[:200]!r}")


def http2_exchange(connection, path):
    """One request over HTTP/2: preface, SETTINGS, HEADERS; then the frames of the answer to its end."""
    frame = lambda kind, flags, stream, payload: (
        len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload)
    text = lambda value: bytes([len(value)]) + value.encode()
    # GET and https from the static table; authority and path as literals that are not indexed (RFC 7541 section 6.2.2).
    block = b"\x82\x87\x01" + text("localhost") + b"\x04" + text(path)
    connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b"") + frame(1, 5, 1, block))
    bytes_in, answered = b"", False
    while True:
        if len(bytes_in) < 9 or len(bytes_in) < 9 + int.from_bytes(bytes_in[:3], "big"):
            piece = connection.recv(16384)
            if not piece:
                raise SystemExit("an idle HTTP/2 connection was closed")
            bytes_in += piece
            continue
        length, kind, flags = int.from_bytes(bytes_in[:3], "big"), bytes_in[3], bytes_in[4]
        payload, bytes_in = bytes_in[9:9 + length], bytes_in[9 + length:]
        if kind == 4 and not flags & 1:
            connection.sendall(frame(4, 1, 0, b""))
        # 0x88 is `:status: 200`; a change of the table's size may stand before it.
        answered |= kind == 1 and 0x88 in payload[:4]
        if kind in (0, 1) and flags & 1:
            break
    if not answered:
        raise SystemExit("an idle HTTP/2 connection was not answered 200")


def idle_connections(proxy, count, http2=False, settle=4):
    """Opens TLS connections that have had one request each and are idle. Gives their number and KiB for each."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(count, hard - 200)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, count + 200), hard))
    before = resident_kib(proxy.pid)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if http2:
        context.set_alpn_protocols(["h2"])
    exchange = http2_exchange if http2 else http1_exchange
    held = []
    for _ in range(count):
        connection = context.wrap_socket(socket.create_connection(("127.0.0.1", proxy.port)), server_hostname="localhost")
        exchange(connection, f"{proxy.prefix}/1k")
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
