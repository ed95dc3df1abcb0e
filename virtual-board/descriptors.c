/* SPDX-License-Identifier: BSD-2-Clause */
/** What the probe tells about itself on the USB. */
#include "descriptors.h"

#include <glib.h>
#include <string.h>

/* Requests, and the one type of descriptor that clients ask for. */
enum { GET_STATUS = 0, GET_DESCRIPTOR = 6, GET_CONFIGURATION = 8, TYPE_STRING = 3 };

enum { STRING_SERIAL = 3, STRINGS = 4 };

static const char *const strings[STRINGS] = {NULL, "STMicroelectronics", "STM32 STLink",
                                             NULL};

/* The serial number has 24 characters, or libstlink does not take the probe for one of
 * its own: a real one is the chip's id in hexadecimal. */
static const char *const serials[] = {
    "5649525455414C424F415244", /* "VIRTUALBOARD" */
    "535041524550524F42453031", /* "SPAREPROBE01" */
    "535041524550524F42453032",
    "535041524550524F42453033",
};

/* The device, its configuration, and bulk endpoints 1 in, 2 out, and 3 in for trace. */
static const char binary[] = "12010002000000408304483700010102"
                             "0301"
                             "090227000101008032"
                             "0904000003FFFFFF00"
                             "07058102400000"
                             "07050202400000"
                             "07058302400000";

/* Device 1 of a bus is its hub. */
enum { FIRST_DEVICE = 2 };

char *descriptors_node(unsigned index)
{
    return g_strdup_printf("/dev/bus/usb/001/%03u", FIRST_DEVICE + index);
}

char *descriptors_device(unsigned index)
{
    unsigned number = FIRST_DEVICE + index;
    return g_strdup_printf("P: /devices/pci0000:00/0000:00:14.0/usb1/1-%u\n"
                           "N: bus/usb/001/%03u\n"
                           "E: DEVTYPE=usb_device\n"
                           "E: SUBSYSTEM=usb\n"
                           "E: BUSNUM=001\n"
                           "E: DEVNUM=%03u\n"
                           "E: DEVNAME=/dev/bus/usb/001/%03u\n"
                           "E: MAJOR=189\n"
                           "E: MINOR=%u\n"
                           "A: busnum=1\\n\n"
                           "A: devnum=%u\\n\n"
                           "A: bConfigurationValue=1\\n\n"
                           "A: bNumConfigurations=1\\n\n"
                           "A: speed=12\\n\n"
                           "A: idVendor=0483\\n\n"
                           "A: idProduct=3748\\n\n"
                           "H: descriptors=%s\n",
                           1 + index, number, number, number, number - 1, number, binary);
}

/* A string descriptor is UTF-16; number 0 is the list of languages. */
static size_t string_descriptor(unsigned number, const char *text, uint8_t answer[255])
{
    size_t length = 2;
    if (number == 0) {
        answer[length++] = 0x09;
        answer[length++] = 0x04;
    } else if (text != NULL) {
        for (const char *c = text; *c != '\0'; c++) {
            answer[length++] = (uint8_t)*c;
            answer[length++] = 0;
        }
    }
    answer[0] = (uint8_t)length;
    answer[1] = TYPE_STRING;
    return length;
}

size_t descriptors_answer(unsigned index, const uint8_t setup[8], uint8_t *bytes,
                          size_t room)
{
    uint8_t answer[255] = {0};
    size_t length = 0;
    if (setup[1] == GET_DESCRIPTOR && setup[3] == TYPE_STRING) {
        unsigned number = setup[2];
        const char *text = number == STRING_SERIAL ? serials[index]
                           : number < STRINGS      ? strings[number]
                                                   : NULL;
        length = string_descriptor(number, text, answer);
    } else if (setup[1] == GET_STATUS) {
        length = 2;
    } else if (setup[1] == GET_CONFIGURATION) {
        answer[0] = 1;
        length = 1;
    }
    length = length < room ? length : room;
    memcpy(bytes, answer, length);
    return length;
}
