/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hardware clock is set too: after kexec the installed kernel reads its time there.
 */
#include "initramfs/clock.h"

#include <curl/curl.h>
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

static size_t on_header(char *line, size_t one, size_t n, void *userdata)
{
	_cleanup_free_ char *text = xstrndup(line, n * one);
	time_t *date = userdata;

	if (strncasecmp(text, "date:", strlen("date:")) == 0)
		*date = curl_getdate(text + strlen("date:"), NULL);
	return n * one;
}

int clock_of_server(const char *url, uint64_t *ret_seconds)
{
	CURL *easy = curl_easy_init();
	time_t date = -1;
	CURLcode code;

	if (!easy)
		return -ENOMEM;
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 10000L);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, 3000L);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, &date);
	code = curl_easy_perform(easy);
	curl_easy_cleanup(easy);
	if (code != CURLE_OK && date < 0)
		return code == CURLE_OPERATION_TIMEDOUT ? -ETIMEDOUT : -ECONNREFUSED;
	if (date < 0)
		return -ENODATA;
	*ret_seconds = (uint64_t)date;
	return 0;
}
