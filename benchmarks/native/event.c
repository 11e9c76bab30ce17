/* The payload of a data frame: JSON that names its sender, connection and place in the sequence,
 * filled up with bytes that follow from those, so that any lost, repeated, swapped or changed frame
 * is seen by whoever receives it.
 */
#include "peers.h"

#include <stdio.h>
#include <string.h>

static const char HEAD[] = "{\"client\":\"00000000\",\"seq\":\"0000000000000000\","
                           "\"sent_ns\":\"0000000000000000\",\"data\":\"";
static const char TAIL[] = "\"}";

enum { AT_SENDER = 2, AT_CONNECTION = 11, AT_SEQ = 28, AT_SENT = 57, AT_DATA = 83 };
_Static_assert(sizeof HEAD - 1 == AT_DATA, "the offsets follow from HEAD");
_Static_assert(AT_DATA + sizeof TAIL - 1 == EVENT_MIN, "an event without data");

#define SHIFTS 4093 /* prime: neighbouring events get unlike data */

static uint8_t pattern[EVENT_MAX + SHIFTS];
static char hex_pairs[256][2];

static const char *name_of(enum sender sender) { return sender == CLIENT ? "client" : "server"; }

static const uint8_t *data_of(struct identity who) {
    return pattern + (who.connection * 977u + who.seq * 31u) % SHIFTS;
}

void event_prepare(void) {
    static const char digits[] = "0123456789abcdef";
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint64_t x = 88172645463325252u;
    for (size_t i = 0; i < sizeof pattern; i++) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        pattern[i] = (uint8_t)letters[x >> 58];
    }
    for (int byte = 0; byte < 256; byte++) {
        hex_pairs[byte][0] = digits[byte >> 4];
        hex_pairs[byte][1] = digits[byte & 15];
    }
}

static void write_hex(uint8_t *out, uint64_t value, int digits) {
    for (int at = digits - 2; at >= 0; at -= 2, value >>= 8)
        memcpy(out + at, hex_pairs[value & 0xff], 2);
}

static bool read_hex(const uint8_t *data, int digits, uint64_t *value) {
    *value = 0;
    for (int at = 0; at < digits; at++) {
        uint8_t c = data[at];
        if (c >= '0' && c <= '9')
            *value = *value << 4 | (uint64_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            *value = *value << 4 | (uint64_t)(c - 'a' + 10);
        else
            return false;
    }
    return true;
}

static void write_head(uint8_t *out, struct identity who, uint64_t sent_ns) {
    memcpy(out, HEAD, AT_DATA);
    memcpy(out + AT_SENDER, name_of(who.sender), 6);
    write_hex(out + AT_CONNECTION, who.connection, 8);
    write_hex(out + AT_SEQ, who.seq, 16);
    write_hex(out + AT_SENT, sent_ns, 16);
}

/* `size` is between EVENT_MIN and EVENT_MAX. */
void event_write(uint8_t *out, size_t size, struct identity who, uint64_t sent_ns) {
    write_head(out, who, sent_ns);
    memcpy(out + AT_DATA, data_of(who), size - EVENT_MIN);
    memcpy(out + size - 2, TAIL, 2);
}

bool event_check(const uint8_t *data, size_t size, struct identity who, uint64_t *sent_ns,
                 char *why, size_t why_size) {
    uint8_t head[AT_DATA];
    uint64_t seq = 0;
    if (size < EVENT_MIN || size > EVENT_MAX || !read_hex(data + AT_SENT, 16, sent_ns)) {
        snprintf(why, why_size, "connection %u: %zu bytes that are no event, where %s seq %llu "
                 "was due", who.connection, size, name_of(who.sender), (unsigned long long)who.seq);
        return false;
    }
    write_head(head, who, *sent_ns);
    if (memcmp(data, head, AT_DATA) == 0 &&
        memcmp(data + AT_DATA, data_of(who), size - EVENT_MIN) == 0 &&
        memcmp(data + size - 2, TAIL, 2) == 0)
        return true;

    read_hex(data + AT_SEQ, 16, &seq);
    snprintf(why, why_size, "connection %u: %s seq %llu was due, got seq %llu or changed bytes",
             who.connection, name_of(who.sender), (unsigned long long)who.seq,
             (unsigned long long)seq);
    return false;
}

void totals_add(struct totals *totals, size_t bytes, uint32_t crc32) {
    totals->frames++;
    totals->bytes += bytes;
    totals->crc32_sum += crc32;
}

void totals_merge(struct totals *into, const struct totals *from) {
    into->frames += from->frames;
    into->bytes += from->bytes;
    into->crc32_sum += from->crc32_sum;
}

bool totals_equal(const struct totals *a, const struct totals *b) {
    return a->frames == b->frames && a->bytes == b->bytes && a->crc32_sum == b->crc32_sum;
}
