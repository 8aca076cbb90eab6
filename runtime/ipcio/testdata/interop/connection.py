"""How a client connects, and connects again (sections 4, 10 and 14 of
PROTOCOL.md)."""

import asyncio
import logging
import random

import wire
from lane import SILENCE, Untrusted, dial
from message import Failed, Link
from session import BYTES, CALLS, FRAME_BYTES, FRAMES
from wire import Malformed, Refused

log = logging.getLogger("ipcio")


class Connection:
    async def _stay(self, joined):
        pause = 0.002
        while not self._bye:
            link = None
            try:
                link = await self._open()
            except (Refused, Untrusted) as e:
                if getattr(e, "code", None) != "unavailable":
                    if not joined.done():
                        joined.set_exception(e)
                        return
                    log.warning("%s", e)
                    pause = max(pause, 1.0)
            except (OSError, Malformed, EOFError, asyncio.TimeoutError) as e:
                log.debug("no connection: %r", e)
            if link is None:
                await asyncio.sleep(pause * (1 + random.random() / 2))
                pause = min(2 * pause, 0.25)
                continue
            pause = 0.002
            if not joined.done():
                joined.set_result(None)
            await self._run(link)

    async def _open(self):
        self._attempt += 1
        positions = {
            "s_first": self._s.acked + 1,
            "r_first": self._r.acked + 1,
            "s_rx": self._in_s.rx,
            "r_rx": self._r_rx,
            "b_rx": self._in_b.rx,
        }
        if self._incarnation is not None:
            positions["incarnation"] = self._incarnation
        if self.schema:
            positions.update({key: self.schema[key] for key in ("protocol", "version", "fingerprint")})
        hello = {"ipcio": 1, "token": self._token, "attempt": self._attempt}
        window = {"frames": FRAMES, "bytes": BYTES, "calls": CALLS, "frame_bytes": FRAME_BYTES}
        lanes = []
        try:
            lanes.append(await dial(self.path, wire.DOMAIN, FRAME_BYTES))
            welcome = await self._greet(lanes[0], {**hello, **window, **positions, "name": self.name})
            lanes.append(await dial(self.path, wire.PRIVATE, FRAME_BYTES))
            self._adopt(welcome)
            try:
                await self._greet(lanes[1], {**hello, "cookie": welcome.cookie})
            except Refused as e:  # the domain lane is lost already: nobody refused this client
                raise EOFError(str(e)) from None
        except BaseException:
            for lane in lanes:
                lane.close()
            raise
        return Link(lanes[0], lanes[1], welcome)

    async def _greet(self, lane, fields):
        await lane.write(wire.frame(wire.hello({**fields, "lane": lane.name})))
        content = await asyncio.wait_for(lane.read(), 5)
        if content is None:
            raise EOFError("the server closed the %s lane" % lane.name)
        return wire.parse_answer(lane.name, content)

    def _adopt(self, w):
        self._limits = w
        if not w.resumed:
            self._begin(w)
            return
        if w.incarnation != self._incarnation:
            raise Malformed("an incarnation is resumed that this client does not know")
        if w.s_first > self._in_s.rx + 1 or w.r_first > self._r_rx + 1:
            raise Malformed("the server forgot what it has to send")
        for queue, received in ((self._s, w.s_rx), (self._r, w.r_rx)):
            if received > queue.last:
                raise Malformed("the server has %d, %d was the last" % (received, queue.last))
        self._r.ack(w.r_rx)
        for queue, received in ((self._s, w.s_rx), (self._r, w.r_rx)):
            for entry in list(queue.kept):
                if entry.call and entry.call.canceled and entry.number > received:
                    self._forget(queue, entry)
            queue.rewind(received)

    def _begin(self, w):
        """A new incarnation (10.2)."""
        first = self._incarnation is None
        self._incarnation = w.incarnation
        self.generation += 1
        self._in_s.begin(w.s_first - 1)
        self._r_rx = self._r_told = w.r_first - 1
        self._in_b.begin(w.b_pos)
        for served in self._served.values():
            served.cancel()
        for ref, entry in list(self._calls.items()):
            call = entry.call
            if entry.written or call.nested:
                outcome = wire.UNKNOWN if entry.written else wire.NOT_SENT
                call.end(Failed("outcome_unknown", "the server is another process", outcome=outcome))
                del self._calls[ref]
                entry.call = None
                self._release()
            elif call.canceled:
                self._forget(self._s, entry)
        for entry in list(self._r.waiting):
            if entry.call:
                entry.call.end(Failed("canceled", "the caller is gone", outcome=wire.NOT_SENT))
                self._release()
                entry.call = None
            self._r.drop(entry)
        for entry in self._r.kept:
            self._r.drop(entry)
        for entry in self._s.kept:
            if entry.skip:
                continue
            if entry.kind == wire.CALL and entry.call is None:
                self._s.drop(entry)
            elif entry.written:
                entry.flags |= wire.REDELIVERED
        self._s.rewind(self._s.acked)
        self._r.rewind(self._r.acked)
        if not first:
            self._gap("restarted", 0, 0, 0, "")

    async def _run(self, link):
        self._link = link
        self.connections += 1
        self.theirs = None
        if self.schema and link.welcome.fingerprint not in ("", self.schema["fingerprint"]):
            for content in wire.commands(self.schema["commands"]):
                link.private.send(content)
        for id, (what, _) in self._queries.items():
            link.domain.send(wire.pack(wire.QUERY, id, what))
        for ref, entry in self._calls.items():
            if entry.call.canceled:
                link.private.send(wire.pack(wire.CANCEL, ref))
        link.domain.wake.set()
        link.private.wake.set()
        private = self._loop.create_task(self._read(link, link.private, self._on_private))
        tasks = [
            self._loop.create_task(self._read(link, link.domain, self._on_domain)),
            self._loop.create_task(self._write_all(link, link.domain, self._fill_domain)),
            self._loop.create_task(self._write_all(link, link.private, self._fill)),
            self._loop.create_task(self._watch(link)),
        ]
        self._notify()
        try:
            await asyncio.wait([private] + tasks, return_when=asyncio.FIRST_COMPLETED)
            if not self._bye:  # an ACK or a CLOSE may be the last that has arrived
                await asyncio.wait([private], timeout=0.25)
        finally:
            self._link = None
            for task in [private] + tasks:
                task.cancel()
            for ended in await asyncio.gather(private, *tasks, return_exceptions=True):
                if isinstance(ended, Malformed):
                    log.warning("the connection was ended: %s", ended)
                elif isinstance(ended, Exception) and not isinstance(ended, (OSError, asyncio.TimeoutError)):
                    log.error("the connection was ended", exc_info=ended)
            link.close()

    async def _write_all(self, link, lane, fill):
        while True:
            await lane.wake.wait()
            lane.wake.clear()
            while True:
                data = fill(link)
                if not data:
                    break
                await lane.write(data)
                if link.left:
                    return

    async def _watch(self, link):
        """Ends when a lane has been silent for too long."""
        while True:
            await asyncio.sleep(0.25)
            for lane in (link.domain, link.private):
                silent = self._loop.time() - lane.heard
                if silent >= SILENCE:
                    log.warning("the %s lane is silent", lane.name)
                    return
                if silent >= SILENCE / 3 * (lane.pings + 1):
                    lane.pings += 1
                    lane.send(wire.pack(wire.PING))

    async def _read(self, link, lane, take):
        while True:
            content = await lane.read()
            if content is None:
                return
            frame = wire.parse(content)
            wire.check_lane(lane.name, frame)
            if frame.kind == wire.PING:
                lane.send(wire.pack(wire.PONG))
            elif frame.kind == wire.PONG:
                while lane.pongs:
                    waiting = lane.pongs.pop(0)
                    if not waiting.done():
                        waiting.set_result(None)
                        break
            elif frame.kind == wire.COMMANDS:
                if wire.read_commands(lane.told, frame):
                    self.theirs = lane.told
            elif take(link, frame, len(content)):
                return
