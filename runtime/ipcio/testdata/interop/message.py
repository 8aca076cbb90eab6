"""What passes between the parts of a client."""

import asyncio
from collections import namedtuple

import wire
from wire import Peer

Gap = namedtuple("Gap", "reason first last count command peer code message")


class Failed(Exception):
    """A call that has no reply. outcome is one of UNKNOWN, NOT_SENT,
    NOT_HANDLED and HANDLED in wire. A handler raises it to choose what its
    caller sees."""

    def __init__(self, code, message="", data=None, outcome=wire.HANDLED):
        super().__init__("%s: %s" % (code, message))
        self.code, self.message, self.data, self.outcome = code, message, data, outcome


class Message:
    """What a handler is given. peer is None if the server sent it."""

    def __init__(self, frame, value):
        self.command, self.peer, self.value, self.raw = frame.command, frame.peer, value, frame.payload
        self.is_call = frame.kind == wire.CALL
        self.redelivered = bool(frame.flags & wire.REDELIVERED)


class Call:
    """A call of this side that waits for its answer."""

    def __init__(self, nested):
        self.future = asyncio.get_running_loop().create_future()
        self.nested = nested
        self.canceled = False

    def end(self, error):
        if not self.future.done():
            self.future.set_exception(error)
            self.future.exception()  # nobody may wait for it any more: that is no fault


class Link:
    """Two lanes that are made and lost together."""

    def __init__(self, domain, private, welcome):
        self.domain, self.private, self.welcome = domain, private, welcome
        self.frames, self.bytes = welcome.frames, welcome.bytes
        self.ack = self.broadcast_ack = True  # both are due as soon as the lanes are there
        self.timer = None  # of what is acknowledged soon
        self.left = False  # CLOSE was written
        self.ended = False  # CLOSE was read: nothing more is written
        self.asked = 0  # by ACKREQUEST of the server: S up to here
        self.requested = 0  # by ACKREQUEST of this side

    def due(self, broadcasts=False):
        if broadcasts:
            self.broadcast_ack = True
            self.domain.wake.set()
        else:
            self.ack = True
            self.private.wake.set()

    def close(self):
        if self.timer is not None:
            self.timer.cancel()
        self.domain.close()
        self.private.close()


def reference(entry):
    return 2 * entry.number + entry.call.nested


def target(to):
    return to.id if isinstance(to, Peer) else to
