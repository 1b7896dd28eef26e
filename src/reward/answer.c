#include "reward/answer.h"

#include <string.h>

#define FENCE "```"
#define FENCE_LENGTH 3
#define OPENING "```python\n"
#define OPENING_LENGTH 10

/* The first place of `needle` in text[from, length), or `length`. */
static size_t find(const char *text, size_t length, size_t from, const char *needle,
                   size_t needle_length) {
    for (size_t at = from; at + needle_length <= length; at++) {
        const char *next = memchr(text + at, needle[0], length - needle_length - at + 1);
        if (!next) {
            break;
        }
        at = (size_t)(next - text);
        if (memcmp(next, needle, needle_length) == 0) {
            return at;
        }
    }
    return length;
}

um_answer_block um_answer_first_block(const char *answer, size_t length) {
    const size_t opening = find(answer, length, 0, OPENING, OPENING_LENGTH);
    if (opening == length) {
        return (um_answer_block){.code = ""};
    }
    const size_t start = opening + OPENING_LENGTH;
    const size_t end = find(answer, length, start, FENCE, FENCE_LENGTH);
    const bool first = find(answer, length, 0, FENCE, FENCE_LENGTH) == opening;
    const bool last = length - end == FENCE_LENGTH + 1 && answer[length - 1] == '\n';
    return (um_answer_block){
        .code = answer + start, .length = end - start, .found = true, .exact = first && last};
}
