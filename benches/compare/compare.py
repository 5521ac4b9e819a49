#!/usr/bin/env python3
"""Measures Gatehouse against Debian's nginx on this machine: requests per second of the proxy's own CPU time.

Both proxies have one worker on one core and the same backend (a second nginx), TLS 1.3, the same certificate, an
access log, and for nginx its plainest proxy configuration with pooled upstream connections. The load is h2load's.
Every round measures all proxies in turn; the ratio is taken round by round, so that a machine whose speed drifts
does not favour either. Prints a Markdown table; `--json FILE` keeps the figures.
"""
import argparse, json, os, re, shutil, socket, ssl, statistics, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
TICK = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def cpu_seconds(pids):
    total = 0
    for pid in pids:
        try:
            fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
        except FileNotFoundError:
            continue
        total += int(fields[11]) + int(fields[12])
    return total / TICK


def resident_kib(pids):
    total = 0
    for pid in pids:
        for line in open(f"/proc/{pid}/status"):
            if line.startswith("VmRSS:"):
                total += int(line.split()[1])
    return total


def wait_for(port, seconds=20):
    deadline = time.time() + seconds
    while time.time() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"nothing listens on port {port}")


class Bench:
    def __init__(self, binary):
        self.dir = tempfile.mkdtemp(prefix="gatehouse-bench-")
        self.binary = os.path.abspath(binary)
        self.processes = []
        self.certificates()
        self.backend_port = free_port()
        self.start_backend()

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def write(self, name, text):
        target = self.path(name)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "w") as f:
            f.write(text)
        return target

    def certificates(self):
        run = lambda *a: subprocess.run(a, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.dir)
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
            "-keyout", "server.key", "-out", "server.pem", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
            "-addext", "basicConstraints=critical,CA:FALSE", "-addext", "extendedKeyUsage=serverAuth")

    def spawn(self, args, core, **kw):
        process = subprocess.Popen(["taskset", "-c", str(core), *args], stdout=subprocess.DEVNULL, stderr=open(self.path("stderr.log"), "ab"), **kw)
        self.processes.append(process)
        return process

    def nginx(self, name, server, core, events="worker_connections 16384;"):
        configuration = self.write(f"{name}/nginx.conf", f"""
daemon off; worker_processes 1; pid {self.path(name, 'pid')}; error_log {self.path(name, 'error.log')};
worker_rlimit_nofile 65536;
events {{ {events} }}
http {{
  log_format main '$remote_addr [$time_local] "$request" $status $bytes_sent $request_time $upstream_response_time';
  client_body_temp_path {self.path(name, 'body')}; proxy_temp_path {self.path(name, 'proxy')}; fastcgi_temp_path {self.path(name, 'f')};
  uwsgi_temp_path {self.path(name, 'u')}; scgi_temp_path {self.path(name, 's')};
  keepalive_requests 100000000; keepalive_timeout 3600s; server_tokens off; tcp_nodelay on;
{server}
}}
""")
        process = self.spawn(["nginx", "-c", configuration, "-p", self.path(name)], core)
        return process

    def start_backend(self):
        self.write("www/1k", "x" * 1024)
        self.nginx("backend", f"""
  access_log off; sendfile on; open_file_cache max=10;
  server {{ listen 127.0.0.1:{self.backend_port} backlog=4096; root {self.path('www')};
    location = /1k {{ }}
    location = /post {{ client_max_body_size 1m; client_body_buffer_size 64k; proxy_pass http://127.0.0.1:{self.backend_port}/sink; proxy_request_buffering on; }}
    location = /sink {{ return 200 "ok"; }} }}""", self.core_other)
        wait_for(self.backend_port)

    core_proxy = 0
    core_other = 1

    def start_nginx(self, http2):
        port = free_port()
        name = f"nginx-{port}"
        process = self.nginx(name, f"""
  access_log {self.path(name, 'access.log')} main buffer=32k;
  upstream backend {{ server 127.0.0.1:{self.backend_port}; keepalive 256; keepalive_requests 100000000; }}
  server {{ listen 127.0.0.1:{port} ssl {'http2' if http2 else ''} backlog=4096;
    ssl_certificate {self.path('server.pem')}; ssl_certificate_key {self.path('server.key')}; ssl_protocols TLSv1.3;
    http2_max_concurrent_streams 128; http2_max_requests 100000000;
    location / {{ proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_request_buffering off;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; client_max_body_size 1m; }} }}""", self.core_proxy)
        wait_for(port)
        time.sleep(0.3)
        worker = int(subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True).stdout.split()[0])
        return Proxy(self, "nginx", port, [worker], process, prefix="")

    def start_gatehouse(self, policies="", key=False, apis=1, name="gatehouse", products=False):
        port, metrics = free_port(), free_port()
        folder = self.path(f"gatehouse-{port}")
        base = f"gatehouse-{port}"
        self.write(f"{base}/gatehouse.yaml", f"""
artifacts: artifacts
listeners:
  - name: public
    zone: external
    address: 127.0.0.1:{port}
    serves: [gateway]
    tls: {{ certificates: [ {{ certificate: {self.path('server.pem')}, key: {self.path('server.key')} }} ] }}
zones: {{ external: {{ expose: all }} }}
telemetry: {{ access_log: access.log, metrics: true }}
limits: {{ idle_timeout: 1h }}
""")
        for i in range(apis):
            api = "api" if i == 0 else f"api{i}"
            self.write(f"{base}/artifacts/apis/{api}/apiInformation.json", json.dumps({"properties": {
                "displayName": api, "path": api, "protocols": ["https"], "serviceUrl": f"http://127.0.0.1:{self.backend_port}",
                "subscriptionRequired": key, "isCurrent": True, "apiRevision": "1"}}))
            paths = {"/1k": {"get": {"operationId": "get-1k", "responses": {"200": {"description": "ok"}}}},
                     "/post": {"post": {"operationId": "post", "responses": {"200": {"description": "ok"}}}}}
            if apis > 1:
                for j in range(8):
                    paths[f"/r{j}/{{id}}"] = {"get": {"operationId": f"r{j}", "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}], "responses": {"200": {"description": "ok"}}}}
            self.write(f"{base}/artifacts/apis/{api}/specification.json", json.dumps({"openapi": "3.0.3", "info": {"title": api, "version": "1"}, "paths": paths}))
        if policies:
            self.write(f"{base}/artifacts/apis/api/policy.xml", f"<policies><inbound><base />{policies}</inbound><backend><base /></backend><outbound><base /></outbound><on-error><base /></on-error></policies>")
        args = [self.binary, "serve"]
        if key:
            self.write(f"{base}/artifacts/subscriptions/bench/subscriptionInformation.json", json.dumps({"properties": {"displayName": "bench", "scope": "/apis", "state": "active"}}))
            self.write(f"{base}/keys.yaml", "bench: { primary: bench-key, secondary: bench-key-2 }\n")
            args += ["--keys", "keys.yaml"]
        process = self.spawn(args, self.core_proxy, cwd=folder)
        wait_for(port)
        time.sleep(0.5)
        return Proxy(self, name, port, [process.pid], process, prefix="/api", folder=folder)

    def close(self):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
        shutil.rmtree(self.dir, ignore_errors=True)


class Proxy:
    def __init__(self, bench, name, port, pids, process, prefix, folder=None):
        self.bench, self.name, self.port, self.pids, self.process, self.prefix, self.folder = bench, name, port, pids, process, prefix, folder

    def load(self, args, path, seconds):
        """Requests per CPU-second of the proxy under h2load; also p99 in ms, requests per second and failures."""
        before, start = cpu_seconds(self.pids), time.time()
        url = f"https://127.0.0.1:{self.port}{self.prefix}{path}"
        out = subprocess.run(["taskset", "-c", str(self.bench.core_other), "h2load", "-t1", *args, url], capture_output=True, text=True, timeout=seconds * 10 + 60).stdout
        cpu = cpu_seconds(self.pids) - before
        match = re.search(r"requests: (\d+) total, (\d+) started, (\d+) done, (\d+) succeeded, (\d+) failed", out)
        if not match:
            raise SystemExit(f"h2load said:\n{out}")
        succeeded, failed = int(match[4]), int(match[5])
        bad = sum(int(n) for n in re.search(r"status codes: \d+ 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", out).groups())
        return {"per_cpu": succeeded / cpu if cpu else 0.0, "rate": succeeded / (time.time() - start), "bad": failed + bad, "cpu": cpu}


def scenario_rows(bench, rounds, requests):
    body = bench.write("body", "y" * 10240)
    h1 = ["--h1", "-c", "32", "-n", str(requests)]
    h2 = ["-c", "8", "-m", "8", "-n", str(requests)]
    post = ["--h1", "-c", "32", "-n", str(requests // 2), "-d", body]
    shakes = ["--h1", "-c", "{n}", "-n", "{n}"]
    nginx1, nginx2 = bench.start_nginx(False), bench.start_nginx(True)
    plain = bench.start_gatehouse()
    limited = bench.start_gatehouse(policies='<rate-limit calls="1000000000" renewal-period="300" />', key=True)
    key = ["-H", "Ocp-Apim-Subscription-Key: bench-key"]
    handshakes = 3000
    rows = [
        ("plain route, HTTP/1.1, 1 KB", 0.9, nginx1, plain, h1, h1, "/1k"),
        ("plain route, HTTP/2, 1 KB", 0.85, nginx2, plain, h2, h2, "/1k"),
        ("10 KB POST, HTTP/1.1", 0.9, nginx1, plain, post, post, "/post"),
        ("key and rate limit, HTTP/1.1, 1 KB", 0.85, nginx1, limited, h1, h1 + key, "/1k"),
        ("full handshakes, TLS 1.3, P-256", 1.9, nginx1, plain, None, None, "/1k"),
    ]
    results = []
    for title, goal, reference, subject, args_a, args_b, path in rows:
        ratios, ours, theirs, bad = [], [], [], 0
        for round_number in range(rounds + 1):
            if args_a is None:
                a = handshake_load(reference, handshakes, path)
                b = handshake_load(subject, handshakes, path)
            else:
                a, b = reference.load(args_a, path, 30), subject.load(args_b, path, 30)
            if round_number == 0:
                continue  # warm-up
            ratios.append(b["per_cpu"] / a["per_cpu"])
            ours.append(b["per_cpu"])
            theirs.append(a["per_cpu"])
            bad += a["bad"] + b["bad"]
        row = {"scenario": title, "goal": goal, "nginx": statistics.median(theirs), "gatehouse": statistics.median(ours),
               "ratio": statistics.median(ratios), "min": min(ratios), "max": max(ratios), "bad": bad}
        results.append(row)
        print(f"| {title} | {row['nginx']:.0f} | {row['gatehouse']:.0f} | **{row['ratio']:.2f}** ({row['min']:.2f}..{row['max']:.2f}) | ≥ {goal} | {bad} |", flush=True)
    return results, plain, nginx1


def handshake_load(proxy, count, path):
    """Connections with one request each and no resumption: the handshake dominates."""
    before = cpu_seconds(proxy.pids)
    context = "openssl"
    url = f"https://127.0.0.1:{proxy.port}{proxy.prefix}{path}"
    done = bad = 0
    for _ in range(max(1, count // 250)):
        out = subprocess.run(["taskset", "-c", str(proxy.bench.core_other), "h2load", "-t1", "--h1", "-c", "250", "-n", "250", url], capture_output=True, text=True, timeout=120).stdout
        match = re.search(r"(\d+) succeeded, (\d+) failed", out)
        done += int(match[1])
        bad += int(match[2])
    cpu = cpu_seconds(proxy.pids) - before
    return {"per_cpu": done / cpu, "bad": bad}


def idle_connections(proxy, count):
    """KiB of resident memory that an idle TLS connection with one answered request costs."""
    import resource
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(count, hard - 200)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, count + 200), hard))
    before = resident_kib(proxy.pids)
    context = ssl.create_default_context(cafile=proxy.bench.path("server.pem"))
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    held = []
    for _ in range(count):
        raw = socket.create_connection(("127.0.0.1", proxy.port))
        tls = context.wrap_socket(raw, server_hostname="localhost")
        tls.sendall(f"GET {proxy.prefix}/1k HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        tls.recv(4096)
        held.append(tls)
    time.sleep(1)
    each = (resident_kib(proxy.pids) - before) / count
    for tls in held:
        tls.close()
    return count, each, before


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def latency(port, path, rate, seconds, tls=True):
    """Latencies in ms of an open-loop stream of requests over four connections."""
    import threading
    results, lock = [], threading.Lock()

    def worker(share):
        if tls:
            context = ssl._create_unverified_context()
            raw = socket.create_connection(("127.0.0.1", port))
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            conn = context.wrap_socket(raw, server_hostname="localhost")
        else:
            conn = socket.create_connection(("127.0.0.1", port))
            conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
        next_at, end, mine = time.perf_counter(), time.perf_counter() + seconds, []
        while next_at < end:
            delay = next_at - time.perf_counter()
            if delay > 0:
                time.sleep(delay)
            start = time.perf_counter()
            conn.sendall(request)
            got = b""
            while b"\r\n\r\n" not in got:
                got += conn.recv(65536)
            head, rest = got.split(b"\r\n\r\n", 1)
            length = int(re.search(rb"(?i)content-length: (\d+)", head)[1])
            while len(rest) < length:
                rest += conn.recv(65536)
            mine.append((time.perf_counter() - start) * 1000)
            next_at += share
        with lock:
            results.extend(mine)

    threads = [threading.Thread(target=worker, args=(4 / rate,)) for _ in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("binary", help="the gatehouse binary, built with --release")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=40000)
    parser.add_argument("--idle", type=int, default=10000)
    parser.add_argument("--json")
    options = parser.parse_args()
    for tool in ["nginx", "h2load", "openssl", "taskset", "pgrep"]:
        if not shutil.which(tool):
            raise SystemExit(f"{tool} is missing: apt-get install nginx-light nghttp2-client openssl util-linux procps")
    bench = Bench(options.binary)
    figures = {}
    try:
        versions = subprocess.run(["nginx", "-v"], capture_output=True, text=True).stderr.strip()
        print(f"{versions}; {subprocess.run(['h2load', '--version'], capture_output=True, text=True).stdout.strip()}; {subprocess.run([options.binary, 'version'], capture_output=True, text=True).stdout.strip()}; {os.cpu_count()} cores\n")
        print("| scenario | nginx, requests per CPU-second | Gatehouse | ratio (least..most) | goal | failures |\n|---|---|---|---|---|---|", flush=True)
        figures["ratios"], plain, nginx = scenario_rows(bench, options.rounds, options.requests)
        print()
        fresh = bench.start_gatehouse()
        idle_kib = resident_kib(fresh.pids)
        count, each, _ = idle_connections(fresh, options.idle)
        figures["idle_mib"], figures["idle_connection_kib"] = idle_kib / 1024, each
        print(f"| resident memory, idle | {idle_kib/1024:.1f} MiB | goal ≤ 30 MiB |\n|---|---|---|\n| an idle TLS connection, {count} of them | {each:.1f} KiB | goal ≤ 20 KiB |", flush=True)
        direct = latency(bench.backend_port, "/1k", 600, 5, tls=False)
        through = latency(plain.port, "/api/1k", 600, 5)
        added = percentile(through, 0.99) - percentile(direct, 0.99)
        figures["added_p99_ms"] = added
        print(f"| added p99 at 600 requests a second | {added:.2f} ms | goal ≤ 1 ms |", flush=True)
        many = bench.start_gatehouse(apis=1000)
        figures.update(reload_figures(many))
        print(f"| reload of 1,000 APIs with 10 operations each | {figures['reload_s']:.2f} s | goal ≤ 1 s |\n| p99 during reloads against p99 without | {figures['reload_p99_ratio']:.2f} | goal ≤ 1.3 |", flush=True)
    finally:
        bench.close()
    if options.json:
        json.dump(figures, open(options.json, "w"), indent=1)


def reload_figures(proxy):
    quiet = latency(proxy.port, "/api/1k", 300, 6)
    log = proxy.bench.path("stderr.log")
    times = []

    import threading
    stop = threading.Event()

    def reloads():
        while not stop.is_set():
            offset = os.path.getsize(log)
            start = time.perf_counter()
            os.kill(proxy.process.pid, 1)
            while time.perf_counter() - start < 20:
                with open(log) as f:
                    f.seek(offset)
                    if "reloaded" in f.read():
                        times.append(time.perf_counter() - start)
                        break
                time.sleep(0.01)
            stop.wait(1)

    thread = threading.Thread(target=reloads)
    thread.start()
    busy = latency(proxy.port, "/api/1k", 300, 6)
    stop.set()
    thread.join()
    return {"reload_s": statistics.median(times), "reload_p99_ratio": percentile(busy, 0.99) / percentile(quiet, 0.99)}


if __name__ == "__main__":
    main()
