# SPDX-License-Identifier: BSD-2-Clause
"""Clients that we did not write find an STM32F405, and do to its flash what they say."""

import re
import subprocess

from board_run import FLASH_BASE, MODULES, OPENOCD, BoardTest, bytes_of, main, needs

IMAGE = bytes_of("image", 5000)

# A module that is data for st-flash, and a program for a debugger: 7 + 35.
PROGRAM = """
    .syntax unified
    .thumb
    .word 0x20020000
    .word start + 1
    .thumb_func
    .global start
start:
    movs r0, #7
    movs r1, #35
    adds r2, r0, r1
    ldr r3, =0x20000100
    str r2, [r3]
here:
    b here
    .pool
    .fill 3000, 1, 0xa5
"""

# Firmware that prints, by semihosting, the text that is at MODULES, and exits.
FIRMWARE = """
    .syntax unified
    .thumb
    .word 0x20020000
    .word start + 1
    .thumb_func
    .global start
start:
    movs r0, #4
    ldr r1, =0x08060000
    bkpt 0xab
    movs r0, #0x20
    ldr r1, =status
    bkpt 0xab
    b .
    .pool
    .align 2
status:
    .word 0x20026, 0
"""

GDB = """
set pagination off
set confirm off
set remotetimeout 900
target extended-remote :{port}
monitor reset halt
load
compare-sections
set $sp = *(unsigned*)0x08060000
hbreak *here
continue
info registers r2 pc
x/wx 0x20000100
delete
set {{unsigned short}}0x200001fe = 0x3001
set {{unsigned short}}0x20000200 = 0xbf00
set $pc = 0x200001fe
break *0x20000200
continue
info registers r0 pc
stepi
info registers pc
monitor reset run
disconnect
"""


@needs("st-info", "st-flash")
class Stlink(BoardTest):
    def test_probe(self):
        text = self.on_board("st-info", "--probe")
        for line in ("Found 1 stlink programmers", "version: *V2J37S7", "flash: *1048576 ",
                     "chipid: *0x0413", "serial: *5649525455414C424F415244"):
            self.assertRegex(text, line)
        self.assertEqual(self.contents(), b"\xff" * 0x100000)
        stats = self.stats()
        self.assertEqual((stats["operations"], stats["flash_locked"]), (0, 1))
        self.assertGreater(stats["commands"], 5)

    def test_spare_probes(self):
        text = self.on_board("st-info", "--probe", options=["--spare-probes", 2])
        self.assertIn("Found 3 stlink programmers", text)
        self.assertEqual(len(set(re.findall("serial: *([0-9A-F]{24})", text))), 3)
        self.assertEqual(len(re.findall("chipid: *0x0413", text)), 1)

    def test_write(self):
        self.fill(bytes_of("before", 0xa0000))
        before = self.contents()
        text = self.on_board("st-flash", "write", self.write("i", IMAGE), f"{MODULES:#x}")
        self.assertIn("jolly good", text)
        after = self.contents()
        self.assertEqual(after[0x60000:0x60000 + len(IMAGE)], IMAGE)
        self.assertEqual(set(after[0x60000 + len(IMAGE):0x80000]), {0xff})
        self.assertEqual(after[:0x60000] + after[0x80000:], before[:0x60000] + before[0x80000:])
        stats = self.stats()
        self.assertEqual((stats["programs"], stats["bytes_programmed"]), (1250, 5000))
        self.assertEqual((stats["erases"], stats["sectors_erased"]), (1, 1))
        self.assertEqual((stats["overprograms"], stats["refusals"]), (0, 0))
        self.assertEqual(stats["flash_locked"], 1)

    def test_read(self):
        self.fill(IMAGE, MODULES - 8)
        self.on_board("st-flash", "read", "o", f"{MODULES - 8:#x}", "5008")
        self.assertEqual((self.folder / "o").read_bytes(), IMAGE + b"\xff" * 8)

    def test_erase(self):
        self.fill(bytes_of("all", 0x100000))
        self.on_board("st-flash", "erase")
        self.assertEqual(set(self.contents()), {0xff})
        self.assertEqual(self.stats()["sectors_erased"], 12)

    def test_protected_sector(self):
        self.fill(bytes_of("before", 0x100000))
        before = self.contents()
        for command in (["write", self.write("i", IMAGE), f"{MODULES:#x}"], ["erase"]):
            self.on_board("st-flash", *command, options=["--write-protect", "7"], status=None)
            self.assertEqual(self.contents(), before)
            self.assertGreater(self.stats()["refusals"], 0)

    def test_reset(self):
        self.fill(self.binary(self.build("p", PROGRAM, FLASH_BASE)).read_bytes())
        self.on_board("st-flash", "reset")
        stats = self.stats()
        self.assertGreater(stats["resets"], 0)
        self.assertEqual(stats["core"], "running")


@needs("openocd")
class Openocd(BoardTest):
    def test_program(self):
        image = self.write("i", IMAGE)
        text = self.on_board(*OPENOCD, "-c", "gdb_port disabled",
                             "-c", f"program {image} 0x08004000 verify reset exit")
        self.assertIn("** Verified OK **", text)
        self.assertEqual(self.contents(0x08004000, len(IMAGE)), IMAGE)
        stats = self.stats()
        self.assertEqual((stats["sectors_erased"], stats["refusals"]), (1, 0))
        self.assertEqual(stats["flash_locked"], 1)

    def test_verify_finds_a_wrong_byte(self):
        self.fill(IMAGE[:4000] + b"\0" + IMAGE[4001:], MODULES)
        image = self.write("i", IMAGE)
        text = self.on_board(*OPENOCD, "-c", "gdb_port disabled", "-c", "init; reset halt",
                             "-c", f"verify_image {image} {MODULES:#x}", status=None)
        self.assertNotIn("verified 5000 bytes", text)

    def test_option_bytes(self):
        """OpenOCD protects a sector, cannot erase it, and frees it again."""
        self.fill(IMAGE, MODULES)
        script = """
init; reset halt
flash protect 0 7 7 on; echo "protected [catch {flash erase_sector 0 7 7}]"
echo "kept [read_memory 0x08060000 8 2]"
flash protect 0 7 7 off; echo "free [catch {flash erase_sector 0 7 7}]"
shutdown
"""
        text = self.on_board(*OPENOCD, "-c", "gdb_port disabled",
                             "-f", self.write("s.tcl", script.encode()))
        self.assertRegex(text, "protected -?[1-9]")
        self.assertIn(f"kept {IMAGE[0]:#x} {IMAGE[1]:#x}", text)
        self.assertIn("free 0", text)
        self.assertEqual(set(self.contents()), {0xff})
        self.assertEqual(self.stats()["refusals"], 1)

    def test_error_flags(self):
        """The controller as a debugger sees it: flags, keys, and what flash does with words."""
        script = """
init; reset halt
proc get {address} { format %08x [read_memory $address 32 1] }
proc sr {} { get 0x40023c0c; get 0x40023c0c }
mww 0x08070000 0; echo "locked [sr]"
mww 0x40023c0c 0xf3; echo "cleared [sr]"
mww 0x40023c04 0x45670123; mww 0x40023c04 0xcdef89ab
mww 0x40023c10 0x1; mww 0x08070000 0; echo "x8 [sr]"
mww 0x40023c0c 0xf3
mww 0x40023c10 0x201; mww 0x08070000 0xf0f0f0f0; echo "x32 [sr]"
mww 0x08070000 0x0fff00ff; echo "both [get 0x08070000]"
mww 0x40023c10 0x80000000
catch {mww 0x40023c04 0x11111111}; catch {mww 0x40023c04 0x45670123}
catch {mww 0x40023c04 0xcdef89ab}; echo "jammed [get 0x40023c10]"
echo "nowhere [catch {read_memory 0x60000000 32 1}]"
shutdown
"""
        text = self.on_board(*OPENOCD, "-c", "gdb_port disabled",
                             "-f", self.write("s.tcl", script.encode()))
        for line in ("locked 00000080", "cleared 00000000", "x8 00000040", "x32 00000000",
                     "both 00f000f0", "jammed 80000000", "nowhere 1"):
            self.assertIn(line, text)
        self.assertEqual(self.contents(0x08070000, 8).hex(), "f000f000ffffffff")

    @needs("gdb-multiarch")
    def test_gdb(self):
        elf = self.build("p.elf", PROGRAM, MODULES)
        board = self.start("--flash", self.flash, "--stats", "stats", "--", *OPENOCD,
                           "-c", "gdb_port 0")
        port, log = None, ""
        while port is None:
            line = board.stdout.readline()
            self.assertNotEqual(line, "", "openocd has ended: " + log)
            log += line
            port = re.search(r"Listening on port (\d+) for gdb", line)
        script = self.write("g.gdb", GDB.format(port=port[1]).encode())
        done = subprocess.run(["gdb-multiarch", "-nx", "-batch", "-x", script, elf], timeout=900,
                              capture_output=True, text=True, check=False)
        text = done.stdout + done.stderr
        for line in (r"Section \.text, .*: matched", "r2 +0x2a ", "pc +0x8060012 .*<here>",
                     r"0x20000100:\s+0x0000002a", "r0 +0x8 ", "pc +0x20000200 ",
                     "pc +0x20000202 "):
            self.assertRegex(text, line)
        self.assertNotIn("MIS-MATCHED", text)
        self.assertEqual(self.contents(MODULES, 3000),
                         self.binary(elf).read_bytes()[:3000])
        board.terminate()
        board.communicate(timeout=900)
        self.assertEqual(self.stats()["flash_locked"], 1)


@needs("st-flash", "qemu-system-arm")
class Qemu(BoardTest):
    def test_boots_the_same_flash(self):
        text = b"written over the virtual probe\n"
        firmware = self.binary(self.build("f.elf", FIRMWARE, FLASH_BASE))
        self.on_board("st-flash", "write", firmware, f"{FLASH_BASE:#x}")
        self.on_board("st-flash", "write", self.write("i", text + b"\0"), f"{MODULES:#x}")
        done = subprocess.run(
            ["qemu-system-arm", "-M", "netduinoplus2", "-nographic", "-monitor", "none",
             "-semihosting-config", "enable=on,target=native",
             "-device", f"loader,file={self.flash},addr={FLASH_BASE:#x},force-raw=on"],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=900, check=False)
        self.assertIn(text, done.stdout + done.stderr)
        self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    main()
