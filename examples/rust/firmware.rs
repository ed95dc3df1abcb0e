// SPDX-License-Identifier: BSD-2-Clause
extern "C" {
    #[link_name = "fw_print$183fb1f7"]
    pub fn fw_print(text: *const u8);
}
