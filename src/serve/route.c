/* The paths of the server, who may use them, and what is answered to GET. */
#include "serve/route.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "serve/page.h"

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

static const um_route routes[] = {
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

const um_route *um_route_find(const char *path) {
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        if (strcmp(path, routes[i].path) == 0) {
            return &routes[i];
        }
    }
    return NULL;
}

/* ---- Who may ask ----------------------------------------------------------------------- */

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

static const char *header_of(const um_exchange *exchange, const char *name) {
    return MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND, name);
}

static bool has_key(const um_exchange *exchange) {
    static const char scheme[] = "Bearer ";
    const char *key = exchange->server->options.api_key;
    const char *given = header_of(exchange, MHD_HTTP_HEADER_AUTHORIZATION);
    return !key || (given && strncasecmp(given, scheme, strlen(scheme)) == 0 &&
                    is_same_secret(given + strlen(scheme), key));
}

/* A browser names the page that asks.  Pages from elsewhere could make the server work for them,
 * and under a name that leads here could read what it answers. */
static bool is_from_a_strange_page(const um_exchange *exchange) {
    const char *allowed = exchange->server->options.allow_origin;
    const char *origin = header_of(exchange, "Origin");
    const char *host = header_of(exchange, MHD_HTTP_HEADER_HOST);
    if (!origin || (allowed && (strcmp(allowed, "*") == 0 || strcmp(allowed, origin) == 0))) {
        return false;
    }
    const char *name = strstr(origin, "://");
    return !name || !host || strcasecmp(name + strlen("://"), host) != 0;
}

/* The reasons to refuse that are known before the body of the request is there. */
static const char *reason_to_refuse(const um_exchange *exchange, const char *method, int *code) {
    const um_route *route = exchange->route;
    if (!route) {
        *code = MHD_HTTP_NOT_FOUND;
        return "no such path; docs/SERVER.md lists what there is";
    }
    if (is_from_a_strange_page(exchange)) {
        *code = MHD_HTTP_FORBIDDEN;
        return "pages of this origin may not use the server (--allow-origin)";
    }
    if (strcmp(method, MHD_HTTP_METHOD_OPTIONS) == 0) {
        return NULL;
    }
    const bool is_get =
        strcmp(method, MHD_HTTP_METHOD_GET) == 0 || strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
    if (route->api ? strcmp(method, MHD_HTTP_METHOD_POST) != 0 : !is_get) {
        *code = MHD_HTTP_METHOD_NOT_ALLOWED;
        return route->api ? "this path takes POST" : "this path takes GET";
    }
    if (!route->is_open && !has_key(exchange)) {
        *code = MHD_HTTP_UNAUTHORIZED;
        return "the header \"Authorization: Bearer KEY\" is missing or has another key";
    }
    if (route->api && atomic_load(&exchange->server->is_draining)) {
        *code = MHD_HTTP_SERVICE_UNAVAILABLE;
        return "the server is shutting down";
    }
    const char *length = header_of(exchange, MHD_HTTP_HEADER_CONTENT_LENGTH);
    if (length && strtoull(length, NULL, 10) > UM_BODY_MAXIMUM) {
        *code = MHD_HTTP_CONTENT_TOO_LARGE;
        return UM_TOO_LONG;
    }
    return NULL;
}

bool um_route_admit(um_exchange *exchange, const char *method, enum MHD_Result *result) {
    int code = MHD_HTTP_OK;
    const char *reason = reason_to_refuse(exchange, method, &code);
    if (reason) {
        *result = um_exchange_reply_error(exchange, code, reason);
    }
    return reason == NULL;
}

enum MHD_Result um_route_answer(um_exchange *exchange, const char *method) {
    const um_route *route = exchange->route;
    if (strcmp(method, MHD_HTTP_METHOD_OPTIONS) == 0) {
        return um_exchange_reply_text(exchange, MHD_HTTP_OK, "text/plain", "", 0);
    }
    return route->api ? um_exchange_answer(exchange, route->api) : route->answer(exchange);
}
