# SPDX-License-Identifier: BSD-2-Clause
"""A GDB server with an STM32F4 that exists only here, and with any odd habit wanted.

Its flash controller does what modflash's driver asks for; its core "runs" the stub by
doing what the stub is to do. Habits are attributes of Habits.
"""
import dataclasses
import socket
import threading

BASE, RAM = 0x08000000, 0x20000000
CR_LOCK, CR_STRT, CR_SER, CR_PG = 1 << 31, 1 << 16, 2, 1
XML = """<?xml version="1.0"?><target><feature name="org.gnu.gdb.arm.m-profile">
<reg name="r0" bitsize="32" regnum="0"/>%s<reg name="xPSR" bitsize="32" regnum="16"/></feature>
<feature name="org.gnu.gdb.arm.m-system"><reg name="primask" bitsize="8" regnum="20"/></feature>
</target>""" % "".join(f'<reg name="r{n}" bitsize="32"/>' for n in range(1, 13))


@dataclasses.dataclass
class Habits:
    packet_size: int = 0x1000
    no_ack_mode: bool = True
    binary: bool = True          # X
    single_registers: bool = True  # p and P
    all_registers: bool = True     # g and G
    old_layout: bool = False     # xPSR behind the FPA's registers
    description: bool = True
    can_run: bool = True
    endless: bool = False        # what runs stops only when it is interrupted
    reset_command: bool = True   # monitor reset run
    run_length: bool = False     # answers with "0*" in them
    chatter: bool = False        # notifications, console output and stray stops
    nak_first: int = 0           # refuse so many packets before one is taken
    spoil_first: int = 0         # damage so many answers
    fail_read: int = 0           # address that cannot be read
    hang_at: int = 0             # say nothing from the n-th packet on
    drop_at: int = 0             # close at the n-th packet
    refuse_connections: int = 0  # close so many at once
    no_target: bool = False      # until vAttach
    idcode: int = 0x10076413
    cpuid: int = 0x410FC241
    kib: int = 1024
    optcr: int = 0x0FFFAAED


class Chip:
    def __init__(self, habits):
        self.habits = habits
        self.flash = bytearray(b"\xff" * (1 << 20))
        self.ram = bytearray(0x20000)
        self.words = {0xE0042000: habits.idcode, 0xE000ED00: habits.cpuid,
                      0x1FFF7A20: habits.kib << 16 | 0xFFFF, 0x40023C10: CR_LOCK,
                      0x40023C14: habits.optcr, 0xE000EDF0: 0x00030003}
        self.registers = [0x100 + n for n in range(16)] + [0x01000000, 0]
        self.keys, self.resets, self.runs = 0, 0, 0

    def read_word(self, address):
        for start, store in ((BASE, self.flash), (RAM, self.ram)):
            if start <= address < start + len(store):
                return int.from_bytes(store[address - start:][:4], "little")
        return self.words.get(address, 0)

    def reset(self):
        self.resets += 1
        self.words[0x40023C10] = CR_LOCK
        self.words[0xE000ED0C] = 0
        self.words[0xE000EDF0] &= ~(1 << 17)

    def write_word(self, address, value):
        cr = self.words[0x40023C10]
        if BASE <= address < BASE + len(self.flash):
            raise AssertionError("flash is written other than by code on the chip")
        if RAM <= address < RAM + len(self.ram):
            self.ram[address - RAM:address - RAM + 4] = value.to_bytes(4, "little")
        elif address == 0x40023C04:
            self.keys = self.keys * 2 + (value == (0x45670123, 0xCDEF89AB)[self.keys & 1])
            if self.keys == 3:
                self.words[0x40023C10] = cr & ~CR_LOCK
        elif address == 0x40023C10 and not cr & CR_LOCK:
            self.words[address] = value & ~CR_STRT
            if value & CR_STRT and value & CR_SER:
                number = value >> 3 & 0x1F
                start = (number - 4) * 0x20000
                self.flash[start:start + 0x20000] = b"\xff" * 0x20000
            if value & CR_LOCK:
                self.keys = 0
        elif address == 0xE000ED0C:
            if value & 4:
                self.reset()
            else:
                self.words[address] = value & 0x700
        elif address not in (0x40023C10, 0x40023C0C):
            self.words[address] = value

    def run_stub(self):
        """What f4_stub.S does, whose arguments lie before its start."""
        self.runs += 1
        place = self.registers[15] - RAM
        target, size, step, stay, result, go = (self.read_word(RAM + place - n)
                                                for n in (24, 20, 16, 12, 8, 4))
        assert self.words[0x40023C10] & (CR_PG | CR_LOCK) == CR_PG
        assert self.registers[16] & 1 << 24
        assert (step, stay, result, go) == (4, 0, 0xFFFFFFFF, 1)
        for i in range(size):
            self.flash[target - BASE + i] &= self.ram[place - 24 - size + i]
        self.ram[place - 8:place] = bytes(8)


def frame(body, start=b"$", spoil=0):
    return b"%s%s#%02x" % (start, body, sum(body) + spoil & 255)


class Server:
    def __init__(self, **habits):
        self.habits = Habits(**habits)
        self.chip = Chip(self.habits)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"gdb:127.0.0.1:{self.listener.getsockname()[1]}"
        self.packets, self.acks, self.attached = [], True, not self.habits.no_target
        self.problem = None
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
        self.thread.join(3)
        self.listener.close()

    def serve(self):
        try:
            for _ in range(self.habits.refuse_connections):
                self.listener.accept()[0].close()
            while True:
                link = self.listener.accept()[0]
                link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.acks = True
                try:
                    self.converse(link)
                except ConnectionError:
                    pass
                link.close()
        except OSError:
            pass
        except Exception as error:  # shown by the test
            self.problem = repr(error)
            raise

    def receive(self, link):
        """The next packet's payload, or None."""
        stream = b""
        while True:
            piece = link.recv(1)
            if not piece:
                return None
            if piece == b"\x03" and not stream:
                self.chip.words[0xE000EDF0] |= 1 << 17
                link.sendall(frame(b"T02thread:1;"))
                continue
            stream += piece
            if stream[-3:-2] == b"#":
                body = stream[stream.index(b"$") + 1:-3]
                assert int(stream[-2:], 16) == sum(body) & 255, "the client's checksum"
                if self.habits.nak_first:
                    self.habits.nak_first -= 1
                    link.sendall(b"-")
                    stream = b""
                    continue
                if self.acks:
                    link.sendall(b"+")
                return body

    def send(self, link, text):
        body = text.encode("latin1")
        if self.habits.run_length:
            body = body.replace(b"0000", b"0* ")
        while self.habits.spoil_first:
            self.habits.spoil_first -= 1
            link.sendall(frame(body, spoil=1))
            self.expect(link, b"-")
        link.sendall(frame(body))
        if self.acks:
            self.expect(link, b"+")

    def expect(self, link, ack):
        got = link.recv(1)
        if not got:
            raise ConnectionError
        assert got == ack, got

    def converse(self, link):
        while (body := self.receive(link)) is not None:
            self.packets.append(body)
            if self.habits.drop_at and len(self.packets) >= self.habits.drop_at:
                return
            if self.habits.hang_at and len(self.packets) >= self.habits.hang_at:
                while link.recv(100):
                    pass
                return
            if self.habits.chatter and not self.acks:
                link.sendall(frame(b"Stop:T05", b"%") + frame(b"O68690a") + frame(b"T05"))
            answer = self.answer(body)
            if answer is not None:
                self.send(link, answer)
            if body == b"QStartNoAckMode":
                self.acks = False

    def answer(self, body):
        text = body.decode("latin1")
        habits, chip = self.habits, self.chip
        if text.startswith("qSupported"):
            return (f"PacketSize={habits.packet_size:x}"
                    + ";QStartNoAckMode+" * habits.no_ack_mode
                    + ";qXfer:features:read+" * habits.description)
        if text == "QStartNoAckMode":
            return "OK"
        if text.startswith("qXfer:features:read:target.xml:"):
            start, length = (int(n, 16) for n in text.split(":")[-1].split(","))
            return ("m" if start + length < len(XML) else "l") + XML[start:start + length]
        if text == "?":
            return "S05" if self.attached else "W00"
        if text == "vAttach;1":
            self.attached = True
            return "T05thread:1;"
        if text.startswith("qRcmd,"):
            if bytes.fromhex(text[6:]) == b"reset run" and habits.reset_command:
                chip.reset()
                return "OK"
            return "" if bytes.fromhex(text[6:]) != b"swdp_scan" else "OK"
        if text[0] == "m":
            return self.read(text)
        if text[0] in "XM":
            return self.write(body)
        if text[0] in "pPgG":
            return self.register(text)
        if text == "c":
            return self.run()
        return ""

    def read(self, text):
        address, length = (int(n, 16) for n in text[1:].split(","))
        assert 2 * length + 4 <= self.habits.packet_size, "the answer exceeds a packet"
        if self.habits.fail_read and address <= self.habits.fail_read < address + length:
            return "E01"
        words = (self.chip.read_word(address + n) for n in range(0, length, 4))
        return b"".join(word.to_bytes(4, "little") for word in words).hex()

    def write(self, body):
        assert len(body) + 4 <= self.habits.packet_size, "a packet is too long"
        head, data = body.split(b":", 1)
        if head[:1] == b"X" and not self.habits.binary:
            return ""
        address, length = (int(n, 16) for n in head[1:].split(b","))
        if head[:1] == b"M":
            data = bytes.fromhex(data.decode())
        else:
            parts = data.split(b"}")
            data = parts[0] + b"".join(bytes([p[0] ^ 0x20]) + p[1:] for p in parts[1:])
        assert len(data) == length
        for n in range(0, length, 4):
            self.chip.write_word(address + n, int.from_bytes(data[n:n + 4], "little"))
        return "OK"

    def number(self, text):
        number = int(text, 16)
        if self.habits.description:
            return {16: 16, 20: 17}.get(number, number)
        return {25: 16}.get(number, number)

    def register(self, text):
        habits, registers = self.habits, self.chip.registers
        if text[0] in "pP" and not habits.single_registers:
            return ""
        if text[0] in "gG" and not habits.all_registers:
            return ""
        gap = "00" * (8 * 12 + 4) if habits.old_layout else ""
        if text[0] == "p":
            return registers[self.number(text[1:])].to_bytes(4, "little").hex()
        if text[0] == "P":
            name, value = text[1:].split("=")
            registers[self.number(name)] = int.from_bytes(bytes.fromhex(value), "little")
            return "OK"
        if text[0] == "g":
            words = [word.to_bytes(4, "little").hex() for word in registers[:17]]
            return "".join(words[:16]) + gap + words[16]
        flat = text[1:129] + text[129 + len(gap):]
        registers[:17] = [int.from_bytes(bytes.fromhex(flat[n:n + 8]), "little")
                          for n in range(0, 136, 8)]
        return "OK"

    def run(self):
        if not self.habits.can_run:
            return "E01"
        if self.habits.endless and RAM <= self.chip.registers[15] < RAM + 0x20000:
            self.chip.words[0xE000EDF0] &= ~(1 << 17)
            return None
        if RAM <= self.chip.registers[15] < RAM + 0x20000:
            self.chip.run_stub()
            return "T05thread:1;"
        self.chip.words[0xE000EDF0] &= ~(1 << 17)
        return None  # runs on
