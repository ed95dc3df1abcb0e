#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""list, info and probe: text, and JSON that other programs can rely on."""
import json

from modflash_run import NOTE, OK, RECORDS, REFUSED, REGION, FlashTest, main

ROW = ["name", "version", "address", "size", "crc", "pinned", "bare", "linked"]


class List(FlashTest):
    def setUp(self):
        super().setUp()
        self.good(self.file(self.module("alpha", "1.2.3"), self.module("beta", version=None)))
        self.good(self.file("--pin", self.module("gamma", "65535.0.1", size=3000)))

    def test_text(self):
        done = self.good(self.file("list"))
        self.assertTrue(done.err.startswith(NOTE))
        lines = [line.split() for line in done.out.splitlines()]
        self.assertEqual(lines[0], ["NAME", "VERSION", "SIZE", "ADDRESS", "FLAGS"])
        self.assertEqual([line[:2] + line[4:] for line in lines[1:4]],
                         [["alpha", "1.2.3", "-"], ["beta", "-", "-"],
                          ["gamma", "65535.0.1", "pinned"]])
        self.assertRegex(done.out.splitlines()[4],
                         r"^3 modules, \d+ bytes; room for one of up to \d+ bytes now$")
        for line, row in zip(lines[1:4], self.second_opinion()):
            self.assertEqual(line[2:4], [str(row["size"]), row["address"]])

    def test_json(self):
        done = self.file("list", "--json")
        self.assertEqual((done.status, done.err), (OK, ""))
        listing = json.loads(done.out)
        self.assertEqual(list(listing), ["schema", "chip", "region", "arena", "modules"])
        self.assertEqual((listing["schema"], listing["chip"]), ("modflash-list-1", "stm32f405"))
        region = listing["region"]
        self.assertEqual(list(region), ["address", "size", "sectors", "origin", "live",
                                        "room_now", "room", "lost", "journal"])
        self.assertEqual((region["address"], region["size"], region["sectors"], region["origin"],
                          region["lost"], region["journal"]),
                         ("0x08060000", 131072, 1, "default", 0, None))
        self.assertEqual(region["live"], sum(row["size"] for row in listing["modules"]))
        self.assertGreaterEqual(region["room"], region["room_now"])
        for row in listing["modules"]:
            self.assertEqual(list(row), ROW)
        self.assertEqual(listing["modules"], self.second_opinion())

    def test_json_has_one_module_a_line(self):
        lines = self.file("list", "--json").out.splitlines()
        rows = [line.strip().rstrip(",") for line in lines if '"name"' in line]
        self.assertEqual([json.loads(row)["name"] for row in rows], ["alpha", "beta", "gamma"])

    def test_json_of_nothing(self):
        self.good(self.file("erase"))
        listing = self.listing()
        self.assertEqual((listing["modules"], listing["region"]["live"]), ([], 0))
        self.assertIn("0 modules, 0 bytes; room", self.good(self.file("list")).out)

    def test_json_of_errors(self):
        """Nothing on stdout that could be taken for an answer."""
        self.assertEqual(self.refused(REFUSED, "no module 'x'",
                                      self.file("info", "x", "--json")).out, "")

    def test_same_twice(self):
        self.assertEqual(self.file("list", "--json").out, self.file("list", "--json").out)

    def test_info(self):
        done = self.good(self.file("info", "gamma"))
        for line in ("name         gamma", "version      65535.0.1", "flags        pinned",
                     "contents     good", "text         3000 bytes"):
            self.assertIn(line + "\n", done.out)
        done = self.file("info", "gamma", "--json")
        self.assertEqual((done.status, done.err), (OK, ""))
        info = json.loads(done.out)
        self.assertEqual(list(info), ["schema", *ROW, "valid", "error", "text", "data",
                                      "relocations", "imports", "exports", "stack", "params",
                                      "needs", "import_names", "export_names"])
        self.assertEqual((info["schema"], info["valid"], info["error"], info["text"]),
                         ("modflash-info-1", True, None, 3000))
        row = [row for row in self.second_opinion() if row["name"] == "gamma"][0]
        self.assertEqual({key: info[key] for key in ROW}, row)

    def test_probe(self):
        done = self.good(self.file("probe"))
        for line in ("chip         stm32f405 (id 0x413)", "1024 KiB at 0x08000000, 12 sectors",
                     "0x08060000:128K, 1 sector (default)"):
            self.assertIn(line, done.out)
        done = self.file("probe", "--json")
        self.assertEqual((done.status, done.err), (OK, ""))
        probe = json.loads(done.out)
        self.assertEqual((probe["schema"], probe["chip"], probe["device_id"], probe["unit"]),
                         ("modflash-probe-1", "stm32f405", "0x00000413", 4))
        self.assertEqual(probe["region"], {"address": "0x08060000", "size": 131072,
                                           "origin": "default"})
        self.assertEqual([row["size"] for row in probe["sectors"]],
                         [0x4000] * 4 + [0x10000] + [0x20000] * 7)

    def test_lost(self):
        """What another tool wrote over is not there, and is said to be not there."""
        row = self.listing()["modules"][0]
        self.put(int(row["address"], 0), bytes(64))
        listing = self.listing()
        self.assertEqual([row["name"] for row in listing["modules"]], ["beta", "gamma"])
        self.assertEqual(listing["region"]["lost"], 1)
        self.assertIn("1 module is no longer there", self.good(self.file("list")).out)
        self.good(self.file(self.module("alpha", "1.0.0")))
        self.expect({"beta": None, "gamma": "65535.0.1", "alpha": "1.0.0"})
        self.assertEqual(self.listing()["region"]["lost"], 0)

    def test_never_writes(self):
        for verb in (("list",), ("list", "--json"), ("info", "alpha"), ("verify",), ("probe",),
                     ("read", "out")):
            self.flash.chmod(0o444)
            self.keeps_flash(lambda: self.good(self.file(*verb)))

    def test_on_the_board(self):
        """Neither halts the core nor unlocks the flash."""
        for verb in (("list",), ("list", "--json"), ("info", "alpha"), ("verify",), ("probe",),
                     ("probe", "--json"), ("read", "out")):
            done = self.keeps_flash(self.board, *verb)
            self.assertEqual((done.status, done.stats["operations"], done.stats["resets"]),
                             (OK, "0", "0"), str(done))
            self.left_well(done)
        self.assertEqual(self.listing(self.board)["modules"], self.listing()["modules"])

    def test_damaged_directory(self):
        """Every record's type flipped: what stands is gone, and what to do is said."""
        flash = bytearray(self.bytes())
        end = REGION - 0x08000000 + 0x20000
        slots = [i for i in range(1, 40) if flash[end - 32 * (i + 1)] == RECORDS["image"]]
        self.assertEqual(len(slots), 3)
        flash[end - 32 * (slots[0] + 1) + 20] ^= 1
        self.flash.write_bytes(flash)
        for verb in (("list",), ("list", "--json"), ("remove", "alpha"), (self.module(),)):
            done = self.keeps_flash(self.file, *verb)
            self.assertEqual(done.status, 4)
            for text in ("the directory is damaged", "modflash read", "modflash erase"):
                self.assertIn(text, done.err)
        self.good(self.file("read", "saved.img"))
        self.good(self.file("erase"))
        self.good(self.file(self.module()))
        self.expect({"plug": "1.0.0"})


if __name__ == "__main__":
    main()
