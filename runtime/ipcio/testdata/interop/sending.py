"""How messages leave a client: its queues, its calls, and what each lane
carries next."""

import cbor
import wire
from message import Failed, reference
from session import BYTES, FRAMES

BATCH = 64 << 10
ACK_DELAY = 0.05  # seconds; 0.1 is the most


class Sending:
    async def _put(self, entry):
        while self._s.full() and not self._leaving:
            await self._change()
        self._add(self._s, entry)

    async def _admit(self, entry):
        """Queues a call when the server takes one more. A nested one does not
        wait: those it would wait for may wait for it."""
        if entry.call.nested:
            if self._slots >= self._limits.calls:
                raise Failed("unavailable", "%d calls are under way" % self._slots, outcome=wire.NOT_SENT)
            self._add(self._r, entry)
            self._slots += 1
            return
        while (self._limits is None or self._slots >= self._limits.calls) and not self._leaving:
            await self._change()
        self._slots += 1
        try:
            await self._put(entry)
        except BaseException:
            self._release()
            raise

    def _add(self, queue, entry):
        if self._leaving and entry.kind in (wire.EVENT, wire.BROADCAST) or self._bye:
            raise Failed("closed", "the client leaves", outcome=wire.NOT_SENT)
        if self._limits and len(entry.content(queue.sequence, self._loop.time())) + 9 > self._limits.frame_bytes:
            raise Failed("too_large", "the server takes %d bytes" % self._limits.frame_bytes, outcome=wire.NOT_SENT)
        queue.add(entry)
        self._write()

    def _write(self):
        if self._link:
            self._link.private.wake.set()

    def _release(self):
        self._slots -= 1
        self._notify()

    def _cancel(self, entry, call):
        """Nobody waits for the call any more."""
        queue = self._r if call.nested else self._s
        if entry.call is None:  # it has its answer, or was given up
            return
        if entry.number is None:
            if entry in queue.waiting:
                queue.drop(entry)
                self._release()
        elif self._link and entry.number < queue.cursor:
            call.canceled = True
            self._link.private.send(wire.pack(wire.CANCEL, reference(entry)))
        elif self._link or not entry.written:
            self._forget(queue, entry)
        else:
            call.canceled = True  # what the server has of it, the next WELCOME says

    def _forget(self, queue, entry):
        """A SKIP goes in the place of a call that is not on its way."""
        call = entry.call
        self._calls.pop(reference(entry), None)
        queue.drop(entry)
        self._release()

    def _fill(self, link):
        """Returns what is to be written to the private lane next."""
        if link.ended:
            return b""
        lane = link.private
        out, lane.urgent = lane.urgent, []
        size, now = 0, self._loop.time()
        for queue in (self._r, self._s):
            while size < BATCH:
                entry = queue.peek()
                if entry is None or queue is self._s and not queue.fits(entry, link.frames, link.bytes):
                    break
                if entry.number is None:
                    queue.number()
                    if entry.call:
                        self._calls[reference(entry)] = entry
                content = entry.content(queue.sequence, now)
                if len(content) > self._limits.frame_bytes:
                    self._too_large(queue, entry)
                    content = entry.content(queue.sequence, now)
                queue.advance(entry)
                out.append(wire.frame(content))
                size += len(content)
        if link.requested < self._flush and not self._s.waiting and self._s.cursor > self._s.last:
            link.requested = self._flush
            out.append(wire.frame(wire.pack(wire.ACKREQUEST, self._s.last)))
        # A NACK goes before the ACK of what it speaks of.
        news = self._in_s.told < self._in_s.done or self._r_told < self._r_rx
        if self._r.peek() is None and (link.ack or out and news):
            link.ack = False
            self._in_s.acknowledged()
            self._r_told = self._r_rx
            out.append(wire.frame(wire.pack(wire.ACK, self._in_s.done, self._r_rx, FRAMES, BYTES)))
        if self._bye and not out:
            link.left = True
            out.append(wire.frame(wire.pack(wire.CLOSE, "closed", self._in_s.done, self._in_s.started)))
        return b"".join(out)

    def _fill_domain(self, link):
        lane = link.domain
        out, lane.urgent = lane.urgent, []
        if link.broadcast_ack:
            link.broadcast_ack = False
            self._in_b.acknowledged()
            out.append(wire.frame(wire.pack(wire.BROADCASTACK, self._in_b.done)))
        return b"".join(out)

    def _too_large(self, queue, entry):
        """It was queued when the server, or another one, took more."""
        error = Failed("too_large", "the server takes %d bytes" % self._limits.frame_bytes, outcome=wire.HANDLED)
        if entry.kind in (wire.REPLY, wire.FAIL):
            queue.bytes -= entry.size
            entry.kind, entry.payload = wire.FAIL, cbor.encode(None)
            entry.rest = (entry.rest[0], error.code, error.message, error.outcome)
            return
        if entry.call:
            error.outcome = wire.NOT_SENT
            entry.call.end(error)
            self._forget(queue, entry)
        else:
            self._gap("too_large", entry.number, entry.number, 1, entry.rest[1])
            queue.drop(entry)

    # Waiting.

    async def _change(self):
        """Returns when something happened that may be waited for."""
        waiter = self._loop.create_future()
        self._waiters.append(waiter)
        await waiter

    def _notify(self):
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def _soon(self, link):
        """Acknowledges within ACK_DELAY what is not urgent."""
        if link.timer is None:
            link.timer = self._loop.call_later(ACK_DELAY, self._late, link)

    def _late(self, link):
        link.timer = None
        if self._in_s.told < self._in_s.done or self._r_told < self._r_rx:
            link.due()
        if self._in_b.told < self._in_b.done:
            link.due(broadcasts=True)
