// SPDX-License-Identifier: BSD-2-Clause
//! Rust without std: trait objects and a table of functions in constants (all of them
//! pointers that the loader fixes), formatting by core::fmt, Drop, and a panic handler.
//!
//! firmware.rs is what modapi makes of the firmware's header: each name carries the tag of
//! its type, so mkmod refuses this module when the firmware's functions are others now.
//! core.sh builds the core library of the compiler's own version, as Debian packages none
//! for this target. Then, in this folder:
//!
//!     FIRMWARE=../../target-loader/firmware
//!     modapi build $FIRMWARE/include/firmware.h --rust firmware.rs -- -mcpu=cortex-m4 -mthumb
//!     ./core.sh /usr/bin/rustc core
//!     /usr/bin/rustc --edition 2021 --target thumbv7em-none-eabi -C opt-level=s \
//!         -C panic=abort -g --crate-type staticlib -L core rust.rs -o librust.a
//!     arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb -nostdlib -T ../module.ld \
//!         -Wl,--emit-relocs,--unresolved-symbols=ignore-all,--gc-sections \
//!         -Wl,-z,noexecstack librust.a -o rust.elf -lgcc
//!     mkmod --version 1.0.0 --api $FIRMWARE/firmware.api rust.elf -o rust.bin
#![no_std]

use core::ffi::c_void;
use core::fmt::{self, Write};
use core::panic::PanicInfo;

mod firmware;

/// What `write!` wants of a console: the firmware prints texts that end with a zero byte.
struct Console;

impl Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for part in text.as_bytes().chunks(31) {
            let mut line = [0; 32];
            line[..part.len()].copy_from_slice(part);
            unsafe { firmware::fw_print(line.as_ptr()) };
        }
        Ok(())
    }
}

trait Shape {
    fn name(&self) -> &str;
    fn area(&self) -> u32;
}

struct Square(u32);
struct Rectangle(u32, u32);

impl Shape for Square {
    fn name(&self) -> &str {
        "square"
    }
    fn area(&self) -> u32 {
        self.0 * self.0
    }
}

impl Shape for Rectangle {
    fn name(&self) -> &str {
        "rectangle"
    }
    fn area(&self) -> u32 {
        self.0 * self.1
    }
}

/// Constants, and full of addresses: of each shape and of its table of functions.
static SHAPES: [&(dyn Shape + Sync); 2] = [&Square(7), &Rectangle(3, 5)];

/// Says so when it goes out of scope.
struct Journal {
    shapes: usize,
}

impl Journal {
    fn note(&mut self, shape: &dyn Shape) {
        self.shapes += 1;
        let _ = writeln!(Console, "{:>9} of area {:3}", shape.name(), shape.area());
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        let _ = writeln!(Console, "dropped after {} shapes", self.shapes);
    }
}

#[no_mangle]
pub extern "C" fn module_entry(_param: *mut c_void) -> i32 {
    let mut journal = Journal { shapes: 0 };
    for shape in SHAPES {
        journal.note(shape);
    }
    let area: u32 = SHAPES.iter().map(|shape| shape.area()).sum();
    i32::from(area != 64)
}

/// What did not go well is printed; the undefined instruction then makes the firmware's
/// fault handler say where.
#[panic_handler]
fn panic(info: &PanicInfo) -> ! {
    let _ = writeln!(Console, "{info}");
    loop {
        unsafe { core::arch::asm!("udf #0") };
    }
}
