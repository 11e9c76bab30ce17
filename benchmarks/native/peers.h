/* What the two load-test peers share: the agent (WebSocket server) and the load (client).
 *
 * Both are single-threaded epoll loops without dependencies, so that the thing measured is the
 * proxy between them. They check each other: every frame carries its sender, its connection, a
 * sequence number and bytes that both sides can predict, and the totals that the agent counted are
 * compared with the client's before a connection closes.
 */
#ifndef PEERS_H
#define PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a session does: the path that the load asks for and the agent serves. */
enum mode { ECHO, STREAM, PACED, FLOOD, SINK };

/* crc32.c: zlib's CRC-32, because that is what the recording is compared with. */
void crc32_prepare(void);
uint32_t crc32_of(const uint8_t *data, size_t length);

/* handshake.c */
#define ACCEPT_LENGTH 28
void handshake_accept(const char *key, size_t key_length, char accept[ACCEPT_LENGTH + 1]);
void handshake_key(uint64_t random_a, uint64_t random_b, char key[24 + 1]);
const char *handshake_header(const char *head, const char *name, size_t *length);

/* frame.c: RFC 6455 section 5.2. */
enum opcode { OP_TEXT = 1, OP_BINARY = 2, OP_CLOSE = 8 };
#define FRAME_HEADER_MAX 14

struct frame {
    int opcode;
    bool masked;
    uint8_t key[4];
    uint8_t *payload;
    size_t length; /* of the payload */
    size_t total;  /* header and payload */
};

enum parsed { FRAME_COMPLETE, FRAME_INCOMPLETE, FRAME_BAD };
enum parsed frame_parse(uint8_t *data, size_t have, struct frame *frame);
size_t frame_header(uint8_t *out, int opcode, size_t length, const uint8_t *key);
void frame_mask(uint8_t *payload, size_t length, const uint8_t key[4]);

/* event.c: the payload of a data frame. */
#define EVENT_MIN 85
#define EVENT_MAX (1u << 20)

enum sender { CLIENT, SERVER };

struct identity {
    enum sender sender;
    uint32_t connection;
    uint64_t seq;
};

void event_prepare(void);
void event_write(uint8_t *out, size_t size, struct identity who, uint64_t sent_ns);
bool event_check(const uint8_t *data, size_t size, struct identity who, uint64_t *sent_ns,
                 char *why, size_t why_size);

/* totals: what the recording must hold, for one direction. */
struct totals {
    uint64_t frames, bytes, crc32_sum;
};

void totals_add(struct totals *totals, size_t bytes, uint32_t crc32);
void totals_merge(struct totals *into, const struct totals *from);
bool totals_equal(const struct totals *a, const struct totals *b);

/* link.c: a non-blocking socket and its two buffers. */
struct buffer {
    uint8_t *data;
    size_t start, end, capacity;
};

struct link {
    int fd;
    struct buffer in, out;
};

enum received { RECEIVED, RECEIVED_NOTHING, RECEIVED_EOF, RECEIVED_ERROR };
enum flushed { FLUSHED, FLUSH_PENDING, FLUSH_ERROR };

size_t buffer_used(const struct buffer *buffer);
uint8_t *buffer_reserve(struct buffer *buffer, size_t size);
void buffer_consume(struct buffer *buffer, size_t size);
enum received link_receive(struct link *link);
enum flushed link_flush(struct link *link);
void link_close(struct link *link);
uint32_t link_put_event(struct link *link, int opcode, size_t size, struct identity who,
                        uint64_t sent_ns, const uint8_t *key);
uint32_t link_put(struct link *link, int opcode, const void *payload, size_t length,
                  const uint8_t *key);

/* clock.c */
uint64_t now_ns(void);
void clock_leave_with_parent(void);

/* histogram.c: latencies in nanoseconds, within 1 %. */
void histogram_add(uint64_t ns);
double histogram_us(double fraction);
double histogram_max_us(void);

#endif
