#!/usr/bin/env python3
"""Measures Gatehouse against Debian's nginx on this machine.

Both proxies have one worker on one core, the same backend (a second nginx on the other core, beside the load
generator), TLS 1.3 with the same P-256 certificate, and an access log. What counts is requests per second of the
proxy's own CPU time, which other work on the machine disturbs less than wall-clock figures. Every round measures both
proxies in turn, and the ratio is taken round by round. Prints Markdown tables; `--json FILE` keeps the figures.
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess

import load
import proxies
from processes import Workshop, cpu_seconds, resident_kib

RATE_LIMIT = '<rate-limit calls="1000000000" renewal-period="300" />'
HANDSHAKES = 2000


class Comparison:
    def __init__(self, shop, binary, options):
        self.shop, self.binary, self.options = shop, binary, options
        self.backend = proxies.start_backend(shop)
        self.figures = {"ratios": {}}

    def gatehouse(self, **settings):
        return proxies.start_gatehouse(self.shop, self.binary, self.backend, **settings)

    def ratios(self):
        requests = self.options.requests
        body = self.shop.write("body", "y" * 10240)
        h1 = ["--h1", "-c", "32", "-n", str(requests)]
        h2 = ["-c", "8", "-m", "8", "-n", str(requests)]
        post = ["--h1", "-c", "32", "-n", str(requests // 2), "-d", body]
        key = ["-H", f"Ocp-Apim-Subscription-Key: {proxies.KEY}"]
        nginx1 = proxies.start_nginx(self.shop, self.backend, http2=False)
        nginx2 = proxies.start_nginx(self.shop, self.backend, http2=True)
        plain = self.gatehouse()
        limited = self.gatehouse(policies=RATE_LIMIT, key=True)
        guarded = self.gatehouse(firewall=True)
        shake = lambda proxy, _args, path: load.handshakes(proxy, HANDSHAKES, path)
        rows = [
            ("h1", "plain route, HTTP/1.1, 1 KB", 0.9, load.throughput, nginx1, h1, plain, h1, "/1k"),
            ("h2", "plain route, HTTP/2, 1 KB", 0.85, load.throughput, nginx2, h2, plain, h2, "/1k"),
            ("post", "10 KB POST, HTTP/1.1", 0.9, load.throughput, nginx1, post, plain, post, "/post"),
            ("key", "key and rate limit, HTTP/1.1, 1 KB", 0.85, load.throughput, nginx1, h1, limited, h1 + key, "/1k"),
            ("waf", "plain route with the firewall's own rules, HTTP/1.1, 1 KB", None, load.throughput, nginx1, h1, guarded, h1, "/1k"),
            ("handshake", "full handshakes with one request each", 1.9, shake, nginx1, None, plain, None, "/1k"),
        ]
        print("| scenario | nginx, per CPU-second | Gatehouse, per CPU-second | ratio: median (least..most) | of all rounds together | goal | failures |")
        print("|---|---|---|---|---|---|---|", flush=True)
        for name, title, goal, measure, reference, theirs_args, subject, ours_args, path in rows:
            if self.options.only and name not in self.options.only:
                continue
            ours, theirs, bad = [], [], 0
            for round_number in range(self.options.rounds + 1):
                a, bad_a = measure(reference, theirs_args, path)
                b, bad_b = measure(subject, ours_args, path)
                bad += bad_a + bad_b
                if round_number > 0:  # The first warms up.
                    theirs.append(a)
                    ours.append(b)
            ratios = [b / a for a, b in zip(theirs, ours)]
            self.figures["ratios"][name] = {"nginx": theirs, "gatehouse": ours, "ratios": ratios, "failures": bad}
            print(f"| {title} | {statistics.median(theirs):.0f} | {statistics.median(ours):.0f} "
                  f"| **{statistics.median(ratios):.2f}** ({min(ratios):.2f}..{max(ratios):.2f}) | {sum(ours) / sum(theirs):.2f} "
                  f"| {f'≥ {goal}' if goal else ''} | {bad} |", flush=True)
        for proxy in (nginx1, nginx2, limited, guarded):
            proxy.process.terminate()
        return plain

    def memory(self):
        fresh = self.gatehouse()
        idle = resident_kib(fresh.pid) / 1024
        count, each = load.idle_connections(fresh, self.options.idle)
        self.figures["idle_mib"], self.figures["idle_connection_kib"] = idle, each
        second = self.gatehouse()
        _, each_http2 = load.idle_connections(second, self.options.idle, http2=True)
        self.figures["idle_http2_connection_kib"] = each_http2
        second.process.terminate()
        row("resident memory, idle", f"{idle:.1f} MiB", "≤ 30 MiB")
        row(f"an idle TLS connection, one request served, {count:,} open", f"{each:.1f} KiB", "≤ 20 KiB")
        row("the same with HTTP/2", f"{each_http2:.1f} KiB", "≤ 20 KiB")
        fresh.process.terminate()

    def added_latency(self, proxy, capacity):
        """p99 through the proxy less p99 without it, at 30 % of what one core of the proxy can do."""
        rate = int(capacity * 0.3)
        direct_url = f"http://127.0.0.1:{self.backend}/1k"
        added, direct_p99, through_p99, bad = [], [], [], 0
        used = cpu_seconds(proxy.pid)
        for _ in range(self.options.rounds):
            direct, failed_direct = load.latencies(self.shop, direct_url, rate, 3)
            through, failed_through = load.latencies(self.shop, proxy.url("/1k"), rate, 3)
            bad += failed_direct + failed_through
            direct_p99.append(load.percentile(direct, 0.99))
            through_p99.append(load.percentile(through, 0.99))
            added.append(through_p99[-1] - direct_p99[-1])
        self.figures["added_p99"] = {"rate": rate, "added_ms": added, "direct_ms": direct_p99, "through_ms": through_p99, "failures": bad,
                                     "cpu_seconds": cpu_seconds(proxy.pid) - used}
        row(f"added p99 at {rate:,} requests a second",
            f"{statistics.median(added):.2f} ms ({min(added):.2f}..{max(added):.2f}), {bad} failures", "≤ 1 ms")

    def reload(self):
        many = self.gatehouse(apis=1000)
        ratios, times, bad = [], [], 0
        for _ in range(self.options.rounds):
            quiet, failed_quiet = load.latencies(self.shop, many.url("/1k"), 1000, 6)
            reloading = load.Reloading(many, pause=1)
            reloading.start()
            busy, failed_busy = load.latencies(self.shop, many.url("/1k"), 1000, 6)
            times += reloading.stop()
            bad += failed_quiet + failed_busy
            ratios.append(load.percentile(busy, 0.99) / load.percentile(quiet, 0.99))
        self.figures["reload"] = {"seconds": times, "p99_ratios": ratios, "failures": bad}
        row("reload of 1,000 APIs with 10 operations each, under load",
            f"{statistics.median(times):.2f} s ({min(times):.2f}..{max(times):.2f})", "≤ 1 s")
        row("p99 while reloading against p99 without",
            f"{statistics.median(ratios):.2f} ({min(ratios):.2f}..{max(ratios):.2f}), {bad} failures", "≤ 1.3")
        row("resident memory after the reloads", f"{resident_kib(many.pid) / 1024:.1f} MiB", "")
        many.process.terminate()


def row(*cells):
    print("| " + " | ".join(cells) + " |", flush=True)


def version(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    return (done.stdout + done.stderr).strip().splitlines()[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", help="the gatehouse binary, built with --release")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=60000)
    parser.add_argument("--idle", type=int, default=10000, help="idle connections")
    parser.add_argument("--only", nargs="*", help="h1 h2 post key waf handshake memory latency reload")
    parser.add_argument("--json", help="a file for all figures")
    options = parser.parse_args()
    missing = [tool for tool in ("nginx", "h2load", "openssl", "taskset", "pgrep") if not shutil.which(tool)]
    if missing:
        raise SystemExit(f"missing: {', '.join(missing)}. Debian: apt-get install nginx-light nghttp2-client openssl util-linux procps")
    wanted = lambda *names: not options.only or set(names) & set(options.only)
    shop = Workshop()
    try:
        shop.certificate()
        comparison = Comparison(shop, options.binary, options)
        print(f"{version('nginx', '-v')}; {version('h2load', '--version')}; {version(options.binary, 'version')}; "
              f"{version('openssl', 'version')}; Linux {os.uname().release}; {os.cpu_count()} cores; {options.rounds} rounds\n")
        plain = comparison.ratios() if wanted("h1", "h2", "post", "key", "waf", "handshake") else None
        print("\n| figure | measured: median (least..most) | goal |\n|---|---|---|", flush=True)
        if wanted("memory"):
            comparison.memory()
        if wanted("latency"):
            plain = plain or comparison.gatehouse()
            capacity, _ = load.throughput(plain, ["--h1", "-c", "32", "-n", "40000"], "/1k")
            comparison.added_latency(plain, capacity)
        if wanted("reload"):
            comparison.reload()
    finally:
        shop.close()
    if options.json:
        with open(options.json, "w") as file:
            json.dump(comparison.figures, file, indent=1)


if __name__ == "__main__":
    main()
