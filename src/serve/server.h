/* An HTTP server for one model (docs/SERVER.md). */
#ifndef UM_SERVE_SERVER_H
#define UM_SERVE_SERVER_H

#include "serve/engine.h"

typedef struct um_server um_server;

typedef struct um_server_options {
    const char *host;         /* a name or an address to listen on; NULL: 127.0.0.1 */
    unsigned port;            /* 0: any that is free */
    const char *api_key;      /* which clients must send; NULL: none */
    const char *allow_origin; /* pages of this origin may use the server, "*": all; NULL: none */
    const um_serve_setting *settings; /* [setting_count]: defaults of decoding */
    size_t setting_count;
    um_engine_setup engine;
    /* Called with a line, without line feed, for each request that was answered, from several
     * threads; may be NULL. */
    void (*log)(void *user, const char *line);
    void *log_user;
} um_server_options;

/* Start to listen, and to answer in threads of its own.  `options` is copied; what it points to
 * must outlive the server.  UM_ERR_IO: the address cannot be listened on; UM_ERR_ARGUMENT: a
 * default of decoding that no request could use. */
um_status um_server_start(const um_server_options *options, um_server **server, um_error *error);

/* The port that the server listens on. */
unsigned um_server_port(const um_server *server);

/* Refuse new requests.  True once those before are answered. */
bool um_server_drain(um_server *server);

/* End what is unfinished and close all connections.  NULL is allowed. */
void um_server_stop(um_server *server);

#endif
