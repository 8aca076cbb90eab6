"""A client that does what it is told, one JSON object a line, and prints what
came of it: {"id": 1, "op": "emit", …} is answered by the line "result 1 " and
a JSON value. The test of the Go side drives it.

    client.py vectors FILE          checks the codec with the test vectors
    client.py join DIRECTORY NAME [SCHEMA]
                                    joins a domain; SCHEMA is JSON
"""

import asyncio
import json
import sys

import cbor
import ipcio
import wire


class Driver:
    def __init__(self, directory, name, schema=None):
        if schema:
            schema["commands"] = {name: bytes.fromhex(print) for name, print in schema["commands"].items()}
        self.client = ipcio.Client(name, directory=directory, on_gap=self.gap, schema=schema)
        self.seen = {}  # by command: what its handler saw
        self.gaps = []
        self.calls = {}
        self.change, self.released = asyncio.Event(), asyncio.Event()
        for command in ("down", "news", "direct"):
            self.client.on(command, self.note)
        self.client.on("job.*", self.note)
        self.client.on("double", lambda m: self.note(m) or 2 * m.value)
        self.client.on("echo", lambda m: m.value)
        self.client.on("buy", self.buy)
        self.client.on("break", lambda m: 1 // 0)
        self.client.on("sleep", self.sleep)
        self.client.on("who", lambda m: "it is " + self.client.name)
        self.client.on("ask.back", self.ask_back)

    def gap(self, gap):
        self.gaps.append(gap._asdict())
        self.change.set()

    def note(self, message):
        sender = message.peer.name if message.peer else ""
        self.seen.setdefault(message.command, []).append([message.value, message.redelivered, sender])
        self.change.set()

    def buy(self, message):
        raise ipcio.Failed("out_of_stock", "no %s is left" % message.value, {"left": 0})

    async def sleep(self, message):
        """Never ends by itself, and not before it may when it is interrupted."""
        self.note(message)
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            self.seen.setdefault("interrupted", []).append([message.value, False, ""])
            self.change.set()
            await self.released.wait()
            raise

    async def ask_back(self, message):
        return "caller: %s" % await self.client.call("who", within=message)

    # What the test asks for.

    async def emit(self, command, value=None, to=None, count=1):
        """With a count, the values are the numbers below it."""
        for i in range(count):
            await self.client.emit(command, value if count == 1 else i, to)

    async def broadcast(self, command, value):
        await self.client.broadcast(command, value)

    async def call(self, command, value=None, to=None, timeout=20.0):
        try:
            return {"value": await self.client.call(command, value, to, timeout)}
        except ipcio.Failed as e:
            return {"code": e.code, "message": e.message, "data": e.data, "outcome": e.outcome}

    async def call_many(self, command, count):
        """Calls one after another; returns the replies."""
        return [await self.client.call(command, i, timeout=20) for i in range(count)]

    async def begin(self, key, command, value=None):
        self.calls[key] = asyncio.ensure_future(self.call(command, value))

    async def cancel(self, key):
        self.calls[key].cancel()
        try:
            return await self.calls[key]
        except asyncio.CancelledError:
            return "cancelled"

    async def result(self, key):
        return await self.calls[key]

    async def wait(self, command, count):
        """Returns what was seen of a command, as soon as there is so much."""
        return await self.until(lambda: self.seen.get(command, []), count)

    async def missed(self, count):
        return await self.until(lambda: self.gaps, count)

    async def until(self, items, count):
        while len(items()) < count:
            self.change.clear()
            await self.change.wait()
        return items()

    async def directory(self):
        found = await self.client.directory()
        return {
            "clients": [[c["name"], c["connected"], len(c["id"])] for c in found["clients"]],
            "commands": [c["name"] for c in found["commands"]],
        }

    async def theirs(self):
        told = self.client.theirs
        return told and {name: print and print.hex() for name, print in told.items()}

    async def release(self):
        self.released.set()

    async def ping(self):
        await self.client.ping()

    async def flush(self):
        await self.client.flush()

    async def lives(self):
        return {"connections": self.client.connections, "incarnations": self.client.generation}

    async def close(self):
        await self.client.close()


async def join(directory, name, schema=None):
    driver = Driver(directory, name, schema)
    try:
        await driver.client.connect()
    except ipcio.Refused as e:
        print("refused", e.code, flush=True)
        return
    print("ready", flush=True)

    async def do(id, op, **arguments):
        try:
            result = await getattr(driver, op)(**arguments)
        except Exception as e:
            result = {"failed": repr(e)}
        print("result", id, json.dumps(result), flush=True)

    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    doing = set()
    while True:
        line = await lines.readline()
        if not line:
            return
        task = loop.create_task(do(**json.loads(line)))
        doing.add(task)
        task.add_done_callback(doing.discard)


def vectors(path):
    """Parses and writes every frame of the vectors again, and refuses every
    malformed one."""
    with open(path) as f:
        found = json.load(f)
    checked = 0

    def content(vector):
        cursor = cbor.Cursor(bytes.fromhex(vector["hex"]))
        major, _, n = cursor.head(shortest=True)
        inner = cursor.take(n)
        cursor.end()
        assert major == cbor.BYTES, vector["name"]
        return inner

    def refused(parse, vector):
        try:
            parse(content(vector))
        except (cbor.Malformed, wire.Refused):
            return
        raise AssertionError("taken: " + vector["name"])

    for vector in found["frames"]:
        frame = wire.parse(content(vector))
        assert frame.kind == vector["fields"]["kind"], vector["name"]
        if frame.kind in wire.SHAPES:
            elements = [getattr(frame, name) for name, _ in wire.SHAPES[frame.kind]]
            payload = elements.pop() if hasattr(frame, "payload") else None
            assert wire.pack(frame.kind, *elements, payload=payload) == content(vector), vector["name"]
        checked += 1
    for vector in found["hellos"]:
        cursor = cbor.Cursor(content(vector))
        assert cursor.take(2) == b"\x82\x00", vector["name"]
        assert wire.hello(cursor.value()) == content(vector), vector["name"]
        checked += 1
    for vector in found["answers"]:
        lane = wire.DOMAIN if "epoch" in vector["fields"] else wire.PRIVATE
        try:
            answer = vars(wire.parse_answer(lane, content(vector)))
        except wire.Refused as e:
            answer = {"code": e.code, "message": e.message}
        for key, value in vector["fields"].items():
            got = answer.get(key, value)
            assert (got.hex() if isinstance(got, bytes) else got) == value, (vector["name"], key)
        checked += 1
    for vector in found["malformed"]["frames"]:
        refused(wire.parse, vector)
        checked += 1
    for vector in found["malformed"]["answers"]:
        refused(lambda inner: wire.parse_answer(wire.DOMAIN, inner), vector)
        checked += 1
    print("checked", checked, flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "vectors":
        vectors(sys.argv[2])
    else:
        asyncio.run(join(sys.argv[2], sys.argv[3], *map(json.loads, sys.argv[4:])))
