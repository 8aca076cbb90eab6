"""The frames of ipcio: their kinds, what each consists of, and the lanes they
travel on (sections 3 to 5 of PROTOCOL.md)."""

from collections import namedtuple
from types import SimpleNamespace

import cbor
from cbor import Malformed

HELLO, WELCOME, REFUSE, CLOSE, PING, PONG, ACK, ACKREQUEST = range(8)
EVENT, CALL, REPLY, FAIL, NACK, SKIP, CANCEL, BROADCAST, BROADCASTACK, QUERY, ANSWER = range(8, 19)
COMMANDS = 65

REDELIVERED, NESTED = 1, 2
S, R, B = range(3)
UNKNOWN, NOT_SENT, NOT_HANDLED, HANDLED = range(4)

HELLO_BYTES = 1024
MOST = (1 << 63) - 1
ANY = (1 << 64) - 1

Peer = namedtuple("Peer", "name id uid gid pid")


def number(least, most):
    def parse(cursor):
        major, _, n = cursor.head(shortest=True)
        if major != cbor.UINT:
            raise Malformed("a number was expected")
        if not least <= n <= most:
            raise Malformed("%d is not from %d to %d" % (n, least, most))
        return n

    return parse


def text(least, most):
    def parse(cursor):
        major, _, n = cursor.head(shortest=True)
        if major != cbor.TEXT:
            raise Malformed("a text was expected")
        if not least <= n <= most:
            raise Malformed("a text of %d bytes, not from %d to %d" % (n, least, most))
        return cbor.text(cursor.take(n))

    return parse


def identity(cursor, n):
    if n != 16:
        raise Malformed("an id of %d bytes" % n)
    value = bytes(cursor.take(16))
    if not any(value):
        raise Malformed("an id that is all zero")
    return value


def peer(cursor):
    """null, a name, an id, or what the server writes of a client."""
    major, _, n = cursor.head(shortest=True)
    if major == cbor.SIMPLE and n == 22:
        return None
    if major == cbor.TEXT and 1 <= n <= 63:
        return cbor.text(cursor.take(n))
    if major == cbor.BYTES:
        return identity(cursor, n)
    if major != cbor.ARRAY or n != 5:
        raise Malformed("a peer of no known form")
    name = text(1, 63)(cursor)
    major, _, n = cursor.head(shortest=True)
    if major != cbor.BYTES:
        raise Malformed("an id was expected")
    id = identity(cursor, n)
    return Peer(name, id, *(number(0, (1 << bits) - 1)(cursor) for bits in (32, 32, 31)))


def refuser(cursor):
    """null, or the name of the client that refused."""
    value = peer(cursor)
    if value is not None and not isinstance(value, str):
        raise Malformed("null or a name was expected")
    return value


def payload(cursor):
    if cursor.at == len(cursor.data):
        raise Malformed("no byte for a payload")
    return bytes(cursor.take(len(cursor.data) - cursor.at))


def outcome(cursor):
    value = number(0, 3)(cursor)
    if value == NOT_SENT:
        raise Malformed("the outcome 1 does not travel")
    return value


_number = ("number", number(1, MOST))
_plain = ("flags", number(0, REDELIVERED))
_command = ("command", text(1, 128))
_call = ("call", number(2, ANY))
_code = ("code", text(0, 128))
_message = ("message", text(0, 4096))
_payload = ("payload", payload)
_from, _to = ("first", number(1, MOST)), ("last", number(1, MOST))

# The elements behind the kind. "from" is a word of Python: first and last.
SHAPES = {
    CLOSE: (_code, ("done", number(0, MOST)), ("started", number(0, MOST))),
    PING: (),
    PONG: (),
    ACK: (("s", number(0, MOST)), ("r", number(0, MOST)), ("frames", number(0, ANY)), ("bytes", number(0, ANY))),
    ACKREQUEST: (("s", number(0, MOST)),),
    EVENT: (_number, _plain, ("peer", peer), _command, _payload),
    CALL: (
        _number,
        ("flags", number(0, REDELIVERED | NESTED)),
        ("peer", peer),
        _command,
        ("timeout", number(0, ANY)),
        _payload,
    ),
    REPLY: (_number, _plain, _call, _payload),
    FAIL: (_number, _plain, _call, _code, _message, ("outcome", outcome), _payload),
    NACK: (_number, _plain, _from, _to, ("peer", refuser), _command, _code, _message, _payload),
    SKIP: (("sequence", number(0, 2)), _from, _to, ("count", number(0, ANY)), ("reason", text(0, 128))),
    CANCEL: (_call,),
    BROADCAST: (_number, _plain, ("peer", peer), _command, _payload),
    BROADCASTACK: (("b", number(0, MOST)),),
    QUERY: (("id", number(0, ANY)), ("what", text(0, 128))),
    ANSWER: (("id", number(0, ANY)), _payload),
    COMMANDS: (("left", number(0, 4096)), _payload),
}

DOMAIN, PRIVATE = "domain", "private"

# What a server may send on each lane.
TRAVELS = {
    DOMAIN: {PING, PONG, BROADCAST, SKIP, ANSWER, COMMANDS},
    PRIVATE: {PING, PONG, EVENT, CALL, REPLY, FAIL, NACK, SKIP, CANCEL, ACK, ACKREQUEST, CLOSE, COMMANDS},
}


def commands(prints):
    """Returns the contents of the frames that tell of commands: their names, and
    their fingerprints or None."""
    entries = sorted((cbor.encode(name), cbor.encode(print or b"")) for name, print in prints.items())
    contents = []
    while entries or not contents:
        n, size = 0, 0
        while n < len(entries) and size + sum(map(len, entries[n])) <= 4000:
            size += sum(map(len, entries[n]))
            n += 1
        payload = cbor.head(cbor.MAP, n) + b"".join(name + print for name, print in entries[:n])
        entries = entries[n:]
        contents.append(pack(COMMANDS, len(entries), payload=payload))
    return contents


def read_commands(told, parsed):
    """Adds what a frame tells to told; returns whether it was the last one."""
    prints = cbor.decode(parsed.payload)
    if not isinstance(prints, dict):
        raise Malformed("the commands are no map")
    for name, print in prints.items():
        if not isinstance(name, str) or not 1 <= len(name.encode()) <= 128 or name in told:
            raise Malformed("%r is no name of another command" % (name,))
        if not isinstance(print, bytes) or len(print) not in (0, 8):
            raise Malformed("%r is no fingerprint" % (print,))
        told[name] = print or None
    if len(told) + parsed.left > 4096:
        raise Malformed("too many commands")
    return parsed.left == 0


def frame(content):
    return cbor.head(cbor.BYTES, len(content)) + content


def pack(kind, *elements, payload=None):
    """Returns the content of a frame; payload is an encoded item."""
    parts = [cbor.encode(e) for e in (kind,) + elements]
    if payload is not None:
        parts.append(payload)
    return cbor.head(cbor.ARRAY, len(parts)) + b"".join(parts)


def parse(content):
    """Returns the frame: its kind and its elements by name. A frame that is to
    be passed over has a kind and nothing else."""
    cursor = cbor.Cursor(content)
    major, _, n = cursor.head(shortest=True)
    if major != cbor.ARRAY:
        raise Malformed("the content is no array")
    kind = number(0, 255)(cursor)
    shape = SHAPES.get(kind)
    if shape is None:
        if kind & 64:
            return SimpleNamespace(kind=kind)
        raise Malformed("the kind %d is not known here" % kind)
    if n != 1 + len(shape):
        raise Malformed("kind %d has %d elements, not %d" % (kind, n, 1 + len(shape)))
    parsed = SimpleNamespace(kind=kind)
    for name, read in shape:
        setattr(parsed, name, read(cursor))
    cursor.end()
    if kind in (NACK, SKIP) and parsed.last < parsed.first:
        raise Malformed("a range that ends at %d, before %d" % (parsed.last, parsed.first))
    if kind == CLOSE and parsed.done > parsed.started:
        raise Malformed("more is done than was started")
    return parsed


def check_lane(lane, parsed):
    """Refuses what a server must not send on the lane."""
    kind = parsed.kind
    if kind not in SHAPES:
        return
    if kind not in TRAVELS[lane] or kind == SKIP and (parsed.sequence == B) != (lane == DOMAIN):
        raise Malformed("kind %d on the %s lane" % (kind, lane))
    if kind in (EVENT, CALL, BROADCAST) and not (parsed.peer is None or isinstance(parsed.peer, Peer)):
        raise Malformed("a sender that is neither the server nor a client")


def hello(fields):
    return pack(HELLO, fields)


class Refused(Exception):
    """The server answered HELLO with REFUSE."""

    def __init__(self, code, message):
        super().__init__("%s: %s" % (code, message))
        self.code, self.message = code, message


def _is_number(least=0, most=ANY):
    return lambda v: type(v) is int and least <= v <= most


def _is_id(v):
    return isinstance(v, bytes) and len(v) == 16


_WELCOME_KEYS = {
    "ipcio": _is_number(),
    "epoch": _is_id,
    "incarnation": _is_id,
    "cookie": _is_id,
    "frames": _is_number(1),
    "bytes": _is_number(1),
    "calls": _is_number(1),
    "frame_bytes": _is_number(4096),
    "resumed": lambda v: isinstance(v, bool),
    "s_first": _is_number(1, MOST),
    "r_first": _is_number(1, MOST),
    "s_rx": _is_number(0, MOST),
    "r_rx": _is_number(0, MOST),
    "b_pos": _is_number(0, MOST),
    "fingerprint": lambda v: isinstance(v, str),
}
_REQUIRED = {
    DOMAIN: ("ipcio", "epoch", "incarnation", "cookie", "frames", "bytes", "calls", "frame_bytes"),
    PRIVATE: ("ipcio",),
}
_OMITTED = {"resumed": False, "s_first": 1, "r_first": 1, "s_rx": 0, "r_rx": 0, "b_pos": 0, "fingerprint": ""}


def parse_answer(lane, content):
    """Returns WELCOME as a namespace; REFUSE is raised as Refused."""
    cursor = cbor.Cursor(content)
    major, _, n = cursor.head(shortest=True)
    if major != cbor.ARRAY:
        raise Malformed("the answer to HELLO is no array")
    kind = number(0, 255)(cursor)
    if kind == REFUSE and n == 3:
        code, message = text(0, 128)(cursor), text(0, 4096)(cursor)
        cursor.end()
        raise Refused(code, message)
    if kind != WELCOME or n != 2:
        raise Malformed("kind %d of %d elements is no answer to HELLO" % (kind, n))
    fields = cursor.value()
    cursor.end()
    if not isinstance(fields, dict) or not all(isinstance(k, str) for k in fields):
        raise Malformed("WELCOME is no map with text keys")
    missing = [k for k in _REQUIRED[lane] if k not in fields]
    if missing:
        raise Malformed("WELCOME lacks %s" % ", ".join(missing))
    for key, fits in _WELCOME_KEYS.items():
        if key in fields and not fits(fields[key]):
            raise Malformed("%s of WELCOME is %r" % (key, fields[key]))
    if fields["ipcio"] != 1:
        raise Malformed("the server speaks version %d" % fields["ipcio"])
    return SimpleNamespace(**{**_OMITTED, **{k: v for k, v in fields.items() if k in _WELCOME_KEYS}})
