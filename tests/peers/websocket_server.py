"""A WebSocket server by websockets: echoes, and closes as it is told. Prints the port that it listens on."""

import asyncio
import json

from websockets.asyncio.server import serve


async def talk(connection):
    headers = {name.lower(): value for name, value in connection.request.headers.raw_items()}
    await connection.send(json.dumps({"path": connection.request.path, "headers": headers}))
    async for message in connection:
        if message == "close 4001":
            await connection.close(4001, "as you say")
        elif message == "die":
            connection.transport.abort()
        else:
            await connection.send(message)


async def main():
    def choose(connection, offered):
        return "chat" if "chat" in offered else None

    async with serve(talk, "127.0.0.1", 0, max_size=None, select_subprotocol=choose) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.get_running_loop().create_future()


asyncio.run(main())
