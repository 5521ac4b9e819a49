"""A WebSocket client by websockets that speaks to websocket_server.py through a gateway."""

import argparse
import asyncio
import json
import os
import ssl

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, InvalidStatus


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--refused")
    parser.add_argument("--authority", required=True)
    parser.add_argument("--key")
    arguments = parser.parse_args()
    tls = ssl.create_default_context(cafile=arguments.authority)
    headers = {"Ocp-Apim-Subscription-Key": arguments.key} if arguments.key else {}

    def open_socket(url=arguments.url, **more):
        return connect(url, ssl=tls, max_size=None, proxy=None, additional_headers=headers, **more)

    async with open_socket(subprotocols=["chat"]) as socket:
        assert socket.subprotocol == "chat", socket.subprotocol
        seen = json.loads(await socket.recv())
        assert "ocp-apim-subscription-key" not in seen["headers"], seen
        assert seen["headers"]["x-forwarded-proto"] == "https", seen
        for message in ["hello", "", "\u20ac" * 1000, b"\x00\xff", os.urandom(4 * 1024 * 1024)]:
            await socket.send(message)
            assert await socket.recv() == message
        # Both directions at once.
        messages = [os.urandom(50_000) for _ in range(100)]

        async def send():
            for message in messages:
                await socket.send(message)

        sending = asyncio.create_task(send())
        for message in messages:
            assert await socket.recv() == message
        await sending
        await socket.ping()
    assert socket.close_code == 1000, socket.close_code

    async with open_socket() as socket:
        await socket.recv()
        await socket.send("close 4001")
        try:
            await socket.recv()
        except ConnectionClosed as closed:
            assert (closed.rcvd.code, closed.rcvd.reason) == (4001, "as you say"), closed
        else:
            raise AssertionError("the server's close does not come")

    async with open_socket() as socket:
        await socket.recv()
        await socket.send("die")
        try:
            await asyncio.wait_for(socket.recv(), 5)
        except ConnectionClosedError as closed:
            assert closed.rcvd is None, closed
        else:
            raise AssertionError("the server's death is not seen")

    if arguments.refused:
        try:
            async with open_socket(arguments.refused):
                pass
        except InvalidStatus as refused:
            assert refused.response.status_code != 101, refused
        else:
            raise AssertionError("another API speaks WebSocket")
    if arguments.key:
        headers.clear()
        try:
            async with open_socket():
                pass
        except InvalidStatus as refused:
            assert refused.response.status_code == 401, refused
        else:
            raise AssertionError("no key is asked for")
    print("all conversations are good")


asyncio.run(main())
