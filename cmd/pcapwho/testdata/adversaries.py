"""Traffic that makes it hard to tell whose it is. Each use of a socket goes to the file
that USES names (uses.py).

    python3 adversaries.py cycles N     N processes, each for one connection
    python3 adversaries.py reused N     N processes, each with the five-tuple of the one before
    python3 adversaries.py group N      N processes at one UDP port
    python3 adversaries.py passed N     N connections, each passed to one of four workers
    python3 adversaries.py multipath N  N connections of multipath TCP
    python3 adversaries.py against PROGRAM N   N connections to a server, started with N
    python3 adversaries.py server ADDRESS PORT            answers, TCP and UDP, until killed
    python3 adversaries.py client ADDRESS PORT LOCAL N    N rounds from a port, 0 = any
    python3 adversaries.py clients ADDRESS PORT N         N connections from any port
"""
import array
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True  # into testdata
import uses  # noqa: E402

HERE = "127.0.0.1"


def child(f, *args):
    pid = os.fork()
    if pid == 0:
        try:
            f(*args)
        except BaseException as e:  # noqa: the parent sees the status
            print(e, file=sys.stderr)
            os._exit(1)
        os._exit(0)
    return pid


def wait(pids):
    failed = [pid for pid in pids if os.waitpid(pid, 0)[1]]
    if failed:
        sys.exit("processes failed: %r" % failed)


def kill(pids):
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    for pid in pids:
        os.waitpid(pid, 0)


def listening(protocol=socket.IPPROTO_TCP, host=HERE, port=0):
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, protocol)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((host, port))
    s.listen(500)
    return s


def answer(c):
    """One accepted connection, to its end."""
    try:
        while True:
            data = uses.receive(c, 1000)
            if not data:
                break
            uses.send(c, data)
    except ConnectionResetError:
        pass
    c.close()


def serve(s):
    while True:
        answer(uses.accept(s))


def ask(port, local=0, protocol=socket.IPPROTO_TCP, reset=False, host=HERE, rounds=1, pause=0):
    """One connection."""
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, protocol)
    s.settimeout(20)
    if local:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("", local))
    if reset:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    uses.connect(s, (host, port))
    for n in range(rounds):
        uses.send(s, b"request %d" % n)
        uses.receive(s, 100)
        time.sleep(pause)
    s.close()


def cycles(n):
    s = listening()
    port = s.getsockname()[1]
    server = child(serve, s)
    s.close()
    for k in range(0, n, 4):  # so many at a time
        wait([child(ask, port) for _ in range(min(4, n - k))])
    kill([server])


def reused(n):
    """The next process waits for its turn, and needs no time to begin."""
    s = listening()
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    u.bind((HERE, 0))
    ports = s.getsockname()[1], u.getsockname()[1]
    servers = [child(serve, s), child(serve_datagrams, u)]
    s.close()
    u.close()
    turns, first, pids = [os.pipe(), os.pipe()], [], []

    def one(mine, after):
        ask(ports[0])  # what is done once is quicker
        os.read(mine[0][0], 1)
        ask(ports[0], 7777, reset=True)
        os.write(after[0][1], b"t")
        os.read(mine[1][0], 1)
        ask_datagram(ports[1], 7778)
        os.write(after[1][1], b"t")
    for _ in range(n):
        after = [os.pipe(), os.pipe()]
        pids.append(child(one, turns, after))
        for mine in turns:
            os.close(mine[0])
            if first:
                os.close(mine[1])
        first = first or [mine[1] for mine in turns]
        turns = after
    for turn in first:
        os.write(turn, b"t")
    wait(pids)
    kill(servers)


def serve_datagrams(s):
    while True:
        data, peer = uses.receive_from(s, 1000)
        uses.send_to(s, data, peer)


def ask_datagram(port, local=0, host=HERE, data=b"datagram"):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(20)
    if local:
        s.bind(("", local))
    uses.connect(s, (host, port))
    uses.send(s, data)
    uses.receive(s, 100)
    s.close()


def group(n):
    first = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    first.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    first.bind((HERE, 0))
    port = first.getsockname()[1]
    ready = os.pipe()

    def one():
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        s.bind((HERE, port))
        first.close()
        os.write(ready[1], b"r")
        serve_datagrams(s)
    pids = [child(one) for _ in range(n)]
    got = 0
    while got < n:
        got += len(os.read(ready[0], n))
    first.close()
    for k in range(0, n, 50):
        wait([child(ask_datagrams, port, 10, k + i) for i in range(0, 50, 10)])
    ask_datagrams(port, 10, n)  # for those that are lost
    kill(pids)


def ask_datagrams(port, n, first):
    for k in range(n):
        ask_datagram(port, data=b"datagram %d" % (first + k))


def passed(n):
    s = listening()
    port = s.getsockname()[1]
    pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(4)]

    def work(there):
        while True:
            _, ancillary, _, _ = there.recvmsg(1, 1000)
            answer(socket.socket(fileno=array.array("i", ancillary[0][2])[0]))

    def accept():
        for k in range(n):
            c = uses.accept(s)
            pairs[k % 4][0].sendmsg([b"c"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [c.fileno()]))])
            c.close()
    workers = [child(work, there) for _, there in pairs]
    server = child(accept)
    for k in range(0, n, 4):
        wait([child(ask, port) for _ in range(min(4, n - k))])
    wait([server])
    time.sleep(0.1)  # workers see the end
    kill(workers)


def multipath(n):
    s = listening(socket.IPPROTO_MPTCP)
    port = s.getsockname()[1]
    server = child(serve, s)
    s.close()
    for _ in range(n):
        wait([child(ask, port, 0, socket.IPPROTO_MPTCP)])
    time.sleep(0.1)
    kill([server])


def against(program, n):
    server = subprocess.Popen([program, str(n)], stdout=subprocess.PIPE)
    port = int(server.stdout.readline())
    for _ in range(n):
        wait([child(ask, port)])
    if server.wait():
        sys.exit("the server failed")


def server(host, port):
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    u.bind((host, port))
    s = listening(host=host, port=port)
    threading.Thread(target=serve_datagrams, args=(u,), daemon=True).start()
    print("ready", flush=True)
    serve(s)


def main(what, *args):
    if what == "against":
        against(args[0], int(args[1]))
    elif what == "server":
        server(args[0], int(args[1]))
    elif what == "client":
        host, port, local, n = args[0], int(args[1]), int(args[2]), int(args[3])
        ask(port, local, host=host, rounds=n, pause=0.02)
        ask_datagram(port, local, host, b"of process %d" % os.getpid())
    elif what == "clients":
        host, port = args[0], int(args[1])
        for k in range(int(args[2])):
            wait([child(ask, port, 0, socket.IPPROTO_TCP, False, host), child(ask_datagram, port, 0, host, b"%d" % k)])
    else:
        {"cycles": cycles, "reused": reused, "group": group, "passed": passed, "multipath": multipath}[what](int(args[0]))


main(*sys.argv[1:])
