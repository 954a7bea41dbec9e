"""Servers and clients that fork, execute, share and pass sockets, over loopback.

Each end of each connection goes to standard output as an entry of the workload's
ledger: the process that sent and received through it. Each use goes to the file that
USES names, where it names one (uses.py).

    python3 forks.py CONNECTIONS [HOLD...]   of each kind of server, by each kind of
                                             client; how long they live, seconds
    python3 forks.py shared CONNECTIONS   of UDP servers of three processes, which share a socket or a port
    python3 forks.py client ...       one client process: what a fork executes
"""
import array
import json
import os
import signal
import socket
import sys
import time

sys.dont_write_bytecode = True  # into testdata
import uses  # noqa: E402

REQUEST, REPLY = b"q" * 40, b"r" * 90
FAMILIES = {"4": (socket.AF_INET, "127.0.0.1"), "6": (socket.AF_INET6, "::1")}


def book(protocol, local, remote, sent, received, begin):
    def text(a):
        return "[%s]:%d" % a[:2] if ":" in a[0] else "%s:%d" % a[:2]

    line = {"pid": os.getpid(), "name": "", "protocol": protocol, "local": text(local), "remote": text(remote),
            "sent_bytes": sent, "received_bytes": received, "begin_ns": begin, "end_ns": time.time_ns()}
    os.write(1, json.dumps(line).encode() + b"\n")


def client(protocol, family, port, hold):
    if protocol == "unconnected":
        return send_unconnected(family, port, hold)
    family, host = FAMILIES[family]
    begin = time.time_ns()
    s = socket.socket(family, socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM)
    s.settimeout(20)
    uses.connect(s, (host, port))
    local, remote = s.getsockname(), s.getpeername()
    uses.send(s, REQUEST)
    time.sleep(hold)
    got = 0
    while got < len(REPLY):
        got += len(uses.receive(s, 1000))
    s.close()
    book(protocol, local, remote, len(REQUEST), got, begin)


def send_unconnected(family, port, hold):
    family, host = FAMILIES[family]
    begin = time.time_ns()
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.settimeout(20)
    uses.send_to(s, REQUEST, (host, port))
    local = (host, s.getsockname()[1])
    time.sleep(hold)
    got = len(uses.receive_from(s, 1000)[0])
    s.close()
    book("udp", local, (host, port), len(REQUEST), got, begin)


def answer(c):
    """One accepted connection, to its end."""
    begin, local, remote = time.time_ns(), c.getsockname(), c.getpeername()
    got = 0
    while got < len(REQUEST):
        got += len(uses.receive(c, 1000))
    uses.send(c, REPLY)
    uses.receive(c, 1)  # the client closes first
    c.close()
    book("tcp", local, remote, len(REPLY), got, begin)


def answer_datagrams(s):
    local = s.getsockname()
    while True:
        begin = time.time_ns()
        data, peer = uses.receive_from(s, 1000)
        uses.send_to(s, REPLY, peer)
        book("udp", local, peer, len(REPLY), len(data), begin - 10**9)


def child(f, *args):
    pid = os.fork()
    if pid == 0:
        try:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            f(*args)
        except BaseException as e:  # noqa: the parent sees the status
            print(e, file=sys.stderr)
            os._exit(1)
        os._exit(0)
    return pid


def listening(family, reuse=False):
    family, host = FAMILIES[family]
    s = socket.socket(family, socket.SOCK_STREAM)
    if reuse:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    s.bind((host, 0))
    s.listen(500)
    return s


def prefork(s):
    """Three processes accept from one socket."""
    def accept():
        while True:
            answer(uses.accept(s))
    return [child(accept) for _ in range(3)]


def forking(s):
    """A process accepts, and forks another for each connection."""
    def accept():
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        while True:
            c = uses.accept(s)
            child(answer, c)
            c.close()
    return [child(accept)]


def passing(s):
    """A process accepts, and passes each connection to another that is older."""
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

    def work():
        while True:
            _, ancillary, _, _ = there.recvmsg(1, 1000)
            fds = array.array("i", ancillary[0][2])
            answer(socket.socket(fileno=fds[0]))

    def accept():
        while True:
            c = uses.accept(s)
            here.sendmsg([b"c"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [c.fileno()]))])
            c.close()
    return [child(work), child(accept)]


def reusing(s):
    """Three processes listen to one port, each with a socket of its own."""
    def accept(ready):
        mine = socket.socket(s.family, socket.SOCK_STREAM)
        mine.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        mine.bind(s.getsockname())
        mine.listen(500)
        s.close()
        os.write(ready, b"r")
        while True:
            answer(uses.accept(mine))
    wait, ready = os.pipe()
    pids = [child(accept, ready) for _ in range(3)]
    for _ in pids:
        os.read(wait, 1)
    return pids


def datagrams(s):
    return [child(answer_datagrams, s)]


def main(connections, holds):
    servers, ports = [], []
    for family in "46":
        for kind in (prefork, forking, passing, reusing):
            s = listening(family, kind is reusing)
            servers += kind(s)
            ports.append(("tcp", family, s.getsockname()[1]))
            s.close()
        s = socket.socket(FAMILIES[family][0], socket.SOCK_DGRAM)
        s.bind((FAMILIES[family][1], 0))
        servers += datagrams(s)
        ports += [(kind, family, s.getsockname()[1]) for kind in ("udp", "unconnected")]
        s.close()
    running = []
    began = time.monotonic()
    for n in range(connections):
        for protocol, family, port in ports:
            hold = holds[n % len(holds)]
            if n % 8 < 4:
                running.append(child(client, protocol, family, port, hold))
            else:
                words = [sys.executable, "-S", "-E", __file__, "client", protocol, family, str(port), str(hold)]
                running.append(child(os.execv, sys.executable, words))
        if n % 4 == 3:  # no more at a time
            failed = [pid for pid in running if os.waitpid(pid, 0)[1]]
            if failed:
                sys.exit("clients failed: %r" % failed)
            running = []
    time.sleep(max(0.3, (time.monotonic() - began) / 8))  # servers book what they did
    for pid in servers:
        os.kill(pid, signal.SIGTERM)
    for pid in servers:
        os.waitpid(pid, 0)


def shared(connections):
    """Processes that take datagrams from one socket by turns, and such that have
    one each, at one port."""
    servers, ports = [], []
    for family in "46":
        s = socket.socket(FAMILIES[family][0], socket.SOCK_DGRAM)
        s.bind((FAMILIES[family][1], 0))
        servers += [child(answer_datagrams, s) for _ in range(3)]
        ports.append((family, s.getsockname()[1]))
        s.close()
        group = group_of_datagrams(family)
        servers += group[0]
        ports.append((family, group[1]))
    for n in range(connections):
        kind = ("udp", "unconnected")[n % 2]
        running = [child(client, kind, family, port, 0) for family, port in ports for _ in range(2)]
        for pid in running:
            os.waitpid(pid, 0)
    time.sleep(0.1)  # servers book what they did
    for pid in servers:
        os.kill(pid, signal.SIGTERM)


def group_of_datagrams(family):
    """Three processes with a socket each at one port; and the port."""
    def bound(port):
        s = socket.socket(FAMILIES[family][0], socket.SOCK_DGRAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        s.bind((FAMILIES[family][1], port))
        return s

    def serve(ready):
        s = bound(first.getsockname()[1])
        first.close()
        os.write(ready, b"r")
        answer_datagrams(s)
    first = bound(0)
    wait, ready = os.pipe()
    pids = [child(serve, ready) for _ in range(3)]
    for _ in pids:
        os.read(wait, 1)
    port = first.getsockname()[1]
    first.close()
    return pids, port


if sys.argv[1] == "shared":
    shared(int(sys.argv[2]))
elif sys.argv[1] == "client":
    client(sys.argv[2], sys.argv[3], int(sys.argv[4]), float(sys.argv[5]))
else:
    main(int(sys.argv[1]), [float(h) for h in sys.argv[2:]] or (0, 0.001, 0.01, 0.1))
