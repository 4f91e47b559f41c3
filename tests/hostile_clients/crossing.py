"""A reader that is killed while the end of its job is on its way: its farewell crosses what the server says.

No system lets a program time that, so the reader is a TCP of its own, on a tun device, in a network namespace that this
process has to itself (`unshare -n`). Prints, a line each, how the job answers to its capability once the connection is gone:
after a reader that acknowledged everything and hung up, and after one whose farewell acknowledged nothing of the end.

    unshare -n python3 crossing.py NARROWCAST
"""

import fcntl
import http.client
import json
import os
import select
import socket
import struct
import subprocess
import sys
import time

HERE, PEER = "10.9.0.1", "10.9.0.2"
KEY, OPERATOR = "an API key for this test", "an operators' credential"
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
PATIENCE_S = 20


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Peer:
    """One connection of a TCP that sends and acknowledges what it is told to, and nothing else."""

    def __init__(self, tun, port, to):
        self.tun, self.port, self.to = tun, port, to
        self.sequence, self.acknowledged, self.read, self.is_over = 1000, 0, b"", False

    def send(self, flags, data=b""):
        head = struct.pack(
            "!HHIIBBHHH", self.port, self.to, self.sequence, self.acknowledged, 5 << 4, flags, 65535, 0, 0
        )
        ends = socket.inet_aton(PEER) + socket.inet_aton(HERE)
        total = checksum(ends + struct.pack("!BBH", 0, 6, len(head + data)) + head + data)
        segment = head[:16] + struct.pack("!H", total) + head[18:] + data
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(segment), 0, 0, 64, 6, 0) + ends
        ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
        os.write(self.tun, ip + segment)
        self.sequence += len(data) + (1 if flags & (SYN | FIN) else 0)

    def segment(self):
        """The next segment of this connection: its place, its flags, its data."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            if not select.select([self.tun], [], [], 1)[0]:
                continue
            packet = os.read(self.tun, 65536)
            if packet[0] >> 4 != 4 or packet[9] != 6:
                continue
            tcp = packet[(packet[0] & 15) * 4 :]
            _, to, sequence, _, offset, flags = struct.unpack("!HHIIBB", tcp[:14])
            if to == self.port:
                return sequence, flags, tcp[(offset >> 4) * 4 :]
        sys.exit("the server fell silent")

    def connect(self):
        self.send(SYN)
        sequence, _, _ = self.segment()
        self.acknowledged = sequence + 1
        self.send(ACK)

    def take(self, acknowledge):
        """Takes one segment, and acknowledges it or does not."""
        sequence, flags, data = self.segment()
        if sequence != self.acknowledged:
            # Sent again, or ahead of what was not acknowledged.
            return data
        if acknowledge:
            self.read += data
            self.acknowledged += len(data)
            if flags & FIN:
                self.acknowledged, self.is_over = self.acknowledged + 1, True
            if data or flags & FIN:
                self.send(ACK)
        return data


def tunnel():
    tun = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tun, 0x400454CA, struct.pack("16sH", b"crossing", 0x1001))  # TUNSETIFF, IFF_TUN | IFF_NO_PI
    for command in ["link set lo up", f"addr add {HERE}/24 dev crossing", "link set crossing up"]:
        subprocess.run(["ip", *command.split()], check=True)
    return tun


class Server:
    def __init__(self, program):
        secrets = {"NARROWCAST_API_KEYS": f"test={KEY}", "NARROWCAST_OPERATOR_CREDENTIAL": OPERATOR}
        command = [program, "serve", "--listen", f"{HERE}:0", "--log", "off"]
        self.process = subprocess.Popen(command, env={**os.environ, **secrets}, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().split("http://")[1].split()[0].split(":")[1])

    def ask(self, method, path, bearer, body=None):
        connection = http.client.HTTPConnection(HERE, self.port, timeout=PATIENCE_S)
        connection.request(method, path, body, {"Authorization": f"Bearer {bearer}", "Connection": "close"})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, text

    def connections(self):
        _, text = self.ask("GET", "/metrics", OPERATOR)
        return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("narrowcast_connections "))


def after(server, tun, port, acknowledges):
    """How a job answers to whoever has its capability, after a reader that acknowledged its end, or did not."""
    _, text = server.ask("POST", "/v1/jobs", KEY, '{"operation":"open"}')
    job = json.loads(text)
    path, right = f"/v1/jobs/{job['job_id']}", job["capability"]
    peer = Peer(tun, port, server.port)
    peer.connect()
    request = f"GET {path}/stream HTTP/1.1\r\nhost: {HERE}:{server.port}\r\nauthorization: Bearer {right}\r\n\r\n"
    peer.send(PSH | ACK, request.encode())
    while b"created, to open" not in peer.read:
        peer.take(acknowledge=True)
    server.ask("POST", f"{path}/events", right, '{"action":"say","human":"the last words"}')
    server.ask("POST", f"{path}/close", right, '{"outcome":"completed"}')
    if acknowledges:
        while not peer.is_over:
            peer.take(acknowledge=True)
        peer.send(FIN | ACK)
    else:
        while b"event: done" not in peer.take(acknowledge=False):
            pass
        # The farewell of a process that was killed with nothing unread; what comes then is answered by its system.
        peer.send(FIN | ACK)
        peer.take(acknowledge=False)
        peer.send(RST)
    deadline = time.monotonic() + PATIENCE_S
    while server.connections() > 1:
        if time.monotonic() > deadline:
            sys.exit("the connection is still there")
    return server.ask("POST", f"{path}/tickets", right)[0]


def main():
    tun = tunnel()
    server = Server(sys.argv[1])
    try:
        for number in range(3):
            print("acknowledged", after(server, tun, 20000 + number, acknowledges=True))
            print("crossed", after(server, tun, 30000 + number, acknowledges=False))
    finally:
        server.process.kill()


main()
