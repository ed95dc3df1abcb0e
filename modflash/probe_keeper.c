/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * A probe in a process of its own, the keeper; this process asks it over a socket.
 *
 * Why: libstlink waits 3 s for each USB transfer, tries again after some failures, prints
 * to stdout, and its calls cannot be interrupted. Here each question has a deadline, and
 * a keeper that misses it is killed, whatever it hangs in. The other way round, when
 * modflash itself dies (SIGKILL, a crash), the keeper sees the socket close, writes the
 * last words it was given (flash locked, chip reset), and ends. Ctrl-C goes to both; the
 * keeper ignores it, since modflash then ends in good order.
 */
#define _DEFAULT_SOURCE /* MSG_NOSIGNAL with old headers */
#include "probe.h"
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum question {
    ASK_READ,
    ASK_WRITE,
    ASK_READ_WORD,
    ASK_WRITE_WORD,
    ASK_HALT,
    ASK_RUN,
    ASK_IS_HALTED,
    ASK_READ_REGISTERS,
    ASK_WRITE_REGISTER,
    ASK_RESET,
    ASK_SUPPLY,
    ASK_LAST_WORDS,
    ASK_CLOSE,
};

/* The value of the first reply, which nobody asked for. */
enum { IS_LIVE = 1, IS_BLIND = 2 };

/* Both are followed by `size` bytes. Both ends are the same program, so no byte order. */
struct request {
    uint32_t question;
    uint32_t address;
    uint32_t value; /* of a word, or how much is to be read */
    uint32_t size;
};
struct reply {
    int32_t status; /* not 0: the bytes are the failure's sentence, */
    uint32_t value; /* and this is whether the probe is lost */
    uint32_t size;
};

struct kept_probe {
    struct probe probe; /* first */
    pid_t keeper;
    int socket;
};

/* ---- the keeper's side ---------------------------------------------------- */

struct keeper {
    struct probe *probe;
    int socket;
    struct probe_word words[PROBE_LAST_WORDS];
    uint32_t word_count;
    uint8_t bytes[PROBE_BLOCK];
};

static bool receive_all(int fd, void *bytes, size_t size)
{
    uint8_t *at = bytes;
    while (size != 0) {
        ssize_t got = recv(fd, at, size, 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return false;
        }
        at += got;
        size -= (size_t)got;
    }
    return true;
}

static bool send_all(int fd, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    while (size != 0) {
        ssize_t put = send(fd, at, size, MSG_NOSIGNAL);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            return false;
        }
        at += put;
        size -= (size_t)put;
    }
    return true;
}

static int answer_memory(struct keeper *keeper, const struct request *request,
                         struct reply *reply)
{
    struct probe *probe = keeper->probe;
    switch (request->question) {
    case ASK_READ:
        reply->size = request->value;
        return probe->ops->read(probe, request->address, keeper->bytes, request->value);
    case ASK_WRITE:
        return probe->ops->write(probe, request->address, keeper->bytes, request->size);
    case ASK_READ_WORD:
        return probe->ops->read_word(probe, request->address, &reply->value);
    default:
        return probe->ops->write_word(probe, request->address, request->value);
    }
}

static int answer_core(struct keeper *keeper, const struct request *request,
                       struct reply *reply)
{
    struct probe *probe = keeper->probe;
    uint32_t registers[PROBE_REGISTERS];
    bool halted = false;
    int status;
    switch (request->question) {
    case ASK_HALT:
        return probe->ops->halt(probe);
    case ASK_RUN:
        return probe->ops->run(probe);
    case ASK_IS_HALTED:
        status = probe->ops->is_halted(probe, &halted);
        reply->value = halted;
        return status;
    case ASK_READ_REGISTERS:
        status = probe->ops->read_registers(probe, registers);
        memcpy(keeper->bytes, registers, sizeof registers);
        reply->size = sizeof registers;
        return status;
    case ASK_WRITE_REGISTER:
        return probe->ops->write_register(probe, request->address, request->value);
    case ASK_RESET:
        return probe->ops->reset(probe);
    default:
        return probe->ops->supply(probe, &reply->value);
    }
}

static int answer(struct keeper *keeper, const struct request *request,
                  struct reply *reply)
{
    if (request->question == ASK_LAST_WORDS) {
        memcpy(keeper->words, keeper->bytes, request->size);
        keeper->word_count = request->size / (uint32_t)sizeof keeper->words[0];
        return 0;
    }
    if (request->question == ASK_CLOSE) {
        keeper->probe->ops->close(keeper->probe);
        keeper->probe = NULL;
        return 0;
    }
    return request->question <= ASK_WRITE_WORD ? answer_memory(keeper, request, reply)
                                               : answer_core(keeper, request, reply);
}

static bool send_reply(struct keeper *keeper, struct reply *reply)
{
    const void *bytes = keeper->bytes;
    if (reply->status != 0) {
        bytes = keeper->probe->error;
        reply->value = keeper->probe->lost;
        reply->size = (uint32_t)strlen(keeper->probe->error);
    }
    return send_all(keeper->socket, reply, sizeof *reply) &&
           send_all(keeper->socket, bytes, reply->size);
}

static void speak_last_words(struct keeper *keeper)
{
    for (uint32_t i = 0; i < keeper->word_count; i++) {
        keeper->probe->ops->write_word(keeper->probe, keeper->words[i].address,
                                       keeper->words[i].value);
    }
    keeper->probe->ops->close(keeper->probe);
}

static void keep(struct keeper *keeper)
{
    struct request request;
    while (keeper->probe != NULL) {
        struct reply reply = {0};
        if (!receive_all(keeper->socket, &request, sizeof request) ||
            !receive_all(keeper->socket, keeper->bytes, request.size)) {
            speak_last_words(keeper);
            return;
        }
        reply.status = answer(keeper, &request, &reply);
        send_reply(keeper, &reply);
    }
}

/* Nothing that the library prints shall reach the user. */
static void fall_silent(void)
{
    int null = open("/dev/null", O_RDWR);
    if (null >= 0) {
        dup2(null, STDIN_FILENO);
        dup2(null, STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
    }
}

static _Noreturn void be_keeper(int fd, probe_opener *opener, const char *name)
{
    static struct keeper keeper;
    static char error[PROBE_ERROR];
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    fall_silent();
    keeper.socket = fd;
    keeper.probe = opener(name, error);
    struct reply reply = {.status = keeper.probe == NULL ? -1 : 0};
    if (keeper.probe != NULL) {
        reply.value =
            (keeper.probe->live ? IS_LIVE : 0) | (keeper.probe->blind ? IS_BLIND : 0);
    }
    reply.size = (uint32_t)strlen(error);
    if (send_all(fd, &reply, sizeof reply) && send_all(fd, error, reply.size) &&
        keeper.probe != NULL) {
        keep(&keeper);
    }
    _exit(0);
}

/* ---- modflash's side ------------------------------------------------------ */

static struct kept_probe *kept_of(struct probe *probe)
{
    return (struct kept_probe *)probe;
}

/* Ends the keeper in bounded time: one that hangs in the kernel is left behind. */
static void bury(struct kept_probe *kept)
{
    close(kept->socket);
    kept->socket = -1;
    for (int i = 0; i < 200; i++) {
        if (waitpid(kept->keeper, NULL, WNOHANG) != 0) {
            return;
        }
        if (i == 150) {
            kill(kept->keeper, SIGKILL);
        }
        probe_sleep_ms(1);
    }
}

static int lose(struct kept_probe *kept, const char *why)
{
    kill(kept->keeper, SIGKILL);
    bury(kept);
    return probe_lose(&kept->probe, "%s", why);
}

/* Wait until the socket is ready; a signal does not cut an operation short. */
static bool wait_for(int fd, short events, int64_t deadline)
{
    for (;;) {
        int64_t left = deadline - probe_clock_ms();
        struct pollfd poller = {.fd = fd, .events = events};
        int ready = poll(&poller, 1, left > 0 ? (int)left : 0);
        if (ready > 0) {
            return true;
        }
        if ((ready < 0 && errno != EINTR) || left <= 0) {
            return false;
        }
    }
}

/* @return 1, 0: not in time, -1: the keeper is gone */
static int transfer(struct kept_probe *kept, bool out, void *bytes, size_t size,
                    int64_t deadline)
{
    uint8_t *at = bytes;
    while (size != 0) {
        if (!wait_for(kept->socket, out ? POLLOUT : POLLIN, deadline)) {
            return 0;
        }
        ssize_t moved = out ? send(kept->socket, at, size, MSG_NOSIGNAL | MSG_DONTWAIT)
                            : recv(kept->socket, at, size, MSG_DONTWAIT);
        if (moved < 0 && (errno == EINTR || errno == EAGAIN)) {
            continue;
        }
        if (moved <= 0) {
            return -1;
        }
        at += moved;
        size -= (size_t)moved;
    }
    return 1;
}

/* Receive a reply: its bytes go to `bytes`, or into the probe's error. */
static int receive_reply(struct kept_probe *kept, struct reply *reply, void *bytes,
                         int64_t deadline)
{
    char error[PROBE_ERROR] = "";
    int got = transfer(kept, false, reply, sizeof *reply, deadline);
    if (got > 0) {
        got = transfer(kept, false, reply->status == 0 && bytes != NULL ? bytes : error,
                       reply->size, deadline);
    }
    if (got <= 0) {
        return lose(kept, got == 0 ? "the probe does not answer"
                                   : "the process that talks to the probe died");
    }
    if (reply->status == 0) {
        return 0;
    }
    kept->probe.lost = reply->value != 0;
    return probe_fail(&kept->probe, "%s", error);
}

static int ask(struct kept_probe *kept, struct request request, const void *out,
               struct reply *reply, void *in)
{
    int64_t deadline = probe_deadline(PROBE_ANSWER_MS);
    if (kept->probe.lost) {
        return -1;
    }
    int sent = transfer(kept, true, &request, sizeof request, deadline);
    if (sent > 0) {
        /* transfer() only reads what it sends. */
        sent = transfer(kept, true, (void *)(uintptr_t)out, request.size, deadline);
    }
    if (sent <= 0) {
        return lose(kept, "the probe does not answer");
    }
    return receive_reply(kept, reply, in, deadline);
}

static int ask_simply(struct probe *probe, enum question question, uint32_t address,
                      uint32_t value, uint32_t *ret_value)
{
    struct reply reply;
    int status =
        ask(kept_of(probe),
            (struct request){.question = question, .address = address, .value = value},
            NULL, &reply, NULL);
    if (status == 0 && ret_value != NULL) {
        *ret_value = reply.value;
    }
    return status;
}

static int kept_read(struct probe *probe, uint32_t address, void *bytes, uint32_t length)
{
    struct reply reply;
    return ask(
        kept_of(probe),
        (struct request){.question = ASK_READ, .address = address, .value = length}, NULL,
        &reply, bytes);
}

static int kept_write(struct probe *probe, uint32_t address, const void *bytes,
                      uint32_t length)
{
    struct reply reply;
    return ask(
        kept_of(probe),
        (struct request){.question = ASK_WRITE, .address = address, .size = length},
        bytes, &reply, NULL);
}

static int kept_read_word(struct probe *probe, uint32_t address, uint32_t *ret_value)
{
    return ask_simply(probe, ASK_READ_WORD, address, 0, ret_value);
}

static int kept_write_word(struct probe *probe, uint32_t address, uint32_t value)
{
    return ask_simply(probe, ASK_WRITE_WORD, address, value, NULL);
}

static int kept_halt(struct probe *probe)
{
    return ask_simply(probe, ASK_HALT, 0, 0, NULL);
}

static int kept_run(struct probe *probe)
{
    return ask_simply(probe, ASK_RUN, 0, 0, NULL);
}

static int kept_is_halted(struct probe *probe, bool *ret_halted)
{
    uint32_t halted = 0;
    int status = ask_simply(probe, ASK_IS_HALTED, 0, 0, &halted);
    *ret_halted = halted != 0;
    return status;
}

static int kept_read_registers(struct probe *probe, uint32_t values[PROBE_REGISTERS])
{
    struct reply reply;
    return ask(kept_of(probe), (struct request){.question = ASK_READ_REGISTERS}, NULL,
               &reply, values);
}

static int kept_write_register(struct probe *probe, unsigned index, uint32_t value)
{
    return ask_simply(probe, ASK_WRITE_REGISTER, index, value, NULL);
}

static int kept_reset(struct probe *probe)
{
    return ask_simply(probe, ASK_RESET, 0, 0, NULL);
}

static int kept_supply(struct probe *probe, uint32_t *ret_millivolts)
{
    return ask_simply(probe, ASK_SUPPLY, 0, 0, ret_millivolts);
}

static int kept_last_words(struct probe *probe, const struct probe_word *words,
                           uint32_t count)
{
    struct reply reply;
    struct request request = {.question = ASK_LAST_WORDS,
                              .size = count * (uint32_t)sizeof *words};
    return ask(kept_of(probe), request, words, &reply, NULL);
}

static void kept_close(struct probe *probe)
{
    struct kept_probe *kept = kept_of(probe);
    if (kept->socket >= 0) {
        ask_simply(probe, ASK_CLOSE, 0, 0, NULL);
    }
    if (kept->socket >= 0) {
        bury(kept);
    }
    free(kept);
}

static const struct probe_ops kept_ops = {
    .read = kept_read,
    .write = kept_write,
    .read_word = kept_read_word,
    .write_word = kept_write_word,
    .halt = kept_halt,
    .run = kept_run,
    .is_halted = kept_is_halted,
    .read_registers = kept_read_registers,
    .write_register = kept_write_register,
    .reset = kept_reset,
    .supply = kept_supply,
    .last_words = kept_last_words,
    .close = kept_close,
};

static int start_keeper(struct kept_probe *kept, probe_opener *opener, const char *name)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        return probe_fail(&kept->probe, "no socket: %s", strerror(errno));
    }
    fflush(NULL); /* or the keeper's copy could be written as well */
    kept->keeper = fork();
    if (kept->keeper == 0) {
        close(ends[0]);
        be_keeper(ends[1], opener, name);
    }
    close(ends[1]);
    kept->socket = ends[0];
    if (kept->keeper < 0) {
        close(ends[0]);
        return probe_fail(&kept->probe, "no process: %s", strerror(errno));
    }
    return 0;
}

struct probe *probe_keeper_open(probe_opener *opener, const char *name,
                                char error[PROBE_ERROR])
{
    struct kept_probe *kept = cli_alloc(1, sizeof *kept);
    struct reply reply;
    kept->probe.ops = &kept_ops;
    kept->socket = -1;
    if (start_keeper(kept, opener, name) == 0 &&
        receive_reply(kept, &reply, NULL, probe_deadline(PROBE_ANSWER_MS)) == 0) {
        kept->probe.live = (reply.value & IS_LIVE) != 0;
        kept->probe.blind = (reply.value & IS_BLIND) != 0;
        return &kept->probe;
    }
    memcpy(error, kept->probe.error, PROBE_ERROR);
    if (kept->socket >= 0) {
        bury(kept);
    }
    free(kept);
    return NULL;
}
