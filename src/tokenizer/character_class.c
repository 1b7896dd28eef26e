#include "tokenizer/character_class.h"

#include <utf8proc.h>

#include "base/utf8.h"

bool um_character_is_space(uint32_t code_point) {
    if ((code_point >= '\t' && code_point <= '\r') || code_point == 0x85) {
        return true;
    }
    const utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)code_point);
    return category == UTF8PROC_CATEGORY_ZS || category == UTF8PROC_CATEGORY_ZL ||
           category == UTF8PROC_CATEGORY_ZP;
}

static bool is_alphabetic_symbol(uint32_t code_point) {
    return (code_point >= 0x24B6 && code_point <= 0x24E9) ||
           (code_point >= 0x1F130 && code_point <= 0x1F149) ||
           (code_point >= 0x1F150 && code_point <= 0x1F169) ||
           (code_point >= 0x1F170 && code_point <= 0x1F189);
}

bool um_character_is_word(uint32_t code_point) {
    switch (utf8proc_category((utf8proc_int32_t)code_point)) {
        case UTF8PROC_CATEGORY_LU:
        case UTF8PROC_CATEGORY_LL:
        case UTF8PROC_CATEGORY_LT:
        case UTF8PROC_CATEGORY_LM:
        case UTF8PROC_CATEGORY_LO:
        case UTF8PROC_CATEGORY_MN:
        case UTF8PROC_CATEGORY_MC:
        case UTF8PROC_CATEGORY_ME:
        case UTF8PROC_CATEGORY_ND:
        case UTF8PROC_CATEGORY_NL:
        case UTF8PROC_CATEGORY_PC:
            return true;
        default:
            return code_point == 0x200C || code_point == 0x200D || is_alphabetic_symbol(code_point);
    }
}

size_t um_space_before(const char *text, size_t end) {
    while (end > 0) {
        const size_t before = um_utf8_previous(text, end);
        uint32_t code_point = 0;
        size_t used = 0;
        if (!um_utf8_next(text + before, end - before, &code_point, &used) ||
            !um_character_is_space(code_point)) {
            break;
        }
        end = before;
    }
    return end;
}

size_t um_space_after(const char *text, size_t length, size_t start) {
    while (start < length) {
        uint32_t code_point = 0;
        size_t used = 0;
        if (!um_utf8_next(text + start, length - start, &code_point, &used) ||
            !um_character_is_space(code_point)) {
            break;
        }
        start += used;
    }
    return start;
}
