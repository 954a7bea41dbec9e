"""A process that connects, sends 100 bytes, forks and closes; the child, which has the
socket alone from then on, sends 50 bytes later. Prints the PID of the parent.

Usage: heirs.py CONNECTIONS
"""

import os
import signal
import socket
import sys
import threading
import time

listener = socket.socket()
listener.bind(("127.0.0.1", 7001))
listener.listen(64)


def drain(connection):
    while connection.recv(65536):
        pass


server = os.fork()
if server == 0:
    signal.alarm(30)
    while True:
        threading.Thread(target=drain, args=(listener.accept()[0],), daemon=True).start()
listener.close()
time.sleep(1.5)  # no look finds it new
for _ in range(int(sys.argv[1])):
    s = socket.create_connection(("127.0.0.1", 7001))
    s.send(bytes(100))
    if os.fork() == 0:
        time.sleep(0.3)
        s.send(bytes(50))
        time.sleep(0.1)
        os._exit(0)
    s.close()
    time.sleep(0.05)
time.sleep(0.5)
print(os.getpid())
os.kill(server, signal.SIGKILL)
os.waitpid(server, 0)
