"""CBOR (RFC 8949), as much of it as ipcio asks for.

Encoding is deterministic (section 4.2.1). Decoding takes definite lengths
only, refuses what is nested deeper than DEPTH and maps with duplicate keys.

Python values: None, bool, int, float, bytes, str, list, dict, datetime (tag 0)
and UUID (tag 37). An int beyond 64 bits is a bignum (tags 2 and 3). Any other
tag is a Tag, as is a point in time that is finer than a datetime.
"""

import math
import struct
from collections import namedtuple
from datetime import datetime, timezone
from uuid import UUID

DEPTH = 32

UINT, NEGATIVE, BYTES, TEXT, ARRAY, MAP, TAG, SIMPLE = range(8)

Tag = namedtuple("Tag", "number value")


class Malformed(ValueError):
    """The bytes are not what they must be."""


def head(major, value):
    """Returns the head of an item in its shortest form."""
    if value < 24:
        return bytes((major << 5 | value,))
    for info, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if value < 1 << 8 * size:
            return bytes((major << 5 | info,)) + value.to_bytes(size, "big")
    raise ValueError("%d has more than 64 bits" % value)


def encode(value):
    """Returns value as one deterministic item."""
    out = bytearray()
    _append(out, value, 0)
    return bytes(out)


def _append(out, value, depth):
    if depth > DEPTH:
        raise ValueError("the value is nested deeper than %d arrays and maps" % DEPTH)
    if value is None:
        out += b"\xf6"
    elif value is True:
        out += b"\xf5"
    elif value is False:
        out += b"\xf4"
    elif isinstance(value, int):
        _append_int(out, value)
    elif isinstance(value, float):
        _append_float(out, value)
    elif isinstance(value, (bytes, bytearray, memoryview)):
        out += head(BYTES, len(value))
        out += value
    elif isinstance(value, str):
        text = value.encode("utf-8")
        out += head(TEXT, len(text))
        out += text
    elif isinstance(value, Tag):
        out += head(TAG, value.number)
        _append(out, value.value, depth)
    elif isinstance(value, (list, tuple)):
        out += head(ARRAY, len(value))
        for item in value:
            _append(out, item, depth + 1)
    elif isinstance(value, dict):
        out += head(MAP, len(value))
        for key, item in sorted((encode(k), v) for k, v in value.items()):
            out += key
            _append(out, item, depth + 1)
    elif isinstance(value, datetime):
        _append(out, Tag(0, value.astimezone(timezone.utc).replace(tzinfo=None).isoformat() + "Z"), depth)
    elif isinstance(value, UUID):
        _append(out, Tag(37, value.bytes), depth)
    else:
        raise TypeError("a %s has no form in CBOR" % type(value).__name__)


def _append_int(out, value):
    major, rest = (UINT, value) if value >= 0 else (NEGATIVE, -1 - value)
    if rest < 1 << 64:
        out += head(major, rest)
        return
    magnitude = rest.to_bytes((rest.bit_length() + 7) // 8, "big")
    _append(out, Tag(2 + major, magnitude), 0)


def _append_float(out, value):
    if math.isnan(value):
        out += b"\xf9\x7e\x00"
        return
    for first, form in ((b"\xf9", ">e"), (b"\xfa", ">f")):
        try:
            packed = struct.pack(form, value)
        except OverflowError:
            continue
        if struct.unpack(form, packed)[0] == value:
            out += first + packed
            return
    out += b"\xfb" + struct.pack(">d", value)


def decode(data):
    """Returns the value of data, which is exactly one item."""
    cursor = Cursor(data)
    value = cursor.value()
    cursor.end()
    return value


class Cursor:
    """Reads items from bytes, one after another."""

    def __init__(self, data):
        self.data = data
        self.at = 0

    def take(self, n):
        piece = self.data[self.at : self.at + n]
        if len(piece) != n:
            raise Malformed("cut short: %d bytes are missing" % (n - len(piece)))
        self.at += n
        return piece

    def head(self, shortest=False):
        """Returns major type, additional information and argument."""
        first = self.take(1)[0]
        major, info = first >> 5, first & 31
        if info < 24:
            return major, info, info
        if info > 27:
            raise Malformed("an indefinite or reserved length")
        argument = int.from_bytes(self.take(1 << info - 24), "big")
        if shortest and argument < (24, 1 << 8, 1 << 16, 1 << 32)[info - 24]:
            raise Malformed("a head is not in its shortest form")
        return major, info, argument

    def end(self):
        if self.at != len(self.data):
            raise Malformed("%d bytes behind the end" % (len(self.data) - self.at))

    def value(self, depth=0):
        major, info, n = self.head()
        if major == UINT:
            return n
        if major == NEGATIVE:
            return -1 - n
        if major == BYTES:
            return bytes(self.take(n))
        if major == TEXT:
            return text(self.take(n))
        if major == SIMPLE:
            return _simple(info, n)
        if major == TAG:
            if depth > 2 * DEPTH:  # tags around tags are no arrays, yet must not nest for ever
                raise Malformed("nested too deep")
            return _tagged(n, self.value(depth + 1))
        if depth >= DEPTH:
            raise Malformed("nested deeper than %d arrays and maps" % DEPTH)
        if n > len(self.data) - self.at:  # every item has a byte at least
            raise Malformed("cut short: %d items are announced" % n)
        if major == ARRAY:
            return [self.value(depth + 1) for _ in range(n)]
        pairs = {}
        for _ in range(n):
            key = self.value(depth + 1)
            if isinstance(key, (list, dict)):
                raise Malformed("an array or a map is a key")
            if key in pairs:
                raise Malformed("the key %r occurs twice" % (key,))
            pairs[key] = self.value(depth + 1)
        return pairs


def text(raw):
    try:
        return bytes(raw).decode("utf-8")
    except UnicodeDecodeError:
        raise Malformed("a text is not UTF-8") from None


def _simple(info, n):
    if info == 25:
        return struct.unpack(">e", n.to_bytes(2, "big"))[0]
    if info == 26:
        return struct.unpack(">f", n.to_bytes(4, "big"))[0]
    if info == 27:
        return struct.unpack(">d", n.to_bytes(8, "big"))[0]
    try:
        return {20: False, 21: True, 22: None, 23: None}[n]
    except KeyError:
        raise Malformed("the simple value %d" % n) from None


def _tagged(number, value):
    if number == 37 and isinstance(value, bytes) and len(value) == 16:
        return UUID(bytes=value)
    if number in (2, 3) and isinstance(value, bytes):
        magnitude = int.from_bytes(value, "big")
        return magnitude if number == 2 else -1 - magnitude
    if number == 0 and isinstance(value, str):
        return _time(value)
    return Tag(number, value)


def _time(value):
    """RFC 3339; a datetime has microseconds, so what is finer stays a Tag."""
    try:
        when = datetime.fromisoformat(value.replace("Z", "+00:00"))
    except ValueError:
        return Tag(0, value)
    return when if encode(when) == encode(Tag(0, value)) else Tag(0, value)
