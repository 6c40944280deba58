import asyncio


async def converse(reader, writer):
    async for line in reader:
        writer.write(b"Hello, " + line)
        await writer.drain()
    writer.close()


async def main():
    server = await asyncio.start_server(converse, "127.0.0.1", 0, backlog=4096)
    print(f"listening on port {server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


asyncio.run(main())
