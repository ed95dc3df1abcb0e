// SPDX-License-Identifier: BSD-2-Clause

extern "C" {
    pub fn fw_print(text: *const u8);
}
