"""What a session keeps while its connections come and go: the numbered
sequences of both directions (sections 6, 7 and 10 of PROTOCOL.md)."""

from collections import deque

import wire

# The window this side gives, and what else it bounds.
FRAMES, BYTES, CALLS, FRAME_BYTES = 1024, 16 << 20, 256, 16 << 20
B_FRAMES, B_BYTES = 1024, 4 << 20
QUEUE_FRAMES, QUEUE_BYTES = 4096, 64 << 20
R_FRAMES = 16384


class Entry:
    """One message on its way out. It has a number once it was first written."""

    __slots__ = ("kind", "rest", "payload", "deadline", "call", "number", "flags", "written", "skip")

    def __init__(self, kind, *rest, payload=None, deadline=None, call=None, flags=0):
        self.kind, self.rest, self.payload = kind, rest, payload
        self.deadline, self.call, self.flags = deadline, call, flags
        self.number, self.written, self.skip = None, False, False

    @property
    def size(self):
        return 0 if self.skip or self.payload is None else len(self.payload)

    def give_up(self):
        """A SKIP goes in its place; its number is not given to another."""
        self.skip, self.payload, self.call, self.rest = True, None, None, ()

    def content(self, sequence, now):
        if self.skip:
            return wire.pack(wire.SKIP, sequence, self.number, self.number, 0, "")
        elements = (self.number, self.flags) + self.rest
        if self.kind == wire.CALL:
            elements += (0 if self.deadline is None else max(1, int((self.deadline - now) * 1e9)),)
        return wire.pack(self.kind, *elements, payload=self.payload)


class Outgoing:
    """S or R of this side."""

    def __init__(self, sequence):
        self.sequence = sequence
        self.acked = self.last = 0  # numbers
        self.kept = deque()  # entries acked+1 to last
        self.waiting = deque()  # entries without a number
        self.bytes = 0  # of both
        self.cursor = 1  # what this connection carries next
        self.flying = 0  # bytes of acked+1 to cursor-1

    def add(self, entry):
        self.waiting.append(entry)
        self.bytes += entry.size

    def full(self):
        return len(self.kept) + len(self.waiting) >= QUEUE_FRAMES or self.bytes >= QUEUE_BYTES

    def peek(self):
        """Returns what is to be written next, or None."""
        if self.cursor <= self.last:
            return self.kept[self.cursor - self.acked - 1]
        return self.waiting[0] if self.waiting else None

    def fits(self, entry, frames, size):
        on_way = self.cursor - 1 - self.acked
        return on_way == 0 or on_way < frames and self.flying + entry.size <= size

    def number(self):
        """Gives the first that waits its number."""
        entry = self.waiting.popleft()
        self.last += 1
        entry.number = self.last
        self.kept.append(entry)
        return entry

    def advance(self, entry):
        """entry is written."""
        entry.written = True
        self.cursor += 1
        self.flying += entry.size

    def drop(self, entry):
        """Gives up an entry that is not on its way."""
        self.bytes -= entry.size
        if entry.number is None:
            self.waiting.remove(entry)
        else:
            entry.give_up()

    def ack(self, number):
        if number > self.last:
            raise wire.Malformed("%d is acknowledged, %d was the last" % (number, self.last))
        while self.acked < number:
            entry = self.kept.popleft()
            self.acked += 1
            self.bytes -= entry.size
            if self.acked < self.cursor:
                self.flying -= entry.size
        self.cursor = max(self.cursor, self.acked + 1)

    def rewind(self, received):
        """A connection begins; the other side has received so much."""
        self.cursor = max(received, self.acked) + 1
        self.flying = sum(e.size for e in self.kept if e.number < self.cursor)


class Incoming:
    """S or B of the other side, as far as it was received and done."""

    def __init__(self, frames, size):
        self.frames, self.size = frames, size
        self.rx = self.done = self.started = self.told = 0
        self.queue = deque()  # (generation, frame, bytes)
        self.held = 0  # bytes received and not done
        self.finished = 0  # bytes done and not acknowledged

    def begin(self, position):
        """A new incarnation begins behind position. What is queued of the former
        one is handled, but no longer counted."""
        self.rx = self.done = self.started = self.told = position
        self.held = self.finished = 0

    def take(self, first, last):
        """Reports whether a frame is new."""
        if last <= self.rx:
            return False
        if first > self.rx + 1:
            raise wire.Malformed("%d came, %d was the last: there is a hole" % (first, self.rx))
        self.rx = last
        return True

    def add(self, generation, frame, size):
        before = first_of(frame) - 1 - self.done
        if before > 0 and (before >= self.frames or self.held + size > self.size):
            raise wire.Malformed("more is on its way than the window of %d frames, %d bytes" % (self.frames, self.size))
        self.held += size
        self.queue.append((generation, frame, size))

    def finish(self, frame, size):
        self.done = last_of(frame)
        self.held -= size
        self.finished += size

    def ack_is_due(self):
        """Reports whether an acknowledgement must not wait any longer."""
        return self.done - self.told >= min(256, max(1, self.frames // 2)) or self.finished > self.size // 2

    def acknowledged(self):
        self.told = self.done
        self.finished = 0


def first_of(frame):
    return frame.first if frame.kind == wire.SKIP else frame.number


def last_of(frame):
    return frame.last if frame.kind == wire.SKIP else frame.number
