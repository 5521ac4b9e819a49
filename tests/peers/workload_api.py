"""A SPIFFE Workload API (gRPC over a Unix socket), by the official gRPC library for Python.

python workload_api.py SOCKET CERTIFICATE KEY

It prints `ready`. JWT-SVIDs are unsigned stand-ins that name the audience; the X.509-SVID is that of the files.
"""
import base64
import json
import sys
import time
from concurrent import futures

import grpc

socket, certificate, key = sys.argv[1:]


def der(path):
    lines = open(path).read().splitlines()
    return base64.b64decode("".join(line for line in lines if not line.startswith("-----")))


def varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number, value):
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def part(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def trusted(context):
    if ("workload.spiffe.io", "true") not in context.invocation_metadata():
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, "the security header is missing")


def fetch_jwt(request, context):
    trusted(context)
    # FetchJWTSVID's request: audience = 1, shorter than 128 bytes here.
    audience = request[2 : 2 + request[1]].decode()
    claims = {"sub": "spiffe://contoso.example/gateway", "aud": [audience], "exp": int(time.time()) + 300}
    token = f"{part({'alg': 'ES256', 'typ': 'JWT'})}.{part(claims)}.AAAA"
    return field(1, field(1, "spiffe://contoso.example/gateway") + field(2, token))


def fetch_x509(request, context):
    trusted(context)
    svid = field(1, "spiffe://contoso.example/gateway") + field(2, der(certificate)) + field(3, der(key))
    yield field(1, svid)
    # The stream goes on for as long as somebody listens.
    while context.is_active():
        time.sleep(0.1)


handlers = {
    "FetchJWTSVID": grpc.unary_unary_rpc_method_handler(fetch_jwt),
    "FetchX509SVID": grpc.unary_stream_rpc_method_handler(fetch_x509),
}
server = grpc.server(futures.ThreadPoolExecutor(8))
server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("SpiffeWorkloadAPI", handlers),))
server.add_insecure_port(f"unix:{socket}")
server.start()
print("ready", flush=True)
server.wait_for_termination()
