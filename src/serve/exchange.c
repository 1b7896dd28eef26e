#define _GNU_SOURCE /* POLLRDHUP */
#include "serve/exchange.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "serve/reply_json.h"

/* How often a connection looks whether its client is still there. */
#define LOOK_MILLISECONDS 100

/* For so long a stream waits with the first line of its reply, which can then still be an error. */
#define FIRST_SECONDS 2.0

/* Streams say at least this often that they are alive, so that nothing on the way gives up. */
#define SILENCE_SECONDS 10.0

/* ---- Replies --------------------------------------------------------------------- */

static void add_origin(const um_exchange *exchange, struct MHD_Response *response) {
    const char *origin = exchange->server->options.allow_origin;
    if (origin) {
        (void)MHD_add_response_header(response, "Access-Control-Allow-Origin", origin);
        const char *asked = MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND,
                                                        "Access-Control-Request-Headers");
        (void)MHD_add_response_header(response, "Access-Control-Allow-Headers",
                                      asked ? asked : "Authorization, Content-Type");
        (void)MHD_add_response_header(response, "Access-Control-Allow-Methods", "GET, POST");
    }
}

/* Send and release *response, which is NULL if there was no memory for it. */
static enum MHD_Result send_reply(um_exchange *exchange, int code, const char *type,
                                  struct MHD_Response *response) {
    if (!response) {
        return MHD_NO; /* closes the connection */
    }
    exchange->code = code;
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    (void)MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    add_origin(exchange, response);
    if (code == MHD_HTTP_UNAUTHORIZED) {
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
    }
    if (code == MHD_HTTP_METHOD_NOT_ALLOWED) {
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW,
                                      exchange->route->api ? "POST, OPTIONS"
                                                           : "GET, HEAD, OPTIONS");
    }
    if (code == MHD_HTTP_SERVICE_UNAVAILABLE) {
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, "1");
    }
    const enum MHD_Result result =
        MHD_queue_response(exchange->connection, (unsigned)code, response);
    MHD_destroy_response(response);
    return result;
}

enum MHD_Result um_exchange_reply_text(um_exchange *exchange, int code, const char *type,
                                       const char *text, size_t length) {
    /* The library takes the text as not constant, but only copies it. */
    return send_reply(
        exchange, code, type,
        MHD_create_response_from_buffer(length, (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY));
}

enum MHD_Result um_exchange_reply_json(um_exchange *exchange, int code, json_t *value) {
    um_buffer text = {0};
    um_error error = {0};
    if (um_reply_append(&text, value, false, &error) != UM_OK) {
        um_buffer_free(&text);
        return MHD_NO;
    }
    const enum MHD_Result result =
        um_exchange_reply_text(exchange, code, "application/json", text.data, text.length);
    um_buffer_free(&text);
    return result;
}

enum MHD_Result um_exchange_reply_error(um_exchange *exchange, int code, const char *message) {
    return um_exchange_reply_json(exchange, code, um_reply_error(code, message));
}

/* The code of HTTP for what went wrong with a request. */
static int code_of(um_status status) {
    switch (status) {
        case UM_ERR_MEMORY:
        case UM_ERR_IO:
            return MHD_HTTP_INTERNAL_SERVER_ERROR;
        case UM_ERR_CANCELLED:
            return MHD_HTTP_SERVICE_UNAVAILABLE;
        default:
            return MHD_HTTP_BAD_REQUEST;
    }
}

static enum MHD_Result reply_failure(um_exchange *exchange, int code, const um_error *error) {
    return um_exchange_reply_error(exchange, code, error->message);
}

/* ---- Waiting for the engine --------------------------------------------------------- */

/* Whether the client has closed the connection, or its side of it. */
static bool is_gone(const um_exchange *exchange) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(exchange->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (!info) {
        return false;
    }
    struct pollfd watched = {.fd = info->connect_fd, .events = POLLRDHUP};
    return poll(&watched, 1, 0) > 0 && (watched.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

/* Read what the job has written, or wait a moment for it.  False: the job is finished, or the
 * client has gone. */
static bool read_job(um_exchange *exchange) {
    exchange->has_ended = um_job_read(exchange->job, LOOK_MILLISECONDS, &exchange->pending);
    if (!exchange->has_ended && is_gone(exchange)) {
        atomic_store(&exchange->job->is_cancelled, true);
        return false;
    }
    return !exchange->has_ended;
}

/* Wait until there is something to send, for so many seconds at most. */
static void wait_for_some(um_exchange *exchange, double seconds) {
    const double began = um_clock_seconds();
    while (read_job(exchange) && exchange->pending.length == 0 &&
           um_clock_seconds() - began < seconds) {
    }
}

static void wait_for_all(um_exchange *exchange) {
    while (read_job(exchange)) {
    }
}

/* The client is not expected to send or take anything while it is waiting for us. */
static void set_idle_limit(const um_exchange *exchange, unsigned seconds) {
    (void)MHD_set_connection_option(exchange->connection, MHD_CONNECTION_OPTION_TIMEOUT, seconds);
}

/* ---- Streams -------------------------------------------------------------------------- */

/* What the rest of the stream is if the job has failed. */
static void append_failure(um_exchange *exchange) {
    const um_job *job = exchange->job;
    um_error error = {0};
    (void)um_reply_append(&exchange->pending,
                          um_reply_error(code_of(job->status), job->error.message), true, &error);
}

/* Called by the library when it has sent what it had. */
static ssize_t read_stream(void *user, uint64_t position, char *bytes, size_t most) {
    um_exchange *exchange = user;
    (void)position;
    if (exchange->sent == exchange->pending.length) {
        um_buffer_clear(&exchange->pending);
        exchange->sent = 0;
        if (exchange->has_ended) {
            return MHD_CONTENT_READER_END_OF_STREAM;
        }
        wait_for_some(exchange, SILENCE_SECONDS);
        if (atomic_load(&exchange->job->is_cancelled) && !exchange->has_ended) {
            return MHD_CONTENT_READER_END_WITH_ERROR;
        }
        um_error error = {0};
        if (exchange->has_ended && exchange->job->status != UM_OK) {
            append_failure(exchange);
        } else if (exchange->pending.length == 0 && !exchange->has_ended) {
            (void)um_buffer_append_text(&exchange->pending, ": decoding\n\n", &error);
        }
        if (exchange->pending.length == 0) {
            return exchange->has_ended ? MHD_CONTENT_READER_END_OF_STREAM
                                       : MHD_CONTENT_READER_END_WITH_ERROR;
        }
    }
    const size_t count = um_size_smaller(most, exchange->pending.length - exchange->sent);
    memcpy(bytes, exchange->pending.data + exchange->sent, count);
    exchange->sent += count;
    return (ssize_t)count;
}

static enum MHD_Result reply_stream(um_exchange *exchange) {
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 16384, read_stream, exchange, NULL);
    if (response) {
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-cache");
    }
    return send_reply(exchange, MHD_HTTP_OK, "text/event-stream", response);
}

/* ---- From body to reply ------------------------------------------------------------------ */

static enum MHD_Result reply_of_job(um_exchange *exchange) {
    const um_job *job = exchange->job;
    if (atomic_load(&job->is_cancelled) && !exchange->has_ended) {
        return MHD_NO; /* nobody is there */
    }
    if (exchange->has_ended && job->status != UM_OK) {
        return reply_failure(exchange, code_of(job->status), &job->error);
    }
    if (job->ask.stream) {
        return reply_stream(exchange);
    }
    return um_exchange_reply_text(exchange, MHD_HTTP_OK, "application/json",
                                  um_buffer_text(&exchange->pending), exchange->pending.length);
}

static um_status make_job(um_exchange *exchange, const um_api *api, um_error *error) {
    const um_server_options *options = &exchange->server->options;
    um_ask ask = {0};
    um_status status =
        um_ask_begin(&ask, um_buffer_text(&exchange->body), exchange->body.length, error);
    um_buffer_free(&exchange->body);
    if (status == UM_OK) {
        status = um_ask_read_options(&ask, options->settings, options->setting_count, error);
    }
    if (status == UM_OK) {
        status = api->read(&ask, error);
    }
    if (status != UM_OK) {
        um_ask_free(&ask);
        return status;
    }
    return um_job_create(&api->dialect, &ask, exchange->server->info.name, &exchange->job, error);
}

enum MHD_Result um_exchange_answer(um_exchange *exchange, const um_api *api) {
    um_error error = {0};
    if (exchange->is_too_long) {
        return um_exchange_reply_error(exchange, MHD_HTTP_CONTENT_TOO_LARGE, UM_TOO_LONG);
    }
    if (exchange->status != UM_OK) {
        return um_exchange_reply_error(exchange, MHD_HTTP_INTERNAL_SERVER_ERROR,
                                       um_status_text(exchange->status));
    }
    const um_status status = make_job(exchange, api, &error);
    if (status != UM_OK) {
        return reply_failure(exchange, code_of(status), &error);
    }
    const um_status submitted =
        exchange->job->ask.is_empty
            ? um_job_answer_nothing(exchange->job, &error)
            : um_engine_submit(exchange->server->engine, exchange->job, &error);
    if (submitted != UM_OK) {
        return reply_failure(exchange,
                             submitted == UM_ERR_MEMORY ? MHD_HTTP_INTERNAL_SERVER_ERROR
                                                        : MHD_HTTP_SERVICE_UNAVAILABLE,
                             &error);
    }
    set_idle_limit(exchange, 0);
    if (exchange->job->ask.stream) {
        wait_for_some(exchange, FIRST_SECONDS);
    } else {
        wait_for_all(exchange);
    }
    set_idle_limit(exchange, UM_IDLE_SECONDS);
    return reply_of_job(exchange);
}

void um_exchange_free(um_exchange *exchange) {
    if (exchange->job) {
        atomic_store(&exchange->job->is_cancelled, true); /* changes nothing that is finished */
        um_job_release(exchange->job);
    }
    um_buffer_free(&exchange->body);
    um_buffer_free(&exchange->pending);
    free(exchange);
}
