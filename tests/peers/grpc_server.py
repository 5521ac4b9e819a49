"""A gRPC server by grpcio. Prints the port that it listens on."""

import argparse
import sys
import time
from concurrent import futures

import grpc


def unary(request, context):
    metadata = dict(context.invocation_metadata())
    context.set_trailing_metadata((("x-trailer", "set"), ("x-seen-hop", metadata.get("x-hop", "none"))))
    return request[::-1]


def server_stream(request, context):
    for number in range(int(request)):
        yield b"part %d" % number
        time.sleep(0.01)


def client_stream(requests, context):
    return b"%d" % sum(len(request) for request in requests)


def bidirectional(requests, context):
    for request in requests:
        yield request.upper()


def fail(request, context):
    context.set_trailing_metadata((("x-trailer", "failed"),))
    context.abort(grpc.StatusCode.NOT_FOUND, "no such thing: \u20ac")


def slow(request, context):
    time.sleep(30)
    return b""


HANDLERS = {
    "Unary": grpc.unary_unary_rpc_method_handler(unary),
    "ServerStream": grpc.unary_stream_rpc_method_handler(server_stream),
    "ClientStream": grpc.stream_unary_rpc_method_handler(client_stream),
    "Bidirectional": grpc.stream_stream_rpc_method_handler(bidirectional),
    "Fail": grpc.unary_unary_rpc_method_handler(fail),
    "Slow": grpc.unary_unary_rpc_method_handler(slow),
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--certificate")
    parser.add_argument("--key")
    arguments = parser.parse_args()
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=8))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Echo", HANDLERS),))
    if arguments.certificate:
        with open(arguments.certificate, "rb") as certificate, open(arguments.key, "rb") as key:
            credentials = grpc.ssl_server_credentials([(key.read(), certificate.read())])
        port = server.add_secure_port("127.0.0.1:0", credentials)
    else:
        port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    sys.stdout.flush()
    server.wait_for_termination()


main()
