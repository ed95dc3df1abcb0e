/* SPDX-License-Identifier: BSD-2-Clause */
/** The probe's place on a mock USB: umockdev hands us the ioctls on the device's file,
 *  which are those of the kernel's usbfs, and we complete URBs. */
#include "usb.h"

#include <errno.h>
#include <linux/usbdevice_fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <umockdev.h>

#include "descriptors.h"

enum { URBS_MAX = 64 };

struct urb {
    struct usbdevfs_urb fields;
    UMockdevIoctlData *data;   /* the client's struct */
    UMockdevIoctlData *buffer; /* or NULL */
    bool done;
    int status; /* 0, or a negative errno */
    uint32_t actual;
};

/* One open file of the device. */
struct connection {
    UMockdevIoctlClient *client;
    struct urb urbs[URBS_MAX];
    unsigned count;
};

struct usb {
    struct probe *probe;
    struct faults *faults;
    UMockdevTestbed *testbed;
    UMockdevIoctlBase *handler;
    char *folder;
    GMutex lock; /* ioctls come on umockdev's thread, the end of all on ours */
    GPtrArray *connections;
    UMockdevIoctlClient *owner; /* who has claimed the interface */
    struct usb_counts counts;
};

/* ---- connections ---------------------------------------------------------------- */

static void drop_urb(struct urb *urb)
{
    g_object_unref(urb->data);
    if (urb->buffer != NULL) {
        g_object_unref(urb->buffer);
    }
}

static void drop_connection(gpointer pointer)
{
    struct connection *connection = pointer;
    for (unsigned i = 0; i < connection->count; i++) {
        drop_urb(&connection->urbs[i]);
    }
    g_object_unref(connection->client);
    g_free(connection);
}

/* umockdev does not tell when a client has closed the file. */
static void drop_closed(struct usb *usb)
{
    for (unsigned i = usb->connections->len; i-- > 0;) {
        struct connection *connection = g_ptr_array_index(usb->connections, i);
        if (!umockdev_ioctl_client_get_connected(connection->client)) {
            if (usb->owner == connection->client) {
                usb->owner = NULL;
            }
            g_ptr_array_remove_index(usb->connections, i);
        }
    }
}

static struct connection *find_connection(struct usb *usb, UMockdevIoctlClient *client)
{
    for (unsigned i = 0; i < usb->connections->len; i++) {
        struct connection *connection = g_ptr_array_index(usb->connections, i);
        if (connection->client == client) {
            return connection;
        }
    }
    drop_closed(usb);
    struct connection *connection = g_new0(struct connection, 1);
    connection->client = g_object_ref(client);
    g_ptr_array_add(usb->connections, connection);
    return connection;
}

static int claim(struct usb *usb, UMockdevIoctlClient *client)
{
    drop_closed(usb);
    if (usb->owner != NULL && usb->owner != client) {
        return EBUSY;
    }
    usb->owner = client;
    probe_attach(usb->probe);
    return 0;
}

static int release(struct usb *usb, UMockdevIoctlClient *client)
{
    if (usb->owner == client) {
        usb->owner = NULL;
    }
    return 0;
}

/* ---- transfers ------------------------------------------------------------------ */

/* Control transfers: the setup packet, then room for the answer. */
static void run_control(struct urb *urb, uint8_t *bytes, size_t length)
{
    enum { SETUP = 8 };
    size_t answer = 0;
    if (length >= SETUP) {
        answer = descriptors_answer(bytes, bytes + SETUP, length - SETUP);
        umockdev_ioctl_data_update(urb->buffer, 0, bytes, (gint)length);
    }
    urb->actual = (uint32_t)answer;
    urb->done = true;
}

static void run_in(struct usb *usb, struct urb *urb, uint8_t *bytes, size_t length)
{
    size_t answer = probe_fetch(usb->probe, bytes, length);
    if (answer > 0) {
        umockdev_ioctl_data_update(urb->buffer, 0, bytes, (gint)answer);
        urb->actual = (uint32_t)answer;
        urb->done = true;
    }
}

static void run_urb(struct usb *usb, struct urb *urb)
{
    guint8 *bytes = NULL;
    gint length = 0;
    if (urb->buffer != NULL) {
        umockdev_ioctl_data_retrieve(urb->buffer, &bytes, &length);
    }
    if (urb->fields.type == USBDEVFS_URB_TYPE_CONTROL) {
        run_control(urb, bytes, (size_t)length);
    } else if ((urb->fields.endpoint & 0x80) != 0) {
        run_in(usb, urb, bytes, (size_t)length);
    } else {
        probe_send(usb->probe, bytes, (size_t)length);
        urb->actual = (uint32_t)length;
        urb->done = true;
    }
    g_free(bytes);
}

/* Do what can be done, in order. An answer may have to wait for its question. */
static void run_urbs(struct usb *usb, struct connection *connection)
{
    for (unsigned i = 0; i < connection->count; i++) {
        struct urb *urb = &connection->urbs[i];
        if (urb->done) {
            continue;
        }
        if (!usb->faults->cut || usb->faults->kind == CUT_TARGET) {
            run_urb(usb, urb);
        }
        if (faults_usb_dead(usb->faults)) {
            urb->done = true;
            urb->actual = 0;
            urb->status = -EPROTO;
        } else if (faults_probe_hung(usb->faults)) {
            urb->done = false;
        }
    }
}

/* ---- ioctls --------------------------------------------------------------------- */

static int get_capabilities(UMockdevIoctlData *argument)
{
    /* A whole transfer in one URB, of any size. */
    uint32_t capabilities = USBDEVFS_CAP_ZERO_PACKET | USBDEVFS_CAP_BULK_CONTINUATION |
                            USBDEVFS_CAP_NO_PACKET_SIZE_LIM |
                            USBDEVFS_CAP_BULK_SCATTER_GATHER |
                            USBDEVFS_CAP_REAP_AFTER_DISCONNECT;
    UMockdevIoctlData *data =
        umockdev_ioctl_data_resolve(argument, 0, sizeof capabilities, NULL);
    if (data == NULL) {
        return EFAULT;
    }
    umockdev_ioctl_data_update(data, 0, (guint8 *)&capabilities, sizeof capabilities);
    g_object_unref(data);
    return 0;
}

static bool read_fields(UMockdevIoctlData *data, struct usbdevfs_urb *ret_fields)
{
    guint8 *bytes = NULL;
    gint length = 0;
    umockdev_ioctl_data_retrieve(data, &bytes, &length);
    bool whole = length == (gint)sizeof *ret_fields;
    if (whole) {
        memcpy(ret_fields, bytes, sizeof *ret_fields);
    }
    g_free(bytes);
    return whole;
}

static int submit(struct usb *usb, struct connection *connection,
                  UMockdevIoctlData *argument)
{
    struct urb urb = {0};
    if (connection->count == URBS_MAX) {
        return ENOMEM;
    }
    urb.data = umockdev_ioctl_data_resolve(argument, 0, sizeof urb.fields, NULL);
    if (urb.data == NULL) {
        return EFAULT;
    }
    if (!read_fields(urb.data, &urb.fields) || urb.fields.buffer_length < 0) {
        g_object_unref(urb.data);
        return EINVAL;
    }
    if (urb.fields.buffer_length > 0) {
        urb.buffer = umockdev_ioctl_data_resolve(
            urb.data, G_STRUCT_OFFSET(struct usbdevfs_urb, buffer),
            (gsize)urb.fields.buffer_length, NULL);
    }
    usb->counts.urbs++;
    connection->urbs[connection->count++] = urb;
    run_urbs(usb, connection);
    return 0;
}

static int discard(struct connection *connection, UMockdevIoctlData *argument)
{
    UMockdevIoctlData *data =
        umockdev_ioctl_data_resolve(argument, 0, sizeof(struct usbdevfs_urb), NULL);
    int error = EINVAL;
    for (unsigned i = 0; data != NULL && i < connection->count; i++) {
        struct urb *urb = &connection->urbs[i];
        if (!urb->done && urb->data->client_addr == data->client_addr) {
            urb->done = true;
            urb->status = -ENOENT;
            error = 0;
        }
    }
    if (data != NULL) {
        g_object_unref(data);
    }
    return error;
}

/* Give a finished URB back: its fields, and its address as the ioctl's result. */
static int hand_back(struct urb *urb, UMockdevIoctlData *argument)
{
    UMockdevIoctlData *result =
        umockdev_ioctl_data_resolve(argument, 0, sizeof(void *), NULL);
    if (result == NULL) {
        return EFAULT;
    }
    urb->fields.status = urb->status;
    urb->fields.actual_length = (int)urb->actual;
    umockdev_ioctl_data_update(urb->data, 0, (guint8 *)&urb->fields, sizeof urb->fields);
    umockdev_ioctl_data_set_ptr(result, 0, urb->data);
    g_object_unref(result);
    return 0;
}

static int reap(struct usb *usb, struct connection *connection,
                UMockdevIoctlData *argument)
{
    run_urbs(usb, connection);
    for (unsigned i = 0; i < connection->count; i++) {
        struct urb urb = connection->urbs[i];
        if (!urb.done) {
            continue;
        }
        connection->count--;
        memmove(&connection->urbs[i], &connection->urbs[i + 1],
                (connection->count - i) * sizeof urb);
        int error = hand_back(&urb, argument);
        drop_urb(&urb);
        return error;
    }
    if (faults_probe_hung(usb->faults)) {
        g_usleep(1000); /* the client cannot sleep on a mock file: it asks and asks */
    }
    return faults_usb_dead(usb->faults) ? ENODEV : EAGAIN;
}

/* @return 0 or an errno */
static int answer(struct usb *usb, UMockdevIoctlClient *client)
{
    gulong request = umockdev_ioctl_client_get_request(client);
    UMockdevIoctlData *argument = umockdev_ioctl_client_get_arg(client);
    struct connection *connection = find_connection(usb, client);
    usb->counts.ioctls++;
    switch (request) { /* also when the device is gone */
    case USBDEVFS_REAPURB:
    case USBDEVFS_REAPURBNDELAY:
        return reap(usb, connection, argument);
    case USBDEVFS_DISCARDURB:
        return discard(connection, argument);
    case USBDEVFS_RELEASEINTERFACE:
        return release(usb, client);
    default:
        break;
    }
    if (faults_usb_dead(usb->faults)) {
        return ENODEV;
    }
    switch (request) {
    case USBDEVFS_GET_CAPABILITIES:
        return get_capabilities(argument);
    case USBDEVFS_CLAIMINTERFACE:
        return claim(usb, client);
    case USBDEVFS_SUBMITURB:
        return submit(usb, connection, argument);
    case USBDEVFS_RESET:
    case USBDEVFS_CLEAR_HALT:
    case USBDEVFS_SETCONFIGURATION:
    case USBDEVFS_SETINTERFACE:
        return 0;
    case USBDEVFS_GETDRIVER: /* no driver of the kernel's has the interface */
    case USBDEVFS_IOCTL:
        return ENODATA;
    default:
        return ENOTTY;
    }
}

static gboolean on_ioctl(UMockdevIoctlBase *handler, UMockdevIoctlClient *client,
                         gpointer context)
{
    struct usb *usb = context;
    (void)handler;
    g_mutex_lock(&usb->lock);
    int error = answer(usb, client);
    g_mutex_unlock(&usb->lock);
    umockdev_ioctl_client_complete(client, error != 0 ? -1 : 0, error);
    return TRUE;
}

/* ---- plug and unplug --------------------------------------------------------------- */

static bool add_device(struct usb *usb, GError **ret_error)
{
    char *text = descriptors_device();
    bool good = umockdev_testbed_add_from_string(usb->testbed, text, ret_error) &&
                umockdev_testbed_attach_ioctl(usb->testbed, DESCRIPTORS_NODE,
                                              usb->handler, ret_error);
    g_free(text);
    return good;
}

struct usb *usb_plug(struct probe *probe, const char **ret_problem)
{
    static char problem[200];
    GError *error = NULL;
    struct usb *usb = g_new0(struct usb, 1);
    usb->probe = probe;
    usb->faults = probe->faults;
    usb->connections = g_ptr_array_new_with_free_func(drop_connection);
    g_mutex_init(&usb->lock);
    usb->testbed = umockdev_testbed_new();
    usb->folder = umockdev_testbed_get_root_dir(usb->testbed);
    usb->handler = umockdev_ioctl_base_new();
    g_signal_connect(usb->handler, "handle-ioctl", G_CALLBACK(on_ioctl), usb);
    if (add_device(usb, &error)) {
        return usb;
    }
    g_strlcpy(problem, error->message, sizeof problem);
    g_error_free(error);
    usb_unplug(usb, &(struct usb_counts){0});
    *ret_problem = problem;
    return NULL;
}

void usb_unplug(struct usb *usb, struct usb_counts *ret_counts)
{
    umockdev_testbed_detach_ioctl(usb->testbed, DESCRIPTORS_NODE, NULL);
    /* What is under way ends first. */
    g_mutex_lock(&usb->lock);
    *ret_counts = usb->counts;
    g_mutex_unlock(&usb->lock);
    g_object_unref(usb->handler);
    g_object_unref(usb->testbed);
    g_ptr_array_unref(usb->connections);
    g_mutex_clear(&usb->lock);
    g_free(usb->folder);
    g_free(usb);
}

const char *usb_folder(const struct usb *usb)
{
    return usb->folder;
}
