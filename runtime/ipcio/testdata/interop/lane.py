"""The socket: where it is, whom it belongs to, and the frames on it (sections
2 and 3 of PROTOCOL.md)."""

import asyncio
import os
import re
import socket
import stat
import struct
import sys

import wire
from wire import Malformed

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}\Z")
CHUNK = 64 << 10
SILENCE = 15.0  # seconds


class Untrusted(Exception):
    """The directory or the server is not whose it must be."""


def socket_path(domain, directory=None):
    if not NAME.match(domain):
        raise ValueError("%r is no name of a domain" % domain)
    path = os.path.join(directory or _directory(), domain + ".sock")
    most = 107 if sys.platform == "linux" else 103
    if len(os.fsencode(path)) > most:
        raise ValueError("%s is longer than %d bytes" % (path, most))
    return path


def _directory():
    uid = os.geteuid()
    privileged = os.getuid() != uid or os.getgid() != os.getegid()
    if not privileged:
        told = os.environ.get("IPCIO_DIR")
        if told:
            if not os.path.isabs(told):
                raise ValueError("IPCIO_DIR is %r, which is not absolute" % told)
            return told
        runtime = os.environ.get("XDG_RUNTIME_DIR", "")
        if os.path.isabs(runtime) and _belongs(runtime, uid):
            return os.path.join(runtime, "ipcio")
    runtime = "/run/user/%d" % uid
    if _belongs(runtime, uid):
        return os.path.join(runtime, "ipcio")
    temporary = "" if privileged else os.environ.get("TMPDIR", "")
    return os.path.join(temporary if os.path.isabs(temporary) else "/tmp", "ipcio-%d" % uid)


def _belongs(path, uid):
    try:
        found = os.stat(path)
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == uid


def check_directory(path):
    found = os.lstat(path)
    if not stat.S_ISDIR(found.st_mode):
        raise Untrusted("%s is no directory" % path)
    if found.st_uid not in (os.geteuid(), 0):
        raise Untrusted("%s belongs to user %d" % (path, found.st_uid))
    if found.st_mode & 0o022:
        raise Untrusted("%s is writable by others: mode %o" % (path, stat.S_IMODE(found.st_mode)))


def check_server(sock):
    """Whoever listens must run as this user or root, as the kernel says."""
    if sys.platform == "linux":
        _, uid, _ = struct.unpack("iII", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    else:  # LOCAL_PEERCRED; struct xucred begins with its version and the user
        _, uid = struct.unpack("II", sock.getsockopt(0, 1, 128)[:8])
    if uid not in (os.geteuid(), 0):
        raise Untrusted("the server runs as user %d" % uid)


async def dial(path, name, limit):
    check_directory(os.path.dirname(path))
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, path)
        check_server(sock)
    except BaseException:
        sock.close()
        raise
    return Lane(sock, name, limit)


class Lane:
    """One of the two sockets. Reading and writing are apart, so that what has
    arrived can be read after a write failed."""

    def __init__(self, sock, name, limit):
        self.sock, self.name, self.limit = sock, name, limit
        self.loop = asyncio.get_running_loop()
        self.buffer, self.at = bytearray(), 0
        self.heard, self.pings = self.loop.time(), 0
        self.wake = asyncio.Event()
        self.urgent = []  # contents that wait for nothing: PONG, CANCEL, …
        self.pongs = []  # futures
        self.told = {}  # by COMMANDS: the fingerprints of the server's commands

    def close(self):
        self.sock.close()

    async def read(self):
        """Returns the content of the next frame, None at the end."""
        while True:
            content = self._cut()
            if content is not None:
                self.heard, self.pings = self.loop.time(), 0
                return content
            await asyncio.sleep(0)  # sock_recv does not yield when bytes are there
            piece = await self.loop.sock_recv(self.sock, CHUNK)
            if not piece:
                if self.at < len(self.buffer):
                    raise Malformed("the %s lane ends inside a frame" % self.name)
                return None
            del self.buffer[: self.at]
            self.at = 0
            self.buffer += piece

    def _cut(self):
        have = len(self.buffer) - self.at
        if have == 0:
            return None
        first = self.buffer[self.at]
        if first >> 5 != 2 or first & 31 > 27:
            raise Malformed("%#x does not begin a frame" % first)
        length, head = first & 31, 1
        if length > 23:
            head += 1 << length - 24
            if have < head:
                return None
            least = (24, 1 << 8, 1 << 16, 1 << 32)[length - 24]
            length = int.from_bytes(self.buffer[self.at + 1 : self.at + head], "big")
            if length < least:
                raise Malformed("a length is not in its shortest form")
        if length > self.limit:
            raise Malformed("a frame of %d bytes, the limit is %d" % (length, self.limit))
        if have < head + length:
            return None
        content = bytes(self.buffer[self.at + head : self.at + head + length])
        self.at += head + length
        return content

    async def write(self, data):
        for at in range(0, len(data), CHUNK):
            piece = self.loop.sock_sendall(self.sock, data[at : at + CHUNK])
            await asyncio.wait_for(piece, SILENCE)

    def send(self, content):
        self.urgent.append(wire.frame(content))
        self.wake.set()
