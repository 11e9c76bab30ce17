/* The agent: a WebSocket server that does what the path of the opening request says.
 *
 *   /echo?connection=N                     every event back as it came
 *   /stream?connection=N&count=C&size=S    each request is answered with C events of S bytes
 *   /paced?connection=N&rate=R&size=S      after the first request, R events each second
 *   /flood?connection=N&size=S             after the first request, events as fast as they go
 *   /sink?connection=N                     nothing
 *
 * The text `end` stops all of these; the answer says what the agent received and sent:
 *
 *   {"received":[FRAMES,BYTES,CRC32_SUM],"sent":[FRAMES,BYTES,CRC32_SUM]}
 *
 * It listens on a free port of 127.0.0.1, which it prints as one line of JSON.
 */
#define _GNU_SOURCE
#include "peers.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define MAX_FDS 65536
#define HEAD_MAX 16384
#define BURST (64 * 1024) /* a flood writes this much at a time, as a busy program would */

struct session {
    struct link link;
    enum mode mode;
    bool open, closing, dead, watching_out, flooding;
    uint32_t connection;
    unsigned count, rate;
    size_t size;
    int timer;
    uint64_t due, received_seq, sent_seq; /* `due`: events still to send */
    struct totals received, sent;
};

static struct session *sessions[MAX_FDS]; /* by socket and by timer */
static int poller;

static void watch(struct session *session, bool out) {
    if (session->watching_out == out) return;
    struct epoll_event event = {.events = EPOLLIN | (out ? EPOLLOUT : 0),
                                .data.fd = session->link.fd};
    epoll_ctl(poller, EPOLL_CTL_MOD, session->link.fd, &event);
    session->watching_out = out;
}

static void drop(struct session *session) {
    if (session->dead) return;
    sessions[session->link.fd] = NULL;
    link_close(&session->link);
    if (session->timer >= 0) {
        sessions[session->timer] = NULL;
        close(session->timer);
    }
    session->dead = true; /* freed when its event has been handled */
}

static void put_event(struct session *session) {
    struct identity who = {SERVER, session->connection, session->sent_seq++};
    uint32_t crc32 = link_put_event(&session->link, OP_TEXT, session->size, who, now_ns(), NULL);
    totals_add(&session->sent, session->size, crc32);
}

/* Sends what is due. Each event of a stream is a send() of its own: an agent emits them one by one.
 */
static void pump(struct session *session) {
    for (bool burst = false;;) {
        enum flushed flushed = link_flush(&session->link);
        if (flushed == FLUSH_PENDING) {
            watch(session, true);
            return;
        }
        if (flushed == FLUSH_ERROR || session->closing) {
            drop(session);
            return;
        }
        if (session->due > 0) {
            put_event(session);
            session->due--;
        } else if (session->flooding && !burst) {
            while (buffer_used(&session->link.out) < BURST) put_event(session);
            burst = true;
        } else {
            watch(session, session->flooding);
            return;
        }
    }
}

static void fail(struct session *session, const char *why) {
    uint8_t close[2 + 123] = {1008 >> 8, 1008 & 0xff};
    size_t length = strnlen(why, sizeof close - 2);
    fputs("agent: ", stderr);
    fputs(why, stderr);
    fputc('\n', stderr);
    memcpy(close + 2, why, length);
    link_put(&session->link, OP_CLOSE, close, 2 + length, NULL);
    session->closing = true;
}

static void start_pace(struct session *session) {
    if (session->timer >= 0 || session->rate == 0) return;
    long period = 1000000000L / session->rate;
    long phase = period / 100 * (long)(session->connection % 100) + 1; /* spread, not in step */
    struct itimerspec times = {
        .it_interval = {period / 1000000000L, period % 1000000000L},
        .it_value = {phase / 1000000000L, phase % 1000000000L},
    };
    session->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = session->timer};
    if (session->timer < 0 || session->timer >= MAX_FDS ||
        timerfd_settime(session->timer, 0, &times, NULL) != 0 ||
        epoll_ctl(poller, EPOLL_CTL_ADD, session->timer, &event) != 0) {
        fail(session, "no timer");
        return;
    }
    sessions[session->timer] = session;
}

static void end(struct session *session) {
    char report[256];
    struct totals *in = &session->received, *out = &session->sent;
    session->flooding = false;
    session->due = 0;
    session->rate = 0;
    int length = snprintf(report, sizeof report,
                          "{\"received\":[%llu,%llu,%llu],\"sent\":[%llu,%llu,%llu]}",
                          (unsigned long long)in->frames, (unsigned long long)in->bytes,
                          (unsigned long long)in->crc32_sum, (unsigned long long)out->frames,
                          (unsigned long long)out->bytes, (unsigned long long)out->crc32_sum);
    link_put(&session->link, OP_TEXT, report, (size_t)length, NULL);
}

static void answer(struct session *session, const struct frame *frame) {
    uint32_t crc32;
    switch (session->mode) {
    case ECHO:
        crc32 = link_put(&session->link, frame->opcode, frame->payload, frame->length, NULL);
        totals_add(&session->sent, frame->length, crc32);
        break;
    case STREAM: session->due += session->count; break;
    case PACED: start_pace(session); break;
    case FLOOD: session->flooding = true; break;
    case SINK: break;
    }
}

static void take_frame(struct session *session, struct frame *frame) {
    char why[124];
    uint64_t sent_ns;
    if (!frame->masked) {
        fail(session, "a client's frame without a mask");
        return;
    }
    frame_mask(frame->payload, frame->length, frame->key);
    if (frame->opcode == OP_CLOSE) {
        link_put(&session->link, OP_CLOSE, frame->payload, frame->length, NULL);
        session->closing = true;
        return;
    }
    totals_add(&session->received, frame->length, crc32_of(frame->payload, frame->length));
    if (frame->length == 3 && memcmp(frame->payload, "end", 3) == 0) {
        end(session);
        return;
    }
    struct identity who = {CLIENT, session->connection, session->received_seq++};
    if (event_check(frame->payload, frame->length, who, &sent_ns, why, sizeof why))
        answer(session, frame);
    else
        fail(session, why);
}

static unsigned long parameter(const char *target, const char *name, unsigned long otherwise) {
    const char *found = strstr(target, name);
    return found != NULL ? strtoul(found + strlen(name), NULL, 10) : otherwise;
}

static bool choose_mode(struct session *session, const char *target) {
    static const char *const paths[] = {"/echo?", "/stream?", "/paced?", "/flood?", "/sink?"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        if (strncmp(target, paths[i], strlen(paths[i])) != 0) continue;
        session->mode = (enum mode)i;
        session->connection = (uint32_t)parameter(target, "connection=", 0);
        session->count = (unsigned)parameter(target, "&count=", 1);
        session->rate = (unsigned)parameter(target, "&rate=", 1);
        session->size = parameter(target, "&size=", 300);
        return session->size >= EVENT_MIN && session->size <= EVENT_MAX;
    }
    return false;
}

/* Answers the opening request once it is whole. */
static void take_head(struct session *session) {
    struct buffer *in = &session->link.in;
    char head[HEAD_MAX + 1], accept[ACCEPT_LENGTH + 1], response[256];
    size_t length = buffer_used(in), key_length = 0;
    if (length > HEAD_MAX) length = HEAD_MAX;
    memcpy(head, in->data + in->start, length);
    head[length] = '\0';
    char *blank = strstr(head, "\r\n\r\n");
    if (blank == NULL) {
        if (length == HEAD_MAX) drop(session);
        return;
    }
    blank[2] = '\0';
    const char *key = handshake_header(head, "Sec-WebSocket-Key", &key_length);
    if (strncmp(head, "GET ", 4) != 0 || key == NULL || !choose_mode(session, head + 4)) {
        static const char refusal[] = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n"
                                      "Connection: close\r\n\r\n";
        memcpy(buffer_reserve(&session->link.out, sizeof refusal), refusal, sizeof refusal - 1);
        session->link.out.end += sizeof refusal - 1;
        session->closing = true;
        return;
    }
    handshake_accept(key, key_length, accept);
    int size = snprintf(response, sizeof response,
                        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                        "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n", accept);
    memcpy(buffer_reserve(&session->link.out, (size_t)size), response, (size_t)size);
    session->link.out.end += (size_t)size;
    buffer_consume(in, (size_t)(blank + 4 - head));
    session->open = true;
}

static void take_input(struct session *session) {
    struct buffer *in = &session->link.in;
    if (!session->open) take_head(session);
    while (session->open && !session->closing && buffer_used(in) > 0) {
        struct frame frame;
        enum parsed parsed = frame_parse(in->data + in->start, buffer_used(in), &frame);
        if (parsed == FRAME_INCOMPLETE) {
            buffer_reserve(in, frame.total - buffer_used(in));
            break;
        }
        if (parsed == FRAME_BAD) {
            fail(session, "a frame that the client did not send");
            break;
        }
        take_frame(session, &frame);
        buffer_consume(in, frame.total);
        if (session->due > 0) pump(session); /* the first event leaves before the next request */
        if (session->dead) return;
    }
}

static void handle(struct session *session, int fd, uint32_t events) {
    if (fd == session->timer) {
        uint64_t ticks = 0;
        if (read(fd, &ticks, sizeof ticks) == sizeof ticks && session->rate > 0 &&
            !session->closing)
            session->due += ticks;
    } else if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
        enum received received = link_receive(&session->link);
        if (received == RECEIVED_EOF || received == RECEIVED_ERROR) drop(session);
        if (received == RECEIVED) take_input(session);
    }
    if (!session->dead) pump(session);
}

static void take_connection(int listener) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), on = 1;
    if (fd < 0) return;
    struct session *session = calloc(1, sizeof *session);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (session == NULL || fd >= MAX_FDS || epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) != 0) {
        free(session);
        close(fd);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    session->link.fd = fd;
    session->timer = -1;
    sessions[fd] = session;
}

static int listen_on_a_free_port(void) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, length) != 0 ||
        listen(listener, 4096) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &length) != 0) {
        perror("agent: listen");
        exit(2);
    }
    printf("{\"event\":\"listening\",\"port\":%d}\n", ntohs(address.sin_port));
    fflush(stdout);
    return listener;
}

int main(void) {
    struct epoll_event events[256];
    clock_leave_with_parent();
    crc32_prepare();
    event_prepare();
    poller = epoll_create1(EPOLL_CLOEXEC);
    int listener = listen_on_a_free_port();
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int ready = epoll_wait(poller, events, 256, -1);
        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) {
                take_connection(listener);
            } else if (sessions[fd] != NULL) { /* closed by an earlier event of this batch? */
                struct session *session = sessions[fd];
                handle(session, fd, events[i].events);
                if (session->dead) free(session);
            }
        }
    }
}
