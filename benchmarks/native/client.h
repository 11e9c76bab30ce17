/* The sessions of the load: each a WebSocket client that knows what must arrive next. */
#ifndef CLIENT_H
#define CLIENT_H

#include "peers.h"

#define MAX_FLIGHT 16

enum state { CONNECTING, OPENING, OPEN, ENDING, CLOSING, DONE };

struct session {
    struct link link;
    enum state state;
    bool idle, watching_out;
    uint32_t connection;
    char accept[ACCEPT_LENGTH + 1];
    uint64_t sent_seq, received_seq;
    uint64_t flight; /* echo: messages under way; stream: events still to come */
    uint64_t sent_at[MAX_FLIGHT];
    struct totals sent, received;
};

/* What all sessions do; see load.c for the words. */
struct options {
    int port;
    enum mode mode;
    unsigned long connections, idle, size, count, rate, flight, binary, wait;
    double seconds, grace;
};

/* What all sessions have seen. */
struct seen {
    size_t in_state[DONE + 1];
    uint64_t events, errors, reported_ns;
    char first_error[256];
};

extern const char *const mode_names[SINK + 1];
extern struct options options;
extern struct seen seen;
extern bool running, stopping; /* may they send events? must they end? */
extern int poller;

void session_connect(struct session *session);
void session_advance(struct session *session);
void session_handle(struct session *session, uint32_t ready);
__attribute__((format(printf, 2, 3))) void session_fail(struct session *session, const char *why,
                                                        ...);

#endif
