/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Choosing an ST-LINK on a bus that exists only here: this file stands in for libusb, so
 * that what needs several probes or lacks permission can be tried anywhere.
 */
#include "probe_usb.h"

#include <libusb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

/* ---- the bus -------------------------------------------------------------- */

struct libusb_device {
    uint16_t vendor, product;
    int open_status, claim_status;
    const char *serial; /* UTF-8; 12 bytes: raw, as old V2 have it */
    bool kernel_driver;
};

static struct libusb_device bus[8];
static int bus_size;
static int init_status;
static int open_handles;

int libusb_init(libusb_context **context)
{
    *context = NULL;
    return init_status;
}

void libusb_exit(libusb_context *context)
{
    (void)context;
}

ssize_t libusb_get_device_list(libusb_context *context, libusb_device ***ret_list)
{
    (void)context;
    *ret_list = calloc((size_t)bus_size + 1, sizeof **ret_list);
    for (int i = 0; i < bus_size; i++) {
        (*ret_list)[i] = &bus[i];
    }
    return bus_size;
}

void libusb_free_device_list(libusb_device **list, int unref)
{
    (void)unref;
    free(list);
}

int libusb_get_device_descriptor(libusb_device *device,
                                 struct libusb_device_descriptor *desc)
{
    *desc = (struct libusb_device_descriptor){
        .idVendor = device->vendor, .idProduct = device->product, .iSerialNumber = 3};
    return 0;
}

uint8_t libusb_get_bus_number(libusb_device *device)
{
    (void)device;
    return 1;
}

uint8_t libusb_get_device_address(libusb_device *device)
{
    return (uint8_t)(device - bus + 2);
}

int libusb_open(libusb_device *device, libusb_device_handle **ret_handle)
{
    *ret_handle = (libusb_device_handle *)device;
    open_handles += device->open_status == 0;
    return device->open_status;
}

void libusb_close(libusb_device_handle *handle)
{
    (void)handle;
    open_handles--;
}

int libusb_kernel_driver_active(libusb_device_handle *handle, int interface)
{
    (void)interface;
    return ((struct libusb_device *)handle)->kernel_driver;
}

int libusb_claim_interface(libusb_device_handle *handle, int interface)
{
    (void)interface;
    return ((struct libusb_device *)handle)->claim_status;
}

/* What libusb_get_string_descriptor() becomes: a control transfer. */
int libusb_control_transfer(libusb_device_handle *handle, uint8_t type, uint8_t request,
                            uint16_t value, uint16_t index, unsigned char *data,
                            uint16_t size, unsigned int timeout)
{
    const char *serial = ((struct libusb_device *)handle)->serial;
    (void)timeout;
    if (serial == NULL) {
        return LIBUSB_ERROR_PIPE;
    }
    assert_int_equal(type, LIBUSB_ENDPOINT_IN);
    assert_int_equal(request, LIBUSB_REQUEST_GET_DESCRIPTOR);
    assert_int_equal(value, LIBUSB_DT_STRING << 8 | 3);
    assert_int_equal(index, 0x0409);
    size_t length = strlen(serial);
    assert_true(2 + 2 * length <= size);
    data[0] = (unsigned char)(2 + 2 * length);
    data[1] = LIBUSB_DT_STRING;
    for (size_t i = 0; i < length; i++) {
        data[2 + 2 * i] = (unsigned char)serial[i];
        data[3 + 2 * i] = 0;
    }
    return data[0];
}

const char *libusb_strerror(int status)
{
    (void)status;
    return "Some reason";
}

/* ---- tests ---------------------------------------------------------------- */

#define SERIAL_A "303030303337FF0546433031"
#define SERIAL_B "066EFF505355897767183941"

static char serial[PROBE_SERIAL_LENGTH + 1];
static char error[PROBE_ERROR];

static int choose(const char *wanted)
{
    memset(serial, 0, sizeof serial);
    memset(error, 0, sizeof error);
    open_handles = 0;
    int status = probe_usb_choose(wanted, serial, error);
    assert_int_equal(open_handles, 0);
    assert_int_equal(status == 0, error[0] == 0);
    return status;
}

static void plug(int count, ...)
{
    va_list list;
    va_start(list, count);
    bus_size = count;
    for (int i = 0; i < count; i++) {
        bus[i] = *va_arg(list, const struct libusb_device *);
    }
    va_end(list);
}

static void refused(const char *wanted, const char *text)
{
    assert_int_equal(choose(wanted), -1);
    if (strstr(error, text) == NULL) {
        fail_msg("'%s' is not in: %s", text, error);
    }
}

static const struct libusb_device mouse = {.vendor = 0x046D, .product = 0xC077};
static const struct libusb_device other_st = {.vendor = 0x0483, .product = 0x5740};
static const struct libusb_device a = {
    .vendor = 0x0483, .product = 0x3748, .serial = SERIAL_A};
static const struct libusb_device b = {
    .vendor = 0x0483, .product = 0x374B, .serial = SERIAL_B};
static const struct libusb_device closed = {
    .vendor = 0x0483, .product = 0x374B, .open_status = LIBUSB_ERROR_ACCESS};
static const struct libusb_device busy = {.vendor = 0x0483,
                                          .product = 0x3748,
                                          .claim_status = LIBUSB_ERROR_BUSY,
                                          .serial = SERIAL_A};

static void test_none(void **state)
{
    (void)state;
    plug(0);
    refused(NULL, "no ST-LINK is plugged in");
    plug(2, &mouse, &other_st);
    refused(NULL, "no ST-LINK is plugged in");
    init_status = LIBUSB_ERROR_OTHER;
    refused(NULL, "USB cannot be used: Some reason");
    init_status = 0;
}

static void test_one(void **state)
{
    (void)state;
    plug(3, &mouse, &a, &other_st);
    assert_int_equal(choose(NULL), 0);
    assert_string_equal(serial, SERIAL_A);
    assert_int_equal(choose("303030303337ff0546433031"), 0);
    refused(SERIAL_B, "no ST-LINK has the serial number " SERIAL_B
                      "; there is\nstlink:" SERIAL_A " (bus 1, device 3)");
}

static void test_several(void **state)
{
    (void)state;
    plug(3, &a, &mouse, &b);
    refused(
        NULL,
        "there are 2 ST-LINKs: say which one with --probe stlink:SERIAL\nstlink:" SERIAL_A
        " (bus 1, device 2)\nstlink:" SERIAL_B " (bus 1, device 4)");
    assert_int_equal(choose(SERIAL_B), 0);
    assert_string_equal(serial, SERIAL_B);
    refused("12", "no ST-LINK has the serial number 12; there are\nstlink:" SERIAL_A);
}

static void test_no_permission(void **state)
{
    (void)state;
    plug(1, &closed);
    refused(
        NULL,
        "no permission for the ST-LINK (/dev/bus/usb/001/002): put the udev rule below "
        "into /etc/udev/rules.d/49-stlink.rules, run `sudo udevadm control --reload`");
    refused(NULL, "\nSUBSYSTEMS==\"usb\", ATTRS{idVendor}==\"0483\", "
                  "ATTRS{idProduct}==\"374b\", MODE=\"0660\", TAG+=\"uaccess\"");
    plug(2, &a, &closed); /* which may be the one that is wanted */
    refused(SERIAL_B, "no permission");
    assert_int_equal(choose(SERIAL_A), 0);
}

static void test_in_use(void **state)
{
    (void)state;
    plug(1, &busy);
    refused(NULL, "in use by another program");
    plug(2, &busy, &b);
    refused(SERIAL_A, "in use by another program");
    assert_int_equal(choose(SERIAL_B), 0);
}

static void test_gone_and_odd(void **state)
{
    (void)state;
    struct libusb_device odd = a;
    odd.open_status = LIBUSB_ERROR_NO_DEVICE;
    plug(1, &odd);
    refused(NULL, "plug it in again");
    odd.open_status = LIBUSB_ERROR_NOT_SUPPORTED;
    plug(1, &odd);
    refused(NULL, "cannot be opened: Some reason");
    odd = a;
    odd.serial = "short";
    plug(1, &odd);
    refused(NULL, "update its firmware");
    odd.serial = NULL;
    plug(1, &odd);
    refused(NULL, "update its firmware");
}

/* Old V2 have twelve bytes for a serial number; V1 is a disk to the kernel. */
static void test_generations(void **state)
{
    (void)state;
    struct libusb_device old = a;
    old.serial = "Hello world!";
    plug(1, &old);
    assert_int_equal(choose(NULL), 0);
    assert_string_equal(serial, "48656C6C6F20776F726C6421");
    struct libusb_device disk = busy;
    disk.product = 0x3744;
    disk.kernel_driver = true;
    plug(1, &disk);
    assert_int_equal(choose(NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_none),        cmocka_unit_test(test_one),
        cmocka_unit_test(test_several),     cmocka_unit_test(test_no_permission),
        cmocka_unit_test(test_in_use),      cmocka_unit_test(test_gone_and_odd),
        cmocka_unit_test(test_generations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
