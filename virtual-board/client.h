/* SPDX-License-Identifier: BSD-2-Clause */
/** Starting a client so that it sees the mock USB in place of the real one. */
#ifndef CLIENT_H
#define CLIENT_H

/** Before any thread is made: signals wait until client_run() or client_wait_stop(). */
void client_hold_signals(void);
/** Put into this process's environment what a client needs. */
void client_environment(const char *folder);
/** Print that environment, as the shell reads it. @return 0, or -1 with errno */
int client_print_environment(void);
/** Start a client and wait for its end. @return its exit status, 128 and the signal that
 *  killed it, or after a message 126 or 127 if it could not be started */
int client_run(char **arguments);
/** Wait for SIGINT, SIGTERM or SIGHUP. */
void client_wait_stop(void);

#endif
