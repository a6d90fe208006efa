/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hardware clock is set too: after kexec the installed kernel reads its time there.
 */
#include "initramfs/clock.h"

#include <fcntl.h>
#include <linux/rtc.h>
#include <sys/ioctl.h>
#include <time.h>

#include "common/log.h"

static void set_hardware_clock(time_t seconds)
{
	_cleanup_close_ int fd = open("/dev/rtc0", O_RDONLY | O_CLOEXEC);
	struct rtc_time rtc = {0};
	struct tm tm;

	gmtime_r(&seconds, &tm);
	rtc.tm_sec = tm.tm_sec;
	rtc.tm_min = tm.tm_min;
	rtc.tm_hour = tm.tm_hour;
	rtc.tm_mday = tm.tm_mday;
	rtc.tm_mon = tm.tm_mon;
	rtc.tm_year = tm.tm_year;
	if (fd < 0 || ioctl(fd, RTC_SET_TIME, &rtc) < 0)
		log_warn(
			"the hardware clock cannot be set: %s; the installed system starts with "
			"its old time",
			strerror(errno));
}

int clock_set(uint64_t seconds)
{
	struct timespec now = {.tv_sec = (time_t)seconds};
	uint64_t mine = now_real_ms() / 1000;

	if (mine + CLOCK_SLACK_S >= seconds && seconds + CLOCK_SLACK_S >= mine)
		return 0;
	if (clock_settime(CLOCK_REALTIME, &now) < 0)
		return -errno;
	set_hardware_clock(now.tv_sec);
	return 1;
}
