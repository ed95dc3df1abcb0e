/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FAULTS_H
#define FAULTS_H

/** Exception handler: tell where it was, and end. */
void fault_handler(void);

#endif
