"""A gRPC client by grpcio that calls everything of grpc_server.py through a gateway."""

import argparse
import time

import grpc


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--target", required=True)
    parser.add_argument("--authority", required=True)
    parser.add_argument("--name", required=True)
    arguments = parser.parse_args()
    with open(arguments.authority, "rb") as authority:
        credentials = grpc.ssl_channel_credentials(authority.read())
    options = (("grpc.ssl_target_name_override", arguments.name), ("grpc.enable_retries", 0))
    with grpc.secure_channel(arguments.target, credentials, options) as channel:
        check_unary(channel)
        check_streams(channel)
        check_failures(channel)
        check_many(channel)
    print("all calls are good")


def check_unary(channel):
    unary = channel.unary_unary("/test.Echo/Unary")
    answer, call = unary.with_call(b"abc", timeout=10, metadata=(("x-mine", "1"),))
    assert answer == b"cba", answer
    trailers = dict(call.trailing_metadata())
    assert trailers["x-trailer"] == "set", trailers
    assert call.code() == grpc.StatusCode.OK
    large = bytes(range(256)) * 8192
    assert unary(large, timeout=20) == large[::-1]
    assert unary(b"", timeout=10) == b""


def check_streams(channel):
    parts = list(channel.unary_stream("/test.Echo/ServerStream")(b"20", timeout=10))
    assert parts == [b"part %d" % number for number in range(20)], parts
    total = channel.stream_unary("/test.Echo/ClientStream")((b"x" * 1000 for _ in range(500)), timeout=20)
    assert total == b"500000", total

    # Each answer comes before the next request is made: nothing on the way collects.
    answers = []

    def requests():
        for number in range(10):
            yield b"message %d" % number
            deadline = time.monotonic() + 5
            while len(answers) <= number:
                assert time.monotonic() < deadline, "an answer waits for the next request"
                time.sleep(0.001)

    for answer in channel.stream_stream("/test.Echo/Bidirectional")(requests(), timeout=20):
        answers.append(answer)
    assert answers == [b"MESSAGE %d" % number for number in range(10)], answers


def check_failures(channel):
    expect(channel, "/test.Echo/Fail", grpc.StatusCode.NOT_FOUND, "no such thing: \u20ac", ("x-trailer", "failed"))
    expect(channel, "/test.Echo/Absent", grpc.StatusCode.UNIMPLEMENTED, None, None)
    start = time.monotonic()
    try:
        channel.unary_unary("/test.Echo/Slow")(b"", timeout=0.5)
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED, error
    assert time.monotonic() - start < 5


def expect(channel, method, code, details, trailer):
    try:
        channel.unary_unary(method)(b"", timeout=10)
    except grpc.RpcError as error:
        assert error.code() == code, error
        assert details is None or error.details() == details, error
        assert trailer is None or trailer in [tuple(pair) for pair in error.trailing_metadata()], error
    else:
        raise AssertionError(f"{method} is good")


def check_many(channel):
    unary = channel.unary_unary("/test.Echo/Unary")
    calls = [unary.future(b"%d" % number, timeout=20) for number in range(200)]
    for number, call in enumerate(calls):
        assert call.result() == (b"%d" % number)[::-1]


main()
