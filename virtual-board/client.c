/* SPDX-License-Identifier: BSD-2-Clause */
/** Starting a client so that it sees the mock USB in place of the real one. */
#include "client.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "message.h"

#define PRELOAD "libumockdev-preload.so.0"
#define ASAN    "verify_asan_link_order=0"

/* Between the SIGTERM that a client gets and SIGKILL. */
enum { PATIENCE_S = 2, FOREVER_S = 1000000 };

extern char **environ;

static sigset_t held;
static sigset_t before;

void client_hold_signals(void)
{
    sigemptyset(&held);
    sigaddset(&held, SIGCHLD);
    sigaddset(&held, SIGINT);
    sigaddset(&held, SIGTERM);
    sigaddset(&held, SIGHUP);
    sigprocmask(SIG_BLOCK, &held, &before);
}

/* One more word in a list; it is there only once. */
static void add_word(const char *name, const char *word, bool first)
{
    const char *old = getenv(name);
    char *list;
    size_t size;
    if (old == NULL || *old == '\0') {
        setenv(name, word, 1);
        return;
    }
    if (strstr(old, word) != NULL) {
        return;
    }
    size = strlen(old) + strlen(word) + 2;
    list = malloc(size);
    if (list != NULL) {
        snprintf(list, size, "%s:%s", first ? word : old, first ? old : word);
        setenv(name, list, 1);
        free(list);
    }
}

void client_environment(const char *folder)
{
    setenv("UMOCKDEV_DIR", folder, 1);
    add_word("LD_PRELOAD", PRELOAD, true);
    /* ASan wants to be the first library, and is as content as the second. */
    add_word("ASAN_OPTIONS", ASAN, false);
    /* The preloaded library sleeps for 0 ns at each ioctl, which takes 50 us unless: */
    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
}

int client_print_environment(void)
{
    static const char *const names[] = {"UMOCKDEV_DIR", "LD_PRELOAD", "ASAN_OPTIONS"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        printf("export %s='%s'\n", names[i], getenv(names[i]));
    }
    return fflush(stdout) == 0 ? 0 : -1;
}

static int status_of(int status)
{
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* A client that hangs may not die of a signal that it could handle. */
static void send_signal(pid_t client, int number, struct timespec *patience)
{
    kill(client, number);
    if (number != SIGINT) {
        patience->tv_sec = PATIENCE_S;
    }
}

/* A signal that somebody sends to us is meant for the client; what the terminal sends
 * comes to both. */
static int wait_for(pid_t client)
{
    struct timespec patience = {.tv_sec = FOREVER_S};
    for (;;) {
        siginfo_t info;
        int status = 0;
        int number = sigtimedwait(&held, &info, &patience);
        if (number > 0 && number != SIGCHLD && info.si_code != SI_KERNEL) {
            send_signal(client, number, &patience);
        } else if (number < 0 && errno == EAGAIN && patience.tv_sec == PATIENCE_S) {
            kill(client, SIGKILL);
        }
        if (waitpid(client, &status, WNOHANG) == client) {
            return status_of(status);
        }
    }
}

int client_run(char **arguments)
{
    posix_spawnattr_t attributes;
    pid_t client;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setsigmask(&attributes, &before);
    int error =
        posix_spawnp(&client, arguments[0], NULL, &attributes, arguments, environ);
    posix_spawnattr_destroy(&attributes);
    if (error != 0) {
        message_error(arguments[0], "cannot be started: %s", strerror(error));
        return error == ENOENT ? 127 : 126;
    }
    return wait_for(client);
}

void client_wait_stop(void)
{
    int number;
    do {
        number = sigwaitinfo(&held, NULL);
    } while (number < 0 || number == SIGCHLD);
}
