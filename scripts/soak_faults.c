// What scripts/soak.py preloads into a node: slow syncs and a stepped wall clock, both read from the
// file that SOAK_FAULTS names ("SYNC_MS CLOCK_SECONDS"), so that they change while the node runs.
//
//   cc -shared -fPIC -O1 -o soak_faults.so scripts/soak_faults.c -ldl

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long fault(int which) {
    const char* name = getenv("SOAK_FAULTS");
    FILE* file = name != NULL ? fopen(name, "r") : NULL;
    long sync_ms = 0;
    long clock_seconds = 0;
    if (file != NULL) {
        if (fscanf(file, "%ld %ld", &sync_ms, &clock_seconds) != 2) {
            sync_ms = clock_seconds = 0;
        }
        fclose(file);
    }
    return which == 0 ? sync_ms : clock_seconds;
}

static int slow(const char* name, int fd) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    usleep((useconds_t)(1000 * fault(0)));
    return real(fd);
}

int fsync(int fd) {
    return slow("fsync", fd);
}

int fdatasync(int fd) {
    return slow("fdatasync", fd);
}

// The step is read anew once in 64 calls: a file a call would slow the node, not its clock.
static long step(void) {
    static __thread unsigned calls = 0;
    static __thread long seconds = 0;
    if (calls++ % 64 == 0) {
        seconds = fault(1);
    }
    return seconds;
}

int clock_gettime(clockid_t clock, struct timespec* now) {
    static int (*real)(clockid_t, struct timespec*) = NULL;
    if (real == NULL) {
        real = (int (*)(clockid_t, struct timespec*))dlsym(RTLD_NEXT, "clock_gettime");
    }
    const int status = real(clock, now);
    if (status == 0 && clock == CLOCK_REALTIME) {
        now->tv_sec += step();
    }
    return status;
}

int gettimeofday(struct timeval* now, void* zone) {
    static int (*real)(struct timeval*, void*) = NULL;
    if (real == NULL) {
        real = (int (*)(struct timeval*, void*))dlsym(RTLD_NEXT, "gettimeofday");
    }
    const int status = real(now, zone);
    if (status == 0) {
        now->tv_sec += step();
    }
    return status;
}

time_t time(time_t* out) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out != NULL) {
        *out = now.tv_sec;
    }
    return now.tv_sec;
}
