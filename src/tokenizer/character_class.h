/* Classes of characters, as the tokenizers library and Python see them. */
#ifndef UM_TOKENIZER_CHARACTER_CLASS_H
#define UM_TOKENIZER_CHARACTER_CLASS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* White space: tab to carriage return, next line, and the separators. */
bool um_character_is_space(uint32_t code_point);

/* Letters, marks, digits, connecting punctuation and joiners (Unicode Technical Standard 18, annex
 * C), and the circled and squared letters, which are alphabetic although they are symbols. */
bool um_character_is_word(uint32_t code_point);

/* The start of the white space that ends at `end` in well-formed `text`. */
size_t um_space_before(const char *text, size_t end);

/* The end of the white space that starts at `start` in well-formed `text`. */
size_t um_space_after(const char *text, size_t length, size_t start);

#endif
