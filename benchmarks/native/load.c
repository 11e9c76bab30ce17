/* The load: WebSocket clients that drive the agent through a proxy and check every frame.
 *
 *   load PORT WORKLOAD [connections=N] [idle=N] [size=S] [count=C] [rate=R] [flight=F] [binary=1]
 *        [seconds=T] [grace=T] [wait=1]
 *
 * WORKLOAD is a path of the agent: echo, stream, paced, flood or sink. When all connections are open
 * it prints {"event":"open"}, waits for a line on its standard input if `wait=1`, runs for `seconds`,
 * lets what is under way arrive (at most `grace` seconds), compares totals with the agent, closes and
 * prints the result as one line of JSON. It exits with 0 only if every frame was right.
 */
#define _GNU_SOURCE
#include "client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#define OPENING_NS 60000000000u /* for all connections together */
#define CLOSING_NS 10000000000u

static struct session *sessions;
static size_t session_count;

/* Handles what is ready until `until_ns`, and says whether that has come. */
static bool turn(uint64_t until_ns) {
    struct epoll_event ready[256];
    uint64_t now = now_ns();
    if (now >= until_ns) return true;
    int count = epoll_wait(poller, ready, 256, (int)((until_ns - now) / 1000000 + 1));
    for (int i = 0; i < count; i++) session_handle(ready[i].data.ptr, ready[i].events);
    return false;
}

/* Fails all sessions that are still in `first` to `last`. */
static void give_up(enum state first, enum state last, const char *what) {
    for (size_t i = 0; i < session_count; i++)
        if (sessions[i].state >= first && sessions[i].state <= last)
            session_fail(&sessions[i], "connection %u: %s", sessions[i].connection, what);
}

static void advance_all(void) {
    for (size_t i = 0; i < session_count; i++)
        if (sessions[i].state != DONE) session_advance(&sessions[i]);
}

static void open_all(void) {
    uint64_t until = now_ns() + OPENING_NS;
    session_count = options.connections + options.idle;
    sessions = calloc(session_count, sizeof *sessions);
    seen.in_state[CONNECTING] = session_count;
    for (size_t i = 0; i < session_count; i++) {
        sessions[i].connection = (uint32_t)i;
        sessions[i].idle = i >= options.connections;
        session_connect(&sessions[i]);
        /* Fewer at once than any listen() queue holds: a dropped SYN would cost a second. */
        while (seen.in_state[CONNECTING] + seen.in_state[OPENING] > session_count - i - 1 + 64)
            if (turn(until)) break;
    }
    while (seen.in_state[CONNECTING] + seen.in_state[OPENING] > 0)
        if (turn(until)) give_up(CONNECTING, OPENING, "not open in time");
    printf("{\"event\":\"open\",\"connections\":%zu}\n", seen.in_state[OPEN]);
    fflush(stdout);
    if (options.wait && getchar() == EOF) exit(2);
}

static double cpu_seconds(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void print_totals(const char *name, const struct totals *totals) {
    printf("\"%s\":{\"frames\":%llu,\"bytes\":%llu,\"crc32_sum\":%llu},", name,
           (unsigned long long)totals->frames, (unsigned long long)totals->bytes,
           (unsigned long long)totals->crc32_sum);
}

static void run(void) {
    uint64_t began = now_ns(), stop = began + (uint64_t)(options.seconds * 1e9);
    double cpu = cpu_seconds();
    running = true;
    advance_all();
    while (seen.in_state[DONE] < session_count && !turn(stop)) continue;
    stopping = true;
    advance_all();
    stop = now_ns() + (uint64_t)(options.grace * 1e9);
    while (seen.in_state[OPEN] + seen.in_state[ENDING] > 0)
        if (turn(stop)) give_up(OPEN, ENDING, "not all arrived in time");
    uint64_t ended = seen.reported_ns > 0 ? seen.reported_ns : now_ns();
    cpu = cpu_seconds() - cpu;
    stop = now_ns() + CLOSING_NS;
    while (seen.in_state[CLOSING] > 0)
        if (turn(stop)) give_up(CLOSING, CLOSING, "not closed in time");

    struct totals sent = {0}, received = {0};
    for (size_t i = 0; i < session_count; i++) {
        totals_merge(&sent, &sessions[i].sent);
        totals_merge(&received, &sessions[i].received);
    }
    double elapsed = (double)(ended - began) / 1e9;
    printf("{\"event\":\"result\",\"connections\":%zu,\"elapsed_s\":%.6f,\"events\":%llu,"
           "\"events_per_s\":%.1f,\"payload_bytes\":%llu,\"cpu_s\":%.6f,\"ended_ns\":%llu,",
           session_count, elapsed, (unsigned long long)seen.events, (double)seen.events / elapsed,
           (unsigned long long)(sent.bytes + received.bytes), cpu, (unsigned long long)ended);
    printf("\"latency_us\":{\"p50\":%.2f,\"p99\":%.2f,\"max\":%.2f},", histogram_us(0.5),
           histogram_us(0.99), histogram_max_us());
    print_totals("client", &sent);
    print_totals("server", &received);
    printf("\"errors\":%llu,\"first_error\":\"%s\"}\n", (unsigned long long)seen.errors, seen.first_error);
}

static void parse_options(int count, char **words) {
    static const struct {
        const char *name;
        unsigned long *value;
    } numbers[] = {{"connections", &options.connections}, {"idle", &options.idle},
                   {"size", &options.size},               {"count", &options.count},
                   {"rate", &options.rate},               {"flight", &options.flight},
                   {"binary", &options.binary},           {"wait", &options.wait}};
    bool known = false;
    if (count < 3) goto usage;
    options.port = atoi(words[1]);
    for (size_t i = 0; i < sizeof mode_names / sizeof *mode_names; i++)
        if (strcmp(words[2], mode_names[i]) == 0) options.mode = (enum mode)i, known = true;
    for (int at = 3; at < count && known; at++) {
        char *value = strchr(words[at], '=');
        known = false;
        if (value == NULL) break;
        *value++ = '\0';
        for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
            if (strcmp(words[at], numbers[i].name) == 0)
                *numbers[i].value = strtoul(value, NULL, 10), known = true;
        if (strcmp(words[at], "seconds") == 0) options.seconds = atof(value), known = true;
        if (strcmp(words[at], "grace") == 0) options.grace = atof(value), known = true;
    }
    if (known && options.connections > 0 && options.size >= EVENT_MIN &&
        options.size <= EVENT_MAX && options.flight > 0 && options.flight <= MAX_FLIGHT &&
        options.count > 0 && options.rate > 0)
        return;
usage:
    fprintf(stderr, "usage: load PORT echo|stream|paced|flood|sink [name=value ...]\n");
    exit(2);
}

int main(int count, char **words) {
    clock_leave_with_parent();
    parse_options(count, words);
    crc32_prepare();
    event_prepare();
    poller = epoll_create1(EPOLL_CLOEXEC);
    open_all();
    run();
    return seen.errors > 0 ? 1 : 0;
}
