"""The proxies that are compared, and the backend behind them."""
import json
import os
import subprocess

from processes import OTHER_CORE, PROXY_CORE, free_port

KEY = "bench-key-00000000000000000000000"


class Proxy:
    """A running proxy: its port, the process whose CPU time counts, and where its APIs begin."""

    def __init__(self, name, port, pid, prefix="", process=None, log=None, folder=None):
        self.name, self.port, self.pid, self.prefix = name, port, pid, prefix
        self.process, self.log, self.folder = process, log, folder

    def url(self, path):
        return f"https://127.0.0.1:{self.port}{self.prefix}{path}"


def _nginx(shop, name, core, port, inside):
    at = lambda part: shop.path(name, part)
    configuration = shop.write(f"{name}/nginx.conf", f"""
daemon off; worker_processes 1; pid {at('pid')}; error_log {at('error.log')}; worker_rlimit_nofile 65536;
events {{ worker_connections 16384; }}
http {{
  log_format main '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent '
                  '"$http_referer" "$http_user_agent" $request_time $upstream_response_time';
  client_body_temp_path {at('body')}; proxy_temp_path {at('proxy')}; fastcgi_temp_path {at('f')};
  uwsgi_temp_path {at('u')}; scgi_temp_path {at('s')};
  keepalive_requests 100000000; keepalive_timeout 3600s; server_tokens off; tcp_nodelay on;
{inside}
}}
""")
    process, log = shop.start(name, ["nginx", "-c", configuration, "-p", shop.path(name)], core, port)
    children = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True).stdout.split()
    return process, log, int(children[0])


def start_backend(shop):
    """A second nginx: 1 KB from memory, and a sink that reads a body to its end before it answers."""
    port = free_port()
    shop.write("www/1k", "x" * 1024)
    sink = shop.path("sink.sock")
    _nginx(shop, "backend", OTHER_CORE, port, f"""
  access_log off; open_file_cache max=10; sendfile on;
  upstream sink {{ server unix:{sink}; keepalive 64; keepalive_requests 100000000; }}
  server {{ listen unix:{sink}; return 200 "ok"; }}
  server {{ listen 127.0.0.1:{port} backlog=4096; root {shop.path('www')};
    location = /1k {{ }}
    location = /post {{ client_max_body_size 1m; client_body_buffer_size 64k; proxy_pass http://sink;
      proxy_http_version 1.1; proxy_set_header Connection ""; }} }}""")
    return port


def start_nginx(shop, backend, http2, access_log=True):
    """nginx as its plainest reverse proxy: pooled upstream connections and a buffered access log."""
    port = free_port()
    name = f"nginx-{port}"
    log_line = f"access_log {shop.path(name, 'access.log')} main buffer=64k flush=1s;" if access_log else "access_log off;"
    process, log, worker = _nginx(shop, name, PROXY_CORE, port, f"""
  {log_line}
  upstream backend {{ server 127.0.0.1:{backend}; keepalive 256; keepalive_requests 100000000; }}
  server {{ listen 127.0.0.1:{port} ssl {'http2' if http2 else ''} backlog=4096;
    ssl_certificate {shop.path('server.pem')}; ssl_certificate_key {shop.path('server.key')}; ssl_protocols TLSv1.3;
    http2_max_concurrent_streams 128;
    location / {{ proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_request_buffering off; client_max_body_size 1m;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; }} }}""")
    return Proxy("nginx", port, worker, process=process, log=log)


def start_gatehouse(shop, binary, backend, policies="", key=False, apis=1, firewall=False):
    """Gatehouse with its defaults: access log to a file, metrics counted and served by a second listener. The firewall is
    off unless asked for: nginx has none."""
    port, metrics = free_port(), free_port()
    name = f"gatehouse-{port}"
    tls = f"{{ certificates: [ {{ certificate: {shop.path('server.pem')}, key: {shop.path('server.key')} }} ] }}"
    shop.write(f"{name}/gatehouse.yaml", f"""
artifacts: artifacts
listeners:
  - {{ name: public, zone: external, address: "127.0.0.1:{port}", serves: [gateway], tls: {tls} }}
  - {{ name: measures, zone: internal, address: "127.0.0.1:{metrics}", serves: [metrics], tls: {tls} }}
zones: {{ external: {{ expose: all }} }}
waf: {{ mode: {'prevention' if firewall else 'off'} }}
telemetry: {{ access_log: access.log, metrics: true }}
limits: {{ idle_timeout: 1h }}
""")
    for number in range(apis):
        write_api(shop, name, "api" if number == 0 else f"api{number}", backend, key, operations=2 if apis == 1 else 10)
    if policies:
        shop.write(f"{name}/artifacts/apis/api/policy.xml",
                   f"<policies><inbound><base />{policies}</inbound><backend><base /></backend>"
                   "<outbound><base /></outbound><on-error><base /></on-error></policies>")
    args = [os.path.abspath(binary), "serve"]
    if key:
        shop.write(f"{name}/artifacts/subscriptions/bench/subscriptionInformation.json",
                   json.dumps({"properties": {"displayName": "bench", "scope": "/apis", "state": "active"}}))
        shop.write(f"{name}/keys.yaml", f"bench: {{ primary: {KEY}, secondary: {KEY}2 }}\n")
        args += ["--keys", "keys.yaml"]
    folder = shop.path(name)
    process, log = shop.start(name, args, PROXY_CORE, port, cwd=folder)
    return Proxy("gatehouse", port, process.pid, prefix="/api", process=process, log=log, folder=folder)


def write_api(shop, name, api, backend, key, operations):
    shop.write(f"{name}/artifacts/apis/{api}/apiInformation.json", json.dumps({"properties": {
        "displayName": api, "path": api, "protocols": ["https"], "serviceUrl": f"http://127.0.0.1:{backend}",
        "subscriptionRequired": key, "isCurrent": True, "apiRevision": "1"}}))
    ok = {"200": {"description": "ok"}}
    paths = {"/1k": {"get": {"operationId": "get-1k", "responses": ok}},
             "/post": {"post": {"operationId": "post", "responses": ok}}}
    for number in range(operations - 2):
        paths[f"/r{number}/{{id}}"] = {"get": {"operationId": f"r{number}", "responses": ok, "parameters": [
            {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}]}}
    shop.write(f"{name}/artifacts/apis/{api}/specification.json",
               json.dumps({"openapi": "3.0.3", "info": {"title": api, "version": "1"}, "paths": paths}))
