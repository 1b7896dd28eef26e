/* The fenced python block of a chat answer. */
#ifndef UM_JUDGE_ANSWER_H
#define UM_JUDGE_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

typedef struct um_answer_block {
    const char *code; /* points into the answer; "" if it has no block */
    size_t length;
    bool found;
    bool exact; /* the answer is text without ```, one block, a line feed, and nothing more */
} um_answer_block;

/* The first block of `answer` (`length` bytes): it starts after "```python\n" and goes up to the
 * next ```, or to the end if there is none. */
um_answer_block um_answer_first_block(const char *answer, size_t length);

#endif
