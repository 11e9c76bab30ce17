/* RFC 6455 section 5.2: frame headers and masks. */
#include "peers.h"

#include <string.h>

/* Fragments, RSV bits and control frames other than Close are never sent by these peers, so a proxy
 * that delivers one has invented it: FRAME_BAD. */
enum parsed frame_parse(uint8_t *data, size_t have, struct frame *frame) {
    if (have < 2) {
        frame->total = 2;
        return FRAME_INCOMPLETE;
    }
    frame->opcode = data[0] & 0x0f;
    frame->masked = (data[1] & 0x80) != 0;
    if ((data[0] & 0xf0) != 0x80) return FRAME_BAD;
    if (frame->opcode != OP_TEXT && frame->opcode != OP_BINARY && frame->opcode != OP_CLOSE)
        return FRAME_BAD;

    uint64_t length = data[1] & 0x7f;
    size_t extended = length == 126 ? 2 : length == 127 ? 8 : 0;
    size_t header = 2 + extended + (frame->masked ? 4 : 0);
    if (have < header) {
        frame->total = header;
        return FRAME_INCOMPLETE;
    }
    if (extended > 0) {
        length = 0;
        for (size_t i = 0; i < extended; i++) length = length << 8 | data[2 + i];
        if (length > EVENT_MAX) return FRAME_BAD;
    }
    if (frame->masked) memcpy(frame->key, data + 2 + extended, 4);
    frame->payload = data + header;
    frame->length = length;
    frame->total = header + length;
    return have < frame->total ? FRAME_INCOMPLETE : FRAME_COMPLETE;
}

/* Writes the header of a frame, masked when `key` is given, and returns its size. */
size_t frame_header(uint8_t *out, int opcode, size_t length, const uint8_t *key) {
    uint8_t mask_bit = key != NULL ? 0x80 : 0;
    size_t size = 2;
    out[0] = (uint8_t)(0x80 | opcode);
    if (length < 126) {
        out[1] = (uint8_t)(mask_bit | length);
    } else if (length <= 0xffff) {
        out[1] = mask_bit | 126;
        out[size++] = (uint8_t)(length >> 8);
        out[size++] = (uint8_t)length;
    } else {
        out[1] = mask_bit | 127;
        for (int shift = 56; shift >= 0; shift -= 8)
            out[size++] = (uint8_t)((uint64_t)length >> shift);
    }
    if (key != NULL) {
        memcpy(out + size, key, 4);
        size += 4;
    }
    return size;
}

void frame_mask(uint8_t *payload, size_t length, const uint8_t key[4]) {
    uint64_t word, wide;
    memcpy(&wide, key, 4);
    memcpy((uint8_t *)&wide + 4, key, 4);
    size_t at = 0;
    for (; at + 8 <= length; at += 8) {
        memcpy(&word, payload + at, 8);
        word ^= wide;
        memcpy(payload + at, &word, 8);
    }
    for (; at < length; at++) payload[at] ^= key[at & 3];
}
