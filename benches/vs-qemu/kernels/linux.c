// What a program asks of an operating system, and what a C library's own routines do; for a guest's Linux
// and for the host's.
#define _GNU_SOURCE
#include "bench.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char *program;

// From source to target: no power of two, which a direct-mapped TLB of an emulator would pay for.
enum { APART = MEMORY / 2 + 5 * 4096 };

#ifdef __aarch64__
// The counter, as bare metal reads it: what one emulator makes of a clock call is not measured here.
u64 now(void) {
    u64 t;
    asm volatile("isb\n mrs %0, cntvct_el0" : "=r"(t) : : "memory");
    return t;
}
u64 ticks_per_second(void) {
    u64 f;
    asm volatile("mrs %0, cntfrq_el0" : "=r"(f));
    return f;
}
#else
u64 now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (u64)t.tv_sec * 1000000000ull + (u64)t.tv_nsec;
}
u64 ticks_per_second(void) { return 1000000000; }
#endif

void put(const char *text) { fputs(text, stdout); }

static void check(int good, const char *what) {
    if (!good) {
        printf("FAILED %s\n", what);
        fflush(stdout);
        _exit(1);
    }
}

static u64 null_call(void *mem, u64 rounds) {
    (void)mem;
    u64 same = 0;
    long first = syscall(SYS_getppid);
    for (u64 n = 0; n < rounds; n++)
        same += syscall(SYS_getppid) == first;
    return same;
}

// A round is a page that is touched for the first time.
static u64 page_fault(void *mem, u64 rounds) {
    (void)mem;
    u64 size = rounds * 4096, sum = 0;
    char *pages = mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(pages != MAP_FAILED, "mmap");
    for (u64 at = 0; at < size; at += 4096)
        sum += ++pages[at];
    munmap(pages, size);
    return sum;
}

static u64 map_unmap(void *mem, u64 rounds) {
    (void)mem;
    u64 sum = 0;
    for (u64 n = 0; n < rounds; n++) {
        char *page = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        check(page != MAP_FAILED, "mmap");
        sum += ++*page;
        munmap(page, 4096);
    }
    return sum;
}

static u64 reap(pid_t child) {
    int status = 0;
    check(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status), "a child");
    return WEXITSTATUS(status);
}

static u64 fork_exit(void *mem, u64 rounds) {
    (void)mem;
    u64 sum = 0;
    for (u64 n = 0; n < rounds; n++) {
        pid_t child = fork();
        if (!child)
            _exit(7);
        sum += reap(child);
    }
    return sum;
}

static u64 fork_exec(void *mem, u64 rounds) {
    (void)mem;
    u64 sum = 0;
    for (u64 n = 0; n < rounds; n++) {
        pid_t child = fork();
        if (!child) {
            execl(program, program, "exit", (char *)0);
            _exit(1);
        }
        sum += reap(child);
    }
    return sum;
}

// A byte to another process and back, on one CPU: two switches of address space a round.
static u64 pipe_round_trip(void *mem, u64 rounds) {
    (void)mem;
    int there[2], back[2];
    check(!pipe(there) && !pipe(back), "pipe");
    pid_t child = fork();
    char byte = 0;
    if (!child) {
        close(there[1]);
        while (read(there[0], &byte, 1) == 1) {
            byte++;
            if (write(back[1], &byte, 1) != 1)
                _exit(1);
        }
        _exit(0);
    }
    close(there[0]);
    u64 sum = 0;
    for (u64 n = 0; n < rounds; n++) {
        check(write(there[1], &byte, 1) == 1 && read(back[0], &byte, 1) == 1, "pipe");
        sum += (u8)byte;
    }
    close(there[1]);
    sum += reap(child);
    close(back[0]);
    close(back[1]);
    return sum;
}

static volatile u64 signals;

static void count_signal(int number) {
    (void)number;
    signals++;
}

static u64 signal_self(void *mem, u64 rounds) {
    (void)mem;
    u64 before = signals;
    signal(SIGUSR1, count_signal);
    for (u64 n = 0; n < rounds; n++)
        raise(SIGUSR1);
    return signals - before;
}

static u64 yield(void *mem, u64 rounds) {
    (void)mem;
    u64 good = 0;
    for (u64 n = 0; n < rounds; n++)
        good += !sched_yield();
    return good;
}

static u64 libc_memcpy(void *mem, u64 rounds) {
    u8 *from = mem, *to = from + APART;
    u64 sum = 0;
    memset(mem, 3, MEMORY / 2);
    for (u64 n = 0; n < rounds; n++) {
        from[n % 4096] = n;
        memcpy(to + n % 16, from, 4096);
        sum += to[n % 4096];
    }
    return sum;
}

static u64 libc_small_memcpy(void *mem, u64 rounds) {
    u8 *from = mem, *to = from + APART;
    u64 sum = 0;
    volatile u64 size = 61;
    memset(mem, 5, 4096);
    for (u64 n = 0; n < rounds; n++) {
        from[n % 64] = n;
        memcpy(to + n % 16, from, size);
        sum += to[n % 61];
    }
    return sum;
}

static u64 libc_memset(void *mem, u64 rounds) {
    u8 *to = mem;
    u64 sum = 0;
    for (u64 n = 0; n < rounds; n++) {
        memset(to, (int)n, 4096);
        sum += to[n % 4096];
    }
    return sum;
}

static u64 libc_strlen(void *mem, u64 rounds) {
    char *volatile text = mem;
    u64 sum = 0;
    memset(text, 'x', 1000);
    text[1000] = 0;
    for (u64 n = 0; n < rounds; n++)
        sum += strlen(text + n % 512);
    return sum;
}

static const struct bench benches[] = {
    {"null-syscall", null_call, 2000},
    {"page-fault", page_fault, 128},
    {"mmap-touch-munmap", map_unmap, 50},
    {"fork-exit", fork_exit, 5},
    {"fork-exec", fork_exec, 3},
    {"pipe-round-trip", pipe_round_trip, 100},
    {"signal", signal_self, 100},
    {"sched-yield", yield, 500},
    {"memcpy-4k", libc_memcpy, 3000},
    {"memcpy-61", libc_small_memcpy, 50000},
    {"memset-4k", libc_memset, 5000},
    {"strlen-libc", libc_strlen, 5000},
    {0},
};

int main(int count, char **words) {
    if (count > 1)
        return 3; // what `fork_exec` starts
    program = words[0];
    setvbuf(stdout, 0, _IOLBF, 0);
    cpu_set_t first;
    CPU_ZERO(&first);
    CPU_SET(0, &first);
    check(!sched_setaffinity(0, sizeof first, &first), "sched_setaffinity");
    void *mem = aligned_alloc(4096, MEMORY);
    for (const struct bench *b = benches; b->name; b++)
        bench(b, mem);
    put("END\n");
    return 0;
}
