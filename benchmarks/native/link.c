/* A non-blocking socket with a buffer for each direction. */
#include "peers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RECEIVE_SIZE (64 * 1024)

size_t buffer_used(const struct buffer *buffer) { return buffer->end - buffer->start; }

/* `size` free bytes behind what the buffer holds. */
uint8_t *buffer_reserve(struct buffer *buffer, size_t size) {
    if (buffer->capacity - buffer->end >= size) return buffer->data + buffer->end;
    size_t used = buffer_used(buffer);
    if (buffer->start > 0) {
        memmove(buffer->data, buffer->data + buffer->start, used);
        buffer->start = 0;
        buffer->end = used;
    }
    if (buffer->capacity < used + size) {
        buffer->capacity = 2 * (used + size);
        buffer->data = realloc(buffer->data, buffer->capacity);
        if (buffer->data == NULL) {
            perror("realloc");
            exit(2);
        }
    }
    return buffer->data + buffer->end;
}

void buffer_consume(struct buffer *buffer, size_t size) {
    buffer->start += size;
    if (buffer->start == buffer->end) buffer->start = buffer->end = 0;
}

/* One recv(): a loop until EAGAIN would let one connection starve the others. */
enum received link_receive(struct link *link) {
    uint8_t *space = buffer_reserve(&link->in, RECEIVE_SIZE);
    ssize_t got = recv(link->fd, space, link->in.capacity - link->in.end, 0);
    if (got > 0) {
        link->in.end += (size_t)got;
        return RECEIVED;
    }
    if (got == 0) return RECEIVED_EOF;
    return errno == EAGAIN || errno == EINTR ? RECEIVED_NOTHING : RECEIVED_ERROR;
}

enum flushed link_flush(struct link *link) {
    while (buffer_used(&link->out) > 0) {
        ssize_t sent = send(link->fd, link->out.data + link->out.start, buffer_used(&link->out),
                            MSG_NOSIGNAL);
        if (sent >= 0)
            buffer_consume(&link->out, (size_t)sent);
        else if (errno == EAGAIN)
            return FLUSH_PENDING;
        else if (errno != EINTR)
            return FLUSH_ERROR;
    }
    return FLUSHED;
}

void link_close(struct link *link) {
    close(link->fd);
    free(link->in.data);
    free(link->out.data);
    memset(link, 0, sizeof *link);
    link->fd = -1;
}

/* Appends a frame that holds an event; returns the CRC-32 of its payload before masking. */
uint32_t link_put_event(struct link *link, int opcode, size_t size, struct identity who,
                        uint64_t sent_ns, const uint8_t *key) {
    uint8_t *frame = buffer_reserve(&link->out, FRAME_HEADER_MAX + size);
    size_t header = frame_header(frame, opcode, size, key);
    event_write(frame + header, size, who, sent_ns);
    uint32_t crc32 = crc32_of(frame + header, size);
    if (key != NULL) frame_mask(frame + header, size, key);
    link->out.end += header + size;
    return crc32;
}

/* The same for any other payload. */
uint32_t link_put(struct link *link, int opcode, const void *payload, size_t length,
                  const uint8_t *key) {
    uint8_t *frame = buffer_reserve(&link->out, FRAME_HEADER_MAX + length);
    size_t header = frame_header(frame, opcode, length, key);
    memcpy(frame + header, payload, length);
    uint32_t crc32 = crc32_of(frame + header, length);
    if (key != NULL) frame_mask(frame + header, length, key);
    link->out.end += header + length;
    return crc32;
}
