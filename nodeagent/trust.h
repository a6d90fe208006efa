/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rack's CA among those that every program of the node believes: in the bundle that
 * most read (/etc/ssl/certs/ca-certificates.crt) and, by its hash, in the directory that
 * the others look in. update-ca-certificates would do the same with a dozen processes for
 * each of 140 certificates; what it is given is where it expects it, so that a later run
 * of it, by a package, keeps what is here.
 */
#pragma once

#include "common/util.h"

#define TRUST_CA "/usr/local/share/ca-certificates/ondol-rack.crt"

/* Under root ("" on a node). 0 or -errno with words that the caller frees. */
int trust_store(const char *root, char **reterr_msg);
