"""Processes that send packets without ports, each of a length of its own: pings by
sockets of ICMP and by raw ones, and a protocol that the kernel does not speak.

Prints a line for each process: its length of payload, PID and what it did.
"""

import os
import socket
import struct
import sys

ROUNDS = 3


def echo(kind, family, protocol, length):
    v6 = family == socket.AF_INET6
    s = socket.socket(family, kind, protocol)
    s.settimeout(5)
    for n in range(ROUNDS):
        message = struct.pack("!BBHHH", 128 if v6 else 8, 0, 0, 1000 + length, n) + bytes(length)
        if not v6:  # of IPv6, and of sockets that are not raw, the kernel adds it up
            words = struct.unpack("!%dH" % (len(message) // 2), message)
            total = sum(words)
            total = (total & 0xFFFF) + (total >> 16)
            message = message[:2] + struct.pack("!H", ~(total + (total >> 16)) & 0xFFFF) + message[4:]
        s.sendto(message, ("::1" if v6 else "127.0.0.1", 0))
        s.recv(4096)


def other(length):
    s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 89)
    s.settimeout(5)
    for _ in range(ROUNDS):
        s.sendto(bytes(length), ("127.0.0.1", 0))
        s.recv(4096)


def start(name, length, act):
    child = os.fork()
    if child == 0:
        os.write(1, b"%d %d %s\n" % (length, os.getpid(), name.encode()))  # at once: others write too
        act()
        os._exit(0)
    return child


def end(*children):
    for child in children:
        if os.waitpid(child, 0)[1]:
            sys.exit("a process failed")


ICMP, ICMP6 = socket.IPPROTO_ICMP, socket.IPPROTO_ICMPV6
V4, V6 = socket.AF_INET, socket.AF_INET6
end(
    start("ping", 100, lambda: echo(socket.SOCK_DGRAM, V4, ICMP, 100)),
    start("ping", 102, lambda: echo(socket.SOCK_DGRAM, V4, ICMP, 102)),
    start("ping", 104, lambda: echo(socket.SOCK_DGRAM, V6, ICMP6, 104)),
)
end(start("raw", 110, lambda: echo(socket.SOCK_RAW, V4, ICMP, 110)))
end(start("raw", 112, lambda: echo(socket.SOCK_RAW, V6, ICMP6, 112)))
end(start("other", 120, lambda: other(120)))
