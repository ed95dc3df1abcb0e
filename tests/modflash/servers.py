#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""--probe gdb:HOST:PORT: the same verbs through GDB servers that we did not write, which run
on the virtual board; and what is said where there is none."""
import shutil
import socket

from modflash_run import MODFLASH, OK, TARGET, FlashTest, main


def free_port():
    with socket.socket() as s:
        s.bind(("localhost", 0))
        return s.getsockname()[1]


class Server(FlashTest):
    """Starts a server as the board's client, then runs modflash's lines against it."""

    def through(self, command, *lines):
        """@return Done; its `out` has all lines' stdout. Ends with the first that fails."""
        port = free_port()
        probe = f"{MODFLASH} --probe gdb:localhost:{port}"
        script = [f"{command.format(port=port)} >server.log 2>&1 & server=$!",
                  f"for i in $(seq 5000); do grep -q '{self.ready}' server.log && break; "
                  "sleep 0.05; done"]
        script += [f"{probe} {line} || status=$?" for line in lines]
        script += ["sleep 0.2", "kill $server", "wait $server", "exit $status"]
        self.write("script", ("status=0\n" + "\n".join(script) + "\n").encode())
        return self.client("bash", "script")

    def short_life(self, command):
        """Each connection costs a second with some servers."""
        a, b, new = self.module("a"), self.module("b", size=3000), self.module("a", "1.1.0")
        done = self.through(command, f"install {a} {b}", f"update {new}", "remove b", "list")
        self.assertEqual(done.status, OK, str(done))
        self.assertRegex(done.out, r"a +1\.1\.0 ")
        self.expect({"a": "1.1.0"})
        self.assertEqual(done.stats["flash_locked"], "1", str(done))

    def whole_life(self, command):
        a, b, new = self.module("a"), self.module("b", size=3000), self.module("a", "1.1.0")
        done = self.through(command, f"install {a} {b}", "list", f"update {new}", new,
                            "remove b", "list --json", "verify", "probe")
        log = (self.folder / "server.log").read_text()
        self.assertEqual(done.status, OK, str(done) + log)
        for text in ("a 1.0.0: installed at 0x08060000", "b                        1.0.0",
                     "a 1.0.0 -> 1.1.0: updated", "a 1.1.0: unchanged", "b: removed",
                     '"name": "a", "version": "1.1.0"', "a: good", "chip         stm32f405"):
            self.assertIn(text, done.out, log)
        self.expect({"a": "1.1.0"})
        self.assertEqual(done.stats["flash_locked"], "1", str(done))

    ready = "for gdb connections"

    def wants(self, program):
        if shutil.which(program) is None:
            self.skipTest(f"no {program}")

    def test_openocd(self):
        self.wants("openocd")
        self.whole_life("openocd -f interface/stlink.cfg -c 'transport select hla_swd' "
                        "-f target/stm32f4x.cfg -c 'gdb_port {port}; tcl_port disabled; "
                        "telnet_port disabled'")

    def test_st_util(self):
        self.wants("st-util")
        self.ready = "Listening at"
        self.short_life("st-util -m -n -p {port}")


class Nobody(FlashTest):
    def test_no_server(self):
        port = free_port()
        self.environment["MODFLASH_PATIENCE"] = "1"     # it tries again and again
        for verb in (("list",), ("install", self.module())):
            done = self.modflash("--probe", f"gdb:localhost:{port}", *verb)
            self.refused(TARGET, f"gdb:localhost:{port}", done)

    def test_no_host(self):
        done = self.modflash("--probe", "gdb:no-such-host.invalid:3333", "list")
        self.refused(TARGET, "no-such-host.invalid", done)

    def test_no_port(self):
        for text in ("localhost", "localhost:", "localhost:x", "localhost:99999", ":"):
            done = self.modflash("--probe", f"gdb:{text}", "list")
            self.assertIn(done.status, (2, 4), str(done))
            self.assertEqual(done.err.count("error: "), 1)

    def test_no_probe(self):
        """No ST-LINK on USB at all."""
        done = self.modflash("list")
        if "error" not in done.err:
            self.skipTest("there is a real ST-LINK")
        self.refused(TARGET, "ST-LINK", done)

    def test_several_probes(self):
        done = self.board("list", options=("--spare-probes", "2"))
        self.assertEqual(done.status, TARGET, str(done))
        serials = [word.strip(".,;:") for word in done.err.split() if len(word) >= 24]
        self.assertIn("stlink:", done.err)
        self.assertGreaterEqual(len(serials), 3, done.err)


if __name__ == "__main__":
    main()
