/* SPDX-License-Identifier: MIT */
/* One line of the examples that a trainer is handed (see foundry_trainer_t): a JSON object. */
#ifndef COMMON_EXAMPLE_LINE_H
#define COMMON_EXAMPLE_LINE_H

struct example_line {
    char id[80], group[256];
    char verdict[16], tier[16];
    /* Where these values begin in the line; NULL where there are none. */
    const char *with, *human, *output, *reviewed;
};

/** Find the members of a line, which stays the caller's and is pointed into. 0, or -1 when it is no
 *  object with id and `with`. */
int example_line_read(struct example_line *members, const char *line);
/** Whether a person answered, and did not throw the document away. */
int example_line_teaches(const struct example_line *members);

#endif
