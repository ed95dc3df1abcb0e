/* SPDX-License-Identifier: BSD-2-Clause */
/** The probe's place on a mock USB: umockdev hands us the ioctls on the device's file,
 *  which are those of the kernel's usbfs, and we complete URBs. */
#include "usb.h"

#include <errno.h>
#include <linux/usbdevice_fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <umockdev.h>
#include <unistd.h>

#include "descriptors.h"

enum { URBS_MAX = 64 };

struct urb {
    uint8_t type;
    uint8_t endpoint;
    int length;                /* of its buffer */
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

struct device {
    unsigned index;
    struct probe *probe;
    struct faults *faults;
    UMockdevIoctlBase *handler;
    GMutex lock; /* ioctls come on umockdev's thread, the end of all on ours */
    bool unplugged;
    GPtrArray *connections;
    UMockdevIoctlClient *owner; /* who has claimed the interface */
    struct usb_counts counts;
};

/* Never freed, since umockdev's thread cannot be waited for: it may come with one more
 * ioctl until the process ends. */
struct usb {
    UMockdevTestbed *testbed;
    char *folder;
    struct device devices[USB_PROBES_MAX];
    unsigned count;
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
static void drop_closed(struct device *device)
{
    for (unsigned i = device->connections->len; i-- > 0;) {
        struct connection *connection = g_ptr_array_index(device->connections, i);
        if (!umockdev_ioctl_client_get_connected(connection->client)) {
            if (device->owner == connection->client) {
                device->owner = NULL;
            }
            g_ptr_array_remove_index(device->connections, i);
        }
    }
}

static struct connection *find_connection(struct device *device,
                                          UMockdevIoctlClient *client)
{
    for (unsigned i = 0; i < device->connections->len; i++) {
        struct connection *connection = g_ptr_array_index(device->connections, i);
        if (connection->client == client) {
            return connection;
        }
    }
    drop_closed(device);
    struct connection *connection = g_new0(struct connection, 1);
    connection->client = g_object_ref(client);
    g_ptr_array_add(device->connections, connection);
    return connection;
}

static int claim(struct device *device, UMockdevIoctlClient *client)
{
    drop_closed(device);
    if (device->owner != NULL && device->owner != client) {
        return EBUSY;
    }
    device->owner = client;
    probe_attach(device->probe);
    return 0;
}

static int release(struct device *device, UMockdevIoctlClient *client)
{
    if (device->owner == client) {
        device->owner = NULL;
    }
    return 0;
}

/* ---- transfers ------------------------------------------------------------------ */

/* Control transfers: the setup packet, then room for the answer. */
static void run_control(const struct device *device, struct urb *urb, uint8_t *bytes,
                        size_t length)
{
    enum { SETUP = 8 };
    size_t answer = 0;
    if (length >= SETUP) {
        answer = descriptors_answer(device->index, bytes, bytes + SETUP, length - SETUP);
        umockdev_ioctl_data_update(urb->buffer, 0, bytes, (gint)length);
    }
    urb->actual = (uint32_t)answer;
    urb->done = true;
}

static void run_in(struct device *device, struct urb *urb, uint8_t *bytes, size_t length)
{
    size_t answer = probe_fetch(device->probe, bytes, length);
    if (answer > 0) {
        umockdev_ioctl_data_update(urb->buffer, 0, bytes, (gint)answer);
        urb->actual = (uint32_t)answer;
        urb->done = true;
    }
}

static void run_urb(struct device *device, struct urb *urb)
{
    guint8 *bytes = NULL;
    gint length = 0;
    if (urb->buffer != NULL) {
        umockdev_ioctl_data_retrieve(urb->buffer, &bytes, &length);
    }
    if (urb->type == USBDEVFS_URB_TYPE_CONTROL) {
        run_control(device, urb, bytes, (size_t)length);
    } else if ((urb->endpoint & 0x80) != 0) {
        run_in(device, urb, bytes, (size_t)length);
    } else {
        probe_send(device->probe, bytes, (size_t)length);
        urb->actual = (uint32_t)length;
        urb->done = true;
    }
    g_free(bytes);
}

/* Do what can be done, in order. An answer may have to wait for its question. */
static void run_urbs(struct device *device, struct connection *connection)
{
    for (unsigned i = 0; i < connection->count; i++) {
        struct urb *urb = &connection->urbs[i];
        if (urb->done) {
            continue;
        }
        if (!device->faults->cut || device->faults->kind == CUT_TARGET) {
            run_urb(device, urb);
        }
        if (faults_usb_dead(device->faults)) {
            urb->done = true;
            urb->actual = 0;
            urb->status = -EPROTO;
        } else if (faults_probe_hung(device->faults)) {
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

static bool read_urb(struct urb *urb)
{
    guint8 *bytes = NULL;
    gint length = 0;
    umockdev_ioctl_data_retrieve(urb->data, &bytes, &length);
    bool good = length == (gint)sizeof(struct usbdevfs_urb);
    if (good) {
        const struct usbdevfs_urb *fields = (const struct usbdevfs_urb *)(void *)bytes;
        urb->type = fields->type;
        urb->endpoint = fields->endpoint;
        urb->length = fields->buffer_length;
    }
    g_free(bytes);
    return good && urb->length >= 0;
}

static int submit(struct device *device, struct connection *connection,
                  UMockdevIoctlData *argument)
{
    struct urb urb = {0};
    if (connection->count == URBS_MAX) {
        return ENOMEM;
    }
    urb.data =
        umockdev_ioctl_data_resolve(argument, 0, sizeof(struct usbdevfs_urb), NULL);
    if (urb.data == NULL) {
        return EFAULT;
    }
    if (!read_urb(&urb)) {
        g_object_unref(urb.data);
        return EINVAL;
    }
    if (urb.length > 0) {
        urb.buffer = umockdev_ioctl_data_resolve(
            urb.data, G_STRUCT_OFFSET(struct usbdevfs_urb, buffer), (gsize)urb.length,
            NULL);
        if (urb.buffer == NULL) { /* the client has died */
            g_object_unref(urb.data);
            return EFAULT;
        }
    }
    device->counts.urbs++;
    connection->urbs[connection->count++] = urb;
    run_urbs(device, connection);
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

static void put_int(UMockdevIoctlData *data, gsize offset, int value)
{
    umockdev_ioctl_data_update(data, offset, (guint8 *)&value, sizeof value);
}

/* Give a finished URB back: what has become of it, and its address as the result. */
static int hand_back(const struct urb *urb, UMockdevIoctlData *argument)
{
    UMockdevIoctlData *result =
        umockdev_ioctl_data_resolve(argument, 0, sizeof(void *), NULL);
    if (result == NULL) {
        return EFAULT;
    }
    put_int(urb->data, G_STRUCT_OFFSET(struct usbdevfs_urb, status), urb->status);
    put_int(urb->data, G_STRUCT_OFFSET(struct usbdevfs_urb, actual_length),
            (int)urb->actual);
    umockdev_ioctl_data_set_ptr(result, 0, urb->data);
    g_object_unref(result);
    return 0;
}

static int reap(struct device *device, struct connection *connection,
                UMockdevIoctlData *argument)
{
    run_urbs(device, connection);
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
    if (faults_probe_hung(device->faults)) {
        g_usleep(1000); /* the client cannot sleep on a mock file: it asks and asks */
    }
    return faults_usb_dead(device->faults) ? ENODEV : EAGAIN;
}

/* @return 0 or an errno */
static int answer(struct device *device, UMockdevIoctlClient *client)
{
    gulong request = umockdev_ioctl_client_get_request(client);
    UMockdevIoctlData *argument = umockdev_ioctl_client_get_arg(client);
    struct connection *connection = find_connection(device, client);
    device->counts.ioctls++;
    switch (request) { /* also when the device is gone */
    case USBDEVFS_REAPURB:
    case USBDEVFS_REAPURBNDELAY:
        return reap(device, connection, argument);
    case USBDEVFS_DISCARDURB:
        return discard(connection, argument);
    case USBDEVFS_RELEASEINTERFACE:
        return release(device, client);
    default:
        break;
    }
    if (faults_usb_dead(device->faults)) {
        return ENODEV;
    }
    switch (request) {
    case USBDEVFS_GET_CAPABILITIES:
        return get_capabilities(argument);
    case USBDEVFS_CLAIMINTERFACE:
        return claim(device, client);
    case USBDEVFS_SUBMITURB:
        return submit(device, connection, argument);
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
    struct device *device = context;
    (void)handler;
    g_mutex_lock(&device->lock);
    int error = device->unplugged ? ENODEV : answer(device, client);
    g_mutex_unlock(&device->lock);
    umockdev_ioctl_client_complete(client, error != 0 ? -1 : 0, error);
    return TRUE;
}

/* ---- plug and unplug --------------------------------------------------------------- */

static bool add_device(struct usb *usb, struct device *device, GError **ret_error)
{
    char *text = descriptors_device(device->index);
    char *node = descriptors_node(device->index);
    bool good =
        umockdev_testbed_add_from_string(usb->testbed, text, ret_error) &&
        umockdev_testbed_attach_ioctl(usb->testbed, node, device->handler, ret_error);
    g_free(text);
    g_free(node);
    return good;
}

static bool plug(struct usb *usb, struct probe *probe, GError **ret_error)
{
    struct device *device = &usb->devices[usb->count];
    device->index = usb->count++;
    device->probe = probe;
    device->faults = probe->faults;
    device->connections = g_ptr_array_new_with_free_func(drop_connection);
    device->handler = umockdev_ioctl_base_new();
    g_mutex_init(&device->lock);
    g_signal_connect(device->handler, "handle-ioctl", G_CALLBACK(on_ioctl), device);
    return add_device(usb, device, ret_error);
}

/* umockdev would end the process. */
static bool check_folder(char *problem, size_t size)
{
    enum { LENGTH_MAX = 64 }; /* the path of a socket in it has 107 characters at most */
    const char *folder = g_get_tmp_dir();
    const char *reason = strlen(folder) > LENGTH_MAX ? "its name is too long" : NULL;
    if (reason == NULL && access(folder, W_OK | X_OK) != 0) {
        reason = g_strerror(errno);
    }
    if (reason != NULL) {
        snprintf(problem, size, "temporary folder %.64s: %s; set TMPDIR to another",
                 folder, reason);
    }
    return reason == NULL;
}

/* What GLib and umockdev have to say when clients die in the middle of an ioctl. */
static void on_log(const gchar *domain, GLogLevelFlags level, const gchar *text,
                   gpointer context)
{
    (void)domain;
    (void)level;
    trace_line(context, "umockdev: %s", text);
}

struct usb *usb_plug(struct probe *const *probes, unsigned count,
                     const char **ret_problem)
{
    static struct usb usb;
    static char problem[200];
    GError *error = NULL;
    *ret_problem = problem;
    g_log_set_default_handler(on_log, (gpointer)(uintptr_t)probes[0]->trace);
    if (!check_folder(problem, sizeof problem)) {
        return NULL;
    }
    usb.testbed = umockdev_testbed_new();
    usb.folder = umockdev_testbed_get_root_dir(usb.testbed);
    /* Other users find the probe, and may not open it, as with a real one. */
    bool good = chmod(usb.folder, 0755) == 0;
    g_strlcpy(problem, good ? "" : g_strerror(errno), sizeof problem);
    for (unsigned i = 0; good && i < count; i++) {
        good = plug(&usb, probes[i], &error);
    }
    if (good) {
        return &usb;
    }
    if (error != NULL) {
        g_strlcpy(problem, error->message, sizeof problem);
        g_error_free(error);
    }
    g_object_unref(usb.testbed);
    return NULL;
}

void usb_unplug(struct usb *usb, struct usb_counts *ret_counts)
{
    for (unsigned i = 0; i < usb->count; i++) {
        struct device *device = &usb->devices[i];
        g_mutex_lock(&device->lock);
        device->unplugged = true;
        g_mutex_unlock(&device->lock);
    }
    *ret_counts = usb->devices[0].counts;
    g_object_unref(usb->testbed); /* removes its folder */
}

const char *usb_folder(const struct usb *usb)
{
    return usb->folder;
}
