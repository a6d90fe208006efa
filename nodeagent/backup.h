/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The controller's own data as one archive, given to ondold and taken back from it: all
 * databases, the images in Glance, Swift's builder files. What is a secret of the rack
 * ondold has itself. Blocks; for workers.
 */
#pragma once

#include "common/order.h"

#define BACKUP_BLOB "controller-backup.tar.gz"

/* Makes the archive and hands it over. 0 or -errno; *ret_text in both cases; caller frees. */
int backup_make(char **ret_text);
/*
 * Loads the archive that the desired state names; nothing to do when it names none, nor
 * when this controller has a cloud already: nothing is overwritten. -EEXIST when what it
 * has is half of another archive.
 */
int backup_restore(const struct desired_restore *restore, char **ret_text);

enum restore_action { RESTORE_NOTHING, RESTORE_BEGIN, RESTORE_REFUSE };
/*
 * there: a cloud is on this controller. begun: the digest of the archive whose restore was
 * not finished, NULL for none. Pure.
 */
enum restore_action backup_decide(bool there, const char *begun, const char *wanted);
