/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One HTTP exchange, as http.c (blocking) and http_loop.c (inside sd-event) share it. They
 * are two files so that the agent links no event loop.
 */
#pragma once

#include <curl/curl.h>

#include "common/http.h"

struct http_exchange {
	CURL *easy;
	struct curl_slist *headers;
	char error[CURL_ERROR_SIZE];
	struct http_response resp;
	FILE *upload; /* owned: body_file */
	uint64_t upload_left; /* bytes of it that are still to be sent */
	size_t max_body, cap;
	int data_error; /* what on_data or a limit said */
	int (*on_data)(const void *data, size_t len, void *userdata);
	void *userdata;
};

int http_exchange_init(struct http_exchange *x, const struct http_request *req);
void http_exchange_clear(struct http_exchange *x);
/* 0 or -errno; words in *ret_msg when not 0. */
int http_exchange_result(
	struct http_exchange *x, CURLcode code, const char *url, char **ret_msg);
