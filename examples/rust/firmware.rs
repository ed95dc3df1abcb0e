// Made by modapi build: what firmware offers. Each symbol's type is part of its name,
// so that mkmod can check what a module was compiled against.
#![allow(non_camel_case_types, non_snake_case, non_upper_case_globals, dead_code)]

extern "C" {
    /// `void *fw_alloc(size_t size)`
    #[link_name = "fw_alloc$4b08f569"]
    pub fn fw_alloc(a1: u32) -> *mut core::ffi::c_void;
    /// `void fw_free(void *memory)`
    #[link_name = "fw_free$620cf219"]
    pub fn fw_free(a1: *mut core::ffi::c_void);
    /// `uint32_t fw_free_bytes(void)`
    #[link_name = "fw_free_bytes$5277732a"]
    pub fn fw_free_bytes() -> u32;
    /// `void fw_print(const char *text)`
    #[link_name = "fw_print$183fb1f7"]
    pub fn fw_print(a1: *const u8);
    /// `int fw_printf(const char *format, ...)`
    #[link_name = "fw_printf$0d03fbac"]
    pub fn fw_printf(a1: *const u8, ...) -> i32;
    /// `int fw_puts(const char *text)`
    #[link_name = "fw_puts$6c519d33"]
    pub fn fw_puts(a1: *const u8) -> i32;
    /// `void fw_sort(void *base, size_t count, size_t size, int (*compare)(const void *, const void *))`
    #[link_name = "fw_sort$34eb8673"]
    pub fn fw_sort(a1: *mut core::ffi::c_void, a2: u32, a3: u32, a4: Option<unsafe extern "C" fn(*const core::ffi::c_void, *const core::ffi::c_void) -> i32>);
    /// `int fw_tick(void (*callback)(void *), void *context)`
    #[link_name = "fw_tick$7df9c7e7"]
    pub fn fw_tick(a1: Option<unsafe extern "C" fn(*mut core::ffi::c_void)>, a2: *mut core::ffi::c_void) -> i32;
    /// `uint32_t fw_time_ms(void)`
    #[link_name = "fw_time_ms$5277732a"]
    pub fn fw_time_ms() -> u32;
    /// `uint32_t fw_time_us(void)`
    #[link_name = "fw_time_us$5277732a"]
    pub fn fw_time_us() -> u32;
}
