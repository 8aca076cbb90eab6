"""A client of an ipcio domain, written from PROTOCOL.md. Python's standard
library is all it needs.

    client = ipcio.Client("worker-1")
    client.on("greet", lambda message: print(message.value))
    await client.connect()
    await client.emit("hello", {"from": "python"})
    print(await client.call("add", [1, 2]))
    await client.close()

Everything happens on one event loop; nothing here may be used by another
thread.
"""

import asyncio
import logging
import os

import cbor
import wire
from connection import Connection
from handling import Handling
from lane import NAME, socket_path
from message import Call, Failed, Gap, Message, target
from sending import Sending
from session import B_BYTES, B_FRAMES, BYTES, FRAMES, Entry, Incoming, Outgoing
from wire import Peer, Refused

__all__ = ["Client", "Failed", "Gap", "Message", "Peer", "Refused"]

log = logging.getLogger("ipcio")


class Client(Sending, Connection, Handling):
    def __init__(self, name, domain="default", directory=None, on_gap=None, schema=None):
        """schema, if there is one, has the keys protocol, version, fingerprint and
        commands: by name the fingerprint of each, 8 bytes, or None."""
        if not NAME.match(name):
            raise ValueError("%r is no name of a client" % name)
        self.name = name
        self.path = socket_path(domain, directory)
        self.on_gap = on_gap or (lambda gap: log.warning("%s", gap))
        self.handlers = {}
        self.schema = schema
        self.theirs = None  # the server's commands, if it has another version of the schema
        self.connections = self.generation = 0

        self._token, self._attempt, self._incarnation = os.urandom(16), 0, None
        self._s, self._r = Outgoing(wire.S), Outgoing(wire.R)
        self._in_s, self._in_b, self._r_rx, self._r_told = Incoming(FRAMES, BYTES), Incoming(B_FRAMES, B_BYTES), 0, 0
        self._calls = {}  # by what answers call them; those that wait for a number are in their Entry
        self._slots = 0  # calls that have one of the server's `calls`
        self._limits = None  # of the last WELCOME
        self._served = {}  # calls of the other side: task, generation, …
        self._queries, self._query = {}, 0
        self._link = self._task = None
        self._leaving = self._bye = False
        self._flush = 0
        self._waiters = []
        self._workers = []

    def on(self, command, handler):
        """handler takes a Message and returns the reply of a call, or an
        awaitable of it. An exact command beats the longest "prefix.*" beats
        "*"."""
        self.handlers[command] = handler

    async def connect(self):
        """Joins the domain and stays in it until close. Refused says why not."""
        self._loop = asyncio.get_running_loop()
        self._work = {self._in_s: asyncio.Event(), self._in_b: asyncio.Event()}
        joined = self._loop.create_future()
        self._task = self._loop.create_task(self._stay(joined))
        self._task.add_done_callback(lambda task: task.cancelled() or task.result())
        self._workers = [self._loop.create_task(self._handle_all(i)) for i in self._work]
        try:
            await joined
        except BaseException:
            await self._end()
            raise

    async def emit(self, command, data=None, to=None):
        """Waits for a place in the queue. to is a name, a Peer or None, the
        server."""
        await self._put(Entry(wire.EVENT, target(to), command, payload=cbor.encode(data)))

    async def broadcast(self, command, data=None):
        await self._put(Entry(wire.BROADCAST, None, command, payload=cbor.encode(data)))

    async def call(self, command, data=None, to=None, timeout=30.0, within=None):
        """Returns the reply or raises Failed. within is the Message whose
        handler calls back whoever waits for it."""
        call = Call(within is not None)
        if within is not None:
            to = within.peer
        entry = Entry(
            wire.CALL,
            target(to),
            command,
            payload=cbor.encode(data),
            deadline=self._loop.time() + timeout,
            call=call,
            flags=wire.NESTED if call.nested else 0,
        )
        try:
            await asyncio.wait_for(self._admit(entry), timeout)
            payload = await asyncio.wait_for(call.future, max(0, entry.deadline - self._loop.time()))
        except asyncio.TimeoutError:
            self._cancel(entry, call)
            outcome = wire.UNKNOWN if entry.written else wire.NOT_SENT
            raise Failed("timeout", "the deadline passed", outcome=outcome) from None
        except asyncio.CancelledError:
            self._cancel(entry, call)
            raise
        return cbor.decode(payload)

    async def directory(self, timeout=5.0):
        """Returns who is in the domain and what the server handles."""
        self._query += 1
        id, future = self._query, self._loop.create_future()
        self._queries[id] = ("directory", future)
        if self._link:
            self._link.domain.send(wire.pack(wire.QUERY, id, "directory"))
        try:
            return cbor.decode(await asyncio.wait_for(future, timeout))
        finally:
            del self._queries[id]

    async def ping(self, timeout=5.0):
        """Returns when the server answered on both lanes."""
        futures = []
        for lane in (self._link.domain, self._link.private):
            futures.append(self._loop.create_future())
            lane.pongs.append(futures[-1])
            lane.send(wire.pack(wire.PING))
        await asyncio.wait_for(asyncio.gather(*futures), timeout)

    async def flush(self):
        """Returns when everything sent is done at the other side."""
        while self._s.waiting or self._r.waiting or self._s.acked < self._s.last or self._r.acked < self._r.last:
            self._flush = self._s.last + len(self._s.waiting)
            self._write()
            await self._change()

    async def close(self, timeout=5.0):
        """Leaves in order: begins nothing more, lets handlers finish, waits
        until all is acknowledged, says goodbye."""
        self._leaving = True
        try:
            await asyncio.wait_for(self._finish(), timeout)
        except asyncio.TimeoutError:
            log.warning("not everything was acknowledged within %g s", timeout)
        self._bye = True
        self._write()
        if self._link:
            await asyncio.wait({self._task}, timeout=1)
        await self._end()

    async def _finish(self):
        while self._served or self._in_s.started > self._in_s.done:
            await self._change()
        await self.flush()

    async def _end(self):
        self._bye = True
        tasks = [self._task] + self._workers + [s.task for s in self._served.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for entry in list(self._calls.values()) + list(self._s.waiting) + list(self._r.waiting):
            if entry.call:
                outcome = wire.UNKNOWN if entry.written else wire.NOT_SENT
                entry.call.end(Failed("closed", "the client left", outcome=outcome))
