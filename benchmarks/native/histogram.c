/* Latencies in buckets whose width grows with the value: 128 for each power of two. */
#include "peers.h"

enum { BITS = 7, STEPS = 1 << BITS };

static uint64_t buckets[64 * STEPS];
static uint64_t count, highest;

void histogram_add(uint64_t ns) {
    count++;
    if (ns > highest) highest = ns;
    if (ns < STEPS) {
        buckets[ns]++;
        return;
    }
    int shift = 63 - __builtin_clzll(ns) - BITS;
    buckets[(shift + 1) * STEPS + (int)((ns >> shift) & (STEPS - 1))]++;
}

/* The latency, in microseconds, that `fraction` of the samples do not exceed. */
double histogram_us(double fraction) {
    uint64_t rank = (uint64_t)(fraction * (double)count), seen = 0;
    if (count == 0) return 0;
    if (rank >= count) rank = count - 1;
    for (int i = 0; i < 64 * STEPS; i++) {
        seen += buckets[i];
        if (seen <= rank) continue;
        if (i < STEPS) return i / 1e3;
        int shift = i / STEPS - 1;
        uint64_t low = (uint64_t)(STEPS + i % STEPS) << shift;
        return ((double)low + (double)((uint64_t)1 << shift) / 2) / 1e3;
    }
    return (double)highest / 1e3;
}

double histogram_max_us(void) { return (double)highest / 1e3; }
