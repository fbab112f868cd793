#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The program of echo.go on asyncio, whose sockets never block:

	echo.py serve HOST PORT
	echo.py client HOST PORT CONNECTIONS SECONDS

The server echoes what it receives until the end of the stream. Each connection of the
client sends for SECONDS, shuts down its sending side, and compares the checksum of
what came back. The client prints the number of bytes and the throughput as JSON.
The exit status is 0 if every connection got its own data back, 1 otherwise.
"""

import asyncio
import json
import random
import sys
import time
import zlib

CHUNK = 128 << 10


async def serve_one(reader, writer):
    while data := await reader.read(CHUNK):
        writer.write(data)
        await writer.drain()
    writer.close()
    await writer.wait_closed()


async def serve(host, port):
    server = await asyncio.start_server(serve_one, host, port, limit=CHUNK)
    await server.serve_forever()


async def receive(reader):
    total = crc = 0
    while data := await reader.read(CHUNK):
        total += len(data)
        crc = zlib.crc32(data, crc)
    return total, crc


async def exchange(host, port, seed, until):
    reader, writer = await asyncio.open_connection(host, port, limit=CHUNK)
    received = asyncio.create_task(receive(reader))
    source = random.Random(seed)
    data = source.randbytes(2 * CHUNK)
    total = crc = 0
    while time.monotonic() < until:
        # A random part of the data each time.
        start = source.randrange(CHUNK)
        piece = data[start:start + 1 + source.randrange(CHUNK)]
        writer.write(piece)
        await writer.drain()
        total += len(piece)
        crc = zlib.crc32(piece, crc)
    writer.write_eof()
    got = await received
    writer.close()
    await writer.wait_closed()
    if got != (total, crc):
        sys.exit(f"sent {(total, crc)}, received {got}")
    return total


async def client(host, port, connections, seconds):
    start = time.monotonic()
    total = sum(await asyncio.gather(*(exchange(host, port, seed, start + seconds)
                                       for seed in range(connections))))
    took = time.monotonic() - start
    print(json.dumps({"bytes": total, "seconds": took, "mib_per_s": total / took / 2**20}))


def main(args):
    if len(args) == 3 and args[0] == "serve":
        asyncio.run(serve(args[1], int(args[2])))
    elif len(args) == 5 and args[0] == "client":
        asyncio.run(client(args[1], int(args[2]), int(args[3]), int(args[4])))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
