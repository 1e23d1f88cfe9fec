/* SPDX-License-Identifier: MIT */
/* A desk (tests/engine/review/desk.h) whose engine is asked in the words of control. */
#ifndef TEST_CONTROL_ROOM_H
#define TEST_CONTROL_ROOM_H

#include "../review/desk.h"
#include "control/control.h"

struct room {
    struct desk desk;
    struct fnd_control *control;
    struct fnd_text reply; /* the end of the last request, JSON */
};

/** A directory with this pipeline and these lines of a.jsonl, run until it rests. */
void room_begin(struct room *room, const char *yaml, const char *const *lines);
void room_open(struct room *room);  /* engine and control over it; runs until it rests */
void room_close(struct room *room); /* both */
void room_end(struct room *room);   /* close; the record must verify */
/** Ask; turn until there is an end; returns it. */
const char *room_ask(struct room *room, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/** The same, and its status must be this. */
void room_says(struct room *room, const char *status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int64_t room_number(struct room *room, const char *pointer); /* of the last end; 0: none */
char *room_text(struct room *room, const char *pointer);     /* malloc'ed, or NULL */
/** Turn engine and control until nothing moves. */
void room_rest(struct room *room);
void room_advance(struct room *room, int64_t seconds);
/** How a request looks to somebody. */
const char *room_card(struct room *room, int64_t request, const char *for_whom);

#endif
