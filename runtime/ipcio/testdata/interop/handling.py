"""What a client does with what arrives (sections 6 to 9 of PROTOCOL.md)."""

import asyncio
import logging
import os

import cbor
import wire
from message import Failed, Gap, Message
from session import CALLS, R_FRAMES, Entry, first_of, last_of
from wire import Malformed

log = logging.getLogger("ipcio")


class Handling:
    def _on_domain(self, link, frame, size):
        if frame.kind == wire.ANSWER:
            _, future = self._queries.get(frame.id, (None, None))
            if future and not future.done():
                future.set_result(frame.payload)
        elif frame.kind in (wire.BROADCAST, wire.SKIP):
            if self._in_b.take(first_of(frame), last_of(frame)):
                self._in_b.add(self.generation, frame, size)
                self._work[self._in_b].set()
            else:
                link.due(broadcasts=True)

    def _on_private(self, link, frame, size):
        """Returns true if the connection ends here."""
        kind = frame.kind
        if kind == wire.ACK:
            self._s.ack(frame.s)
            self._r.ack(frame.r)
            link.frames, link.bytes = frame.frames, frame.bytes
            self._write()
            self._notify()
        elif kind == wire.ACKREQUEST:
            link.asked = max(link.asked, frame.s)
            link.due()
        elif kind == wire.CANCEL:
            self._on_cancel(frame.call)
        elif kind == wire.CLOSE:
            if frame.started > self._s.last:
                raise Malformed("CLOSE speaks of %d, %d was the last" % (frame.started, self._s.last))
            self._s.ack(frame.done)
            for entry in self._s.kept:
                if entry.number > frame.started:
                    entry.written = False
            link.ended = True
            return True
        elif kind in wire.SHAPES:
            self._on_numbered(link, frame)
        return False

    def _on_numbered(self, link, frame):
        if self._r.last - self._r.acked + len(self._r.waiting) > R_FRAMES:
            raise Malformed("more than %d frames of R are not acknowledged" % R_FRAMES)
        kind = frame.kind
        in_s = kind == wire.EVENT or kind == wire.CALL and not frame.flags & wire.NESTED
        if kind == wire.SKIP:
            in_s = frame.sequence == wire.S
        if kind == wire.CALL:
            frame.arrived, frame.canceled = self._loop.time(), False
        first, last = first_of(frame), last_of(frame)
        if in_s:
            if self._in_s.take(first, last):
                self._in_s.add(self.generation, frame, len(getattr(frame, "payload", b"")))
                self._work[self._in_s].set()
            else:
                link.due()
            return
        if last <= self._r_rx:
            link.due()
            return
        if first > self._r_rx + 1:
            raise Malformed("%d came, %d was the last: there is a hole" % (first, self._r_rx))
        self._r_rx = last
        if self._r_rx - self._r_told >= 256:
            link.due()
        self._soon(link)
        if kind in (wire.REPLY, wire.FAIL):
            self._on_answer(frame)
        elif kind == wire.NACK:
            self._gap("refused", frame.first, frame.last, frame.last - frame.first + 1, frame.command, frame)
        elif kind == wire.CALL:
            self._serve(frame, self.generation)

    def _on_answer(self, frame):
        entry = self._calls.pop(frame.call, None)
        if entry is None:
            return
        call, entry.call = entry.call, None
        self._release()
        if call.future.done():
            return
        if frame.kind == wire.REPLY:
            call.future.set_result(frame.payload)
            return
        try:
            data = cbor.decode(frame.payload)
        except Malformed:
            data = None
        call.end(Failed(frame.code, frame.message, data, frame.outcome))

    def _on_cancel(self, ref):
        served = self._served.get((self.generation, ref))
        if served:
            served.cancel()
            return
        for generation, frame, _ in self._in_s.queue:
            if generation == self.generation and frame.kind == wire.CALL and 2 * frame.number == ref:
                frame.canceled = True

    def _gap(self, reason, first, last, count, command, nack=None):
        """Tells the program what will not be handled, or was missed."""
        peer, code, message = (nack.peer, nack.code, nack.message) if nack else (None, "", "")
        self.on_gap(Gap(reason, first, last, count, command, peer, code, message))

    def _find(self, command):
        if command in self.handlers:
            return self.handlers[command]
        patterns = [p for p in self.handlers if p.endswith("*") and command.startswith(p[:-1])]
        return self.handlers[max(patterns, key=len)] if patterns else None

    async def _handle_all(self, incoming):
        """Handles what S or B carries, one after another."""
        wake = self._work[incoming]
        while True:
            while not incoming.queue or self._leaving and incoming is self._in_s:
                wake.clear()
                await wake.wait()
            generation, frame, size = incoming.queue.popleft()
            if generation == self.generation:
                incoming.started = last_of(frame)
            if frame.kind == wire.SKIP:
                if frame.count:
                    self._gap(frame.reason, frame.first, frame.last, frame.count, "")
            elif frame.kind == wire.CALL:
                self._serve(frame, generation)
            else:
                await self._handle(frame, generation)
            if generation != self.generation:
                continue
            incoming.finish(frame, size)
            if self._link:
                if incoming.ack_is_due() or incoming is self._in_s and incoming.done <= self._link.asked:
                    self._link.due(broadcasts=incoming is self._in_b)
                self._soon(self._link)
            self._notify()
            await asyncio.sleep(0)  # a handler need not have yielded

    async def _handle(self, frame, generation):
        """Handles an event or a broadcast."""
        handler = self._find(frame.command)
        if handler is None:
            self._refuse(frame, generation, "unknown_command", "no handler for %r" % frame.command)
            return
        try:
            message = Message(frame, cbor.decode(frame.payload))
        except Malformed as e:
            self._refuse(frame, generation, "invalid", str(e))
            return
        try:
            result = handler(message)
            if asyncio.iscoroutine(result):
                await result
        except Exception:
            log.exception("the handler of %s failed", frame.command)

    def _refuse(self, frame, generation, code, message):
        if frame.kind == wire.EVENT and generation == self.generation:
            refusal = (frame.number, frame.number, None, frame.command, code, message[:1000])
            self._r.add(Entry(wire.NACK, *refusal, payload=cbor.encode(None)))
            self._write()

    def _serve(self, frame, generation):
        """Starts the handler of a call beside what follows."""
        nested = bool(frame.flags & wire.NESTED)
        ref = 2 * frame.number + nested
        if generation != self.generation:
            return  # nobody waits for it any more
        left = None
        if frame.timeout:
            left = frame.arrived + frame.timeout / 1e9 - self._loop.time()
        handler = self._find(frame.command)
        if frame.canceled:
            error = Failed("canceled", "the caller cancelled it")
        elif left is not None and left <= 0:
            error = Failed("timeout", "the deadline passed before the handler was started")
        elif handler is None:
            error = Failed("unknown_command", "no handler for %r" % frame.command)
        elif len(self._served) >= 2 * CALLS:
            error = Failed("unavailable", "%d calls are under way" % len(self._served))
        else:
            try:
                message = Message(frame, cbor.decode(frame.payload))
            except Malformed as e:
                error = Failed("invalid", str(e))
            else:
                Served(self, generation, ref, handler, message, left)
                return
        error.outcome = wire.NOT_HANDLED
        self._answer(generation, ref, error)

    def _answer(self, generation, ref, result):
        """Sends the reply, or the Failed that takes its place."""
        self._notify()
        if generation != self.generation:
            return
        if not isinstance(result, Failed):
            try:
                payload = cbor.encode(result)
            except (TypeError, ValueError) as e:
                log.error("the reply has no form: %s", e)
                result = Failed("internal", "the reply has no form")
        if isinstance(result, Failed):
            entry = Entry(
                wire.FAIL, ref, result.code, result.message, result.outcome, payload=cbor.encode(result.data)
            )
        else:
            entry = Entry(wire.REPLY, ref, payload=payload)
        self._r.add(entry)
        self._write()


class Served:
    """A call of the other side whose handler runs."""

    def __init__(self, client, generation, ref, handler, message, left):
        self.client, self.generation, self.ref = client, generation, ref
        self.error = Failed("canceled", "the caller cancelled it", outcome=wire.NOT_HANDLED)
        self.task = client._loop.create_task(self._handle(handler, message))
        self.timer = None if left is None else client._loop.call_later(left, self._expire)
        client._served[generation, ref] = self
        self.task.add_done_callback(self._done)

    async def _handle(self, handler, message):
        self.error.outcome = wire.HANDLED
        result = handler(message)
        return await result if asyncio.iscoroutine(result) else result

    def cancel(self):
        self.task.cancel()

    def _expire(self):
        self.error.code, self.error.message = "timeout", "the deadline passed"
        self.task.cancel()

    def _done(self, task):
        if self.timer:
            self.timer.cancel()
        del self.client._served[self.generation, self.ref]
        if task.cancelled():
            result = self.error
        elif task.exception() is None:
            result = task.result()
        elif isinstance(task.exception(), Failed):
            result = task.exception()
            result.outcome = wire.HANDLED
        else:
            incident = os.urandom(4).hex()
            log.error("incident %s: the handler failed", incident, exc_info=task.exception())
            result = Failed("internal", "incident " + incident)
        self.client._answer(self.generation, self.ref, result)
