/* SPDX-License-Identifier: MIT */
/* Plugins that do what no plugin should, in a real engine: each under every isolation that promises
 * to survive it, as root and as an ordinary user. */
#ifndef TEST_HOSTILE_H
#define TEST_HOSTILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    HOSTILE_PATH_SIZE = 512,
    HOSTILE_LIMIT_MS = 600,  /* a call may take so long, unless its case says otherwise */
    HOSTILE_START_MS = 2000, /* to load a plugin */
    HOSTILE_FILE_MIB = 64,   /* a file may have so much */
    HOSTILE_BYSTANDERS = 100 /* other processes of the ordinary user */
};

/** How a case must end. */
enum hostile_end {
    END_FAILED,    /* the job failed, and its record says why */
    END_COMPLETED, /* the act did no harm: the job is done */
    END_HELD,      /* the plugin is in quarantine: the job waits, and says why */
    END_REFUSED,   /* the pipeline is refused before any job */
    END_NOT_HERE   /* this isolation does not promise to survive it: not tried */
};

struct hostile_case {
    const char *name;
    const char *uses; /* PLUGIN/PHASE */
    enum hostile_end process, sandbox;
    const char *says[4]; /* one of these must be in the reason (or the output); NULL-ended */
    int limit_ms;        /* of the call; 0: HOSTILE_LIMIT_MS */
    int file_mib;        /* that it may write; 0: HOSTILE_FILE_MIB */
    bool stops;          /* it has to be stopped: how long that takes counts */
    bool memory;         /* needs a limit of memory, which sanitizers cannot have */
    const char *folder;  /* besides the good ones, of plugins; NULL: none */
};
extern const struct hostile_case hostile_cases[];
size_t hostile_count(void);

/** Planted faults, for the self-test. */
enum hostile_plant {
    PLANT_NONE,
    PLANT_FDS,    /* the host leaks a descriptor a case */
    PLANT_INLINE, /* everything runs in line */
    PLANT_ORPHAN, /* something is left running */
    PLANT_REASON, /* another reason is expected than there is */
    PLANT_GROWTH, /* the host keeps memory */
    PLANT_SLOW,   /* what must be stopped is stopped late */
    PLANTS
};

/** Who runs the cases, and where. */
struct hostile_host {
    const char *name; /* "process/root" */
    bool sandbox, nobody;
    char folder[HOSTILE_PATH_SIZE]; /* its own */
    const char *base;               /* of all: base/bin, base/plugins, base/… */
    enum hostile_plant plant;
    int shout_mib; /* that `shout` prints */
};

/** What came of a case. */
struct hostile_row {
    size_t index;
    bool bad;
    int stop_ms; /* beyond its limit; -1: it had not to be stopped */
    long growth_kib, peak_kib;
    char text[400]; /* the end and its reason, or what is wrong */
};
/** Run one case in this process. */
void hostile_run(const struct hostile_host *host, size_t index, struct hostile_row *row);

#endif
