/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Looks at the bus before libstlink does, which takes the first probe that it can open
 * and does not say why it can open none.
 */
#include "probe_usb.h"

#include <libusb.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define VENDOR_ST   0x0483
#define PROBES_MAX  16
#define LANGID_UTF8 0x0409 /* US English, what every ST-LINK has */

/* All generations: V1, V2, V2-1, V3. */
static const uint16_t products[] = {0x3744, 0x3748, 0x374a, 0x374b, 0x3752,
                                    0x374d, 0x374e, 0x374f, 0x3753, 0x3754};

struct found {
    char serial[PROBE_SERIAL_LENGTH + 1]; /* "": it could not be read */
    int status;                           /* of opening and claiming it: LIBUSB_… */
    uint8_t bus, address;
    uint16_t product;
};

struct census {
    struct found probes[PROBES_MAX];
    size_t count;
};

static bool is_stlink(const struct libusb_device_descriptor *desc)
{
    for (size_t i = 0; i < sizeof products / sizeof products[0]; i++) {
        if (desc->idVendor == VENDOR_ST && desc->idProduct == products[i]) {
            return true;
        }
    }
    return false;
}

/* Some V2 have 12 bytes there instead of 24 characters; ST's tools and libstlink show
 * those as hex digits. */
static void read_serial(libusb_device_handle *handle, uint8_t index, char *serial)
{
    unsigned char text[64];
    int length =
        libusb_get_string_descriptor(handle, index, LANGID_UTF8, text, sizeof text);
    int units = length / 2 - 1; /* UTF-16, after two bytes of header */
    if (length < 2 ||
        (units != PROBE_SERIAL_LENGTH && units != PROBE_SERIAL_LENGTH / 2)) {
        return;
    }
    for (int i = 0; i < units; i++) {
        if (units == PROBE_SERIAL_LENGTH) {
            serial[i] = (char)text[2 + 2 * i];
        } else {
            snprintf(serial + i * 2, 3, "%02X", (unsigned)text[2 + 2 * i]);
        }
    }
    serial[PROBE_SERIAL_LENGTH] = 0;
}

static void look_at(libusb_device *device, const struct libusb_device_descriptor *desc,
                    struct found *found)
{
    libusb_device_handle *handle;
    *found = (struct found){.bus = libusb_get_bus_number(device),
                            .address = libusb_get_device_address(device),
                            .product = desc->idProduct};
    found->status = libusb_open(device, &handle);
    if (found->status != 0) {
        return;
    }
    read_serial(handle, desc->iSerialNumber, found->serial);
    /* A V1 is a disk to the kernel; libstlink takes it from its driver. */
    if (libusb_kernel_driver_active(handle, 0) != 1) {
        found->status = libusb_claim_interface(handle, 0);
    }
    libusb_close(handle);
}

/* @return 0, or a LIBUSB_ERROR_… */
static int take_census(struct census *census)
{
    libusb_context *context;
    libusb_device **devices;
    int status = libusb_init(&context);
    if (status != 0) {
        return status;
    }
    ssize_t count = libusb_get_device_list(context, &devices);
    for (ssize_t i = 0; i < count && census->count < PROBES_MAX; i++) {
        struct libusb_device_descriptor desc;
        if (libusb_get_device_descriptor(devices[i], &desc) == 0 && is_stlink(&desc)) {
            look_at(devices[i], &desc, &census->probes[census->count++]);
        }
    }
    if (count >= 0) {
        libusb_free_device_list(devices, 1);
    }
    libusb_exit(context);
    return count < 0 ? (int)count : 0;
}

/* ---- sentences ------------------------------------------------------------ */

__attribute__((format(printf, 2, 3))) static void add(char error[PROBE_ERROR],
                                                      const char *format, ...)
{
    size_t length = strlen(error);
    va_list list;
    va_start(list, format);
    vsnprintf(error + length, PROBE_ERROR - length, format, list);
    va_end(list);
}

static void list_serials(const struct census *census, char error[PROBE_ERROR])
{
    for (size_t i = 0; i < census->count; i++) {
        const struct found *found = &census->probes[i];
        add(error, "\nstlink:%s (bus %d, device %d)",
            found->serial[0] != 0 ? found->serial : "SERIAL cannot be read", found->bus,
            found->address);
    }
}

static void explain(const struct found *found, char error[PROBE_ERROR])
{
    switch (found->status) {
    case LIBUSB_ERROR_ACCESS:
        add(error,
            "no permission for the ST-LINK (/dev/bus/usb/%03d/%03d): put the udev rule "
            "below "
            "into /etc/udev/rules.d/49-stlink.rules, run `sudo udevadm control "
            "--reload`, and "
            "plug it in again"
            "\nSUBSYSTEMS==\"usb\", ATTRS{idVendor}==\"%04x\", "
            "ATTRS{idProduct}==\"%04x\", "
            "MODE=\"0660\", TAG+=\"uaccess\"",
            found->bus, found->address, VENDOR_ST, found->product);
        break;
    case LIBUSB_ERROR_BUSY:
        add(error,
            "the ST-LINK is in use by another program: end OpenOCD, st-util or the "
            "debugger first");
        break;
    case LIBUSB_ERROR_NO_DEVICE:
    case LIBUSB_ERROR_IO:
        add(error, "the ST-LINK does not answer: plug it in again");
        break;
    default:
        add(error, "the ST-LINK cannot be opened: %s", libusb_strerror(found->status));
    }
}

/* The one that is meant, or NULL and a sentence. */
static const struct found *choose(const struct census *census, const char *wanted,
                                  char error[PROBE_ERROR])
{
    if (census->count == 0) {
        add(error, "no ST-LINK is plugged in");
        return NULL;
    }
    if (wanted == NULL && census->count > 1) {
        add(error, "there are %zu ST-LINKs: say which one with --probe stlink:SERIAL",
            census->count);
        list_serials(census, error);
        return NULL;
    }
    for (size_t i = 0; i < census->count; i++) {
        if (wanted == NULL || strcasecmp(census->probes[i].serial, wanted) == 0) {
            return &census->probes[i];
        }
    }
    /* One that may not be opened has no serial number, and may be the one. */
    for (size_t i = 0; i < census->count; i++) {
        if (census->probes[i].serial[0] == 0 && census->probes[i].status != 0) {
            return &census->probes[i];
        }
    }
    add(error, "no ST-LINK has the serial number %s; there %s", wanted,
        census->count == 1 ? "is" : "are");
    list_serials(census, error);
    return NULL;
}

int probe_usb_choose(const char *wanted, char ret_serial[PROBE_SERIAL_LENGTH + 1],
                     char error[PROBE_ERROR])
{
    struct census census = {.count = 0};
    int status = take_census(&census);
    if (status != 0) {
        add(error, "USB cannot be used: %s", libusb_strerror(status));
        return -1;
    }
    const struct found *found = choose(&census, wanted, error);
    if (found == NULL) {
        return -1;
    }
    if (found->status != 0) {
        explain(found, error);
        return -1;
    }
    if (found->serial[0] == 0) {
        add(error,
            "the ST-LINK has no serial number that libstlink could use: update its "
            "firmware");
        return -1;
    }
    memcpy(ret_serial, found->serial, PROBE_SERIAL_LENGTH + 1);
    return 0;
}
