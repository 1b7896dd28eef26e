#include "serve/server.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "serve/route.h"

/* Connections beyond those of unfinished requests: idle ones, and those that ask other things. */
#define SPARE_CONNECTIONS 32

/* Files that the program has open beside its connections, at most. */
#define OWN_FILES ((size_t)24)

/* Most bytes of the headers of a request. */
#define HEADERS_MAXIMUM ((size_t)64 << 10)

/* ---- Called by the library -------------------------------------------------------------- */

static void collect(um_exchange *exchange, const char *bytes, size_t length) {
    exchange->received += length;
    if (exchange->received > UM_BODY_MAXIMUM) {
        um_buffer_free(&exchange->body);
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
        exchange->route = um_route_find(path);
        *state = exchange;
        enum MHD_Result result = MHD_YES;
        return um_route_admit(exchange, method, &result) ? MHD_YES : result;
    }
    if (*length > 0) {
        collect(exchange, bytes, *length);
        *length = 0;
        /* Somebody who goes on for ever is not worth an answer. */
        return exchange->received > 4 * UM_BODY_MAXIMUM ? MHD_NO : MHD_YES;
    }
    return um_route_answer(exchange, method);
}

/* How a request ended, if not as it should. */
static const char *ending(enum MHD_RequestTerminationCode how) {
    switch (how) {
        case MHD_REQUEST_TERMINATED_COMPLETED_OK:
            return "";
        case MHD_REQUEST_TERMINATED_TIMEOUT_REACHED:
            return ", the client kept still for too long";
        case MHD_REQUEST_TERMINATED_DAEMON_SHUTDOWN:
            return ", cut off by the end of the server";
        case MHD_REQUEST_TERMINATED_READ_ERROR:
        case MHD_REQUEST_TERMINATED_CLIENT_ABORT:
            return ", the client went away";
        default:
            return ", given up";
    }
}

static void log_exchange(const um_exchange *exchange, enum MHD_RequestTerminationCode how) {
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
    (void)snprintf(line + used, sizeof line - (size_t)used, "%s", ending(how));
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
        log_exchange(exchange, how);
        atomic_fetch_sub(&exchange->server->exchanges, 1);
        um_exchange_free(exchange);
        *state = NULL;
    }
}

/* ---- Start and end ------------------------------------------------------------------------- */

/* Find defaults that no request could use before the first one comes: ask with nothing but them. */
static um_status check_settings(const um_server_options *options, um_error *error) {
    static const char empty[] = "{}";
    const um_part parts[] = {{.kind = UM_PART_TEXT, .text = "a", .length = 1},
                             {.kind = UM_PART_HOLE, .length = 1}};
    um_ask ask = {0};
    um_batch *batch = NULL;
    um_status status = um_ask_begin(&ask, empty, strlen(empty), error);
    if (status == UM_OK) {
        status = um_ask_read_options(&ask, options->settings, options->setting_count, error);
    }
    if (status == UM_OK) {
        status = um_batch_create(options->engine.model, NULL, 1, &batch, error);
    }
    if (status == UM_OK) {
        const um_request request = {.parts = parts, .part_count = 2, .options = ask.options};
        status = um_batch_add(batch, &request, NULL, NULL, error);
    }
    um_batch_free(batch);
    um_ask_free(&ask);
    return status;
}

/* As many connections as requests may need, but no more than there are descriptors for: without
 * one, nobody could be told anything. */
static unsigned connection_limit(const um_server *server) {
    const size_t wanted = server->options.engine.queue + SPARE_CONNECTIONS;
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == RLIM_INFINITY) {
        return (unsigned)wanted;
    }
    const size_t all = (size_t)files.rlim_cur;
    return (unsigned)um_size_smaller(wanted, all > 2 * OWN_FILES ? all - OWN_FILES : 1);
}

static um_status listen_on(um_server *server, const struct addrinfo *address, um_error *error) {
    const um_server_options *options = &server->options;
    const unsigned flags = MHD_USE_AUTO | MHD_USE_INTERNAL_POLLING_THREAD |
                           MHD_USE_THREAD_PER_CONNECTION | MHD_USE_ITC |
                           (address->ai_family == AF_INET6 ? MHD_USE_IPv6 : 0U);
    server->daemon = MHD_start_daemon(
        flags, (uint16_t)options->port, NULL, NULL, on_request, server, MHD_OPTION_SOCK_ADDR,
        address->ai_addr, MHD_OPTION_NOTIFY_COMPLETED, on_completed, server,
        MHD_OPTION_CONNECTION_LIMIT, connection_limit(server), MHD_OPTION_CONNECTION_TIMEOUT,
        UM_IDLE_SECONDS, MHD_OPTION_CONNECTION_MEMORY_LIMIT, HEADERS_MAXIMUM,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
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
    um_status status = UM_ERR_IO;
    for (const struct addrinfo *address = found; address && status != UM_OK;
         address = address->ai_next) {
        status = listen_on(server, address, error);
    }
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
    um_status status = um_utf8_repair(made->info.name, strlen(made->info.name), &made->name, error);
    if (status == UM_OK) {
        made->info.name = um_buffer_text(&made->name);
        status = um_engine_create(&options->engine, &made->engine, error);
    }
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
    return counts.unfinished == 0 && atomic_load(&server->exchanges) == 0;
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
    um_buffer_free(&server->name);
    free(server);
}
