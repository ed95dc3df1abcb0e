#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""A chip behind a GDB server: OpenOCD and st-util on the virtual board."""
import socket
import unittest

from boards import ERASED, RUN, REGION, SECTOR, TargetTest, need

START = {
    "openocd": "openocd -f interface/stlink.cfg -c 'transport select hla_swd' "
               "-f target/stm32f4x.cfg -c 'gdb_port {port}; tcl_port disabled; "
               "telnet_port disabled'",
    "st-util": "st-util -m -n -p {port}",
}


def free_port():
    with socket.socket() as s:
        s.bind(("localhost", 0))
        return s.getsockname()[1]


class RealServers(TargetTest):
    def with_server(self, name, port, *runs):
        """Run target-run's argument lists against a server on the board."""
        script = [f"{START[name].format(port=port)} &>server.log & server=$!", "sleep 0.6"]
        script += [f"{RUN} {run} || status=$?" for run in runs]
        script += ["sleep 0.3", "exec 2>last.log", "kill $server", "wait $server",
                   "exit $status"]
        (self.folder / "script").write_text("status=0\n" + "\n".join(script) + "\n")
        return self.on_board(client=["bash", "script"])

    def try_server(self, name):
        self.install_firmware()
        data = self.data("data", 5000)
        port = free_port()
        spec = f"gdb:localhost:{port}"
        firmware = "sleep=20 read=0x20000000,72,- read=0x2001f000,4,-"
        done = self.with_server(
            name, port, f"{spec} info {firmware}",
            f"-w -k {spec} begin erase={SECTOR} program={REGION},data end=run",
            f"{spec} {firmware}",
            f"-w {spec} begin program={REGION + 5000},data read={REGION},10000,back end=reset",
            f"{spec} {firmware}")
        log = (self.folder / "server.log").read_text()
        self.assertEqual((done.status, done.err), (0, ""), log)
        self.assertIn("chip stm32f405 id 0x413 flash 0x08000000 1048576", done.out)
        self.assertEqual((self.folder / "back").read_bytes(), data.read_bytes() * 2)
        self.assertEqual(self.at(REGION, 10004), data.read_bytes() * 2 + ERASED * 4)
        self.assertEqual(done.stats["flash_locked"], "1")
        words = [[int.from_bytes(d[i:i + 4], "little") for i in range(0, len(d), 4)]
                 for d in done.hex]
        first, resets, resumed, resets_resumed, reset, resets_reset = words
        self.assertEqual(resets, resets_resumed, "--no-reset has reset")
        self.assertGreater(resumed[16], first[16], "it does not count on")
        self.assertEqual((first[:16], first[17]), (resumed[:16], resumed[17]))
        self.assertGreater(resets_reset[0], resets[0])  # OpenOCD does it twice
        self.assertEqual(reset[0], 0xA5A50000)

    def test_openocd(self):
        self.try_server("openocd")

    def test_st_util(self):
        self.try_server("st-util")


if __name__ == "__main__":
    need("openocd", "st-util", "arm-none-eabi-gcc")
    unittest.main()
