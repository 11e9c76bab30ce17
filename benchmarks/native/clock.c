/* Time, and not outliving the process that started us. */
#include "peers.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

/* CLOCK_MONOTONIC is one clock for all processes of a machine: an event's age is the receiver's
 * reading minus the sender's. */
uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void clock_leave_with_parent(void) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
}
