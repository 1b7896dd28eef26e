#include "judge/channel.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/clock.h"

#define MAXIMUM_DESCRIPTORS 4
#define SLICE_MILLISECONDS 200

static void put_length(unsigned char bytes[4], size_t length) {
    for (int i = 0; i < 4; i++) {
        bytes[i] = (unsigned char)(length >> (8 * i));
    }
}

static size_t get_length(const unsigned char bytes[4]) {
    size_t length = 0;
    for (int i = 0; i < 4; i++) {
        length |= (size_t)bytes[i] << (8 * i);
    }
    return length;
}

um_status um_channel_append_field(um_buffer *message, const char *bytes, size_t length,
                                  um_error *error) {
    unsigned char prefix[4];
    if (length > UINT32_MAX) {
        return UM_RAISE(error, UM_ERR_LIMIT, "a text of %zu bytes for the sandbox", length);
    }
    put_length(prefix, length);
    UM_TRY(um_buffer_append(message, prefix, sizeof prefix, error));
    return um_buffer_append(message, bytes, length, error);
}

/* Wait until the socket is readable or writable. */
static um_channel_outcome wait_for(int socket, short events, const um_channel_wait *wait) {
    for (;;) {
        const double left = wait->deadline - um_clock_seconds();
        if (left <= 0) {
            return UM_CHANNEL_LATE;
        }
        struct pollfd item = {.fd = socket, .events = events};
        const double milliseconds = left * 1000 + 1;
        const int ready = poll(
            &item, 1, milliseconds < SLICE_MILLISECONDS ? (int)milliseconds : SLICE_MILLISECONDS);
        if (ready > 0) {
            return UM_CHANNEL_DONE;
        }
        if (ready < 0 && errno != EINTR) {
            return UM_CHANNEL_CLOSED;
        }
        if (wait->wanted && !wait->wanted(wait->user)) {
            return UM_CHANNEL_CANCELLED;
        }
    }
}

static um_channel_outcome send_bytes(int socket, const void *bytes, size_t length,
                                     const um_channel_wait *wait) {
    const char *next = bytes;
    while (length > 0) {
        const ssize_t count = send(socket, next, length, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count >= 0) {
            next += count;
            length -= (size_t)count;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            const um_channel_outcome outcome = wait_for(socket, POLLOUT, wait);
            if (outcome != UM_CHANNEL_DONE) {
                return outcome;
            }
        } else if (errno != EINTR) {
            return UM_CHANNEL_CLOSED;
        }
    }
    return UM_CHANNEL_DONE;
}

um_channel_outcome um_channel_send(int socket, const char *bytes, size_t length,
                                   const um_channel_wait *wait) {
    unsigned char prefix[4];
    put_length(prefix, length);
    const um_channel_outcome outcome = send_bytes(socket, prefix, sizeof prefix, wait);
    return outcome == UM_CHANNEL_DONE ? send_bytes(socket, bytes, length, wait) : outcome;
}

static um_channel_outcome receive_bytes(int socket, void *bytes, size_t length,
                                        const um_channel_wait *wait) {
    char *next = bytes;
    bool is_late = false;
    while (length > 0) {
        /* What has arrived counts, however late it is read: this process may have been stopped. */
        const ssize_t count = recv(socket, next, length, MSG_DONTWAIT);
        if (count > 0) {
            next += count;
            length -= (size_t)count;
        } else if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            const um_channel_outcome outcome = wait_for(socket, POLLIN, wait);
            if (outcome != UM_CHANNEL_DONE && (outcome != UM_CHANNEL_LATE || is_late)) {
                return outcome;
            }
            is_late = outcome == UM_CHANNEL_LATE;
        } else if (count == 0 || errno != EINTR) {
            return UM_CHANNEL_CLOSED;
        }
    }
    return UM_CHANNEL_DONE;
}

um_channel_outcome um_channel_receive(int socket, char *bytes, size_t capacity, size_t *length,
                                      const um_channel_wait *wait) {
    unsigned char prefix[4];
    const um_channel_outcome outcome = receive_bytes(socket, prefix, sizeof prefix, wait);
    if (outcome != UM_CHANNEL_DONE) {
        return outcome;
    }
    *length = get_length(prefix);
    return *length <= capacity ? receive_bytes(socket, bytes, *length, wait) : UM_CHANNEL_CLOSED;
}

bool um_channel_next_field(const char *bytes, size_t length, size_t *at, const char **field,
                           size_t *field_length) {
    if (length - *at < 4) {
        return false;
    }
    unsigned char prefix[4];
    memcpy(prefix, bytes + *at, sizeof prefix);
    const size_t count = get_length(prefix);
    if (count > length - *at - 4) {
        return false;
    }
    *field = bytes + *at + 4;
    *field_length = count;
    *at += 4 + count;
    return true;
}

um_channel_outcome um_channel_send_packet(int socket, const void *bytes, size_t length,
                                          const int *descriptors, size_t descriptor_count) {
    union {
        char bytes[CMSG_SPACE(MAXIMUM_DESCRIPTORS * sizeof(int))];
        struct cmsghdr align;
    } control = {0};
    struct iovec part = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = length};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (descriptor_count > MAXIMUM_DESCRIPTORS) {
        return UM_CHANNEL_CLOSED;
    }
    if (descriptor_count > 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(descriptor_count * sizeof(int));
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(descriptor_count * sizeof(int));
        memcpy(CMSG_DATA(header), descriptors, descriptor_count * sizeof(int));
    }
    ssize_t count = 0;
    do {
        count = sendmsg(socket, &message, MSG_NOSIGNAL);
    } while (count < 0 && errno == EINTR);
    return count == (ssize_t)length ? UM_CHANNEL_DONE : UM_CHANNEL_CLOSED;
}

um_channel_outcome um_channel_receive_packet(int socket, void *bytes, size_t length,
                                             const um_channel_wait *wait) {
    const um_channel_outcome outcome = wait_for(socket, POLLIN, wait);
    if (outcome != UM_CHANNEL_DONE) {
        return outcome;
    }
    ssize_t count = 0;
    do {
        count = recv(socket, bytes, length, MSG_TRUNC);
    } while (count < 0 && errno == EINTR);
    return count == (ssize_t)length ? UM_CHANNEL_DONE : UM_CHANNEL_CLOSED;
}
