"""Azure's metadata service, Azure Key Vault and HashiCorp Vault, as far as their wire goes.

vault_server.py CERTIFICATE KEY

It prints the port of the vaults (TLS) and that of the metadata service (plain), in one line. `POST /control` with JSON sets
what the vaults do: `value` of every secret, `status` for a failure, `retry_after`. `GET /control` tells the counts.
"""
import base64
import json
import os
import ssl
import sys
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

state = {"value": "first", "status": 200, "retry_after": None}
counts = {"tokens": 0, "secrets": 0, "refused": 0, "logins": 0}
lock = threading.Lock()
# What the metadata service gives, a JSON Web Token by its form.
TOKEN = ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (b'{"alg":"none"}', b'{"aud":"vault"}', b"x"))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=None, headers=()):
        text = json.dumps(body).encode() if body is not None else b""
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def body(self):
        return self.rfile.read(int(self.headers.get("content-length") or 0))


class Metadata(Handler):
    def do_GET(self):
        url = urlsplit(self.path)
        query = parse_qs(url.query)
        if url.path != "/metadata/identity/oauth2/token" or self.headers.get("metadata") != "true":
            return self.answer(400, {"error": "invalid_request"})
        if "x-forwarded-for" in self.headers or query.get("api-version") != ["2018-02-01"] or "resource" not in query:
            return self.answer(400, {"error": "invalid_request"})
        counts["tokens"] += 1
        self.answer(200, {
            "access_token": TOKEN, "client_id": "c", "expires_in": "86399", "expires_on": "4102444800", "ext_expires_in": "86399",
            "not_before": "1", "resource": query["resource"][0], "token_type": "Bearer",
        })


class Vault(Handler):
    def do_GET(self):
        if self.path == "/control":
            return self.answer(200, counts)
        path = urlsplit(self.path).path
        if path.startswith("/v1/"):
            return self.hashicorp(path)
        return self.key_vault(path)

    def do_POST(self):
        text = self.body()
        if self.path == "/control":
            with lock:
                state.update(json.loads(text))
            return self.answer(200, {})
        if self.path == "/v1/auth/approle/login":
            given = json.loads(text)
            if (given.get("role_id"), given.get("secret_id")) != ("role", "secret"):
                return self.answer(400, {"errors": ["invalid role or secret ID"]})
            return self.log_in()
        if self.path == "/v1/auth/cert/login":
            shown = self.connection.getpeercert() or {}
            names = [value for part in shown.get("subject", ()) for name, value in part if name == "commonName"]
            if names != ["gateway"] or json.loads(text) != {"name": "apis"}:
                return self.answer(400, {"errors": ["invalid certificate or no client certificate supplied"]})
            return self.log_in()
        if self.path == "/v1/auth/jwt/login":
            given = json.loads(text)
            claims = given["jwt"].split(".")[1]
            claims = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
            if given.get("role") != "apis" or claims["aud"] != f"https://localhost:{self.server.server_address[1]}":
                return self.answer(400, {"errors": ["invalid audience"]})
            return self.log_in()
        self.answer(404, {"errors": []})

    def log_in(self):
        counts["logins"] += 1
        auth = {"client_token": "hvs.test", "lease_duration": 3600, "renewable": True, "policies": ["default"]}
        self.answer(200, {"request_id": str(uuid.uuid4()), "auth": auth, "data": None})

    def failing(self, shape):
        if state["status"] == 200:
            return False
        retry = state["retry_after"]
        self.answer(state["status"], shape, [("retry-after", str(retry))] if retry else [])
        return True

    def key_vault(self, path):
        parts = [part for part in path.split("/") if part]
        if self.headers.get("authorization") != f"Bearer {TOKEN}":
            counts["refused"] += 1
            port = self.server.server_address[1]
            challenge = f'Bearer authorization="https://login.example/tenant", resource="https://localhost:{port}"'
            return self.answer(401, {"error": {"code": "Unauthorized"}}, [("www-authenticate", challenge)])
        if self.failing({"error": {"code": "Throttled"}}):
            return None
        if len(parts) not in (2, 3) or parts[0] != "secrets" or "api-version=" not in self.path:
            return self.answer(404, {"error": {"code": "SecretNotFound", "message": "none"}})
        counts["secrets"] += 1
        host = self.headers["host"]
        attributes = {"enabled": True, "created": 1, "updated": 1, "recoveryLevel": "Recoverable"}
        self.answer(200, {"value": state["value"], "id": f"https://{host}/secrets/{parts[1]}/{'0' * 32}", "attributes": attributes})

    def hashicorp(self, path):
        if self.headers.get("x-vault-token") != "hvs.test":
            return self.answer(403, {"errors": ["permission denied"]})
        if self.failing({"errors": ["Vault is sealed"]}):
            return None
        counts["secrets"] += 1
        fields = {"value": state["value"], "password": state["value"]}
        if path.startswith("/v1/secret/data/"):
            metadata = {"version": 1, "destroyed": False, "deletion_time": "", "created_time": "2026-01-01T00:00:00Z", "custom_metadata": None}
            return self.answer(200, {"request_id": "r", "data": {"data": fields, "metadata": metadata}})
        self.answer(200, {"request_id": "r", "lease_duration": 3600, "data": fields})


def serve(handler, context=None):
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
# Clients may show a certificate of the authority beside that of the server.
context.verify_mode = ssl.CERT_OPTIONAL
context.load_verify_locations(os.path.join(os.path.dirname(sys.argv[1]), "ca.pem"))
print(serve(Vault, context), serve(Metadata), flush=True)
threading.Event().wait()
