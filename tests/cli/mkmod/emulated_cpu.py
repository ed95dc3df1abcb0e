# SPDX-License-Identifier: BSD-2-Clause
"""A Cortex-M that runs a few instructions: libunicorn, which is QEMU's CPU, by ctypes."""

import ctypes
import struct

ARM, THUMB, MCLASS = 1, 1 << 4, 1 << 5  # unicorn/unicorn.h
LR, PC, SP, R0, R4, R9 = 10, 11, 12, 66, 70, 75  # enum uc_arm_reg
READ_WRITE_RUN = 7
HOOK_CODE = 1 << 2  # called for each instruction
HOOK = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint32, ctypes.c_void_p)

library = ctypes.CDLL("libunicorn.so.2")


def done(code):
    if code != 0:
        raise AssertionError(f"the CPU stopped: unicorn error {code}")


class Cpu:
    """Memory at some addresses; functions in it can be called."""

    def __init__(self, **pieces):
        """`pieces` are name=(address, bytes); each gets 64 KB."""
        self.handle = ctypes.c_void_p()
        done(library.uc_open(ARM, THUMB | MCLASS, ctypes.byref(self.handle)))
        for address, content in pieces.values():
            done(library.uc_mem_map(self.handle, ctypes.c_uint64(address),
                                    ctypes.c_size_t(0x10000), READ_WRITE_RUN))
            self.write(address, content)

    def __del__(self):
        library.uc_close(self.handle)

    def write(self, address, content):
        done(library.uc_mem_write(self.handle, ctypes.c_uint64(address), content,
                                  ctypes.c_size_t(len(content))))

    def word(self, address):
        content = ctypes.create_string_buffer(4)
        done(library.uc_mem_read(self.handle, ctypes.c_uint64(address), content,
                                 ctypes.c_size_t(4)))
        return struct.unpack("<I", content.raw)[0]

    def set(self, register, value):
        done(library.uc_reg_write(self.handle, register, ctypes.byref(ctypes.c_uint32(value))))

    def get(self, register):
        value = ctypes.c_uint32()
        done(library.uc_reg_read(self.handle, register, ctypes.byref(value)))
        return value.value

    def count_instructions(self):
        """From here on, in `self.instructions`; takes time."""
        self.instructions = 0
        hook = ctypes.c_size_t()

        def count(*_):
            self.instructions += 1

        self.counter = HOOK(count)  # has to outlive this
        done(library.uc_hook_add(self.handle, ctypes.byref(hook), HOOK_CODE, self.counter,
                                 ctypes.c_void_p(), ctypes.c_uint64(1), ctypes.c_uint64(0)))

    def call(self, function, argument, stack, back, most=1000):
        """r0 after the function. It must come back, with the stack and r4 as they were, after
        `most` instructions at most."""
        self.set(R0, argument)
        self.set(SP, stack)
        self.set(R4, 0x44444444)
        self.set(LR, back | 1)
        done(library.uc_emu_start(self.handle, ctypes.c_uint64(function | 1),
                                  ctypes.c_uint64(back), ctypes.c_uint64(0),
                                  ctypes.c_size_t(most)))
        assert self.get(PC) & ~1 == back, f"stopped at {self.get(PC):#x}"
        assert self.get(SP) == stack and self.get(R4) == 0x44444444
        return self.get(R0)
