/* SPDX-License-Identifier: Apache-2.0 */
#include "common/nodump.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include "common/log.h"

/*
 * Two locks. PR_SET_DUMPABLE holds for this process whatever reads its memory at a crash, but
 * not for what it starts: exec() sets it again. The limit is inherited. It is one byte and not
 * zero, because the kernel gives a core dump to a program (kernel.core_pattern "|…") in spite of
 * any limit but this one (fs/coredump.c: "limit of 1 as a special value").
 */
#define LIMIT_BYTES 1

void nodump(void)
{
	struct rlimit core;

	if (getrlimit(RLIMIT_CORE, &core) == 0) {
		core.rlim_max = MIN(core.rlim_max, (rlim_t)LIMIT_BYTES);
		core.rlim_cur = core.rlim_max;
		if (setrlimit(RLIMIT_CORE, &core) < 0)
			log_warn("core dumps cannot be limited: %s", strerror(errno));
	}
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		log_warn("core dumps cannot be switched off: %s", strerror(errno));
}
