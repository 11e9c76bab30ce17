/* One session of the load: opens, sends, checks what comes, compares totals, closes. */
#define _GNU_SOURCE
#include "client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define HEAD_MAX 16384
#define BURST (64 * 1024)

const char *const mode_names[SINK + 1] = {"echo", "stream", "paced", "flood", "sink"};

struct options options = {
    .connections = 1, .size = 300, .count = 40, .rate = 20, .flight = 1, .seconds = 1, .grace = 30};
struct seen seen;
bool running, stopping;
int poller;

static uint64_t random_state = 88172645463325252u;

static uint64_t random_word(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state * 2685821657736338717u;
}

static void enter(struct session *session, enum state state) {
    seen.in_state[session->state]--;
    seen.in_state[state]++;
    session->state = state;
}

void session_fail(struct session *session, const char *why, ...) {
    if (seen.errors++ == 0) {
        va_list arguments;
        va_start(arguments, why);
        vsnprintf(seen.first_error, sizeof seen.first_error, why, arguments);
        va_end(arguments);
        for (char *c = seen.first_error; *c != '\0'; c++) /* it goes into JSON */
            if (*c < ' ' || *c > '~' || *c == '"' || *c == '\\') *c = '?';
    }
    if (session->state == DONE) return;
    enter(session, DONE);
    link_close(&session->link);
}

static void flush(struct session *session, bool more) {
    enum flushed flushed = link_flush(&session->link);
    if (flushed == FLUSH_ERROR) {
        session_fail(session, "connection %u: send: %s", session->connection, strerror(errno));
        return;
    }
    bool out = flushed == FLUSH_PENDING || more;
    if (session->watching_out == out) return;
    struct epoll_event event = {.events = EPOLLIN | (out ? EPOLLOUT : 0), .data.ptr = session};
    epoll_ctl(poller, EPOLL_CTL_MOD, session->link.fd, &event);
    session->watching_out = out;
}

/* --- sending ---------------------------------------------------------------------------------- */

static void put_event(struct session *session, size_t size) {
    uint32_t key = (uint32_t)(random_word() >> 32);
    struct identity who = {CLIENT, session->connection, session->sent_seq++};
    uint64_t sent_ns = now_ns();
    session->sent_at[who.seq % MAX_FLIGHT] = sent_ns;
    uint32_t crc32 = link_put_event(&session->link, options.binary ? OP_BINARY : OP_TEXT, size, who,
                                    sent_ns, (const uint8_t *)&key);
    totals_add(&session->sent, size, crc32);
}

static void put_end(struct session *session) {
    uint32_t key = (uint32_t)(random_word() >> 32);
    uint32_t crc32 = link_put(&session->link, OP_TEXT, "end", 3, (const uint8_t *)&key);
    totals_add(&session->sent, 3, crc32);
    enter(session, ENDING);
}

static void put_close(struct session *session) {
    static const uint8_t normal[2] = {1000 >> 8, 1000 & 0xff};
    uint32_t key = (uint32_t)(random_word() >> 32);
    link_put(&session->link, OP_CLOSE, normal, sizeof normal, (const uint8_t *)&key);
    enter(session, CLOSING);
}

/* The next thing this session has to send; called when it may have something. */
void session_advance(struct session *session) {
    bool more = false;
    if (session->state == OPEN && running) {
        bool settled = options.mode > STREAM || session->flight == 0;
        if (stopping && (settled || session->idle)) {
            put_end(session);
        } else if (!stopping && !session->idle) {
            switch (options.mode) {
            case ECHO:
                while (session->flight < options.flight) {
                    put_event(session, options.size);
                    session->flight++;
                }
                break;
            case STREAM:
                if (session->flight == 0) {
                    put_event(session, 100);
                    session->flight = options.count;
                }
                break;
            case PACED:
            case FLOOD:
                if (session->sent_seq == 0) put_event(session, 100);
                break;
            case SINK:
                while (buffer_used(&session->link.out) < BURST) put_event(session, options.size);
                more = true;
                break;
            }
        }
    }
    if (session->state != DONE) flush(session, more);
}

/* --- receiving -------------------------------------------------------------------------------- */

static void take_event(struct session *session, const struct frame *frame, uint64_t arrived_ns) {
    char why[160];
    uint64_t sent_ns;
    bool echo = options.mode == ECHO && !session->idle;
    struct identity who = {echo ? CLIENT : SERVER, session->connection, session->received_seq++};
    if (!event_check(frame->payload, frame->length, who, &sent_ns, why, sizeof why)) {
        session_fail(session, "%s", why);
        return;
    }
    int opcode = echo && options.binary ? OP_BINARY : OP_TEXT;
    bool asked = echo || options.mode == STREAM ? session->flight > 0 : session->sent_seq > 0;
    bool timed = sent_ns <= arrived_ns && (!echo || sent_ns == session->sent_at[who.seq % MAX_FLIGHT]);
    if (frame->opcode != opcode || frame->length != options.size || !asked || !timed) {
        session_fail(session, "connection %u: seq %llu has opcode %d and %zu bytes%s%s",
             session->connection, (unsigned long long)who.seq, frame->opcode, frame->length,
             asked ? "" : ", and nobody asked for it", timed ? "" : ", and a changed time");
        return;
    }
    histogram_add(arrived_ns - sent_ns);
    seen.events++;
    if (echo || options.mode == STREAM) session->flight--;
}

static void take_report(struct session *session, const struct frame *frame) {
    char text[256];
    unsigned long long n[6];
    size_t length = frame->length < sizeof text ? frame->length : sizeof text - 1;
    memcpy(text, frame->payload, length);
    text[length] = '\0';
    if (sscanf(text, "{\"received\":[%llu,%llu,%llu],\"sent\":[%llu,%llu,%llu]}", n, n + 1, n + 2,
               n + 3, n + 4, n + 5) != 6) {
        session_fail(session, "connection %u: no report after the end", session->connection);
        return;
    }
    struct totals agent_received = {n[0], n[1], n[2]}, agent_sent = {n[3], n[4], n[5]};
    if (!totals_equal(&agent_received, &session->sent) ||
        !totals_equal(&agent_sent, &session->received)) {
        session_fail(session, "connection %u: the agent's totals differ: %s", session->connection, text);
        return;
    }
    if (options.mode == SINK && !session->idle) seen.events += session->sent_seq;
    totals_add(&session->received, frame->length, crc32_of(frame->payload, frame->length));
    seen.reported_ns = now_ns();
    put_close(session);
}

static void take_frame(struct session *session, const struct frame *frame, uint64_t arrived_ns) {
    if (frame->masked) {
        session_fail(session, "connection %u: a server's frame with a mask", session->connection);
    } else if (frame->opcode == OP_CLOSE) {
        bool reply = session->state == CLOSING && frame->length == 2;
        if (!reply)
            session_fail(session, "connection %u: closed by the other side: %.*s", session->connection,
                 (int)(frame->length > 2 ? frame->length - 2 : 0), (char *)frame->payload + 2);
    } else if (session->state == ENDING && frame->length >= 13 &&
               memcmp(frame->payload, "{\"received\":", 12) == 0) {
        take_report(session, frame);
    } else if (session->state == OPEN || session->state == ENDING) {
        take_event(session, frame, arrived_ns);
        if (session->state != DONE)
            totals_add(&session->received, frame->length,
                       crc32_of(frame->payload, frame->length));
    } else {
        session_fail(session, "connection %u: a frame after the report", session->connection);
    }
}

static void take_head(struct session *session) {
    struct buffer *in = &session->link.in;
    char head[HEAD_MAX + 1];
    size_t length = buffer_used(in), accept_length = 0;
    if (length > HEAD_MAX) length = HEAD_MAX;
    memcpy(head, in->data + in->start, length);
    head[length] = '\0';
    char *blank = strstr(head, "\r\n\r\n");
    if (blank == NULL) return;
    blank[2] = '\0';
    const char *accept = handshake_header(head, "Sec-WebSocket-Accept", &accept_length);
    if (strncmp(head, "HTTP/1.1 101", 12) != 0 || accept == NULL ||
        accept_length != ACCEPT_LENGTH || memcmp(accept, session->accept, ACCEPT_LENGTH) != 0) {
        session_fail(session, "connection %u: the answer to the handshake is %.40s", session->connection,
             head);
        return;
    }
    buffer_consume(in, (size_t)(blank + 4 - head));
    enter(session, OPEN);
}

static void take_input(struct session *session, uint64_t arrived_ns) {
    struct buffer *in = &session->link.in;
    if (session->state == OPENING) take_head(session);
    while (session->state > OPENING && session->state != DONE && buffer_used(in) > 0) {
        struct frame frame;
        enum parsed parsed = frame_parse(in->data + in->start, buffer_used(in), &frame);
        if (parsed == FRAME_INCOMPLETE) {
            buffer_reserve(in, frame.total - buffer_used(in));
            return;
        }
        if (parsed == FRAME_BAD) {
            session_fail(session, "connection %u: a frame that the agent did not send",
                 session->connection);
            return;
        }
        take_frame(session, &frame, arrived_ns);
        if (session->state != DONE) buffer_consume(in, frame.total);
    }
}

/* --- opening ---------------------------------------------------------------------------------- */

static void put_head(struct session *session) {
    char key[25], request[512];
    handshake_key(random_word(), random_word(), key);
    handshake_accept(key, strlen(key), session->accept);
    int size = snprintf(request, sizeof request,
                        "GET /%s?connection=%u&count=%lu&rate=%lu&size=%lu HTTP/1.1\r\n"
                        "Host: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n",
                        session->idle ? "sink" : mode_names[options.mode], session->connection,
                        options.count, options.rate, options.size, options.port, key);
    memcpy(buffer_reserve(&session->link.out, (size_t)size), request, (size_t)size);
    session->link.out.end += (size_t)size;
    enter(session, OPENING);
}

void session_connect(struct session *session) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options.port)};
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = session};
    int on = 1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    session->link.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    session->watching_out = true;
    if (session->link.fd < 0 ||
        (connect(session->link.fd, (struct sockaddr *)&address, sizeof address) != 0 &&
         errno != EINPROGRESS) ||
        epoll_ctl(poller, EPOLL_CTL_ADD, session->link.fd, &event) != 0) {
        session_fail(session, "connection %u: connect: %s", session->connection, strerror(errno));
        return;
    }
    setsockopt(session->link.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/* --- events of the socket ---------------------------------------------------------------------- */

void session_handle(struct session *session, uint32_t ready) {
    if (session->state == DONE) return;
    if (session->state == CONNECTING && ready & EPOLLOUT && !(ready & (EPOLLERR | EPOLLHUP)))
        put_head(session);
    if (ready & (EPOLLIN | EPOLLERR | EPOLLHUP)) {
        enum received received = link_receive(&session->link);
        if (received == RECEIVED) {
            take_input(session, now_ns());
        } else if (received == RECEIVED_EOF && session->state == CLOSING) {
            enter(session, DONE);
            link_close(&session->link);
        } else if (received != RECEIVED_NOTHING) {
            session_fail(session, "connection %u: %s", session->connection,
                 received == RECEIVED_EOF ? "ended without a Close frame" : strerror(errno));
        }
    }
    if (session->state != DONE) session_advance(session);
}

