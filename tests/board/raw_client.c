/* SPDX-License-Identifier: BSD-2-Clause */
/** A client of a few lines that is built with ASan, whatever the rest is built with: it
 *  asks the probe for its version and reads words of the chip until something fails.
 *
 *      board-raw-client COMMANDS [TIMEOUT_MS]
 */
#include <libusb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if !defined(__SANITIZE_ADDRESS__) && !defined(__clang__)
#error "this client is there to be built with ASan"
#endif

enum { IN = 0x81, OUT = 0x02, COMMAND = 16 };

static libusb_device_handle *handle;
static unsigned timeout = 30000;

/* @return 0, or libusb's error */
static int ask(const uint8_t *bytes, size_t length, uint8_t *answer, int room)
{
    uint8_t command[COMMAND] = {0};
    int done = 0;
    memcpy(command, bytes, length);
    int error = libusb_bulk_transfer(handle, OUT, command, COMMAND, &done, timeout);
    return error != 0 ? error
                      : libusb_bulk_transfer(handle, IN, answer, room, &done, timeout);
}

static int open_probe(void)
{
    int error = libusb_init(NULL);
    if (error != 0) {
        return error;
    }
    handle = libusb_open_device_with_vid_pid(NULL, 0x0483, 0x3748);
    return handle == NULL ? LIBUSB_ERROR_NOT_FOUND : libusb_claim_interface(handle, 0);
}

/* Another one cannot have the interface at the same time. */
static int claim_twice(void)
{
    libusb_device_handle *second = libusb_open_device_with_vid_pid(NULL, 0x0483, 0x3748);
    int error =
        second == NULL ? LIBUSB_ERROR_NOT_FOUND : libusb_claim_interface(second, 0);
    if (second != NULL) {
        libusb_close(second);
    }
    return error;
}

int main(int argc, char **argv)
{
    static const uint8_t get_version[] = {0xf1, 0x80};
    static const uint8_t read_id[] = {0xf2, 0x36, 0x00, 0x20, 0x04, 0xe0};
    uint8_t answer[64] = {0};
    unsigned count = argc > 1 ? (unsigned)atoi(argv[1]) : 1;
    timeout = argc > 2 ? (unsigned)atoi(argv[2]) : timeout;
    int error = open_probe();
    if (error == 0) {
        printf("second claim: %s\n", libusb_error_name(claim_twice()));
        error = ask(get_version, sizeof get_version, answer, sizeof answer);
        printf("version: V%u\n", answer[0] >> 4u);
    }
    for (unsigned i = 0; error == 0 && i < count; i++) {
        error = ask(read_id, sizeof read_id, answer, sizeof answer);
        uint32_t id;
        memcpy(&id, answer + 4, sizeof id);
        if (error == 0) {
            printf("status: 0x%02x, id: 0x%08x\n", answer[0], id);
        }
    }
    printf("end: %s\n", error == 0 ? "good" : libusb_error_name(error));
    if (handle != NULL) {
        libusb_close(handle);
    }
    libusb_exit(NULL);
    return error != 0;
}
