#include "judge/answer.h"

#include <string.h>

#include "base/text.h"

#define FENCE "```"
#define OPENING "```python\n"

um_answer_block um_answer_first_block(const char *answer, size_t length) {
    const size_t opening = um_text_find(answer, length, OPENING);
    if (opening == length) {
        return (um_answer_block){.code = ""};
    }
    const size_t start = opening + strlen(OPENING);
    const size_t end = start + um_text_find(answer + start, length - start, FENCE);
    const bool first = um_text_find(answer, length, FENCE) == opening;
    const bool last = length - end == strlen(FENCE) + 1 && answer[length - 1] == '\n';
    return (um_answer_block){
        .code = answer + start, .length = end - start, .found = true, .exact = first && last};
}
