/* CRC-32 as zlib computes it, quickly enough to be taken of every frame by both peers.
 *
 * On x86-64 with PCLMULQDQ: 64 bytes are folded at a time, as in Gopal et al., "Fast CRC
 * Computation for Generic Polynomials Using PCLMULQDQ Instruction" (Intel, 2009). Elsewhere, and
 * for the last few bytes: eight tables, eight bytes a step.
 */
#include "peers.h"

#include <string.h>

static uint32_t tables[8][256];
static bool folding;

static uint32_t by_tables(uint32_t crc, const uint8_t *data, size_t length) {
    for (; length >= 8; data += 8, length -= 8) {
        crc ^= (uint32_t)data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 |
               (uint32_t)data[3] << 24;
        crc = tables[7][crc & 0xff] ^ tables[6][crc >> 8 & 0xff] ^ tables[5][crc >> 16 & 0xff] ^
              tables[4][crc >> 24] ^ tables[3][data[4]] ^ tables[2][data[5]] ^ tables[1][data[6]] ^
              tables[0][data[7]];
    }
    for (; length > 0; data++, length--) crc = tables[0][(crc ^ *data) & 0xff] ^ crc >> 8;
    return crc;
}

#if defined(__x86_64__)
#include <immintrin.h>

#define FOLD(x, k, next)                                                                           \
    _mm_xor_si128(_mm_xor_si128(_mm_clmulepi64_si128(x, k, 0x00),                                  \
                                _mm_clmulepi64_si128(x, k, 0x11)),                                 \
                  next)
#define LOAD(p) _mm_loadu_si128((const __m128i *)(p))

/* `length` is a multiple of 16 and at least 64. */
__attribute__((target("pclmul,sse4.1"))) static uint32_t by_folding(uint32_t crc,
                                                                    const uint8_t *data,
                                                                    size_t length) {
    const __m128i by_64 = _mm_set_epi64x(0x01c6e41596, 0x0154442bd4);
    const __m128i by_16 = _mm_set_epi64x(0x00ccaa009e, 0x01751997d0);
    const __m128i by_8 = _mm_set_epi64x(0, 0x0163cd6124);
    const __m128i barrett = _mm_set_epi64x(0x01f7011641, 0x01db710641);
    const __m128i low_32 = _mm_setr_epi32(~0, 0, ~0, 0);

    __m128i a = _mm_xor_si128(LOAD(data), _mm_cvtsi32_si128((int)crc));
    __m128i b = LOAD(data + 16), c = LOAD(data + 32), d = LOAD(data + 48);
    data += 64;
    length -= 64;
    for (; length >= 64; data += 64, length -= 64) {
        a = FOLD(a, by_64, LOAD(data));
        b = FOLD(b, by_64, LOAD(data + 16));
        c = FOLD(c, by_64, LOAD(data + 32));
        d = FOLD(d, by_64, LOAD(data + 48));
    }
    a = FOLD(a, by_16, b);
    a = FOLD(a, by_16, c);
    a = FOLD(a, by_16, d);
    for (; length >= 16; data += 16, length -= 16) a = FOLD(a, by_16, LOAD(data));

    /* 128 bits to 64, 64 to 32, and Barrett's reduction of those. */
    __m128i t = _mm_clmulepi64_si128(a, by_16, 0x10);
    a = _mm_xor_si128(_mm_srli_si128(a, 8), t);
    t = _mm_srli_si128(a, 4);
    a = _mm_xor_si128(_mm_clmulepi64_si128(_mm_and_si128(a, low_32), by_8, 0x00), t);
    t = _mm_clmulepi64_si128(_mm_and_si128(a, low_32), barrett, 0x10);
    t = _mm_clmulepi64_si128(_mm_and_si128(t, low_32), barrett, 0x00);
    return (uint32_t)_mm_extract_epi32(_mm_xor_si128(a, t), 1);
}

static bool can_fold(void) {
    return __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1");
}
#else
static uint32_t by_folding(uint32_t crc, const uint8_t *data, size_t length) {
    return by_tables(crc, data, length);
}

static bool can_fold(void) { return false; }
#endif

void crc32_prepare(void) {
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
        tables[0][byte] = crc;
    }
    for (int table = 1; table < 8; table++)
        for (int byte = 0; byte < 256; byte++) {
            uint32_t before = tables[table - 1][byte];
            tables[table][byte] = tables[0][before & 0xff] ^ before >> 8;
        }

    /* A fast way that disagrees with the simple one is not used. */
    uint8_t sample[192];
    for (size_t i = 0; i < sizeof sample; i++) sample[i] = (uint8_t)(i * 37 + 11);
    folding = can_fold() && by_folding(~0u, sample, sizeof sample) ==
                                by_tables(~0u, sample, sizeof sample);
}

uint32_t crc32_of(const uint8_t *data, size_t length) {
    uint32_t crc = ~0u;
    if (folding && length >= 64) {
        size_t whole = length & ~(size_t)15;
        crc = by_folding(crc, data, whole);
        data += whole;
        length -= whole;
    }
    return ~by_tables(crc, data, length);
}
