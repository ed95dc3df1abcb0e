# SPDX-License-Identifier: BSD-2-Clause
"""modapi diff: what changed, what of it breaks modules, which version follows."""

import json

from modapi_run import CORE, IO, OK, REFUSED, USAGE, ModapiTest, main

BASE = """
#include <stdint.h>
struct point { int x, y; };
enum color { RED, GREEN, COLOR_SIZE = 0x7fffffff };
enum { FW_LIMIT = 8 };
int fw_add(int a, int b);
void fw_draw(const struct point *at, enum color in);
char *fw_text(char *room);
extern volatile uint32_t fw_ticks;
"""


class Diff(ModapiTest):
    made = {}  # descriptions of BASE, by version

    def api(self, name, header, version, *flags):
        self.write("fw.h", header)
        self.modapi("build", "fw.h", "--api", name, "--api-version", version, "--", *CORE, *flags)

    def diff(self, header, status, was="1.2.3", now="1.2.3"):
        """The JSON, and {name: change} of it; the text has the same names."""
        if was not in self.made:
            self.api("old.api", BASE, was)
            self.made[was] = self.path("old.api").read_text()
        self.write("old.api", self.made[was])
        self.api("new.api", header, now)
        done = self.modapi("diff", "--json", "old.api", "new.api", status=status)
        found = json.loads(done.stdout)
        text = self.modapi("diff", "old.api", "new.api", status=status).stdout
        for change in found["changes"]:
            self.assertIn(f"{change['level']} {change['change']} {change['name']}",
                          " ".join(text.split(" ")).replace("  ", " "))
        return found, {c["name"]: c for c in found["changes"]}

    def one(self, old, new, status, name, level, version):
        self.assertIn(old, BASE)
        found, changes = self.diff(BASE.replace(old, new), status)
        self.assertEqual(found["level"], level)
        self.assertEqual(found["next_version"], version)
        self.assertEqual(found["breaking"], level == "major")
        return changes[name]

    def test_nothing(self):
        found, changes = self.diff(BASE, OK)
        self.assertEqual((found["level"], found["next_version"], changes), ("none", "1.2.3", {}))

    def test_added(self):
        c = self.one("int fw_add", "int fw_sub(int a, int b);\nint fw_add", OK, "fw_sub", "minor",
                     "1.3.0")
        self.assertEqual((c["change"], c["then"], c["now"]),
                         ("added", None, "int fw_sub(int a, int b)"))

    def test_removed(self):
        c = self.one("int fw_add(int a, int b);", "", REFUSED, "fw_add", "major", "2.0.0")
        self.assertEqual((c["change"], c["then"], c["now"]),
                         ("removed", "int fw_add(int a, int b)", None))

    def test_struct_argument_gained_a_field(self):
        c = self.one("int x, y;", "int x, y, z;", REFUSED, "fw_draw", "major", "2.0.0")
        self.assertEqual(c["reason"], "parameter 1: struct point: size 8 became 12: "
                                      "member z was added")

    def test_type(self):
        c = self.one("fw_add(int a", "fw_add(short a", REFUSED, "fw_add", "major", "2.0.0")
        self.assertEqual(c["reason"], "parameter 1: int32_t became int16_t")
        self.assertEqual(c["now"], "int fw_add(short int a, int b)")

    def test_result(self):
        c = self.one("int fw_add", "long long fw_add", REFUSED, "fw_add", "major", "2.0.0")
        self.assertEqual(c["reason"], "result: int32_t became int64_t")

    def test_variadic(self):
        c = self.one("int b)", "int b, ...)", REFUSED, "fw_add", "major", "2.0.0")
        self.assertIn("takes more arguments", c["reason"])

    def test_number_of_parameters(self):
        c = self.one("int b)", "int b, int c)", REFUSED, "fw_add", "major", "2.0.0")
        self.assertEqual(c["reason"], "2 parameters became 3")

    def test_function_became_data(self):
        c = self.one("int fw_add(int a, int b);", "extern int fw_add;", REFUSED, "fw_add",
                     "major", "2.0.0")
        self.assertEqual(c["reason"], "it was a function and is data now")

    def test_member_moved(self):
        c = self.one("int x, y;", "int y, x;", REFUSED, "fw_draw", "major", "2.0.0")
        self.assertIn("struct point: member y now stands where x stood", c["reason"])

    def test_parameter_name(self):
        c = self.one("int fw_add(int a", "int fw_add(int first", OK, "fw_add", "patch", "1.2.4")
        self.assertEqual(c["change"], "prototype")

    def test_enum_constant_added(self):
        c = self.one("GREEN,", "GREEN, BLUE,", OK, "BLUE", "minor", "1.3.0")
        self.assertEqual((c["change"], c["reason"]), ("constant-added", "2 in enum color"))

    def test_enum_constant_dropped(self):
        c = self.one("GREEN,", "", REFUSED, "GREEN", "major", "2.0.0")
        self.assertEqual(c["change"], "constant-removed")

    def test_enum_constant_changed(self):
        c = self.one("RED, GREEN", "GREEN, RED", REFUSED, "RED", "major", "2.0.0")
        self.assertEqual((c["change"], c["reason"]), ("constant-value", "0 became 1"))

    def test_constant_of_no_type(self):
        c = self.one("FW_LIMIT = 8", "FW_LIMIT = 9", REFUSED, "FW_LIMIT", "major", "2.0.0")
        self.assertEqual(c["reason"], "8 became 9")

    def test_const_dropped(self):
        c = self.one("const struct point", "struct point", REFUSED, "fw_draw", "major", "2.0.0")
        self.assertEqual(c["change"], "const")
        self.assertIn("const was dropped", c["reason"])

    def test_const_added_to_a_parameter(self):
        c = self.one("(char *room)", "(const char *room)", OK, "fw_text", "minor", "1.3.0")
        self.assertEqual(c["change"], "const")

    def test_const_added_to_a_result(self):
        c = self.one("char *fw_text", "const char *fw_text", REFUSED, "fw_text", "major", "2.0.0")
        self.assertEqual(c["change"], "const")

    def test_const_added_to_data(self):
        c = self.one("volatile", "const volatile", REFUSED, "fw_ticks", "major", "2.0.0")
        self.assertEqual(c["change"], "const")

    def test_condition_added(self):
        c = self.one("int fw_add", '_Static_assert(1, "modapi-if NET");\nint fw_add', REFUSED,
                     "fw_add", "major", "2.0.0")
        self.assertEqual((c["change"], c["reason"]), ("condition", "it is there only if NET now"))

    def test_before_1_0_0(self):
        found, _ = self.diff(BASE.replace("int x, y;", "int x;"), REFUSED, was="0.2.3")
        self.assertEqual(found["next_version"], "0.3.0")
        found, _ = self.diff(BASE + "int fw_more(void);\n", OK, was="0.2.3")
        self.assertEqual(found["next_version"], "0.2.4")

    def test_version_that_is_too_low(self):
        self.diff(BASE + "int fw_more(void);\n", OK, now="1.2.9")
        text = self.modapi("diff", "old.api", "new.api").stdout
        self.assertIn("1 change, 0 breaking: after 1.2.3 follows 1.3.0; the new description says "
                      "1.2.9, which is too low", text)

    def test_usage(self):
        self.modapi("diff", "one.api", status=USAGE)
        self.modapi("diff", "none.api", "none.api", status=IO)


if __name__ == "__main__":
    main()
