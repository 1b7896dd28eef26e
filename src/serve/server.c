#include "serve/server.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"
#include "serve/exchange.h"
#include "serve/page.h"

/* Connections beyond those of unfinished requests: idle ones, and those that ask other things. */
#define SPARE_CONNECTIONS 32

/* Most bytes of the headers of a request. */
#define HEADERS_MAXIMUM ((size_t)64 << 10)

/* ---- What is asked by GET ------------------------------------------------------- */

static enum MHD_Result answer_health(um_exchange *exchange) {
    const bool is_draining = atomic_load(&exchange->server->is_draining);
    return um_exchange_reply_json(
        exchange, is_draining ? MHD_HTTP_SERVICE_UNAVAILABLE : MHD_HTTP_OK,
        json_pack("{s:s}", "status", is_draining ? "shutting down" : "ok"));
}

static enum MHD_Result answer_models(um_exchange *exchange) {
    const um_model_info *info = &exchange->server->info;
    json_t *model =
        json_pack("{s:s, s:s, s:i, s:s, s:I}", "id", info->name, "object", "model", "created", 0,
                  "owned_by", "unmask", "context_length", (json_int_t)info->context_length);
    return um_exchange_reply_json(exchange, MHD_HTTP_OK,
                                  json_pack("{s:s, s:[o]}", "object", "list", "data", model));
}

static enum MHD_Result answer_page(um_exchange *exchange) {
    return um_exchange_reply_text(exchange, MHD_HTTP_OK, "text/html; charset=utf-8",
                                  um_page_playground, strlen(um_page_playground));
}

/* llama.cpp's description of a server. */
static enum MHD_Result answer_props(um_exchange *exchange) {
    const um_model_info *info = &exchange->server->info;
    return um_exchange_reply_json(
        exchange, MHD_HTTP_OK,
        json_pack("{s:s, s:I, s:{s:I}, s:s+}", "model_path", info->name, "total_slots",
                  (json_int_t)exchange->server->options.engine.batch, "default_generation_settings",
                  "n_ctx", (json_int_t)info->context_length, "build_info", "unmask ",
                  um_version()));
}

/* Prometheus' text format. */
static enum MHD_Result answer_metrics(um_exchange *exchange) {
    um_engine_counts counts;
    um_engine_count(exchange->server->engine, &counts);
    um_buffer text = {0};
    um_error error = {0};
    const um_status status =
        um_buffer_append_format(&text, &error,
                                "# TYPE unmask_requests_unfinished gauge\n"
                                "unmask_requests_unfinished %zu\n"
                                "# TYPE unmask_requests_total counter\n"
                                "unmask_requests_total{outcome=\"finished\"} %llu\n"
                                "unmask_requests_total{outcome=\"failed\"} %llu\n"
                                "unmask_requests_total{outcome=\"cancelled\"} %llu\n"
                                "unmask_requests_total{outcome=\"refused\"} %llu\n"
                                "# TYPE unmask_tokens_total counter\n"
                                "unmask_tokens_total{kind=\"prompt\"} %llu\n"
                                "unmask_tokens_total{kind=\"answer\"} %llu\n"
                                "# TYPE unmask_forwards_total counter\n"
                                "unmask_forwards_total %llu\n"
                                "# TYPE unmask_rows_total counter\n"
                                "unmask_rows_total %llu\n"
                                "# TYPE unmask_busy_seconds_total counter\n"
                                "unmask_busy_seconds_total %.6f\n",
                                counts.unfinished, counts.finished, counts.failed, counts.cancelled,
                                counts.refused, counts.prompt_tokens, counts.answer_tokens,
                                counts.forwards, counts.rows, counts.busy_seconds);
    const enum MHD_Result result =
        status == UM_OK ? um_exchange_reply_text(exchange, MHD_HTTP_OK, "text/plain; version=0.0.4",
                                                 text.data, text.length)
                        : MHD_NO;
    um_buffer_free(&text);
    return result;
}

/* ---- Paths -------------------------------------------------------------------------- */

typedef struct route {
    const char *path;
    enum MHD_Result (*answer)(um_exchange *exchange); /* to GET */
    const um_api *api;                                /* or to POST */
    bool is_open;                                     /* needs no key */
} route;

static const route routes[] = {
    {.path = "/", .answer = answer_page, .is_open = true},
    {.path = "/v1/chat/completions", .api = &um_api_chat},
    {.path = "/chat/completions", .api = &um_api_chat},
    {.path = "/v1/completions", .api = &um_api_completions},
    {.path = "/completions", .api = &um_api_completions},
    {.path = "/v1/fim/completions", .api = &um_api_fim},
    {.path = "/fim/completions", .api = &um_api_fim},
    {.path = "/infill", .api = &um_api_infill},
    {.path = "/v1/models", .answer = answer_models},
    {.path = "/models", .answer = answer_models},
    {.path = "/props", .answer = answer_props},
    {.path = "/metrics", .answer = answer_metrics},
    {.path = "/health", .answer = answer_health, .is_open = true},
};

static const route *find_route(const char *path) {
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        if (strcmp(path, routes[i].path) == 0) {
            return &routes[i];
        }
    }
    return NULL;
}

/* Compares as long whatever the texts have in common, so that time tells nothing about the key. */
static bool is_same_secret(const char *given, const char *key) {
    const size_t length = strlen(key);
    const size_t given_length = strlen(given);
    unsigned difference = given_length != length;
    for (size_t i = 0; i < given_length; i++) {
        difference |= (unsigned)(given[i] ^ key[i % (length + 1)]);
    }
    return difference == 0;
}

static bool has_key(const um_exchange *exchange) {
    const char *key = exchange->server->options.api_key;
    if (!key) {
        return true;
    }
    static const char scheme[] = "Bearer ";
    const char *given = MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND,
                                                    MHD_HTTP_HEADER_AUTHORIZATION);
    return given && strncmp(given, scheme, strlen(scheme)) == 0 &&
           is_same_secret(given + strlen(scheme), key);
}

static enum MHD_Result answer(um_exchange *exchange, const char *path, const char *method) {
    const route *found = find_route(path);
    if (!found) {
        return um_exchange_reply_error(exchange, MHD_HTTP_NOT_FOUND,
                                       "no such path; docs/SERVER.md lists what there is");
    }
    if (strcmp(method, MHD_HTTP_METHOD_OPTIONS) == 0) {
        return um_exchange_reply_text(exchange, MHD_HTTP_OK, "text/plain", "", 0);
    }
    if (strcmp(method, found->api ? MHD_HTTP_METHOD_POST : MHD_HTTP_METHOD_GET) != 0) {
        return um_exchange_reply_error(exchange, MHD_HTTP_METHOD_NOT_ALLOWED,
                                       found->api ? "this path takes POST" : "this path takes GET");
    }
    if (!found->is_open && !has_key(exchange)) {
        return um_exchange_reply_error(exchange, MHD_HTTP_UNAUTHORIZED,
                                       "the header \"Authorization: Bearer KEY\" is missing or "
                                       "has another key");
    }
    if (!found->api) {
        return found->answer(exchange);
    }
    if (atomic_load(&exchange->server->is_draining)) {
        return um_exchange_reply_error(exchange, MHD_HTTP_SERVICE_UNAVAILABLE,
                                       "the server is shutting down");
    }
    return um_exchange_answer(exchange, found->api);
}

/* ---- Called by the library -------------------------------------------------------------- */

static void collect(um_exchange *exchange, const char *bytes, size_t length) {
    if (exchange->body.length + length > UM_BODY_MAXIMUM) {
        exchange->is_too_long = true;
    } else if (exchange->status == UM_OK) {
        exchange->status = um_buffer_append(&exchange->body, bytes, length, NULL);
    }
}

/* Called once when the headers are there, with each part of the body, and at its end. */
static enum MHD_Result on_request(void *user, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *bytes,
                                  size_t *length, void **state) {
    (void)version;
    um_exchange *exchange = *state;
    if (!exchange) {
        exchange = calloc(1, sizeof *exchange);
        if (!exchange) {
            return MHD_NO;
        }
        exchange->server = user;
        atomic_fetch_add(&exchange->server->exchanges, 1);
        exchange->connection = connection;
        exchange->began = um_clock_seconds();
        (void)snprintf(exchange->method, sizeof exchange->method, "%s", method);
        (void)snprintf(exchange->path, sizeof exchange->path, "%s", path);
        *state = exchange;
        return MHD_YES;
    }
    if (*length > 0) {
        collect(exchange, bytes, *length);
        *length = 0;
        return MHD_YES;
    }
    return answer(exchange, path, method);
}

static void log_exchange(const um_exchange *exchange, bool is_complete) {
    const um_server_options *options = &exchange->server->options;
    if (!options->log) {
        return;
    }
    char line[256];
    int used = snprintf(line, sizeof line, "%s %s %d %.3f s", exchange->method, exchange->path,
                        exchange->code, um_clock_seconds() - exchange->began);
    const size_t tokens = exchange->job ? atomic_load(&exchange->job->answer_tokens) : 0;
    if (tokens > 0) {
        used += snprintf(line + used, sizeof line - (size_t)used, ", %zu tokens", tokens);
    }
    if (!is_complete) {
        (void)snprintf(line + used, sizeof line - (size_t)used, ", the client went away");
    }
    for (char *at = line; *at; at++) { /* a path may hold anything */
        if ((unsigned char)*at < ' ' || *at == 0x7f) {
            *at = '?';
        }
    }
    options->log(options->log_user, line);
}

static void on_completed(void *user, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode how) {
    (void)user;
    (void)connection;
    um_exchange *exchange = *state;
    if (exchange) {
        log_exchange(exchange, how == MHD_REQUEST_TERMINATED_COMPLETED_OK);
        atomic_fetch_sub(&exchange->server->exchanges, 1);
        um_exchange_free(exchange);
        *state = NULL;
    }
}

/* ---- Start and end ------------------------------------------------------------------------- */

/* Options that no request could use are found before the first one comes. */
static um_status check_settings(const um_server_options *options, um_error *error) {
    um_options *decoding = NULL;
    um_status status = um_options_create(&decoding, error);
    for (size_t i = 0; status == UM_OK && i < options->setting_count; i++) {
        status =
            um_options_set(decoding, options->settings[i].name, options->settings[i].text, error);
    }
    um_options_free(decoding);
    return status;
}

static um_status listen_on(um_server *server, const struct addrinfo *address, um_error *error) {
    const um_server_options *options = &server->options;
    const unsigned flags = MHD_USE_AUTO | MHD_USE_INTERNAL_POLLING_THREAD |
                           MHD_USE_THREAD_PER_CONNECTION | MHD_USE_ITC |
                           (address->ai_family == AF_INET6 ? MHD_USE_IPv6 : 0U);
    server->daemon = MHD_start_daemon(
        flags, (uint16_t)options->port, NULL, NULL, on_request, server, MHD_OPTION_SOCK_ADDR,
        address->ai_addr, MHD_OPTION_NOTIFY_COMPLETED, on_completed, server,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)(options->engine.queue + SPARE_CONNECTIONS),
        MHD_OPTION_CONNECTION_TIMEOUT, 60U, MHD_OPTION_CONNECTION_MEMORY_LIMIT, HEADERS_MAXIMUM,
        MHD_OPTION_LISTENING_ADDRESS_REUSE, 1U, MHD_OPTION_END);
    if (!server->daemon) {
        return UM_RAISE(error, UM_ERR_IO,
                        "cannot listen on %s, port %u: is it in use, or not an address of this "
                        "machine?",
                        options->host, options->port);
    }
    return UM_OK;
}

static um_status open_address(um_server *server, um_error *error) {
    char port[16];
    (void)snprintf(port, sizeof port, "%u", server->options.port);
    const struct addrinfo wanted = {.ai_socktype = SOCK_STREAM,
                                    .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    const int failure = getaddrinfo(server->options.host, port, &wanted, &found);
    if (failure != 0) {
        return UM_RAISE(error, UM_ERR_IO, "%s: %s", server->options.host, gai_strerror(failure));
    }
    const um_status status = listen_on(server, found, error);
    freeaddrinfo(found);
    return status;
}

um_status um_server_start(const um_server_options *options, um_server **server, um_error *error) {
    *server = NULL;
    UM_TRY(check_settings(options, error));
    um_server *made = calloc(1, sizeof *made);
    if (!made) {
        return um_error_memory(error, "server", sizeof *made);
    }
    made->options = *options;
    if (!made->options.host) {
        made->options.host = "127.0.0.1";
    }
    um_model_get_info(options->engine.model, &made->info);
    um_status status = um_engine_create(&options->engine, &made->engine, error);
    if (status == UM_OK) {
        status = open_address(made, error);
    }
    if (status != UM_OK) {
        um_server_stop(made);
        return status;
    }
    *server = made;
    return UM_OK;
}

unsigned um_server_port(const um_server *server) {
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT);
    return info ? info->port : server->options.port;
}

bool um_server_drain(um_server *server) {
    atomic_store(&server->is_draining, true);
    um_engine_counts counts;
    um_engine_count(server->engine, &counts);
    return counts.unfinished == 0;
}

/* Let clients hear how their requests ended, for a moment at most. */
static void wait_for_replies(const um_server *server) {
    const struct timespec pause = {.tv_nsec = 10000000L};
    for (int i = 0; i < 100 && atomic_load(&server->exchanges) > 0; i++) {
        (void)nanosleep(&pause, NULL);
    }
}

void um_server_stop(um_server *server) {
    if (!server) {
        return;
    }
    atomic_store(&server->is_draining, true);
    um_engine_end(server->engine); /* wakes the threads of the connections */
    if (server->daemon) {
        wait_for_replies(server);
        MHD_stop_daemon(server->daemon);
    }
    um_engine_free(server->engine);
    free(server);
}
