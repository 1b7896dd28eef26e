/* Messages to and from a sandboxed process, with a deadline, over a socket.
 *
 * A message is its length (32 bits, little-endian) and that many bytes.  Most messages consist of
 * fields, each preceded by its length in the same way. */
#ifndef UM_JUDGE_CHANNEL_H
#define UM_JUDGE_CHANNEL_H

#include "base/buffer.h"
#include "base/status.h"

typedef enum um_channel_outcome {
    UM_CHANNEL_DONE,
    UM_CHANNEL_CLOSED, /* the other side is gone, or sent something that is not a message */
    UM_CHANNEL_LATE,   /* the deadline passed */
    UM_CHANNEL_CANCELLED
} um_channel_outcome;

/* How long to wait. */
typedef struct um_channel_wait {
    double deadline; /* on the clock of um_clock_seconds */
    /* Called several times a second; returning false ends the wait.  NULL: never ends it. */
    bool (*wanted)(void *user);
    void *user;
} um_channel_wait;

um_status um_channel_append_field(um_buffer *message, const char *bytes, size_t length,
                                  um_error *error);

/* Send `length` bytes, preceded by their length. */
um_channel_outcome um_channel_send(int socket, const char *bytes, size_t length,
                                   const um_channel_wait *wait);

/* Receive one message of at most `capacity` bytes. */
um_channel_outcome um_channel_receive(int socket, char *bytes, size_t capacity, size_t *length,
                                      const um_channel_wait *wait);

/* Get the field at *at of a message and move *at past it; false at the end, or if the field is cut
 * short. */
bool um_channel_next_field(const char *bytes, size_t length, size_t *at, const char **field,
                           size_t *field_length);

/* For sockets that preserve packet boundaries: send or receive one packet; a sent one may carry
 * descriptors (NULL for none).  A packet whose size differs from `length` counts as closed. */
um_channel_outcome um_channel_send_packet(int socket, const void *bytes, size_t length,
                                          const int *descriptors, size_t descriptor_count);
um_channel_outcome um_channel_receive_packet(int socket, void *bytes, size_t length,
                                             const um_channel_wait *wait);

#endif
