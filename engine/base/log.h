/* SPDX-License-Identifier: MIT */
/* One line an event, to stderr: `level room job=… phase=… message`. No secrets, no contents. */
#ifndef FND_BASE_LOG_H
#define FND_BASE_LOG_H

struct fnd_env;

enum fnd_log_level { FND_LOG_DEBUG, FND_LOG_INFO, FND_LOG_WARNING, FND_LOG_ERROR };

/** Where lines go; plain data, given down. `json` writes each line as an object instead. */
struct fnd_log {
    int fd;                   /* borrowed; written with one write() a line */
    enum fnd_log_level level; /* lines below are dropped */
    int json;
    const struct fnd_env *env; /* borrowed; with it an object has its time, too ("at"). Lines of
                                  text have none: what collects them knows when they came */
};

/** Write a line. `log` NULL drops it; `job` and `phase` may be NULL. Control characters come out as
 *  \xNN.  Thread: any. */
void fnd_log(const struct fnd_log *log, enum fnd_log_level level, const char *room, const char *job,
             const char *phase, const char *format, ...) __attribute__((format(printf, 6, 7)));

#endif
