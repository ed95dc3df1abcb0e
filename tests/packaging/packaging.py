#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""packaging.py CLASS.METHOD: what an installation is good for, away from the source tree.

`meson install --destdir` puts it somewhere, and the prefix is then moved, so whatever leads
back to the sources, the build directory or /usr/local does not work any more. Environment:
MODFMT_SOURCE, MODFMT_BUILD.
"""
import fcntl
import os
import pathlib
import re
import shutil
import struct
import subprocess
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ["MODFMT_SOURCE"])
BUILD = pathlib.Path(os.environ["MODFMT_BUILD"])
PRINTED = """\
Hello from a project of its own
module hello 1.0.0: returned 0
the lamp is on
the lamp is off, after 3 blinks
module lamp 1.0.0: returned 0
"""


class Installed(unittest.TestCase):
    """An installation with its prefix moved, and a folder for a project beside it."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.project = self.folder / "project"
        self.prefix = self.folder / "moved"
        self.environment = {k: v for k, v in os.environ.items()
                            if k not in ("MAKEFLAGS", "MAKELEVEL", "DESTDIR", "CFLAGS", "LDFLAGS",
                                         "CC", "CXX", "MODFMT_SOURCE")}
        shutil.unpack_archive(self.installation(), self.prefix)
        self.environment["PKG_CONFIG_PATH"] = ":".join(
            str(p) for p in self.prefix.rglob("pkgconfig"))

    def installation(self):
        """An archive of what is below the prefix, made by the first test after a build."""
        archive, log = BUILD / "packaging/installation.tar", BUILD / ".ninja_log"
        with (BUILD / "packaging/lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not archive.exists() or archive.stat().st_mtime_ns < log.stat().st_mtime_ns:
                stage = self.folder / "stage"
                self.run_well("meson", "install", "--quiet", "--no-rebuild", "-C", BUILD,
                              "--destdir", stage)
                installed = [p.parent for p in stage.rglob("bin") if (p / "mkmod").exists()]
                self.assertEqual(len(installed), 1)
                new = shutil.make_archive(self.folder / "new", "tar", installed[0])
                shutil.copyfile(new, archive)
        return archive

    def run_any(self, *command, cwd=None):
        return subprocess.run(command, cwd=cwd or self.folder, env=self.environment, text=True,
                              capture_output=True)

    def run_well(self, *command, cwd=None):
        done = self.run_any(*command, cwd=cwd)
        self.assertEqual(done.returncode, 0, f"{command}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def copy_project(self):
        shutil.copytree(SOURCE / "examples/project", self.project)
        return self.project

    def pc(self, *question):
        return self.run_well("pkg-config", *question).strip()

    def runs(self, folder):
        """hello.bin and lamp.bin of that folder do on QEMU what they should."""
        images = [folder / "hello.bin", folder / "lamp.bin"]
        qemu = subprocess.run([SOURCE / "scripts/run-qemu.sh", "--timeout", "600", *images],
                              capture_output=True, text=True)
        printed = "".join(qemu.stdout.replace("\r", "").splitlines(keepends=True)[1:-1])
        self.assertEqual((qemu.returncode, printed), (0, PRINTED), qemu.stderr)

    def same_as_make(self, folder):
        """Byte for byte what the Makefile makes."""
        shutil.copytree(SOURCE / "examples/project", self.folder / "make")
        self.run_well("make", cwd=self.folder / "make")
        for name in ("hello.bin", "lamp.bin"):
            self.assertEqual((folder / name).read_bytes(), (self.folder / "make" / name).read_bytes())

    def toolchain(self):
        return f"-DCMAKE_TOOLCHAIN_FILE={self.prefix}/share/modfmt/arm-none-eabi.cmake"


class Install(Installed):
    def test_files(self):
        """Everything that README.md speaks of is there."""
        have = {p.relative_to(self.prefix).as_posix() for p in self.prefix.rglob("*")}
        tools = ["mkmod", "moddump", "modflash", "modapi", "virtual-board"]
        want = [f"bin/{tool}" for tool in tools] + [f"share/man/man1/{tool}.1" for tool in tools]
        want += [f"include/modfmt/{name}" for name in ("modfmt.h", "modfmt_layout.h", "modfmt_config.h",
                 "modfmt_store.h", "modload.h", "modload_config.h")]
        want += [f"share/modfmt/{name}" for name in ("module.ld", "include/modfmt_module.h",
                 "demo/firmware.h", "demo/firmware.api", "gdb/modload.py",
                 "arm-none-eabi.cmake", "src/target-loader/port/cortex-m/port.c")]
        self.assertEqual([name for name in want if name not in have], [])
        # Every source of the loader and the format, but those for hosts alone.
        for part in ("libmodfmt", "target-loader"):
            sources = {p.name for p in (SOURCE / part).glob("*.[ch]")} - {"modfmt_crc_zlib.c"}
            copies = {p.name for p in (self.prefix / "share/modfmt/src" / part).glob("*.[ch]")}
            self.assertEqual(sources, copies)

    def test_no_paths(self):
        """No text that was installed names the source, the build or the prefix."""
        seen = 0
        for path in self.prefix.rglob("*"):
            if path.is_file() and path.parent.name != "bin" and path.suffix != ".a":
                text = path.read_text()
                for folder in (SOURCE, BUILD, "/usr/local", self.folder):
                    self.assertNotIn(str(folder), text, path)
                seen += 1
        self.assertGreater(seen, 40)

    def test_headers_are_complete(self):
        """Each header compiles by itself, in C and C++, with nothing but its own folder."""
        folder = self.prefix / "include/modfmt"
        for header in sorted(folder.glob("*.h")):
            for language in ("c", "c++"):
                self.run_well("gcc", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", f"-I{folder}",
                              "-include", header, "-x", language, "/dev/null")


class Completion(Installed):
    def complete(self, *words):
        """What bash proposes for the last word."""
        tool = self.prefix / "bin" / words[0]
        script = self.prefix / f"share/bash-completion/completions/{words[0]}"
        lines = [f"source {script}", f"COMP_WORDS=({' '.join(words)})", f"COMP_CWORD={len(words) - 1}",
                 f"_modfmt {tool} '{words[-1]}'", 'printf "%s\\n" "${COMPREPLY[@]}"']
        return self.run_well("bash", "-euc", "\n".join(lines)).split()

    def test_completion(self):
        self.assertEqual(self.complete("mkmod", "--strip"), ["--strip-names"])
        self.assertEqual(self.complete("moddump", "--seg"), ["--segments"])
        self.assertEqual(self.complete("modflash", "ver"), ["verify"])
        self.assertEqual(self.complete("modflash", "list", "--js"), ["--json"])
        self.assertEqual(self.complete("modapi", "bui"), ["build"])
        self.assertIn("--api-version", self.complete("modapi", "build", "--api"))
        self.assertEqual(self.complete("virtual-board", "--ser"), ["--serve"])
        # Files are bash's own work, and what follows -- another program's.
        self.assertEqual(self.complete("mkmod", "hello.e"), [])
        self.assertEqual(self.complete("virtual-board", "--", "--ser"), [])
        # Every option that the help has.
        shown = self.run_well(self.prefix / "bin/mkmod", "--help")
        options = re.findall(r"^ +(?:-\w, )?(--[a-z-]+)", shown, re.M)
        self.assertGreater(len(options), 10)
        self.assertEqual(sorted(self.complete("mkmod", "--")), sorted(options))


class Make(Installed):
    def test_ten_lines(self):
        lines = [line for line in (SOURCE / "examples/project/Makefile").read_text().splitlines()
                 if line and not line.startswith("#")]
        self.assertLessEqual(len(lines), 13)
        self.run_well("make", cwd=self.copy_project())
        self.runs(self.project)


class CMake(Installed):
    def configure(self, *options, text=None, languages="C"):
        """CMake looks at each language's compiler for a second: as few as will do."""
        project = self.copy_project() if not self.project.exists() else self.project
        if text:
            (project / "CMakeLists.txt").write_text(
                f"cmake_minimum_required(VERSION 3.20)\nproject(modules {languages})\n"
                "find_package(modfmt REQUIRED)\ninclude_directories(${MODFMT_DEMO_DIR})\n" + text)
        return self.run_any("cmake", "-S", ".", "-B", "build", *options, cwd=project)

    def refused(self, text, message, *options, languages="NONE"):
        done = self.configure(*options or [self.toolchain()], text=text, languages=languages)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(message, " ".join(done.stderr.split()))

    def test_toolchain_file(self):
        self.assertEqual(self.configure(self.toolchain()).returncode, 0)
        self.run_well("cmake", "--build", "build", cwd=self.project)
        self.runs(self.project / "build")
        self.same_as_make(self.project / "build")
        # Nothing to do the second time; a changed source is packed again.
        image = self.project / "build/hello.bin"
        first = image.read_bytes()
        self.assertNotIn("Packing", self.run_well("cmake", "--build", "build", cwd=self.project))
        source = self.project / "hello.c"
        source.write_text(source.read_text().replace("Hello", "HELLO"))
        self.assertIn("Packing hello.bin",
                      self.run_well("cmake", "--build", "build", cwd=self.project))
        self.assertNotEqual(image.read_bytes(), first)

    def test_compilers_alone(self):
        """Without the toolchain file: compilers, flags and prefix by hand."""
        machine = "-mcpu=cortex-m4 -mthumb"
        done = self.configure("-DCMAKE_C_COMPILER=arm-none-eabi-gcc",
                              "-DCMAKE_CXX_COMPILER=arm-none-eabi-g++", f"-DCMAKE_C_FLAGS={machine}",
                              f"-DCMAKE_CXX_FLAGS={machine} -fno-exceptions -fno-rtti",
                              "-DCMAKE_TRY_COMPILE_TARGET_TYPE=STATIC_LIBRARY",
                              f"-DCMAKE_PREFIX_PATH={self.prefix}")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.run_well("cmake", "--build", "build", cwd=self.project)
        self.runs(self.project / "build")

    def test_another_core(self):
        done = self.configure(self.toolchain(), "-DMODFMT_MACHINE=-mcpu=cortex-m0 -mthumb",
                              text="modfmt_add_module(hello SOURCES hello.c)")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.run_well("cmake", "--build", "build", cwd=self.project)
        shown = self.run_well(self.prefix / "bin/moddump", "build/hello.bin", cwd=self.project)
        self.assertRegex(shown, r"(?i)armv6|v6-m")

    def test_version(self):
        for wanted, found in (("0.1", True), ("0.1.0", True), ("0.2", False), ("1.0", False)):
            done = self.configure(self.toolchain(), languages="NONE",
                                  text=f"find_package(modfmt {wanted} REQUIRED)\n")
            self.assertEqual(done.returncode == 0, found, done.stderr)

    def test_host_compiler_is_refused(self):
        self.refused("modfmt_add_module(hello SOURCES hello.c)",
                     "does not compile for Cortex-M; give CMake -DCMAKE_TOOLCHAIN_FILE=",
                     f"-DCMAKE_PREFIX_PATH={self.prefix}", languages="C")

    def test_arguments_are_refused(self):
        for arguments, message in (
                ("VERSION 1.0.0", "modfmt_add_module(hello): SOURCES are missing"),
                ("hello.c", "what is hello.c? Source files come after SOURCES"),
                ("SOURCES hello.c VERSION", "nothing follows VERSION")):
            self.refused(f"modfmt_add_module(hello {arguments})", message)
        for arguments, message in (
                ("API_VERSION 1.0.0", "modfmt_add_exports(hello): HEADERS are missing"),
                ("interface.h", "what is interface.h? Headers come after HEADERS"),
                ("HEADERS interface.h API", "nothing follows API")):
            self.refused(f"modfmt_add_exports(hello {arguments})", message)

    def test_mkmod_refuses(self):
        """What mkmod says ends the build, and nothing is left that looks like a module."""
        done = self.configure(self.toolchain(),
                              text="modfmt_add_module(hello SOURCES hello.c ENTRY nowhere)")
        self.assertEqual(done.returncode, 0, done.stderr)
        done = self.run_any("cmake", "--build", "build", cwd=self.project)
        self.assertNotEqual(done.returncode, 0)
        self.assertRegex(done.stdout + done.stderr, r"mkmod: .*hello\.elf: error: .*nowhere")
        self.assertFalse((self.project / "build/hello.bin").exists())

    def test_options(self):
        """Every option arrives at mkmod."""
        self.copy_project()
        shutil.copy(SOURCE / "examples/greeting/greeting.c", self.project)
        (self.project / "greetings.params").write_bytes(b"\7\0\0\0Ahoy\0")
        text = """\
modfmt_add_module(hello SOURCES hello.c VERSION 3.2.1 STACK_SIZE 768 STRIP_NAMES
    DESCRIPTION "Two words; and $more" OPTIONS --name other)
modfmt_add_module(greeting SOURCES greeting.c EXPORT greeting NEEDS counter:1.5.0 bell
    PARAMS greetings.params UNTYPED STACK_SIZE auto OPTIONS --stack-imports 128)
"""
        self.assertEqual(self.configure(self.toolchain(), text=text).returncode, 0)
        self.run_well("cmake", "--build", "build", cwd=self.project)
        shown = self.run_well(self.prefix / "bin/moddump", "build/greeting.bin", "--exports", "--tags",
                              cwd=self.project)
        for wanted in ("greeting", "counter", "1.5.0", "bell"):
            self.assertIn(wanted, shown)
        image = (self.project / "build/greeting.bin").read_bytes()
        self.assertIn(b"\7\0\0\0Ahoy\0", image)
        self.assertNotIn(b"Hello", image)
        self.assertNotEqual(struct.unpack_from("<I", image, 24), (0,)) # the stack's size
        shown = self.run_well(self.prefix / "bin/moddump", "build/hello.bin", cwd=self.project)
        for wanted in ("3.2.1", "768", "Two words; and $more", "other"):
            self.assertIn(wanted, shown)
        self.assertNotIn("fw_puts", shown)


    def test_in_place(self):
        """XIP: the same sources run where they lie, in C and C++; and by hand, the same bytes."""
        text = "".join(f"modfmt_add_module({name} VERSION 1.0.0 SOURCES {source} XIP\n"
                       "    API ${MODFMT_DEMO_DIR}/firmware.api)\n"
                       for name, source in (("hello", "hello.c"), ("lamp", "lamp.cpp")))
        self.assertEqual(self.configure(self.toolchain(), "-DCMAKE_BUILD_TYPE=MinSizeRel",
                                        text=text, languages="C CXX").returncode, 0)
        self.run_well("cmake", "--build", "build", cwd=self.project)
        images = [self.project / "build" / name for name in ("hello.bin", "lamp.bin")]
        for image in images:
            self.assertIn("text in place", self.run_well(self.prefix / "bin/moddump", image))
        qemu = subprocess.run([SOURCE / "scripts/run-qemu.sh", "--timeout", "600", *images],
                              capture_output=True, text=True)
        self.assertEqual(qemu.returncode, 0, qemu.stdout + qemu.stderr)
        self.assertEqual(qemu.stdout.count("returned 0 (in place"), 2, qemu.stdout)
        machine = ["arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb", "-Os", "-DNDEBUG"]
        demo = self.pc("--variable=demo", "modfmt-module")
        self.run_well(*machine, *self.pc("--variable=xip", "modfmt-module").split(), f"-I{demo}",
                      *self.pc("--cflags", "modfmt-module").split(), "-c", "hello.c",
                      cwd=self.project)
        self.run_well(*machine, "hello.o", "-o", "hello.elf",
                      *self.pc("--libs", "modfmt-module").split(), cwd=self.project)
        self.run_well(self.pc("--variable=mkmod", "modfmt-module"), "--xip", "--version", "1.0.0",
                      "--api", f"{demo}/firmware.api", "hello.elf", "-o", "hello.bin",
                      cwd=self.project)
        self.assertEqual((self.project / "hello.bin").read_bytes(), images[0].read_bytes())

    def test_exports(self):
        """modfmt_add_exports: every option arrives at modapi, and the target's own flags do."""
        project = self.copy_project()
        (project / "include").mkdir()
        (project / "include/kind.h").write_text("#if !defined(KIND) || defined(NO_KIND)\n#error\n"
                                                "#endif\ntypedef KIND kind;\n")
        (project / "board.h").write_text('#include "kind.h"\nkind board_read(void);\n')
        shutil.copy(SOURCE / "examples/firmware/libc.csv", project)
        done = self.configure(self.toolchain(), text="""\
add_library(board STATIC)
target_link_libraries(board PRIVATE modfmt::loader)
target_include_directories(board PRIVATE include)
target_compile_definitions(board PRIVATE "KIND=unsigned long" NAME="b")
modfmt_add_exports(board HEADERS board.h CSV libc.csv API board.api API_VERSION 2.1.0
    LABELS board_labels.h RUST board.rs NAME board PROVIDER board)
""")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.run_well("cmake", "--build", "build", "--target", "board-exports", cwd=project)
        description = (project / "build/board.api").read_text()
        for wanted in ("provider board\nversion 2.1.0\n", "function qsort ", "()u32\n"):
            self.assertIn(wanted, description)
        self.assertIn("board_exports[]", (project / "build/board-exports.c").read_text())
        self.assertIn("board_read", (project / "build/board_labels.h").read_text())
        self.assertIn("pub fn board_read() -> u32;", (project / "build/board.rs").read_text())

    def test_module_that_needs_another(self):
        """One module is packed against what another one exports, made in the same build."""
        for name in ("counter.c", "counter.h", "sheep.c"):
            shutil.copy(SOURCE / "examples/counter" / name, self.copy_project()
                        if not self.project.exists() else self.project)
        done = self.configure(self.toolchain(), text="""\
modfmt_add_module(counter SOURCES counter.c VERSION 1.2.0 WRITE_API counter.api)
target_link_options(counter PRIVATE -Wl,--entry=0)
modfmt_add_module(sheep SOURCES sheep.c VERSION 1.0.0
    API ${MODFMT_DEMO_DIR}/firmware.api ${CMAKE_CURRENT_BINARY_DIR}/counter.api)
""")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.run_well("cmake", "--build", "build", "-j2", cwd=self.project)
        shown = self.run_well(self.prefix / "bin/moddump", "build/sheep.bin", cwd=self.project)
        self.assertIn("counter from 1.2.0 up to but not 2.0.0", shown)
        # What the needed module exports has changed: its users are packed anew.
        source = self.project / "counter.c"
        source.write_text(source.read_text().replace("KINDS 4u", "KINDS 5u"))
        out = self.run_well("cmake", "--build", "build", cwd=self.project)
        self.assertIn("Packing sheep.bin", out)


class Firmware(Installed):
    """examples/firmware, with a loader out of the installation, on QEMU."""

    def build(self, *options):
        self.run_well("cmake", "-S", "firmware", "-B", "build", self.toolchain(), *options)
        self.run_well("cmake", "--build", "build", "-j2")

    def prints(self, image):
        done = self.run_any("timeout", "600", "qemu-system-arm", "-M", "netduinoplus2", "-display",
                            "none", "-monitor", "none", "-serial", "null", "-semihosting-config",
                            "enable=on,target=native", "-kernel", "build/firmware.elf", "-device",
                            f"loader,file={image},addr=0x08060000,force-raw=on")
        return done.returncode, done.stdout + done.stderr

    def test_firmware(self):
        """The smallest firmware loads a module, and refuses one that was damaged. Then it offers
        newlib's functions, and the source of newlib.bin is a module that imports them."""
        for name in ("firmware", "newlib"):
            shutil.copytree(SOURCE / "examples" / name, self.folder / name)
        self.build()
        self.assertEqual(self.prints("build/module.bin"),
                         (0, "1 + 2 + … + 100 = 5050\nthe module returned 0\n"))
        image = bytearray((self.folder / "build/module.bin").read_bytes())
        image[80] ^= 1
        (self.folder / "damaged.bin").write_bytes(image)
        status, printed = self.prints("damaged.bin")
        self.assertEqual(status, 1)
        self.assertRegex(printed, r"^the module is refused: error -[0-9]+\n$")

        self.build("-DLIBC=ON")
        status, printed = self.prints("build/newlib.bin")
        self.assertEqual(status, 0, printed)
        self.assertTrue(printed.endswith("5: +0.9093\nroot of the sum of squares: 1.745593\n"
                                         "the module returned 0\n"), printed)
        shown = self.run_well(self.prefix / "bin/moddump", "build/newlib.bin", cwd=self.folder)
        self.assertRegex(shown, r"imports +6 ")


class Meson(Installed):
    def test_snippet(self):
        self.copy_project()
        self.run_well("meson", "setup", "--cross-file", "cortex-m4.ini", "build", cwd=self.project)
        self.run_well("ninja", "-C", "build", cwd=self.project)
        self.runs(self.project / "build")
        self.same_as_make(self.project / "build")


class PkgConfig(Installed):
    def test_libraries_on_a_host(self):
        """A program of the host's that reads an image, and one that has the loader."""
        (self.folder / "read.c").write_text("""\
#include "modfmt.h"
#include "modload.h"
#include <stdio.h>
int main(int argc, char **argv)
{
    static uint8_t bytes[65536];
    struct modfmt_image image;
    FILE *file = argc > 1 ? fopen(argv[1], "rb") : NULL;
    uint32_t size = file ? (uint32_t)fread(bytes, 1, sizeof bytes, file) : 0;
    struct modload_image loaded = {0};
    modload_image_unload(NULL, &loaded);
    if (modfmt_open(bytes, size, &image, NULL) || modfmt_check(&image, NULL))
        return 1;
    printf("%u imports\\n", (unsigned)image.import_count);
    return 0;
}
""")
        flags = self.pc("--cflags", "--libs", "modload").split()
        self.run_well("gcc", "-Wall", "-Werror", "read.c", "-o", "read", *flags)
        image = BUILD / "examples/hello.bin"
        self.assertEqual(self.run_well("./read", image), "1 imports\n")

    def test_variables(self):
        for package, variable in (("modfmt-module", "moduleld"), ("modfmt-module", "mkmod"),
                                  ("modfmt-module", "demo"), ("modfmt", "sourcedir"),
                                  ("modload", "sourcedir"), ("modfmt", "includedir")):
            path = pathlib.Path(self.pc(f"--variable={variable}", package)).resolve()
            self.assertTrue(path.exists() and self.prefix in path.parents, f"{package} {variable}")
        version = re.search(r"version: '([0-9.]+)'", (SOURCE / "meson.build").read_text())[1]
        for package in ("modfmt", "modload", "modfmt-module"):
            self.assertEqual(self.pc("--modversion", package), version)

    def test_sources_for_a_target(self):
        """libmodfmt and the loader compile out of the installation."""
        for package in ("modfmt", "modload"):
            folder = pathlib.Path(self.pc("--variable=sourcedir", package))
            sources = sorted(folder.glob("*.c"))
            self.assertGreater(len(sources), 2)
            self.run_well("arm-none-eabi-gcc", "-mcpu=cortex-m0", "-mthumb", "-ffreestanding",
                          "-Wall", "-Wextra", "-Werror", "-c", *self.pc("--cflags", package).split(),
                          *sources)
            for source in sources:
                self.assertTrue((self.folder / source.name).with_suffix(".o").exists())


if __name__ == "__main__":
    unittest.main(verbosity=2)
