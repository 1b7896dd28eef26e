/* Messages to and from a sandboxed process, with a deadline, over a socket.
 *
 * A message is its length (32 bits, little-endian) and that many bytes; the bytes of most are
 * fields, each with its length before it in the same way. */
#ifndef UM_REWARD_CHANNEL_H
#define UM_REWARD_CHANNEL_H

#include "base/buffer.h"
#include "base/status.h"

typedef enum um_channel_outcome {
    UM_CHANNEL_DONE,
    UM_CHANNEL_CLOSED, /* the other side is gone, or sends what is no message */
    UM_CHANNEL_LATE,   /* the deadline passed */
    UM_CHANNEL_CANCELLED
} um_channel_outcome;

/* How long to wait. */
typedef struct um_channel_wait {
    double deadline; /* of um_clock_seconds */
    /* Asked several times a second; false ends the wait.  NULL: never. */
    bool (*wanted)(void *user);
    void *user;
} um_channel_wait;

um_status um_channel_append_field(um_buffer *message, const char *bytes, size_t length,
                                  um_error *error);

/* Send `length` bytes, with their length before them. */
um_channel_outcome um_channel_send(int socket, const char *bytes, size_t length,
                                   const um_channel_wait *wait);

/* Receive one message of at most `capacity` bytes. */
um_channel_outcome um_channel_receive(int socket, char *bytes, size_t capacity, size_t *length,
                                      const um_channel_wait *wait);

/* The field at *at of a message, which moves behind it; false at the end, and where it is cut. */
bool um_channel_next_field(const char *bytes, size_t length, size_t *at, const char **field,
                           size_t *field_length);

/* For sockets that keep the bounds of packets: send or receive one, with descriptors (may be NULL).
 * A packet of another size than `length` counts as closed. */
um_channel_outcome um_channel_send_packet(int socket, const void *bytes, size_t length,
                                          const int *descriptors, size_t descriptor_count);
um_channel_outcome um_channel_receive_packet(int socket, void *bytes, size_t length,
                                             const um_channel_wait *wait);

#endif
