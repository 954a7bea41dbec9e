"""Calls of sockets that write down who made them, where USES names a file:

    pid cookie begin_ns end_ns verb protocol local remote

cookie is SO_COOKIE; of an accepted socket it is that of the listening one. An end
that is not known is "-". A line is written behind each call, whole.
"""
import os
import socket
import struct
import time

SO_COOKIE = 57
log = os.open(os.environ["USES"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644) if "USES" in os.environ else -1


def text(a):
    if not a or not a[1]:
        return "-"
    return "[%s]:%d" % a[:2] if ":" in a[0] else "%s:%d" % a[:2]


def cookie(s):
    return struct.unpack("Q", s.getsockopt(socket.SOL_SOCKET, SO_COOKIE, 8))[0]


def note(s, begin, verb, local=None, remote=None, of=None):
    """A use of s that began at a time; of is the socket whose cookie counts."""
    if log < 0:
        return
    end = time.time_ns()
    if remote is None:
        try:
            remote = s.getpeername()
        except OSError:
            pass
    protocol = "udp" if s.type == socket.SOCK_DGRAM else "tcp"
    os.write(log, ("%d %d %d %d %s %s %s %s\n" % (os.getpid(), cookie(of or s), begin, end, verb, protocol,
                                                  text(local or s.getsockname()), text(remote))).encode())


def connect(s, address):
    begin = time.time_ns()
    s.connect(address)
    note(s, begin, "connect")


def accept(s):
    begin = time.time_ns()
    c = s.accept()[0]
    note(c, begin, "accept", of=s)
    return c


def send(s, data):
    begin = time.time_ns()
    s.sendall(data)
    note(s, begin, "send")


def receive(s, n):
    begin = time.time_ns()
    data = s.recv(n)
    note(s, begin, "receive")
    return data


def send_to(s, data, peer):
    begin = time.time_ns()
    s.sendto(data, peer)
    note(s, begin, "send", remote=peer)


def receive_from(s, n):
    begin = time.time_ns()
    data, peer = s.recvfrom(n)
    note(s, begin, "receive", remote=peer)
    return data, peer
